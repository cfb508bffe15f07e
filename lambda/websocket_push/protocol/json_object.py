"""JSON objects that contain a member which is passed on as it was written."""

import json
import re

from websocket_push.protocol.frames import JsonText
from websocket_push.protocol.json_text import CHECKING, DuplicateMemberError, refuse_constant

_SURROGATE = "[\ud800-\udfff]"
_WHITESPACE = " \t\n\r"


def parse_object(text: str, *, as_written: str) -> dict[str, object] | None:
    """Read a JSON object (RFC 8259), one member of it as a `JsonText` that is checked but not converted.

    Parameters
    ----------
    text
        The whole text.
    as_written
        The name of that member, at the top level.

    Returns
    -------
    dict or None
        None for a JSON value that is not an object.

    Raises
    ------
    DuplicateMemberError
        If there is a duplicate member at the top level. Inside members the last one counts, as in `json`.
    ValueError
        If the text is not JSON, and for integers beyond Python's text limit outside that member.
    RecursionError
        For values nested deeper than the interpreter can follow.
    """
    position = _skip(text, 0)
    if not text.startswith("{", position):
        _CONVERTING.decode(text)
        return None
    found: dict[str, object] = {}
    position = _skip(text, position + 1)
    closed = text.startswith("}", position)
    while not closed:
        _expect(text, position, '"')
        name, position = _CONVERTING.raw_decode(text, position)
        position = _skip(text, _expect(text, _skip(text, position), ":"))
        if name in found:
            raise DuplicateMemberError(name)
        if name == as_written:
            _, end = CHECKING.raw_decode(text, position)
            found[name] = _json_text(text[position:end])
        else:
            found[name], end = _CONVERTING.raw_decode(text, position)
        position = _skip(text, end)
        closed = text.startswith("}", position)
        if not closed:
            position = _skip(text, _expect(text, position, ","))
    if _skip(text, position + 1) != len(text):
        raise ValueError("There is something after the object.")
    return found


def _json_text(text: str) -> JsonText:
    # An unpaired surrogate is legal in JSON only as an escape (RFC 8259 section 8.2), and UTF-8 carries no other.
    return JsonText(text if text.isascii() else re.sub(_SURROGATE, lambda found: f"\\u{ord(found[0]):04x}", text))


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _expect(text: str, position: int, character: str) -> int:
    if not text.startswith(character, position):
        raise ValueError(f"There is no {character} where one must be.")
    return position + 1


_CONVERTING = json.JSONDecoder(parse_constant=refuse_constant)
