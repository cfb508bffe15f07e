"""Rules for single values that more than one request holds."""

import json
from collections.abc import Iterable, Mapping

from websocket_push.protocol.errors import ErrorCode, RequestError

MAX_USER_ID_BYTES = 256
MAX_REQUEST_ID_CHARACTERS = 64
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JavaScript client can send and compare exactly."""

_SHOWN_FIELDS = 5
_SHOWN_CHARACTERS = 40


def user_id_problem(value: object) -> str | None:
    """Say what is wrong with a user id, or None if nothing is.

    A user id is a key of both tables and of log searches, so what cannot be told apart on sight (blank, control
    characters) or stored (unpaired surrogates) is refused rather than normalised.
    """
    if not isinstance(value, str):
        return "must be a string"
    if not value.strip():
        return "must not be empty or blank"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "must be valid Unicode"
    if size > MAX_USER_ID_BYTES:
        return f"must be at most {MAX_USER_ID_BYTES} bytes in UTF-8, got {size}"
    if any(_is_control(character) for character in value):
        return "must not hold control characters"
    return None


def require_user_id(value: object, field: str) -> str:
    """Give the value back as a user id, or raise `INVALID_USER_ID` naming the field it came in."""
    problem = user_id_problem(value)
    if problem is not None or not isinstance(value, str):
        raise RequestError(ErrorCode.INVALID_USER_ID, f"{field} {problem}.")
    return value


def require_known_fields(request: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise `UNKNOWN_FIELD`, by name, for members that nobody would read: a misspelt option must not be ignored."""
    allowed = tuple(known)
    unknown = sorted(str(name) for name in request if name not in allowed)
    if not unknown:
        return
    shown = ", ".join(ascii(name[:_SHOWN_CHARACTERS]) for name in unknown[:_SHOWN_FIELDS])
    more = f" and {len(unknown) - _SHOWN_FIELDS} more" if len(unknown) > _SHOWN_FIELDS else ""
    raise RequestError(ErrorCode.UNKNOWN_FIELD, f"Unknown field {shown}{more}; known are {', '.join(allowed)}.")


def parse_message(body: object) -> dict[str, object]:
    """Read a text frame as a JSON object (RFC 8259, so no NaN or Infinity), or raise `INVALID_REQUEST`."""
    try:
        message = json.loads(body, parse_constant=_refuse_constant) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        raise RequestError(ErrorCode.INVALID_REQUEST, "The message is not valid JSON.") from None
    if not isinstance(message, dict):
        raise RequestError(ErrorCode.INVALID_REQUEST, "The message must be a JSON object.")
    return message


def parse_request_id(message: Mapping[str, object]) -> str | int | None:
    """Give the `requestId` of a message, or raise `INVALID_REQUEST_ID`; None if it has none.

    It is echoed in the reply, so it is bounded: at most 64 characters of printable ASCII, or an integer that
    JavaScript can hold.
    """
    request_id = message.get("requestId")
    if request_id is None:
        return None
    if isinstance(request_id, int) and not isinstance(request_id, bool) and abs(request_id) <= MAX_SAFE_INTEGER:
        return request_id
    if isinstance(request_id, str) and len(request_id) <= MAX_REQUEST_ID_CHARACTERS and _is_plain(request_id):
        return request_id
    raise RequestError(
        ErrorCode.INVALID_REQUEST_ID,
        f"requestId must be at most {MAX_REQUEST_ID_CHARACTERS} characters of printable ASCII, "
        "or an integer of at most 2^53 - 1.",
    )


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
