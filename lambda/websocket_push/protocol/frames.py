"""The frames that the server sends, as JSON text.

Contents are kept and sent as the text they were accepted as, so a frame is put together from text, not from objects.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from websocket_push.protocol.errors import ErrorCode

HISTORY_ENVELOPE_BYTES = 1024
"""Room in a history frame for all that is not a notification; bounded because user id and requestId are."""

PING_INTERVAL_SECONDS = 300
"""How often a client pings that does not know `keepalive`: half of the 10 minutes that API Gateway lets it idle."""


class Keepalive(NamedTuple):
    """What a client sends to keep its connection open, and how often."""

    action: str
    seconds: int


def max_notification_bytes(max_frame_bytes: int) -> int:
    """Return how long a notification frame may be, so that each fits into a history page by itself."""
    return max_frame_bytes - HISTORY_ENVELOPE_BYTES


_RESET = ',"reset":true'


def to_json(value: object) -> str:
    """Write a value as compact JSON text that UTF-8 can carry.

    Raises
    ------
    ValueError
        For NaN, Infinity, a value that refers to itself, and integers beyond Python's text limit.
    RecursionError
        For values nested deeper than the interpreter can follow.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # An unpaired surrogate is legal in JSON only as an escape (RFC 8259 section 8.2).
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def notification_text(notification_id: str, created_at: str, content: str) -> str:
    """Write a notification as it stands in a history page; `content` is JSON text already."""
    return f'{{"id":"{notification_id}","createdAt":"{created_at}","content":{content}}}'


def notification_frame(notification_id: str, created_at: str, content: str) -> str:
    """Write a notification as it is sent to an open connection; `content` is JSON text already."""
    return f'{{"type":"notification","id":"{notification_id}","createdAt":"{created_at}","content":{content}}}'


def history_frame(
    notifications: Sequence[str],
    *,
    next_position: str | None,
    reset: bool,
    session: Mapping[str, object],
    request_id: str | int | None,
) -> str:
    """Write a page of history from the texts of its notifications, oldest first.

    Parameters
    ----------
    notifications
        Texts made by `notification_text`.
    next_position
        What the client gives for the next page in the direction that was asked for; None at the end.
    reset
        Whether the client's position was of no use and the newest page is given instead.
    session
        What the client needs to keep going; see `session`.
    """
    more = "false" if next_position is None else f'true,"next":"{next_position}"'
    return (
        f'{{"type":"history"{_request_id_member(request_id)},"notifications":[{",".join(notifications)}],'
        f'"more":{more}{_RESET if reset else ""},"session":{to_json(session)}}}'
    )


def receipt_frame(report: Mapping[str, object], request_id: str | int | None) -> str:
    """Write the reply to a client's push: its report, marked as a receipt."""
    return f'{{"type":"receipt"{_request_id_member(request_id)},{to_json(report)[1:]}'


def error_frame(code: ErrorCode, message: str, request_id: str | int | None = None) -> str:
    """Write an error reply."""
    return f'{{"type":"error","code":"{code}","message":{to_json(message)}{_request_id_member(request_id)}}}'


def bye_frame(reason: str, *, reconnect: bool | None = None) -> str:
    """Write the last frame of a connection that the server is about to close.

    Parameters
    ----------
    reason
        Why: letters, digits and underscores.
    reconnect
        Whether the client is to connect again; None leaves that to the reason.
    """
    member = "" if reconnect is None else f',"reconnect":{to_json(reconnect)}'
    return f'{{"type":"bye","reason":"{reason}"{member}}}'


def session(*, user_id: str, connection_id: str, expires_at: str, keepalive: Keepalive) -> dict[str, object]:
    """Return who a client is, when its connection will end (RFC 3339) and what keeps it open until then."""
    return {
        "userId": user_id,
        "connectionId": connection_id,
        "expiresAt": expires_at,
        "keepalive": keepalive._asdict(),
        "pingIntervalSeconds": keepalive.seconds if keepalive.action == "ping" else PING_INTERVAL_SECONDS,
    }


def _request_id_member(request_id: str | int | None) -> str:
    return "" if request_id is None else f',"requestId":{to_json(request_id)}'
