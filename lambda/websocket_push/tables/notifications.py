"""The notifications table: the notifications of users and topics in the order of their ids, until their TTL expires.

Each user and each topic has a log, which is a partition. `key_of` and `topic_key` return its key.
"""

from typing import NamedTuple

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
