"""Whom a topic's notification goes to: its subscriptions, or every connection, page by page."""

from collections.abc import Iterable
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.tables.clients import Connection, deleted_subscription, is_connection, read_connection

_ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""What connection ids begin with, in the order of DynamoDB's keys."""

_READ = "connectionId, connectedAt, expiresAt"


class Share(NamedTuple):
    """A part of an audience: a range of a topic's connection ids, or for `EVERYBODY` a segment of the table.

    Parameters
    ----------
    topic
        The topic, or `EVERYBODY`.
    part, of
        Which of how many parts, from 0.
    """

    topic: str
    part: int = 0
    of: int = 1


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
        """Read at most `rows` rows of a share; what was written before is seen.

        So a connection that listens when a notification is stored is sent it, and one that begins later finds it in its
        log. An eventually consistent read could miss one whose poll came just before the notification.

        Parameters
        ----------
        share
            Which part to read.
        after
            The id of the connection to go on after; empty for the first page.
        rows
            How many at most; one read is 1 MB at most.
        deadline
            Event loop time in seconds.
        """
        request = {"Limit": rows, "ConsistentRead": True, "ProjectionExpression": _READ}
        if share.topic == EVERYBODY:
            request |= {"TableName": self._clients, "Segment": share.part, "TotalSegments": share.of}
            if after:
                request["ExclusiveStartKey"] = {"connectionId": {"S": after}}
            page = await self._dynamodb.scan(request, deadline=deadline)
        else:
            request |= {"TableName": self._subscriptions, **_within(share)}
            if after:
                request["ExclusiveStartKey"] = _key(share.topic, after)
            page = await self._dynamodb.query(request, deadline=deadline)
        rows_found = [item for item in page.items if share.topic != EVERYBODY or is_connection(item)]
        connections = list(_readable(rows_found))
        last = page.last_evaluated_key
        return AudiencePage(
            connections, len(rows_found) - len(connections), None if last is None else last["connectionId"]["S"]
        )

    async def remove(self, topic: str, connection_id: str, *, deadline: float) -> None:
        """Delete a connection's subscription to a topic; of `EVERYBODY` there is none."""
        if topic != EVERYBODY:
            writes = [deleted_subscription(topic, connection_id)]
            await self._dynamodb.write_items(self._subscriptions, writes, deadline=deadline)


def _within(share: Share) -> dict[str, object]:
    """Return the key condition of a share of a topic.

    The ranges cover all strings, whatever ids look like; their bounds are shorter than any id, so no id is in two.
    """
    low = _ALPHABET[share.part * len(_ALPHABET) // share.of] if share.part else ""
    high = _ALPHABET[(share.part + 1) * len(_ALPHABET) // share.of] if share.part + 1 < share.of else ""
    condition = {
        (False, False): "",
        (False, True): " AND connectionId < :high",
        (True, False): " AND connectionId >= :low",
        (True, True): " AND connectionId BETWEEN :low AND :high",
    }[bool(low), bool(high)]
    values = {":topic": share.topic, ":low": low, ":high": high}
    return {
        "KeyConditionExpression": f"topic = :topic{condition}",
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items() if value},
    }


def _readable(items: Iterable[Item]) -> Iterable[Connection]:
    for item in items:
        try:
            yield read_connection(item, "")
        except (KeyError, TypeError, ValueError):
            continue


def _key(topic: str, connection_id: str) -> Item:
    return {"topic": {"S": topic}, "connectionId": {"S": connection_id}}
