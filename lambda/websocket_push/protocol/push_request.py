"""The push request: content, recipients, and how long the notification is stored."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import JsonText, max_notification_bytes, notification_frame, to_json
from websocket_push.protocol.identifiers import (
    MAX_AHEAD_MILLISECONDS,
    earliest_id_at,
    milliseconds_of,
    parse_notification_id,
    rfc_3339,
)
from websocket_push.protocol.values import is_whole, require_known_fields, require_user_id

MAX_RECIPIENTS = 10_000
MAX_TTL_SECONDS = 365 * 24 * 60 * 60

_FIELDS = ("userId", "userIds", "topic", "content", "persist", "ttl", "id", "onFailure", "replaces", "key", "recall")
_REPLACING = ("replaces", "key", "recall")
_ADDRESSES = ("userId", "userIds", "topic")
_CLIENT_FIELDS = ("action", "requestId", "userId", "content")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.replacement import Replacement

# Ids and times have a fixed length, so any of them can be used to measure a frame.
_EMPTY_FRAME_BYTES = len(notification_frame(earliest_id_at(0), rfc_3339(0), ""))


class PushRequest(NamedTuple):
    """A valid push request.

    Parameters
    ----------
    recipients
        User ids without duplicates, in the given order; none where there is a topic.
    content
        JSON text.
    persist
        Whether the notification is stored; None uses the setting.
    ttl
        How long it is stored, in seconds; None uses the setting.
    notification_id
        A canonical UUIDv7 from the caller; if None, one is generated.
    raises_incomplete
        Whether the push fails, although partly done, if it is incomplete for any recipient.
    topic
        The topic to push to, or `*` for every connection; None where there are recipients.
    replacement
        What the notification replaces or recalls; a recall has no content. None for most.
    """

    recipients: tuple[str, ...]
    content: str
    persist: bool | None = None
    ttl: int | None = None
    notification_id: str | None = None
    raises_incomplete: bool = False
    topic: str | None = None
    replacement: "Replacement | None" = None


def parse_push(request: object, *, now_milliseconds: int, max_frame_bytes: int) -> PushRequest:
    """Check a backend's push request.

    Raises
    ------
    RequestError
        With the code of the first error found, before anything is written or sent.
    """
    if not isinstance(request, dict):
        raise RequestError("INVALID_REQUEST", "The request must be a JSON object.")
    require_known_fields(request, _FIELDS)
    topic = _parse_topic(request)
    recipients = () if topic is not None else _parse_recipients(request)
    replacement = None if request.keys().isdisjoint(_REPLACING) else _parse_replacement(request, now_milliseconds)
    return PushRequest(
        recipients=recipients,
        content=_parse_content(request, max_frame_bytes, topic, replacement),
        persist=_parse_persist(request.get("persist")),
        ttl=_parse_ttl(request.get("ttl"), request.get("persist")),
        notification_id=_parse_id(request.get("id"), now_milliseconds),
        raises_incomplete=_parse_on_failure(request.get("onFailure")),
        topic=topic,
        replacement=replacement,
    )


def parse_client_push(message: Mapping[str, object], *, max_frame_bytes: int) -> PushRequest:
    """Check a push from a WebSocket connection: one recipient and the content.

    A client can set neither id nor TTL: with an id that it has seen it could replace another user's notification, and
    the operator pays for storage.

    Raises
    ------
    RequestError
        As `parse_push`.
    """
    require_known_fields(message, _CLIENT_FIELDS)
    if "userId" not in message:
        raise RequestError("INVALID_RECIPIENT", "userId is missing: give the user to push to.")
    return PushRequest(
        recipients=(require_user_id(message["userId"], "userId"),),
        content=_parse_content(message, max_frame_bytes),
    )


def _parse_topic(request: Mapping[str, object]) -> str | None:
    """Return the topic of a request that has one; the request must have exactly one address."""
    given = [name for name in _ADDRESSES if request.get(name) is not None]
    if len(given) != 1:
        raise RequestError(
            "INVALID_RECIPIENT",
            "Give userId (one user), userIds (a list of users) or topic (a topic, or * for all); got "
            f"{' and '.join(given) or 'none'}.",
        )
    topic = request.get("topic")
    if topic is None:
        return None
    # Imported where it is needed: a function without topics should not pay for them when it starts.
    from websocket_push.protocol.topics import EVERYBODY, require_topic

    return EVERYBODY if topic == EVERYBODY else require_topic(topic, "topic")


def _parse_recipients(request: Mapping[str, object]) -> tuple[str, ...]:
    user_id, user_ids = request.get("userId"), request.get("userIds")
    if user_id is not None:
        return (require_user_id(user_id, "userId"),)
    if not isinstance(user_ids, list) or not 1 <= len(user_ids) <= MAX_RECIPIENTS:
        raise RequestError("INVALID_RECIPIENT", f"userIds must be a list of 1 to {MAX_RECIPIENTS} user ids.")
    checked = [require_user_id(each, f"userIds[{index}]") for index, each in enumerate(user_ids)]
    return tuple(dict.fromkeys(checked))


def _parse_replacement(request: Mapping[str, object], now_milliseconds: int) -> "Replacement | None":
    if all(request.get(name) is None for name in _REPLACING):
        return None
    from websocket_push.protocol.replacement import parse_replacement

    return parse_replacement(request, now_milliseconds=now_milliseconds)


def _parse_content(
    request: Mapping[str, object],
    max_frame_bytes: int,
    topic: str | None = None,
    replacement: "Replacement | None" = None,
) -> str:
    if replacement is not None and replacement.recall is not None:
        return ""
    if "content" not in request:
        raise RequestError("MISSING_CONTENT", "content is missing: give any JSON value, null included.")
    content = _json_text(request["content"])
    empty = _EMPTY_FRAME_BYTES + (0 if topic is None else len(f'"topic":"{topic}",'))
    empty += 0 if replacement is None else len(replacement.about)
    size, most = empty + len(content.encode()), max_notification_bytes(max_frame_bytes)
    if size > most:
        raise RequestError(
            "CONTENT_TOO_LARGE",
            f"content makes a frame of {size} bytes; at most {most} can be sent. Push a reference to it instead.",
        )
    return content


def _json_text(content: object) -> str:
    if isinstance(content, JsonText):
        return str(content)
    try:
        return to_json(content)
    except (ValueError, TypeError, RecursionError):
        raise RequestError(
            "INVALID_CONTENT", "content must be JSON: no NaN or Infinity, and not nested too deeply."
        ) from None


def _parse_persist(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise RequestError("INVALID_PERSIST", "persist must be true or false.")


def _parse_ttl(value: object, persist: object) -> int | None:
    if value is None:
        return None
    if persist is False:
        raise RequestError("INVALID_TTL", "ttl is only for what is persisted: leave out ttl or persist: false.")
    if not is_whole(value) or not 1 <= value <= MAX_TTL_SECONDS:
        raise RequestError("INVALID_TTL", f"ttl must be a whole number of seconds from 1 to {MAX_TTL_SECONDS}.")
    return value


def _parse_id(value: object, now_milliseconds: int) -> str | None:
    if value is None:
        return None
    notification_id = parse_notification_id(value)
    if notification_id is None:
        raise RequestError("INVALID_ID", "id must be a UUIDv7.")
    ahead = milliseconds_of(notification_id) - now_milliseconds
    if ahead > MAX_AHEAD_MILLISECONDS:
        raise RequestError(
            "INVALID_ID",
            f"id lies {ahead // 1000} s in the future; at most {MAX_AHEAD_MILLISECONDS // 1000} s are allowed. "
            "Check the caller's clock.",
        )
    return notification_id


def _parse_on_failure(value: object) -> bool:
    if value is None or value == "report":
        return False
    if value == "raise":
        return True
    raise RequestError("INVALID_ON_FAILURE", 'onFailure must be "report" or "raise".')
