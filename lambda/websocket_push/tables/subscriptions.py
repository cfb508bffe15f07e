"""The subscriptions of connections to topics: a row for each, and the list of them in the connection's own row.

A push to a topic finds connections by the rows; a poll, `$disconnect` and whatever else removes a connection find
topics by the list. The rows are written before the list and deleted before it, so a lost step leaves at most an extra
row, which a push finds to be gone, and which expires at the latest with its time to live.
"""

from collections.abc import Collection, Iterable, Set
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.tables.clients import Connection, connection_key, deleted_subscription, read_connection
from websocket_push.tables.conditional import update_if

REGISTERING_MILLISECONDS = 1_000
"""How long after `connectedAt` the row of a connection is there: that time is taken before the row is written.

A write that has to be repeated takes longer; then a client has to poll again, as all do some seconds after connecting.
"""


class Listener(NamedTuple):
    """A connection with what it listens to.

    Parameters
    ----------
    connection
        Its row.
    topics
        What it is subscribed to.
    since
        The latest time at which it began to listen to something, in milliseconds since the epoch: what was sent from
        then on it may have got, what was sent before it has to read.
    removals
        How often topics were removed from its list.
    """

    connection: Connection
    topics: frozenset[str]
    since: int
    removals: int = 0


class Subscriptions:
    """The subscriptions table, and the lists in the clients table.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table, clients_table
        Names of the tables.
    """

    def __init__(self, dynamodb: DynamoDB, table: str, clients_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clients_table = clients_table

    async def find(self, connection_id: str, *, deadline: float) -> Listener | None:
        """See `find_listener`."""
        return await find_listener(self._dynamodb, self._clients_table, connection_id, deadline=deadline)

    async def write(self, connection: Connection, topics: Iterable[str], *, deadline: float) -> None:
        """Write rows that let pushes to topics find a connection."""
        writes = [{"PutRequest": {"Item": _row(connection, topic)}} for topic in topics]
        await self._dynamodb.write_items(self._table, writes, deadline=deadline)

    async def delete(self, connection_id: str, topics: Iterable[str], *, deadline: float) -> None:
        """Delete such rows; deleting what is not there is success."""
        writes = [deleted_subscription(topic, connection_id) for topic in topics]
        await self._dynamodb.write_items(self._table, writes, deadline=deadline)

    async def list_also(
        self, connection_id: str, topics: Collection[str], *, room: int, removals: int, now: int, deadline: float
    ) -> Set[str] | None:
        """Add topics to a connection's list and return the list.

        None if it is not registered or has no room, or if topics were removed since it was read: what removed them may
        have deleted the rows that were written for it.

        Parameters
        ----------
        room
            How many topics the list may have before.
        removals
            How often topics had been removed when it was read.
        now
            Milliseconds since the epoch, after the rows have been written.
        """
        return await self._change(
            connection_id,
            "ADD topics :topics SET listeningSince = :now",
            "attribute_exists(connectionId) AND (attribute_not_exists(topics) OR size(topics) <= :room)"
            f" AND {'removals = :removals' if removals else 'attribute_not_exists(removals)'}",
            {
                ":topics": {"SS": sorted(topics)},
                ":now": {"N": str(now)},
                ":room": {"N": str(room)},
                **({":removals": {"N": str(removals)}} if removals else {}),
            },
            deadline,
        )

    async def list_no_more(self, connection_id: str, topics: Collection[str], *, deadline: float) -> Set[str] | None:
        """Remove topics from a connection's list and return the list; None if it is not registered."""
        return await self._change(
            connection_id,
            "DELETE topics :topics ADD removals :one",
            "attribute_exists(connectionId)",
            {":topics": {"SS": sorted(topics)}, ":one": {"N": "1"}},
            deadline,
        )

    async def _change(
        self, connection_id: str, update: str, condition: str, values: Item, deadline: float
    ) -> Set[str] | None:
        request = {
            "TableName": self._clients_table,
            "Key": connection_key(connection_id),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        row = await update_if(self._dynamodb, request, deadline=deadline)
        return None if row is None else _topics(row)


async def find_listener(
    dynamodb: DynamoDB, clients_table: str, connection_id: str, *, deadline: float
) -> Listener | None:
    """Read what a connection listens to, or None without a readable row; strongly consistent."""
    item = await dynamodb.get_item(clients_table, connection_key(connection_id), deadline=deadline)
    try:
        return None if item is None else _read_listener(item)
    except (KeyError, TypeError, ValueError):
        return None


def _row(connection: Connection, topic: str) -> Item:
    return {
        "topic": {"S": topic},
        "connectionId": {"S": connection.connection_id},
        "userId": {"S": connection.user_id},
        "connectedAt": {"N": str(connection.connected_at)},
        "expiresAt": {"N": str(connection.expires_at)},
    }


def _read_listener(item: Item) -> Listener:
    connection = read_connection(item, item["userId"]["S"])
    since = item.get("listeningSince", {}).get("N", connection.connected_at + REGISTERING_MILLISECONDS)
    return Listener(connection, _topics(item), int(since), int(item.get("removals", {}).get("N", 0)))


def _topics(item: Item) -> frozenset[str]:
    return frozenset(item.get("topics", {}).get("SS", ()))
