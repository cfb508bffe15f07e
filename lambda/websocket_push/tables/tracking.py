"""What the events function remembers, in the clients table: who is online, and which parts of a broadcast are done.

Its items have keys with a `#`, which no connection id has, and no `userId`, so no index shows them. An item is written
in one step whose answer says what it was, so that of several writers one reports the event, however often it is tried.
"""

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol import CONNECTION_LIFE_SECONDS
from websocket_push.tables.clients import Clients, connection_key, read_connections
from websocket_push.tables.conditional import update_if

KEPT_SECONDS = 60 * 60
"""How long an item is kept that is no longer needed: while the same change or message may be passed again."""

OVERDUE_SECONDS = 7 * 24 * 60 * 60
"""How long DynamoDB may keep a row that has expired: "within a few days" ("Time to Live", DynamoDB developer guide).

Where `$disconnect` was lost, the removal of that row says that the connection is over. What is known of its user is
then still needed.
"""

RETENTION_SECONDS = 7 * 24 * 60 * 60
"""How long the fan-out queue keeps a message: parts of a broadcast may be that far apart."""

_ROWS = 100


class Tracking:
    """The items of the events function.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table
        Name of the clients table.
    clients
        The same table with its index.
    """

    def __init__(self, dynamodb: DynamoDB, table: str, clients: Clients) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clients = clients

    async def arrive(self, user_id: str, connection_id: str, *, now: int, deadline: float) -> bool:
        """Note a user's new connection; return whether it is the one that brought the user online.

        `now` is in seconds since the epoch.
        """
        request = self._changing(
            _online(user_id),
            "SET seen = :connection, broughtBy = if_not_exists(broughtBy, :connection), expiresAt = :expiresAt",
            {
                ":connection": {"S": connection_id},
                ":expiresAt": _expiry(now + CONNECTION_LIFE_SECONDS + OVERDUE_SECONDS),
            },
        )
        item = await self._dynamodb.update_item(request, deadline=deadline)
        return bool(item["broughtBy"]["S"] == connection_id)

    async def leave(self, user_id: str, connection_id: str, *, now: int, deadline: float) -> bool:
        """Return whether this connection is the one to report that its user has been offline since it ended.

        A connection that is opened meanwhile has the item written, and then nothing is reported.
        """
        item = await self._dynamodb.get_item(self._table, _online(user_id), deadline=deadline)
        if item is None:
            return False
        # First: the event may have failed to be sent, and the user may have come back before it is sent again.
        if _has_left(item, connection_id):
            return True
        if "broughtBy" not in item:
            return False
        if await self._is_connected(user_id, connection_id, now=now, deadline=deadline):
            return False
        request = self._changing(
            _online(user_id),
            "SET leftBy = :connection, expiresAt = :expiresAt REMOVE broughtBy",
            {":connection": {"S": connection_id}, ":seen": item["seen"], ":expiresAt": _expiry(now)},
        ) | {"ConditionExpression": "seen = :seen AND attribute_exists(broughtBy)"}
        if await update_if(self._dynamodb, request, deadline=deadline) is not None:
            return True
        # Another connection was opened, or reported. Or the update was sent twice: its first answer was lost.
        item = await self._dynamodb.get_item(self._table, _online(user_id), deadline=deadline)
        return item is not None and _has_left(item, connection_id)

    async def finish(self, notification_id: str, topic: str, part: int, of: int, *, now: int, deadline: float) -> bool:
        """Note that a part of a broadcast is done; return whether all are."""
        request = self._changing(
            connection_key(f"finished#{notification_id}#{topic}"),
            "SET expiresAt = :expiresAt ADD parts :part",
            {":part": {"NS": [str(part)]}, ":expiresAt": _expiry(now + RETENTION_SECONDS)},
        )
        item = await self._dynamodb.update_item(request, deadline=deadline)
        return len(item["parts"]["NS"]) >= of

    async def _is_connected(self, user_id: str, ended: str, *, now: int, deadline: float) -> bool:
        """Return whether the index shows a connection besides the one that has ended, which it may still show."""
        start: Item | None = None
        while True:
            request = {**self._clients.looking_up(user_id, start), "Limit": _ROWS}
            page = await self._dynamodb.query(request, deadline=deadline)
            rows = read_connections(page.items, user_id)
            if any(each.expires_at > now and each.connection_id != ended for each in rows):
                return True
            start = page.last_evaluated_key
            if start is None:
                return False

    def _changing(self, key: Item, expression: str, values: Item) -> dict[str, object]:
        return {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }


def _online(user_id: str) -> Item:
    return connection_key(f"online#{user_id}")


def _has_left(item: Item, connection_id: str) -> bool:
    """Return whether this connection was the one to report its user offline; it leaves only once."""
    return bool(item.get("leftBy", {}).get("S") == connection_id)


def _expiry(now: int) -> dict[str, str]:
    return {"N": str(now + KEPT_SECONDS)}
