"""Reading the notifications table: a part of what a user has been sent, by the order of the ids."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
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
    """

    found: list[Notification]
    reached: str | None


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
                content = item["content"]["S"] if "content" in item else ""
                found.append(
                    Notification(
                        item["notificationId"]["S"],
                        content,
                        topic,
                        _text(item, "replacesId"),
                        _text(item, "replaceKey"),
                    )
                    if self._recalls
                    else Notification(item["notificationId"]["S"], content, topic)
                )
                total += len(content.encode())
            reached = page.last_evaluated_key
            if reached is None or len(found) >= count or total > size:
                break
            request["ExclusiveStartKey"] = reached
            rows = min(QUERY_GROWTH * rows, MAX_ROWS)
        return Part(found, None if reached is None else reached["notificationId"]["S"])

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
