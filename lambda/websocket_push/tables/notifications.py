"""The notifications table: each user's notifications in the order of their ids, until their TTL expires."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.identifiers import milliseconds_of, rfc_3339

TAKEN = "ConditionalCheckFailedException"
"""The error code if the id is already stored with other content."""


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


class Range(NamedTuple):
    """A range of a user's notifications, by id, and the order in which it is read.

    Parameters
    ----------
    condition
        Key condition on `notificationId`, with `:low` and `:high` for its bounds; empty for all.
    low, high
        The bounds in the condition; empty if it has none.
    newest_first
        The order of reading.
    """

    condition: str = ""
    low: str = ""
    high: str = ""
    newest_first: bool = False


class Part(NamedTuple):
    """The result of reading a range.

    Parameters
    ----------
    found
        The notifications in the order of reading; at least as many as requested unless there are no more.
    reached
        The id of the last row read, if more rows may follow; None at the end of the range. It may be the id of an
        expired row, which is not in `found`.
    """

    found: list[Notification]
    reached: str | None


QUERY_GROWTH = 4
"""The factor by which each further query reads more rows; DynamoDB ends each after 1 MB ("Query", API reference)."""

MAX_QUERIES = 16
"""The largest number of queries, one after the other, of one read."""


class Notifications:
    """The notifications table, within the permissions of a function."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def storing(self, user_id: str, notification: Notification, *, expires_at: int) -> dict[str, object]:
        """Return the PutItem request that stores a notification for a user until `expires_at` (epoch seconds).

        Storing the same notification again replaces the row, so a repeated push is stored once, with the last
        `expires_at`. If the user has the id with other content, the request fails with `TAKEN`: a client that has seen
        the first would drop the second by its id, and differ from the history. The condition costs no capacity.
        """
        item: Item = {
            "userId": {"S": user_id},
            "notificationId": {"S": notification.notification_id},
            "content": {"S": notification.content},
            "createdAt": {"S": notification.created_at},
            "expiresAt": {"N": str(expires_at)},
        }
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(notificationId) OR content = :content",
            "ExpressionAttributeValues": {":content": item["content"]},
        }

    async def read(
        self,
        user_id: str,
        part: Range,
        *,
        count: int,
        size: int,
        now: int,
        rows: int,
        deadline: float,
        queries: int = MAX_QUERIES,
    ) -> Part:
        """Read a range of a user's notifications, until there are `count`, or their contents exceed `size` bytes.

        Expired rows (`expiresAt` not after `now`, in seconds) are left out, because DynamoDB may keep them for days
        ("Time to Live", DynamoDB developer guide). The read is strongly consistent.

        The first query reads `rows` rows: DynamoDB's limit counts rows before the filter, including expired ones. After
        `queries` queries the read stops.
        """
        found: list[Notification] = []
        total = 0
        reached: Item | None = None
        request = self._query(user_id, part, now)
        for _ in range(queries):
            page = await self._dynamodb.query({**request, "Limit": rows}, deadline=deadline)
            for item in page.items:
                found.append(Notification(item["notificationId"]["S"], item["content"]["S"]))
                total += len(item["content"]["S"].encode())
            reached = page.last_evaluated_key
            if reached is None or len(found) >= count or total > size:
                break
            request["ExclusiveStartKey"] = reached
            rows *= QUERY_GROWTH
        return Part(found, None if reached is None else reached["notificationId"]["S"])

    def _query(self, user_id: str, part: Range, now: int) -> dict[str, object]:
        values = {":userId": {"S": user_id}, ":now": {"N": str(now)}}
        values |= {name: {"S": bound} for name, bound in ((":low", part.low), (":high", part.high)) if bound}
        return {
            "TableName": self._table,
            "KeyConditionExpression": " AND ".join(filter(None, ("userId = :userId", part.condition))),
            "FilterExpression": "expiresAt > :now",
            "ProjectionExpression": "notificationId, content",
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not part.newest_first,
            "ConsistentRead": True,
        }
