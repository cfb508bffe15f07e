"""The poll request: the page of history that it asks for."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import parse_notification_id
from websocket_push.protocol.values import is_whole, require_known_fields

DEFAULT_LIMIT = 50
MAX_LIMIT = 100

_CONTINUED = "+"
"""The suffix of a position that continues another page: late notifications were in the first page."""

_FIELDS = ("action", "requestId", "after", "before", "limit")


class PollRequest(NamedTuple):
    """A page of history: forward from `after`, back from `before`, or the newest if both are None.

    `limit` counts the notifications that the client cannot have seen yet. A `continued` page follows another one, so it
    repeats nothing.
    """

    after: str | None
    before: str | None
    limit: int
    continued: bool = False


def continued_position(notification_id: str) -> str:
    """Return the `after` with which a client gets the page that follows one that ends with an id."""
    return notification_id + _CONTINUED


def parse_poll(message: Mapping[str, object]) -> PollRequest:
    """Check a poll message.

    Raises
    ------
    RequestError
        `UNKNOWN_FIELD`, `INVALID_RANGE` (both `after` and `before`), `INVALID_ID` or `INVALID_LIMIT`.
    """
    require_known_fields(message, _FIELDS)
    if message.get("after") is not None and message.get("before") is not None:
        raise RequestError("INVALID_RANGE", "Give either after (to resume) or before (to scroll back), not both.")
    after = message.get("after")
    continued = isinstance(after, str) and after.endswith(_CONTINUED)
    return PollRequest(
        after=_parse_position(after[:-1] if isinstance(after, str) and continued else after, "after"),
        before=_parse_position(message.get("before"), "before"),
        limit=_parse_limit(message.get("limit")),
        continued=continued,
    )


def _parse_position(value: object, field: str) -> str | None:
    if value is None:
        return None
    position = parse_notification_id(value)
    if position is None:
        raise RequestError("INVALID_ID", f"{field} must be the id of a notification (a UUIDv7), or the next of a page.")
    return position


def _parse_limit(value: object) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not is_whole(value) or not 1 <= value <= MAX_LIMIT:
        raise RequestError("INVALID_LIMIT", f"limit must be an integer from 1 to {MAX_LIMIT}.")
    return value
