"""The frames that the server sends, as JSON text.

Contents are kept and sent as the text they were accepted as, so a frame is put together from text, not from objects.
"""

import json
from collections.abc import Mapping, Sequence

from websocket_push.protocol.errors import ErrorCode

MAX_FRAME_BYTES = 128 * 1024
"""What API Gateway carries in one message, either way ("WebSocket message payload size", API Gateway quotas)."""

HISTORY_ENVELOPE_BYTES = 1024
"""Room in a history frame for all that is not a notification; bounded because user id and requestId are."""

MAX_NOTIFICATION_BYTES = MAX_FRAME_BYTES - HISTORY_ENVELOPE_BYTES
"""How long a notification frame may be, so that each fits into a history page by itself."""

PING_INTERVAL_SECONDS = 300
"""How often a client pings: half of the 10 minutes after which API Gateway ends an idle connection."""


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
    notifications: Sequence[str], *, more: bool, session: Mapping[str, object], request_id: str | int | None
) -> str:
    """Write a page of history from the texts of its notifications, oldest first.

    Parameters
    ----------
    notifications
        Texts made by `notification_text`.
    more
        Whether another page follows in the direction that was asked for.
    session
        What the client needs to keep going; see `session`.
    """
    return (
        f'{{"type":"history"{_request_id_member(request_id)},"notifications":[{",".join(notifications)}],'
        f'"more":{to_json(more)},"session":{to_json(session)}}}'
    )


def receipt_frame(report: Mapping[str, object], request_id: str | int | None) -> str:
    """Write the reply to a client's push: its report, marked as a receipt."""
    return f'{{"type":"receipt"{_request_id_member(request_id)},{to_json(report)[1:]}'


def error_frame(code: ErrorCode, message: str, request_id: str | int | None = None) -> str:
    """Write an error reply."""
    return f'{{"type":"error","code":"{code}","message":{to_json(message)}{_request_id_member(request_id)}}}'


def bye_frame(reason: str) -> str:
    """Write the last frame of a connection that the server is about to close."""
    return f'{{"type":"bye","reason":"{reason}"}}'


def session(*, user_id: str, connection_id: str, expires_at: str) -> dict[str, object]:
    """Tell a client who it is, when its connection will end (RFC 3339) and how often to ping (seconds)."""
    return {
        "userId": user_id,
        "connectionId": connection_id,
        "expiresAt": expires_at,
        "pingIntervalSeconds": PING_INTERVAL_SECONDS,
    }


def _request_id_member(request_id: str | int | None) -> str:
    return "" if request_id is None else f',"requestId":{to_json(request_id)}'
