"""The notifications table: the notifications of users and topics in the order of their ids, until their TTL expires.

Each user and each topic has a log, which is a partition. `key_of` and `topic_key` return its key.
"""

from typing import NamedTuple

from websocket_push.aws.dynamodb import Item
from websocket_push.protocol.identifiers import milliseconds_of, rfc_3339

TAKEN = "ConditionalCheckFailedException"
"""The error code if the log already has the id."""

_TOPIC = "topic#"
_USER = "user#"


class Notification(NamedTuple):
    """A notification as it is stored and sent.

    Parameters
    ----------
    notification_id
        Canonical UUIDv7, which contains the time.
    content
        JSON text; empty for what was recalled, which `replaces` names.
    topic
        The topic that it was pushed to, `*` for a broadcast; None for one to users.
    replaces, key
        The notification whose place it takes, and what it is about, where the push said so.
    """

    notification_id: str
    content: str
    topic: str | None = None
    replaces: str | None = None
    key: str | None = None

    @property
    def created_at(self) -> str:
        """The time in the id, in RFC 3339."""
        return rfc_3339(milliseconds_of(self.notification_id))


def key_of(user_id: str) -> str:
    """Return the key of a user's log: the user id itself, unless it looks like the key of a topic's log.

    Such an id gets the prefix `user#`, and so does one that looks like the result. So each user and each topic has its
    own key, and all other user ids are stored as they are.
    """
    return _USER + user_id if _TOPIC in user_id and _without(user_id).startswith(_TOPIC) else user_id


def inbox_key(user_id: str) -> str:
    """Return the key of what is kept of a user beside the log: no user id and no topic begins with a space."""
    return f" {user_id}"


def topic_key(topic: str) -> str:
    """Return the key of a topic's log; `*` is the topic of broadcasts."""
    return _TOPIC + topic


def _without(user_id: str) -> str:
    while user_id.startswith(_USER):
        user_id = user_id[len(_USER) :]
    return user_id


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
