"""Writing to the notifications table."""

from websocket_push.aws.dynamodb import Item
from websocket_push.tables.notifications import Notification


class Notifications:
    """The writes to the notifications table, which is all that push is allowed to do with it."""

    def __init__(self, table: str) -> None:
        self._table = table

    def storing(
        self, key: str, notification: Notification, *, expires_at: int, topic: str | None = None
    ) -> dict[str, object]:
        """Return the PutItem request that stores a notification in a log until `expires_at` (epoch seconds).

        A topic's rows have the attribute `topic`, because an earlier version could store rows of a user under this key.

        The request fails with `TAKEN` if the log already has the id; `storing_again` then compares the contents. So
        the content is sent, hashed and signed once for all users that do not have it.
        """
        return {
            "TableName": self._table,
            "Item": _item(key, notification, expires_at, topic),
            "ConditionExpression": "attribute_not_exists(notificationId)",
        }

    def storing_again(
        self, key: str, notification: Notification, *, expires_at: int, topic: str | None = None
    ) -> dict[str, object]:
        """Return the PutItem request for a log that already has the id.

        The same content replaces the row, so a repeated push is stored once, with the last `expires_at`. With other
        content the request fails with `TAKEN`: a client that has seen the first notification would drop the second by
        its id, and differ from the history.
        """
        item = _item(key, notification, expires_at, topic)
        return {
            "TableName": self._table,
            "Item": item,
            # The row may have expired since it was found.
            "ConditionExpression": "attribute_not_exists(notificationId) OR content = :content",
            "ExpressionAttributeValues": {":content": item["content"]},
        }


def _item(key: str, notification: Notification, expires_at: int, topic: str | None) -> Item:
    item: Item = {
        "userId": {"S": key},
        "notificationId": {"S": notification.notification_id},
        "content": {"S": notification.content},
        "createdAt": {"S": notification.created_at},
        "expiresAt": {"N": str(expires_at)},
    }
    if topic is not None:
        item["topic"] = {"S": topic}
    return item
