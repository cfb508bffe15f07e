"""The state of users' inboxes: an item of the notifications table for each user, beside the logs; see `inbox_key`."""

from collections.abc import Sequence
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.protocol.inbox import MAX_COUNT, State, Unread, read_state, state_text
from websocket_push.tables.conditional import update_if
from websocket_push.tables.notifications import inbox_key, key_of
from websocket_push.tables.stored import MAX_QUERIES, MAX_ROWS, QUERY_GROWTH

_STATE = "state"

# A version that is not a number, or is below 1, is malformed, and was read as 0.
_UNVERSIONED = (
    "attribute_not_exists(inboxVersion) OR NOT attribute_type(inboxVersion, :number) OR inboxVersion < :first"
)

# A notification that was recalled or replaced has no content left.
_THERE = "expiresAt > :now AND attribute_exists(content)"


class Stored(NamedTuple):
    """A state as it is stored; `version` says how often it was changed, 0 where there is none yet."""

    state: State = State()
    version: int = 0


class Inboxes:
    """The notifications table, as far as inboxes use it.

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

    async def find(self, user_id: str, *, deadline: float) -> Stored:
        """Read a user's state, strongly consistently.

        A malformed state counts as empty, and the next mark overwrites it: otherwise the user's polls and marks would
        fail for as long as the item is kept.
        """
        item = await self._dynamodb.get_item(self._table, _key(user_id), deadline=deadline)
        if item is None:
            return Stored()
        version = _number(item, "inboxVersion")
        try:
            return Stored(read_state(item["inboxState"]["S"]), version)
        except (KeyError, TypeError, ValueError, RecursionError):
            return Stored(version=version)

    async def write(self, user_id: str, state: State, *, over: int, expires_at: int, deadline: float) -> bool:
        """Write a state over a version; return False, having written nothing, if that is not the latest any more.

        Parameters
        ----------
        over
            The version that the state was made from.
        expires_at
            When the item may be deleted, in seconds since the epoch.
        """
        request = {
            "TableName": self._table,
            "Key": _key(user_id),
            "UpdateExpression": "SET inboxVersion = :version, inboxState = :state, expiresAt = :expiresAt",
            "ConditionExpression": "inboxVersion = :over" if over else _UNVERSIONED,
            "ExpressionAttributeValues": {
                ":version": {"N": str(over + 1)},
                ":state": {"S": state_text(state)},
                ":expiresAt": {"N": str(expires_at)},
                **({":over": {"N": str(over)}} if over else {":first": {"N": "1"}, ":number": {"S": "N"}}),
            },
        }
        return await update_if(self._dynamodb, request, deadline=deadline) is not None

    async def count(self, user_id: str, state: State, *, now: int, deadline: float) -> Unread:
        """Count the notifications of a user's own log that are unread and not over, up to one more than `MAX_COUNT`.

        Those above the highest mark of "read up to" are read from the newest on, those below it by their ids. A
        notification that was just stored may not be counted yet; it is later than `Unread.to`.

        Parameters
        ----------
        now
            Seconds since the epoch.
        """
        above = [each for each in state.read if each > state.floor]
        unread, newest = await self._count_above(user_id, state, len(above), now, deadline)
        below = sorted((each for each in state.unread if each <= state.floor), reverse=True)
        if below and unread <= MAX_COUNT:
            unread += await self._count_there(user_id, below, now, deadline)
        return Unread(min(unread, MAX_COUNT + 1), newest)

    async def _count_above(self, user_id: str, state: State, read: int, now: int, deadline: float) -> tuple[int, str]:
        rows, unread, newest = MAX_COUNT + 1 + read, 0, ""
        request: dict[str, object] = {
            "TableName": self._table,
            "KeyConditionExpression": f"userId = :userId{' AND notificationId > :floor' if state.floor else ''}",
            "FilterExpression": _THERE,
            "ProjectionExpression": "notificationId",
            "ExpressionAttributeValues": {
                ":userId": {"S": key_of(user_id)},
                ":now": {"N": str(now)},
                **({":floor": {"S": state.floor}} if state.floor else {}),
            },
            "ScanIndexForward": False,
        }
        for _ in range(MAX_QUERIES):
            page = await self._dynamodb.query({**request, "Limit": rows}, deadline=deadline)
            found = [item["notificationId"]["S"] for item in page.items]
            newest = newest or next(iter(found), "")
            unread += sum(not state.is_read(each) for each in found)
            if page.last_evaluated_key is None or unread > MAX_COUNT:
                break
            request["ExclusiveStartKey"] = page.last_evaluated_key
            rows = min(QUERY_GROWTH * rows, MAX_ROWS)
        # With nothing above it, all that can come is later than the mark itself.
        return unread, newest or state.floor

    async def _count_there(self, user_id: str, ids: Sequence[str], now: int, deadline: float) -> int:
        keys = [{"userId": {"S": key_of(user_id)}, "notificationId": {"S": each}} for each in ids]
        items = await self._dynamodb.get_items(
            self._table, keys, attributes="notificationId, expiresAt, content", deadline=deadline
        )
        return sum("content" in item and _number(item, "expiresAt") > now for item in items)


def _number(item: Item, name: str) -> int:
    """Return a whole number; 0 where there is none."""
    text = str(item.get(name, {}).get("N"))
    return int(text) if text.isascii() and text.isdigit() else 0


def _key(user_id: str) -> Item:
    return {"userId": {"S": inbox_key(user_id)}, "notificationId": {"S": _STATE}}
