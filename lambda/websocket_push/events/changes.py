"""Events from the stream of the clients table: connections opened and closed, and users that came online."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from websocket_push.aws.dynamodb import Item
from websocket_push.aws.queue import Queue
from websocket_push.protocol.cloud_events import Event
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import LATEST_MILLISECONDS, rfc_3339
from websocket_push.protocol.stream import Change
from websocket_push.protocol.values import require_user_id
from websocket_push.tables.clients import Connection, read_connection, row_expiry
from websocket_push.tables.tracking import Tracking


class Followed(NamedTuple):
    """The events of a batch of changes, and how many rows could not be read."""

    events: list[Event]
    unreadable: int


class Follower(NamedTuple):
    """What following changes needs.

    Parameters
    ----------
    tracking
        Who is online.
    queue
        Where messages of the function to itself go.
    offline_after
        After how many seconds without a connection a user is offline.
    deadline
        When the invocation must be done, on the event loop's clock.
    """

    tracking: Tracking
    queue: Queue
    offline_after: int
    deadline: float

    async def follow(self, changes: Sequence[Change]) -> Followed:
        """Return the events of a batch: each user's in the order of the changes, users concurrently."""
        by_user: dict[str, list[Change]] = {}
        for change in changes:
            by_user.setdefault(str((change.after or change.before or {}).get("userId")), []).append(change)
        parts = await asyncio.gather(*(self._follow_user(its) for its in by_user.values()))
        return Followed([event for part in parts for event in part.events], sum(part.unreadable for part in parts))

    async def _follow_user(self, changes: Sequence[Change]) -> Followed:
        found: list[Event] = []
        unreadable = 0
        for change in changes:
            events = await self._events(change)
            if events is None:
                unreadable += 1
            else:
                found += events
        return Followed(found, unreadable)

    async def _events(self, change: Change) -> list[Event] | None:
        """Return the events of a change; None where the row cannot be read."""
        if change.before is not None and change.after is not None:
            return []
        row = dict(change.after or change.before or {})
        if "userId" not in row:
            return []  # a revocation, or an item of this function's own
        try:
            connection = _read(row)
            ending = {} if change.after is not None else _ending(connection, row, change)
        except (KeyError, TypeError, ValueError, RequestError):
            # A batch that fails is redelivered, and everything after it waits.
            return None
        if change.after is not None:
            return await self._opened(connection)
        return await self._closed(connection, ending, change)

    async def _opened(self, connection: Connection) -> list[Event]:
        user_id, connection_id, at = connection.user_id, connection.connection_id, connection.connected_at
        data = {
            "userId": user_id,
            "connectionId": connection_id,
            "connectedAt": rfc_3339(at),
            "expiresAt": rfc_3339(connection.expires_at * 1000),
        }
        events = [Event("connection.opened", (connection_id,), at, user_id, data)]
        if await self.tracking.arrive(user_id, connection_id, now=at // 1000, deadline=self.deadline):
            data = {"userId": user_id, "connectionId": connection_id}
            events.append(Event("user.online", (user_id, connection_id), at, user_id, data))
        return events

    async def _closed(self, connection: Connection, ending: Mapping[str, object], change: Change) -> list[Event]:
        user_id, connection_id = connection.user_id, connection.connection_id
        # What removes a row after its time, the TTL or a push that finds it, may come days later. Until a push does, a
        # connection whose authorization has expired stays open, as long as any.
        over = connection.expires_at if change.by_ttl else row_expiry(connection.connected_at, None)
        at = min(change.at, over * 1000)
        body = json.dumps({"left": user_id, "connectionId": connection_id, "at": at})
        await self.queue.send(body, deadline=self.deadline, delay=self.offline_after)
        data = {
            "userId": user_id,
            "connectionId": connection_id,
            "connectedAt": rfc_3339(connection.connected_at),
            **ending,
        }
        return [Event("connection.closed", (connection_id,), at, user_id, data)]


def _read(row: Item) -> Connection:
    """Read a row whose user id and times can stand in an event.

    Raises
    ------
    KeyError, TypeError, ValueError, RequestError
        For any other.
    """
    connection = read_connection(row, require_user_id(row["userId"]["S"], "userId"))
    if not all(0 <= time <= LATEST_MILLISECONDS for time in (connection.connected_at, connection.expires_at * 1000)):
        raise ValueError("a time that no calendar has")
    return connection


def _ending(connection: Connection, row: Item, change: Change) -> dict[str, object]:
    """Return why a connection ended: the noted cause, or else what the change shows."""
    if "endCause" in row:
        return {
            "cause": row["endCause"]["S"],
            **({"reason": row["endReason"]["S"]} if "endReason" in row else {}),
            **({"code": int(row["endCode"]["N"])} if "endCode" in row else {}),
        }
    expired = change.by_ttl or connection.expires_at * 1000 <= change.at
    return {"cause": "expired" if expired else "gone"}
