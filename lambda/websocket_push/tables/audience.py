"""Whom a topic's notification goes to: its subscriptions, or every connection, page by page."""

from collections.abc import Sequence
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.tables.clients import (
    Connection,
    connection_key,
    deleted_subscription,
    is_connection,
    read_connections,
)

_FIRST_ROWS, _MOST_ROWS = 100, 5_000
"""How many rows of a topic are counted at once: first, and at most, which is less than the 1 MB that a query reads."""

_FINENESS = 16
"""Into how many pages a topic is counted at least."""

_MOST_COUNTS = 500
"""How many queries are made to count. The last part also has what is beyond, some two million connections."""

_READ = "connectionId, connectedAt, expiresAt"


class Share(NamedTuple):
    """A part of an audience: a topic's connections up to one of them, or for `EVERYBODY` a segment of the table.

    Parameters
    ----------
    topic
        The topic, or `EVERYBODY`.
    part, of
        Which of how many parts, from 0.
    until
        The id of a topic's connection with which its part ends; empty for all. Where it begins is where the reading
        begins.
    """

    topic: str
    part: int = 0
    of: int = 1
    until: str = ""


class AudiencePage(NamedTuple):
    """A page of an audience.

    Parameters
    ----------
    connections
        Those whose rows can be read.
    unreadable
        How many rows cannot; they are passed over.
    last
        The id of the last row, where others may follow; None at the end.
    """

    connections: list[Connection]
    unreadable: int
    last: str | None


class Audience:
    """The subscriptions, and the connections of everyone.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    clients, subscriptions
        Names of the tables. `clients` is needed for `EVERYBODY` only.
    """

    def __init__(self, dynamodb: DynamoDB, *, subscriptions: str, clients: str = "") -> None:
        self._dynamodb = dynamodb
        self._clients = clients
        self._subscriptions = subscriptions

    async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
        """Read at most `rows` rows of a share, strongly consistently.

        So a connection that listens when a notification is stored is sent it, and one that begins later finds it in the
        log. An eventually consistent read could miss one whose poll came just before the notification.

        Parameters
        ----------
        share
            Which part to read.
        after
            The id of the connection to continue after; empty for the first page.
        rows
            How many at most; one read is 1 MB at most.
        deadline
            Event loop time in seconds.
        """
        request = {"Limit": rows, "ConsistentRead": True, "ProjectionExpression": _READ}
        if share.topic == EVERYBODY:
            request |= {"TableName": self._clients, "Segment": share.part, "TotalSegments": share.of}
            if after:
                request["ExclusiveStartKey"] = connection_key(after)
            page = await self._dynamodb.scan(request, deadline=deadline)
        else:
            request |= {"TableName": self._subscriptions, **_until(share)}
            if after:
                request["ExclusiveStartKey"] = _key(share.topic, after)
            page = await self._dynamodb.query(request, deadline=deadline)
        rows_found = [item for item in page.items if share.topic != EVERYBODY or is_connection(item)]
        connections = read_connections(rows_found, "")
        last = page.last_evaluated_key
        return AudiencePage(
            connections, len(rows_found) - len(connections), None if last is None else last["connectionId"]["S"]
        )

    async def ends(self, topic: str, parts: int, *, deadline: float) -> list[str]:
        """Return the ids of the connections with which all parts but the last of a topic end.

        Of so many parts of about the same size; of fewer, where there are few connections. Connections are counted,
        because their ids do not show where to split: they begin with the time, so all that are open at the same time
        begin alike.
        """
        # All rows are filtered out once they are read: only where each page ends is of interest.
        request = {
            "TableName": self._subscriptions,
            "FilterExpression": "attribute_not_exists(userId)",
            **_until(Share(topic)),
        }
        counted, pages = 0, list[tuple[int, str]]()
        for _ in range(_MOST_COUNTS if parts > 1 else 0):
            rows = max(_FIRST_ROWS, min(_MOST_ROWS, counted // _FINENESS))
            page = await self._dynamodb.query({**request, "Limit": rows}, deadline=deadline)
            if page.last_evaluated_key is None:
                break
            counted += rows
            pages.append((counted, page.last_evaluated_key["connectionId"]["S"]))
            request["ExclusiveStartKey"] = page.last_evaluated_key
        return _quantiles(pages, parts)

    async def remove(self, topic: str, connection_id: str, *, deadline: float) -> None:
        """Delete a connection's subscription to a topic; of `EVERYBODY` there is none."""
        if topic != EVERYBODY:
            writes = [deleted_subscription(topic, connection_id)]
            await self._dynamodb.write_items(self._subscriptions, writes, deadline=deadline)


def _until(share: Share) -> dict[str, object]:
    """Return the key condition of a share of a topic."""
    values = {":topic": share.topic, ":until": share.until}
    return {
        "KeyConditionExpression": f"topic = :topic{' AND connectionId <= :until' if share.until else ''}",
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items() if value},
    }


def _quantiles(pages: Sequence[tuple[int, str]], parts: int) -> list[str]:
    """Return where to divide, of pages with how many rows there are up to the end of each, and the key there."""
    found: list[str] = []
    for counted, end in pages:
        if len(found) < parts - 1 and counted * parts >= pages[-1][0] * (len(found) + 1):
            found.append(end)
    return found


def _key(topic: str, connection_id: str) -> Item:
    return {"topic": {"S": topic}, **connection_key(connection_id)}
