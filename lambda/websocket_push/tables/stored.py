"""Reading the notifications table: a part of what a user has been sent, by the order of the ids."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.identifiers import parse_notification_id
from websocket_push.protocol.json_text import is_json
from websocket_push.tables.notifications import Notification


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
    unreadable
        How many rows were skipped because they are malformed.
    """

    found: list[Notification]
    reached: str | None
    unreadable: int = 0


QUERY_GROWTH = 4
"""How many times more rows each further query looks at; DynamoDB ends each after 1 MB ("Query", API reference)."""

MAX_ROWS = 10_000
"""How many rows a query looks at most: more do not fit into 1 MB, and DynamoDB refuses a `Limit` above 2^31 - 1."""

MAX_QUERIES = 16
"""How many queries one read makes, one after the other, whatever the rows hold."""


# A row without content was replaced or recalled. If it names another, it is a recall of that one.
_WITH_CONTENT = "attribute_exists(content)"
_WITH_RECALLS = "(attribute_exists(content) OR attribute_exists(replacesId))"
_OF_TOPIC = "attribute_exists(topic)"


class StoredNotifications:
    """The notifications table, as far as poll is allowed to use it: what is read of it.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table
        Name of the table.
    recalls
        Whether recalls are read too; else rows without content are left out.
    """

    def __init__(self, dynamodb: DynamoDB, table: str, *, recalls: bool = False) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._recalls = recalls
        self._own = _WITH_RECALLS if recalls else _WITH_CONTENT

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
        """Read a part of a log until there are `count` notifications, or their contents exceed `size` bytes.

        With `topic`, it is the log of a topic, and rows without the attribute `topic` are left out.

        Rows whose time is over (`expiresAt` not after `now`, seconds) are left out although DynamoDB may keep them for
        days ("Time to Live", DynamoDB developer guide). The read is strongly consistent. A malformed row hides no
        other: it is skipped, because a client could not parse a page that contains it.

        The first query looks at `rows` rows: DynamoDB's limit counts rows before the filter, expired ones too. After
        `queries` queries the read ends where it is.
        """
        found: list[Notification] = []
        total = unreadable = 0
        reached: Item | None = None
        request = self._query(key, part, now, topic)
        for _ in range(queries):
            page = await self._dynamodb.query({**request, "Limit": rows}, deadline=deadline)
            for item in page.items:
                notification = self._readable(item, topic)
                if notification is None:
                    unreadable += 1
                    continue
                found.append(notification)
                total += len(notification.content.encode())
            reached = page.last_evaluated_key
            if reached is None or len(found) >= count or total > size:
                break
            request["ExclusiveStartKey"] = reached
            rows = min(QUERY_GROWTH * rows, MAX_ROWS)
        return Part(found, None if reached is None else reached["notificationId"]["S"], unreadable)

    def _readable(self, item: Item, topic: str | None) -> Notification | None:
        """Return the notification of a row, or the recall; None if it is malformed."""
        try:
            notification_id = item["notificationId"]["S"]
            content = _text(item, "content")
            replaces, key = (_text(item, "replacesId"), _text(item, "replaceKey")) if self._recalls else (None, None)
        except KeyError:
            return None
        ids = (notification_id,) if replaces is None else (notification_id, replaces)
        readable = replaces is not None if content is None else is_json(content)
        # A key goes into the page with no escapes but those of quotation marks and backslashes.
        readable &= key is None or (key.isascii() and key.isprintable())
        if not readable or any(parse_notification_id(each) != each for each in ids):
            return None
        return Notification(notification_id, content or "", topic, replaces, key)

    def _query(self, key: str, part: Range, now: int, topic: str | None) -> dict[str, object]:
        values = {":userId": {"S": key}, ":now": {"N": str(now)}}
        values |= {name: {"S": bound} for name, bound in ((":low", part.low), (":high", part.high)) if bound}
        return {
            "TableName": self._table,
            "KeyConditionExpression": " AND ".join(filter(None, ("userId = :userId", part.condition))),
            "FilterExpression": f"expiresAt > :now AND {_OF_TOPIC if topic is not None else self._own}",
            "ProjectionExpression": "notificationId, content" + (", replacesId, replaceKey" if self._recalls else ""),
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not part.newest_first,
            "ConsistentRead": True,
        }


def _text(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None
