"""Disconnecting a user, or one connection."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from websocket_push.aws.queue import Queue
from websocket_push.control.closing import AGAIN_SECONDS, Closer, Reply, each_of
from websocket_push.control.ending import Cause
from websocket_push.protocol.control_request import DisconnectRequest
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import bye_frame
from websocket_push.tables.clients import Connection
from websocket_push.tables.registry import Registry

CLOSING_MILLISECONDS = 60_000
"""For how long connections that may still be open are closed again. A handshake is over after 29 s."""

MAX_IDS = 5000
"""How many connections a message of the function to itself names; SQS allows 256 KB."""


class Disconnecting(NamedTuple):
    """What disconnecting needs.

    Parameters
    ----------
    registry
        The clients table.
    closer
        Closes connections.
    queue
        Where messages of the function to itself go.
    deadline
        When the invocation must be done, on the event loop's clock: later than the closer's.
    """

    registry: Registry
    closer: Closer
    queue: Queue
    deadline: float

    async def disconnect(self, request: DisconnectRequest) -> Reply:
        """Close the connections that the request names, and return their number by outcome."""
        named = {"userId": request.user_id, "connectionId": request.connection_id}
        found = [each for each in await self._named(request) if each.connection_id != request.kept]
        counts = await self._close(found, request.reason, request.reconnect, self.closer.now())
        return {**{name: value for name, value in named.items() if value is not None}, **counts}

    async def again(self, message: Mapping[str, object]) -> Reply:
        """Close connections that were connecting, or could not be closed, some seconds ago.

        Raises
        ------
        RequestError
            `INVALID_REQUEST` for a message that the function did not write; `INCOMPLETE` if some may still be open; SQS
            then redelivers the message.
        """
        ids, reason, reconnect, since = (message.get(name) for name in ("close", "reason", "reconnect", "since"))
        if not (
            isinstance(ids, list)
            and all(isinstance(each, str) for each in ids)
            and isinstance(reason, str)
            and isinstance(reconnect, bool)
            and isinstance(since, int)
        ):
            raise RequestError("INVALID_REQUEST", "The message was not sent by the control function.")
        return await self._close(await self._rows(ids), reason, reconnect, since)

    async def _close(self, connections: Sequence[Connection], reason: str, reconnect: bool, since: int) -> Reply:
        closing = await self.closer.close(connections, bye_frame(reason, reconnect=reconnect), Cause("control", reason))
        if closing.unfinished:
            if self.closer.now() - since >= CLOSING_MILLISECONDS:
                raise RequestError("INCOMPLETE", "Connections could not be closed.")
            for start in range(0, len(closing.unfinished), MAX_IDS):
                ids = [each.connection_id for each in closing.unfinished[start : start + MAX_IDS]]
                body = json.dumps({"close": ids, "reason": reason, "reconnect": reconnect, "since": since})
                await self.queue.send(body, deadline=self.deadline, delay=AGAIN_SECONDS)
        return {**closing.tally.report()}

    async def _named(self, request: DisconnectRequest) -> list[Connection]:
        if request.user_id is not None:
            return [each async for each in self.registry.connections(request.user_id, deadline=self.closer.deadline)]
        return await self._rows([request.connection_id or ""])

    async def _rows(self, ids: Sequence[str]) -> list[Connection]:
        rows = await each_of([self.registry.find(each, deadline=self.closer.deadline) for each in ids])
        return [row.connection for row in rows if row is not None]
