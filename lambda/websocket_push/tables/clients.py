"""The clients table: one row for each open connection, found by connection id or by user."""

from collections.abc import Iterable
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.protocol import CONNECTION_LIFE_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.tables.revocations import Revocation, Token

EXPIRY_MARGIN_SECONDS = 60
"""How much longer a connection's row is kept: the TTL must not delete the row of an open connection."""


ESTABLISHING_MILLISECONDS = 30_000
"""How long after the time in its row a connection may still be on its way.

The row is written while the $connect route runs, and until that has ended API Gateway answers 410 ("A message was
posted before the connection was established", AWS knowledge center, "410 GoneException"). Deleting the row then would
cut an open connection off. The route may take 29 s ("Integration timeout", API Gateway quotas); the rest is for clocks
that differ.
"""


class Connection(NamedTuple):
    """A row of the clients table.

    Parameters
    ----------
    connection_id
        The id that API Gateway assigned.
    user_id
        The user that the connection is authorized as.
    connected_at
        When the $connect function started to write the row, in milliseconds since the epoch. The connection opens after
        the write, and within 29 s, API Gateway's limit for the function.
    expires_at
        When the connection has ended and the TTL deletes the row, in seconds since the epoch.
    """

    connection_id: str
    user_id: str
    connected_at: int
    expires_at: int


class Clients:
    """The clients table, within the permissions of a function.

    Parameters
    ----------
    dynamodb
        Sends requests to DynamoDB.
    table
        Name of the table.
    index
        Name of its index by user; needed by `looking_up` only.
    subscriptions
        Name of the subscriptions table; empty where there are no topics.
    """

    def __init__(self, dynamodb: DynamoDB, table: str, index: str = "", subscriptions: str = "") -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._index = index
        self._subscriptions = subscriptions

    async def add(self, connection: Connection, *, deadline: float, token: "Token | None" = None) -> None:
        """Write the row of a connection, with what is known of its token where that can be revoked."""
        item: Item = {
            "connectionId": {"S": connection.connection_id},
            "userId": {"S": connection.user_id},
            "connectedAt": {"N": str(connection.connected_at)},
            "expiresAt": {"N": str(connection.expires_at)},
        }
        if token is not None:
            from websocket_push.tables.revocations import token_attributes

            item |= token_attributes(token)
        await self._dynamodb.put_item(self._table, item, deadline=deadline)

    async def remove(self, connection_id: str, *, deadline: float) -> None:
        """Delete the row of a connection and its subscriptions; a missing row is not an error."""
        if not self._subscriptions:
            await self._dynamodb.delete_item(self._table, connection_key(connection_id), deadline=deadline)
            return
        row = await self._dynamodb.take_item(self._table, connection_key(connection_id), deadline=deadline)
        writes = [deleted_subscription(topic, connection_id) for topic in row.get("topics", {}).get("SS", [])]
        await self._dynamodb.write_items(self._subscriptions, writes, deadline=deadline)

    async def find(self, connection_id: str, *, deadline: float) -> Connection | None:
        """Read the row of a connection, or None if there is none or it is malformed; strongly consistent."""
        item = await self._dynamodb.get_item(self._table, connection_key(connection_id), deadline=deadline)
        try:
            return None if item is None else read_connection(item, item["userId"]["S"])
        except (KeyError, TypeError, ValueError):
            return None

    async def find_revocation(self, user_id: str, *, now: int, deadline: float) -> "Revocation | None":
        """Read which tokens of a user are revoked at a time, or None if none are; strongly consistent.

        `now` is in seconds since the epoch.
        """
        # Imported here, so that functions without revocation start as fast as if there were none.
        from websocket_push.tables.revocations import read_revocation, revocation_key

        item = await self._dynamodb.get_item(self._table, connection_key(revocation_key(user_id)), deadline=deadline)
        return None if item is None else read_revocation(item, now=now)

    def looking_up(self, user_id: str, start: Item | None = None) -> dict[str, object]:
        """Return the Query request for a page of a user's connections; `start` is where the previous page ended.

        The index is eventually consistent with the table (DynamoDB developer guide, "Eventual consistency" of global
        secondary indexes): a connection that was just opened may be missing.
        """
        request: dict[str, object] = {
            "TableName": self._table,
            "IndexName": self._index,
            "KeyConditionExpression": "userId = :userId",
            "ExpressionAttributeValues": {":userId": {"S": user_id}},
        }
        return request if start is None else {**request, "ExclusiveStartKey": start}

    async def page(self, user_id: str, start: Item | None, *, deadline: float) -> QueryPage:
        """Read a page of a user's connections: the first, or the one after the key at which another page ended."""
        return await self._dynamodb.query(self.looking_up(user_id, start), deadline=deadline)


def row_expiry(connected_at_milliseconds: int, authorized_until: int | None) -> int:
    """Return when the row of a connection may be deleted, in seconds since the epoch.

    That is when the connection ends or its authorization expires, because nothing is sent to it after that.
    """
    life_end = connected_at_milliseconds // 1000 + CONNECTION_LIFE_SECONDS + EXPIRY_MARGIN_SECONDS
    return life_end if authorized_until is None else min(life_end, authorized_until)


def read_connections(items: Iterable[Item], user_id: str) -> list[Connection]:
    """Read the valid rows of a user: a malformed row must not hide the others."""
    connections = []
    for item in items:
        try:
            connections.append(read_connection(item, user_id))
        except (KeyError, TypeError, ValueError):
            continue
    return connections


def deleted_subscription(topic: str, connection_id: str) -> dict[str, object]:
    """Return what deletes a row of the subscriptions table, as a member of a BatchWriteItem request."""
    return {"DeleteRequest": {"Key": {"topic": {"S": topic}, "connectionId": {"S": connection_id}}}}


def connection_key(connection_id: str) -> Item:
    """Return the key of a row; of other items of the table too, each with an id that no connection has."""
    return {"connectionId": {"S": connection_id}}


def read_connection(item: Item, user_id: str) -> Connection:
    """Read a row."""
    return Connection(
        connection_id=item["connectionId"]["S"],
        user_id=user_id,
        connected_at=int(item["connectedAt"]["N"]),
        expires_at=int(item["expiresAt"]["N"]),
    )


def is_connection(item: Item) -> bool:
    """Return whether an item of the table is a connection: other items have a `#` in their key, which no id has."""
    return "#" not in str(item["connectionId"]["S"])
