"""The notifications table: what each user has been sent, in the order of the ids, until its time to live is over."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.identifiers import milliseconds_of, rfc_3339


class Notification(NamedTuple):
    """A notification as it is kept and sent.

    Parameters
    ----------
    notification_id
        Canonical UUIDv7; it holds the time.
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
    """A part of a user's notifications, by id, in the order of reading.

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


class Notifications:
    """The notifications table, as far as a function is allowed to use it."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def storing(self, user_id: str, notification: Notification, *, expires_at: int) -> dict[str, object]:
        """Give the PutItem request that keeps a notification for a user until `expires_at` (seconds since the epoch).

        Storing the same id again replaces the row, so a repeated push is kept once.
        """
        item: Item = {
            "userId": {"S": user_id},
            "notificationId": {"S": notification.notification_id},
            "content": {"S": notification.content},
            "createdAt": {"S": notification.created_at},
            "expiresAt": {"N": str(expires_at)},
        }
        return {"TableName": self._table, "Item": item}

    async def read(
        self, user_id: str, part: Range, *, count: int, size: int, now: int, deadline: float
    ) -> list[Notification]:
        """Read a part of a user's notifications, until there are `count`, or their contents exceed `size` bytes.

        Rows whose time is over (`expiresAt` not after `now`, seconds) are left out although DynamoDB may keep them
        for days ("Time to Live", DynamoDB developer guide). What was stored before the call is seen.
        """
        found: list[Notification] = []
        total = 0
        request = self._query(user_id, part, now)
        while True:
            # A limit counts rows before the filter, so a page may bring fewer.
            page = await self._dynamodb.query({**request, "Limit": count - len(found)}, deadline=deadline)
            for item in page.items:
                found.append(Notification(item["notificationId"]["S"], item["content"]["S"]))
                total += len(item["content"]["S"].encode())
            if page.last_evaluated_key is None or len(found) >= count or total > size:
                return found
            request["ExclusiveStartKey"] = page.last_evaluated_key

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
