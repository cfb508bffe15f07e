"""The frames that the server sends, as JSON text.

Content is stored and sent as the text that was received, so frames are assembled from text, not from objects.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.error_codes import ErrorCode


HISTORY_ENVELOPE_BYTES = 1024
"""Room in a history frame for everything but notifications; bounded because user id and requestId are."""

PING_INTERVAL_SECONDS = 300
"""How often a client without support for `keepalive` pings: half of API Gateway's idle timeout of 10 minutes."""


class JsonText(str):
    """A sound JSON value as the text that its sender wrote, with the digits of its numbers and all its members."""

    __slots__ = ()


def max_notification_bytes(max_frame_bytes: int) -> int:
    """Return the largest size of a notification frame, so that each fits into a history page by itself."""
    return max_frame_bytes - HISTORY_ENVELOPE_BYTES


_RESET = ',"reset":true'
STATE_MEMBER = ',"state":'


def to_json(value: object) -> str:
    """Return a value as compact JSON text that can be encoded in UTF-8.

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


def notification_text(
    notification_id: str, created_at: str, content: str, topic: str | None = None, about: str = ""
) -> str:
    """Return a notification as it appears in a history page; `content` is JSON text.

    Parameters
    ----------
    topic
        What it was pushed to, if that is a topic or `*`; their names need no escapes.
    about
        What it replaces: a member as JSON text with a comma before it; see `Replacement.about`.
    """
    return f'{{"id":"{notification_id}","createdAt":"{created_at}"{_topic_member(topic)}{about},"content":{content}}}'


def notification_frame(
    notification_id: str, created_at: str, content: str, topic: str | None = None, about: str = ""
) -> str:
    """Return the frame of a notification for an open connection; see `notification_text`."""
    return f'{{"type":"notification",{notification_text(notification_id, created_at, content, topic, about)[1:]}'


def history_frame(
    notifications: Sequence[str],
    *,
    next_position: str | None,
    reset: bool,
    session: Mapping[str, object],
    request_id: str | int | None,
    state: str = "",
    recalls: Sequence[str] = (),
) -> str:
    """Return the frame of a history page, from the texts of its notifications, oldest first.

    Parameters
    ----------
    notifications
        Texts made by `notification_text`.
    next_position
        What the client sends to get the next page in the requested direction; None at the end.
    reset
        Whether the client's position was unusable and this is the newest page instead.
    session
        What the client needs to stay connected; see `session`.
    state
        The state of the user's inbox, as JSON text; empty where there is none.
    recalls
        Texts made by `recall_text`.
    """
    recalled = f',"recalls":[{",".join(recalls)}]' if recalls else ""
    more = "false" if next_position is None else f'true,"next":"{next_position}"'
    return (
        f'{{"type":"history"{_request_id_member(request_id)},"notifications":[{",".join(notifications)}]{recalled},'
        f'"more":{more}{_RESET if reset else ""},"session":{to_json(session)}{state and STATE_MEMBER}{state}}}'
    )


def receipt_frame(report: Mapping[str, object], request_id: str | int | None) -> str:
    """Return the reply to a client's push: the report, as a receipt."""
    return f'{{"type":"receipt"{_request_id_member(request_id)},{to_json(report)[1:]}'


def subscribed_frame(
    topics: Sequence[str], refused: "Iterable[tuple[str, ErrorCode]]", request_id: str | int | None
) -> str:
    """Return the reply about topics: those the connection listens to, and the refused ones, each with the reason."""
    refusals = [{"topic": topic, "code": code} for topic, code in refused]
    members = to_json({"topics": topics, "refused": refusals})[1:]
    return f'{{"type":"subscribed"{_request_id_member(request_id)},{members}'


def state_frame(state: str, request_id: str | int | None = None) -> str:
    """Return the frame about a user's inbox, a reply or not; `state` is JSON text."""
    return f'{{"type":"state"{_request_id_member(request_id)}{STATE_MEMBER}{state}}}'


def error_frame(
    code: "ErrorCode", message: str, request_id: str | int | None = None, *, retry_after: int | None = None
) -> str:
    """Return an error reply; `retry_after` is the seconds after which to send the message again."""
    wait = "" if retry_after is None else f',"retryAfter":{retry_after}'
    return f'{{"type":"error","code":"{code}","message":{to_json(message)}{wait}{_request_id_member(request_id)}}}'


def bye_frame(reason: str, *, reconnect: bool | None = None) -> str:
    """Return the last frame of a connection that the server is about to close.

    Parameters
    ----------
    reason
        Why: letters, digits and underscores.
    reconnect
        Whether the client is to connect again; None leaves that to the reason.
    """
    member = "" if reconnect is None else f',"reconnect":{to_json(reconnect)}'
    return f'{{"type":"bye","reason":"{reason}"{member}}}'


def session(
    *, user_id: str, connection_id: str, expires_at: str, keepalive_action: str, keepalive_seconds: int
) -> dict[str, object]:
    """Return a client's user, when its connection will end (RFC 3339), and what keeps it open and how often."""
    return {
        "userId": user_id,
        "connectionId": connection_id,
        "expiresAt": expires_at,
        "keepalive": {"action": keepalive_action, "seconds": keepalive_seconds},
        "pingIntervalSeconds": keepalive_seconds if keepalive_action == "ping" else PING_INTERVAL_SECONDS,
    }


def _topic_member(topic: str | None) -> str:
    return "" if topic is None else f',"topic":"{topic}"'


def _request_id_member(request_id: str | int | None) -> str:
    return "" if request_id is None else f',"requestId":{to_json(request_id)}'
