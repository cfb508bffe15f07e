"""Replacing and recalling in a user's log: what is replaced loses its content, and what it says of others stays.

A row without content is not shown. If it names another notification in `replacesId`, the history has it as a recall, so
that a client which shows that one learns of it. It keeps its id taken: whatever stores it later, or again, finds it so.
"""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.aws.errors import AwsError
from websocket_push.tables.conditional import update_if
from websocket_push.tables.notifications import TAKEN, Notification, inbox_key, key_of

BURIED_SECONDS = 15 * 24 * 60 * 60
"""How long a row without content is kept at least: SQS keeps a message for 14 days that may store it late."""

ATTEMPTS = 10
"""How often pointing a key to a notification is tried if others of the same key interfere."""

MAX_UNBURIED = 50
"""How many earlier notifications of a key are noted that may not have lost their content yet."""


class Pointed(NamedTuple):
    """What a key pointed to before.

    Parameters
    ----------
    superseded
        Whether to a later notification.
    earlier
        What is to be buried.
    previous
        The notification that it pointed to; empty for none.
    """

    superseded: bool
    earlier: tuple[str, ...] = ()
    previous: str = ""


class Replacements:
    """The notifications table, as far as replacing and recalling use it.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table
        Name of the table.
    """

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def store(
        self, user_id: str, notification: Notification, *, recalls: str | None, expires_at: int, deadline: float
    ) -> bool:
        """Store a notification, or a recall; return False, if a later one has already taken its place.

        Parameters
        ----------
        notification
            With `replaces` and `key`; without content for a recall.
        recalls
            The notification that a recall withdraws.

        Raises
        ------
        AwsError
            `TAKEN` if the user has a notification with this id and other content.
        """
        named = notification.replaces or recalls
        attributes = {
            "createdAt": {"S": notification.created_at},
            "expiresAt": {"N": str(expires_at)},
            **({"content": {"S": notification.content}} if notification.content else {}),
            **({"replacesId": {"S": named}} if named else {}),
            **({"replaceKey": {"S": notification.key}} if notification.key else {}),
        }
        # A recall of something else is another notification.
        condition = "attribute_not_exists(content) AND (attribute_not_exists(replacesId) OR replacesId = :replacesId)"
        if notification.content:
            condition = "attribute_not_exists(notificationId) OR content = :content"
        if await self._update(_row(user_id, notification.notification_id), attributes, condition, deadline):
            return True
        if not notification.content or not await self.is_buried(
            notification.notification_id, user_id, deadline=deadline
        ):
            raise AwsError(TAKEN, status=400, attempts=1, operation="UpdateItem")
        return False

    async def find_key(self, user_id: str, notification_id: str, *, deadline: float) -> str | None:
        """Return the key of a notification, whether it is buried or not; None if it has none or is not there."""
        item = await self._dynamodb.get_item(self._table, _row(user_id, notification_id), deadline=deadline)
        return None if item is None else _key(item)

    async def is_buried(self, notification_id: str, user_id: str, *, deadline: float) -> bool:
        """Return whether a notification has been replaced or recalled."""
        item = await self._dynamodb.get_item(self._table, _row(user_id, notification_id), deadline=deadline)
        return item is not None and "content" not in item

    async def note(
        self, user_id: str, notification_id: str, replaced: str, *, key: str | None = None, deadline: float
    ) -> None:
        """Note at a buried notification which one it took the place of, if it does not say so, and by which key."""
        attributes = {"replacesId": {"S": replaced}} | ({"replaceKey": {"S": key}} if key else {})
        condition = "attribute_not_exists(content) AND attribute_not_exists(replacesId)"
        await self._update(_row(user_id, notification_id), attributes, condition, deadline)

    async def bury(self, user_id: str, notification_id: str, *, expires_at: int, deadline: float) -> str | None:
        """Take a notification's content away, whether it is stored yet or not; return its key, if it has one."""
        request = {
            "TableName": self._table,
            "Key": _row(user_id, notification_id),
            "UpdateExpression": "SET expiresAt = :expiresAt REMOVE content",
            "ExpressionAttributeValues": {":expiresAt": {"N": str(expires_at)}},
            "ReturnValues": "ALL_NEW",
        }
        item = await self._dynamodb.update_item(request, deadline=deadline)
        return _key(item)

    async def point(
        self, user_id: str, key: str, notification_id: str, *, expires_at: int, deadline: float
    ) -> Pointed | None:
        """Point a key to a notification, unless it points to a later one; None if others keep interfering.

        What it pointed to before is noted until `settle`, so that the next push buries it if this one is interrupted. A
        malformed item is overwritten: otherwise no push with the key would succeed.
        """
        for _ in range(ATTEMPTS):
            item = await self._dynamodb.get_item(self._table, _pointer(user_id, key), deadline=deadline)
            known = None if item is None else _read_pointer(item)
            current, noted = known or ("", [])
            if current > notification_id:
                return Pointed(superseded=True)
            earlier = [each for each in dict.fromkeys((*noted, current)) if each and each != notification_id]
            attributes: Item = {
                "currentId": {"S": notification_id},
                "unburied": {"L": [{"S": each} for each in earlier[-MAX_UNBURIED:]]},
                "expiresAt": {"N": str(expires_at)},
            }
            values: Item = {":current": {"S": current}, ":noted": {"L": [{"S": each} for each in noted]}}
            condition = "currentId = :current AND unburied = :noted"
            if known is None:
                values, condition = {}, f"attribute_{'not_' if item is None else ''}exists(notificationId)"
            if await self._update(_pointer(user_id, key), attributes, condition, deadline, values):
                return Pointed(False, tuple(earlier), current)
        return None

    async def point_back(
        self, user_id: str, key: str, notification_id: str, pointed: Pointed, *, deadline: float
    ) -> None:
        """Have a key point to what it pointed to before, unless it points to yet another notification by now."""
        noted = [each for each in pointed.earlier if each != pointed.previous]
        attributes: Item = {
            "currentId": {"S": pointed.previous},
            "unburied": {"L": [{"S": each} for each in noted[-MAX_UNBURIED:]]},
        }
        values = {":current": {"S": notification_id}}
        await self._update(_pointer(user_id, key), attributes, "currentId = :current", deadline, values)

    async def settle(self, user_id: str, key: str, notification_id: str, *, deadline: float) -> None:
        """Note that everything before a notification of a key is buried."""
        attributes: Item = {"unburied": {"L": []}}
        values = {":current": {"S": notification_id}}
        await self._update(_pointer(user_id, key), attributes, "currentId = :current", deadline, values)

    async def _update(
        self, key: Item, attributes: Item, condition: str, deadline: float, values: Item | None = None
    ) -> bool:
        """Set attributes of an item; return False, having changed nothing, where the condition is not met."""
        request = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": f"SET {', '.join(f'{name} = :{name}' for name in attributes)}",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {f":{name}": value for name, value in attributes.items()} | (values or {}),
        }
        return await update_if(self._dynamodb, request, deadline=deadline) is not None


def _read_pointer(item: Item) -> tuple[str, list[str]] | None:
    """Return what a key points to, and what is not buried yet; None if the item is malformed."""
    try:
        return item["currentId"]["S"], [each["S"] for each in item["unburied"]["L"]]
    except (KeyError, TypeError):
        return None


def _key(item: Item) -> str | None:
    return str(item["replaceKey"]["S"]) if "replaceKey" in item else None


def _row(user_id: str, notification_id: str) -> Item:
    return {"userId": {"S": key_of(user_id)}, "notificationId": {"S": notification_id}}


def _pointer(user_id: str, key: str) -> Item:
    return {"userId": {"S": inbox_key(user_id)}, "notificationId": {"S": f"key#{key}"}}
