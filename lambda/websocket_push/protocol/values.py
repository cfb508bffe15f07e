"""Rules for values that several requests contain."""

import re
from collections.abc import Iterable, Mapping

from websocket_push.protocol.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

MAX_USER_ID_BYTES = 256
MAX_TOKEN_ID_BYTES = 256
MAX_REQUEST_ID_CHARACTERS = 64
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JavaScript client can send and compare exactly."""

# Patterns, not compiled: most user ids are plain ASCII and need neither, and compiling takes a millisecond.
_CONTROL = "[\x00-\x1f\x7f-\x9f]"

_UNSHOWN = (
    # Control characters; spaces other than U+0020 and the ideographic space, which is as wide as its neighbors.
    "[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f"
    # What Unicode lets a font leave out (Default_Ignorable_Code_Point), with the marks that change the direction of
    # text.
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # What has no glyph for other reasons: blank Braille, annotations, hieroglyphs' controls, fillers, noncharacters,
    # private use.
    "\u2800\ufff9-\ufffb\U00013430-\U00013440\U00016fe4\U0001d159\ufdd0-\ufdef\ue000-\uf8ff\U000f0000-\U0010ffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0xF0000, 0x10000))
    + "]"
)

_SHOWN_FIELDS = 5
_SHOWN_CHARACTERS = 40


def user_id_problem(value: object) -> str | None:
    """Return what is wrong with a user id, or None if it is valid.

    A user id is a key of both tables and of log searches, so characters that make ids indistinguishable (blank,
    invisible, reordering) or cannot be stored (unpaired surrogates) are refused, not normalized.
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
    found = None if value.isascii() and value.isprintable() else re.search(_UNSHOWN, value)
    if found is not None:
        kind = "control characters" if re.match(_CONTROL, found[0]) else "characters that cannot be seen"
        return f"must not hold {kind}, got U+{ord(found[0]):04X}"
    if value != value.strip():
        return "must not begin or end with a space"
    return None


def require_user_id(value: object, field: str) -> str:
    """Return the value as a user id, or raise `INVALID_USER_ID` with the name of the field."""
    problem = user_id_problem(value)
    if problem is not None or not isinstance(value, str):
        raise RequestError("INVALID_USER_ID", f"{field} {problem}.")
    return value


def is_token_id(value: str) -> bool:
    """Return whether a token's id can be kept and compared."""
    try:
        return 1 <= len(value.encode()) <= MAX_TOKEN_ID_BYTES
    except UnicodeEncodeError:
        return False


def is_whole(value: object) -> "TypeGuard[int]":
    """Return whether a value is a whole number; `true` and `false` are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def require_known_fields(request: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise `UNKNOWN_FIELD`, by name, for unknown members: a misspelled option must not be ignored."""
    allowed = tuple(known)
    unknown = sorted(str(name) for name in request if name not in allowed)
    if not unknown:
        return
    shown = ", ".join(_shown(name) for name in unknown[:_SHOWN_FIELDS])
    more = f" and {len(unknown) - _SHOWN_FIELDS} more" if len(unknown) > _SHOWN_FIELDS else ""
    raise RequestError("UNKNOWN_FIELD", f"Unknown field {shown}{more}; known are {', '.join(allowed)}.")


def parse_message(body: object) -> dict[str, object]:
    """Read a text frame as a JSON object (RFC 8259, so no NaN or Infinity), or raise `INVALID_REQUEST`."""
    # Imported here because a push from a backend reads no text.
    from websocket_push.protocol.json_text import read_object

    return _read_message(body, read_object)


def parse_push_message(body: object) -> dict[str, object]:
    """Read a text as `parse_message` does, but the member `content` as a `JsonText`, unchanged."""
    # Imported here because only functions that push need it.
    from websocket_push.protocol.json_object import parse_object

    return _read_message(body, lambda text: parse_object(text, as_written="content"))


def _read_message(body: object, read: "Callable[[str], dict[str, object] | None]") -> dict[str, object]:
    from websocket_push.protocol.json_text import DuplicateMemberError

    try:
        message = read(body) if isinstance(body, str) else None
    except DuplicateMemberError as duplicate:
        raise RequestError("INVALID_REQUEST", f"The message has the member {_shown(str(duplicate))} twice.") from None
    except (ValueError, RecursionError):
        raise RequestError("INVALID_REQUEST", "The message is not valid JSON.") from None
    if message is None:
        raise RequestError("INVALID_REQUEST", "The message must be a JSON object.")
    return message


def parse_request_id(message: Mapping[str, object]) -> str | int | None:
    """Return the `requestId` of a message, or raise `INVALID_REQUEST_ID`; None if it has none.

    It is echoed in the reply, so it is bounded: at most 64 characters of printable ASCII, or an integer that JavaScript
    can represent exactly.
    """
    request_id = message.get("requestId")
    if request_id is None:
        return None
    if is_whole(request_id) and abs(request_id) <= MAX_SAFE_INTEGER:
        return request_id
    if isinstance(request_id, str) and len(request_id) <= MAX_REQUEST_ID_CHARACTERS and _is_plain(request_id):
        return request_id
    raise RequestError(
        "INVALID_REQUEST_ID",
        f"requestId must be at most {MAX_REQUEST_ID_CHARACTERS} characters of printable ASCII, "
        "or an integer of at most 2^53 - 1.",
    )


def _shown(name: str) -> str:
    return ascii(name[:_SHOWN_CHARACTERS])


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
