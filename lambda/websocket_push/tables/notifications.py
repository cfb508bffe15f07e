"""The notifications table: each user's notifications in the order of their ids, until their TTL expires."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import Item
from websocket_push.protocol.identifiers import milliseconds_of, rfc_3339

TAKEN = "ConditionalCheckFailedException"
"""The error code if the user already has the id."""


class Notification(NamedTuple):
    """A notification as it is stored and sent.

    Parameters
    ----------
    notification_id
        Canonical UUIDv7, which contains the time.
    content
        JSON text.
    """

    notification_id: str
    content: str

    @property
    def created_at(self) -> str:
        """The time in the id, in RFC 3339."""
        return rfc_3339(milliseconds_of(self.notification_id))


class Notifications:
    """The writes to the notifications table, which is all that push is allowed to do with it."""

    def __init__(self, table: str) -> None:
        self._table = table

    def storing(self, user_id: str, notification: Notification, *, expires_at: int) -> dict[str, object]:
        """Return the PutItem request that stores a notification for a user until `expires_at` (epoch seconds).

        The request fails with `TAKEN` if the user already has the id; `storing_again` then compares the contents. So
        the content is sent, hashed and signed once for all users that do not have it.
        """
        return {
            "TableName": self._table,
            "Item": _item(user_id, notification, expires_at),
            "ConditionExpression": "attribute_not_exists(notificationId)",
        }

    def storing_again(self, user_id: str, notification: Notification, *, expires_at: int) -> dict[str, object]:
        """Return the PutItem request for a user who already has the id.

        The same content replaces the row, so a repeated push is stored once, with the last `expires_at`. With other
        content the request fails with `TAKEN`: a client that has seen the first notification would drop the second by
        its id, and differ from the history.
        """
        item = _item(user_id, notification, expires_at)
        return {
            "TableName": self._table,
            "Item": item,
            # The row may have expired since it was found.
            "ConditionExpression": "attribute_not_exists(notificationId) OR content = :content",
            "ExpressionAttributeValues": {":content": item["content"]},
        }


def _item(user_id: str, notification: Notification, expires_at: int) -> Item:
    return {
        "userId": {"S": user_id},
        "notificationId": {"S": notification.notification_id},
        "content": {"S": notification.content},
        "createdAt": {"S": notification.created_at},
        "expiresAt": {"N": str(expires_at)},
    }
