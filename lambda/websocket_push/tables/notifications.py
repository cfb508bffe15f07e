"""The notifications table: what each user and topic has been sent, by id, until its time to live is over.

Each user and each topic has a log, which is a partition. `key_of` and `topic_key` name it.
"""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.identifiers import milliseconds_of, rfc_3339

TAKEN = "ConditionalCheckFailedException"
"""The code with which storing fails where the id has other content."""


class Notification(NamedTuple):
    """A notification as it is kept and sent.

    Parameters
    ----------
    notification_id
        Canonical UUIDv7; it holds the time.
    content
        JSON text.
    topic
        The topic that it was pushed to, `*` for a broadcast; None for one to users.
    """

    notification_id: str
    content: str
    topic: str | None = None

    @property
    def created_at(self) -> str:
        """The time in the id, in RFC 3339."""
        return rfc_3339(milliseconds_of(self.notification_id))


class Range(NamedTuple):
    """A part of a log, by id, in the order of reading.

    Parameters
    ----------
    condition
        Key condition on `notificationId`, with `:low` and `:high` for its bounds; empty for all.
    low, high
        The bounds that the condition names; empty where it does not.
    newest_first
        The order of reading.
    """

    condition: str = ""
    low: str = ""
    high: str = ""
    newest_first: bool = False


class Part(NamedTuple):
    """What was found in a range.

    Parameters
    ----------
    found
        In the order of reading, at least as many as were asked for unless there are no more.
    reached
        The id of the last row that was read, where rows may follow it; None at the end of the range. It need not be
        that of a notification in `found`: expired rows are read too.
    """

    found: list[Notification]
    reached: str | None


_TOPIC = "topic#"
_USER = "user#"

QUERY_GROWTH = 4
"""How many times more rows each further query looks at; DynamoDB ends each after 1 MB ("Query", API reference)."""

MAX_QUERIES = 16
"""How many queries one read makes, one after the other, whatever the rows hold."""


def key_of(user_id: str) -> str:
    """Return the key of a user's log: the user id itself, unless that looks like the key of a topic's log.

    Such an id has `user#` put before it, and so has one that looks like that. So every user and every topic has a key
    of its own, and no user id but those is stored in another way.
    """
    return _USER + user_id if _TOPIC in user_id and _without(user_id).startswith(_TOPIC) else user_id


def topic_key(topic: str) -> str:
    """Return the key of a topic's log; `*` is the topic of broadcasts."""
    return _TOPIC + topic


def _without(user_id: str) -> str:
    while user_id.startswith(_USER):
        user_id = user_id[len(_USER) :]
    return user_id


class Notifications:
    """The notifications table, as far as a function is allowed to use it."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def storing(
        self, key: str, notification: Notification, *, expires_at: int, topic: str | None = None
    ) -> dict[str, object]:
        """Return the PutItem request that keeps a notification in a log until `expires_at` (seconds since the epoch).

        The row of a topic names it, which tells it from rows that a user of such a name was left by earlier versions.

        Storing the same again replaces the row, so a repeated push is kept once, and for as long as the last one says.
        Under an id that the log has with other content nothing is stored, it fails with `TAKEN`: a client that has
        seen the one drops the other by its id, so history and screen would differ. The condition costs no capacity.
        """
        item: Item = {
            "userId": {"S": key},
            "notificationId": {"S": notification.notification_id},
            "content": {"S": notification.content},
            "createdAt": {"S": notification.created_at},
            "expiresAt": {"N": str(expires_at)},
        }
        if topic is not None:
            item["topic"] = {"S": topic}
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(notificationId) OR content = :content",
            "ExpressionAttributeValues": {":content": item["content"]},
        }

    async def read(
        self,
        key: str,
        part: Range,
        *,
        count: int,
        size: int,
        now: int,
        rows: int,
        deadline: float,
        queries: int = MAX_QUERIES,
        topic: str | None = None,
    ) -> Part:
        """Read a part of a log until there are `count`, or their contents exceed `size` bytes.

        With `topic` it is the log of a topic, and only rows that name one are taken.

        Rows whose time is over (`expiresAt` not after `now`, seconds) are left out although DynamoDB may keep them
        for days ("Time to Live", DynamoDB developer guide). What was stored before the call is seen.

        The first query looks at `rows` rows: DynamoDB's limit counts rows before the filter, expired ones too. After
        `queries` queries the read ends where it is.
        """
        found: list[Notification] = []
        total = 0
        reached: Item | None = None
        request = self._query(key, part, now, topic)
        for _ in range(queries):
            page = await self._dynamodb.query({**request, "Limit": rows}, deadline=deadline)
            for item in page.items:
                found.append(Notification(item["notificationId"]["S"], item["content"]["S"], topic))
                total += len(item["content"]["S"].encode())
            reached = page.last_evaluated_key
            if reached is None or len(found) >= count or total > size:
                break
            request["ExclusiveStartKey"] = reached
            rows *= QUERY_GROWTH
        return Part(found, None if reached is None else reached["notificationId"]["S"])

    def _query(self, key: str, part: Range, now: int, topic: str | None) -> dict[str, object]:
        values = {":userId": {"S": key}, ":now": {"N": str(now)}}
        values |= {name: {"S": bound} for name, bound in ((":low", part.low), (":high", part.high)) if bound}
        return {
            "TableName": self._table,
            "KeyConditionExpression": " AND ".join(filter(None, ("userId = :userId", part.condition))),
            "FilterExpression": "expiresAt > :now" if topic is None else "expiresAt > :now AND attribute_exists(topic)",
            "ProjectionExpression": "notificationId, content",
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not part.newest_first,
            "ConsistentRead": True,
        }
