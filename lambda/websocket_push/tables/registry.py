"""The clients table as the control function uses it: whole rows, and revocations to be written."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.tables.clients import Clients, Connection, connection_key, read_connection, read_connections
from websocket_push.tables.conditional import update_if
from websocket_push.tables.revocations import Token, revocation_key

MAX_TOKEN_IDS = 1000
"""How many tokens of one user may be revoked one by one, so that their item stays small."""


_KEPT = "expiresAt = if_not_exists(expiresAt, :expiresAt)"
"""An item that was deleted since its time was extended gets one again: without it, DynamoDB would never delete it."""


class Row(NamedTuple):
    """A row with all that it holds."""

    connection: Connection
    token: Token
    topics: tuple[str, ...]


class Registry:
    """The clients table, as far as the control function is allowed to use it.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table
        Name of the table.
    clients
        The same table, as the other functions use it.
    """

    def __init__(self, dynamodb: DynamoDB, table: str, clients: Clients) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clients = clients

    async def connections(self, user_id: str, *, deadline: float) -> AsyncIterator[Connection]:
        """Read all rows of a user that the index shows, page by page."""
        start: Item | None = None
        while True:
            page = await self._clients.page(user_id, start, deadline=deadline)
            for connection in read_connections(page.items, user_id):
                yield connection
            start = page.last_evaluated_key
            if start is None:
                return

    async def page(
        self, user_id: str, *, limit: int, after: str | None, deadline: float
    ) -> tuple[list[Connection], str | None]:
        """Read a page of a user's rows, and after which connection the next one begins, or None."""
        start: Item | None = None if after is None else {"connectionId": {"S": after}, "userId": {"S": user_id}}
        request = {**self._clients.looking_up(user_id, start), "Limit": limit}
        page = await self._dynamodb.query(request, deadline=deadline)
        end = page.last_evaluated_key
        return read_connections(page.items, user_id), None if end is None else end["connectionId"]["S"]

    async def find(self, connection_id: str, *, deadline: float) -> Row | None:
        """Read a whole row, or None where there is none or it is damaged; strongly consistent."""
        item = await self._dynamodb.get_item(self._table, connection_key(connection_id), deadline=deadline)
        if item is None:
            return None
        try:
            return Row(read_connection(item, item["userId"]["S"]), _read_token(item), _read_topics(item))
        except (KeyError, TypeError, ValueError):
            return None

    async def revoke_before(self, user_id: str, issued_before: int, *, expires_at: int, deadline: float) -> None:
        """Write that tokens issued before a time are revoked; a later time that is there already stays, for as long."""
        await self._extend(user_id, expires_at, deadline)
        request = self._changing(user_id, f"SET issuedBefore = :before, {_KEPT}") | {
            "ConditionExpression": "attribute_not_exists(issuedBefore) OR issuedBefore < :before",
            "ExpressionAttributeValues": {":before": {"N": str(issued_before)}, ":expiresAt": {"N": str(expires_at)}},
        }
        await update_if(self._dynamodb, request, deadline=deadline)

    async def revoke_token(self, user_id: str, token_id: str, *, expires_at: int, deadline: float) -> bool:
        """Write that a token is revoked; return False, having revoked nothing, where there are too many."""
        await self._extend(user_id, expires_at, deadline)
        request = self._changing(user_id, f"SET {_KEPT} ADD tokenIds :tokenIds") | {
            "ConditionExpression": (
                "attribute_not_exists(tokenIds) OR size(tokenIds) < :most OR contains(tokenIds, :tokenId)"
            ),
            "ExpressionAttributeValues": {
                ":tokenIds": {"SS": [token_id]},
                ":tokenId": {"S": token_id},
                ":expiresAt": {"N": str(expires_at)},
                ":most": {"N": str(MAX_TOKEN_IDS)},
            },
        }
        return await update_if(self._dynamodb, request, deadline=deadline) is not None

    async def _extend(self, user_id: str, expires_at: int, deadline: float) -> None:
        """Keep what is revoked of a user until a time at least; what was revoked to last longer does.

        This comes first: of an item that is over, DynamoDB could delete what is written to it.
        """
        request = self._changing(user_id, "SET expiresAt = :expiresAt") | {
            "ConditionExpression": "attribute_not_exists(expiresAt) OR expiresAt < :expiresAt",
            "ExpressionAttributeValues": {":expiresAt": {"N": str(expires_at)}},
        }
        await update_if(self._dynamodb, request, deadline=deadline)

    async def unrevoke(self, user_id: str, *, deadline: float) -> None:
        """Undo all revocations of a user."""
        await self._dynamodb.delete_item(self._table, connection_key(revocation_key(user_id)), deadline=deadline)

    async def unrevoke_token(self, user_id: str, token_id: str, *, deadline: float) -> None:
        """Undo the revocation of a token by its id."""
        request = self._changing(user_id, "DELETE tokenIds :tokenIds") | {
            "ConditionExpression": "contains(tokenIds, :tokenId)",
            "ExpressionAttributeValues": {":tokenIds": {"SS": [token_id]}, ":tokenId": {"S": token_id}},
        }
        await update_if(self._dynamodb, request, deadline=deadline)

    def _changing(self, user_id: str, expression: str) -> dict[str, object]:
        return {
            "TableName": self._table,
            "Key": connection_key(revocation_key(user_id)),
            "UpdateExpression": expression,
        }


def _read_token(item: Item) -> Token:
    issued_at, token_id = item.get("issuedAt"), item.get("tokenId")
    return Token(None if issued_at is None else int(issued_at["N"]), None if token_id is None else token_id["S"])


def _read_topics(item: Item) -> tuple[str, ...]:
    return tuple(sorted(item.get("topics", {}).get("SS", ())))
