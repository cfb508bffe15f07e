"""What is JSON text (RFC 8259), and the objects that are read of it."""

import json


class DuplicateMemberError(ValueError):
    """An object has a duplicate member, so that it is ambiguous; the text is the member's name."""


def read_object(text: str) -> dict[str, object] | None:
    """Read a JSON object; `json_object.parse_object` reads one with a member that is passed on as it was written.

    Returns
    -------
    dict or None
        None for a JSON value that is not an object.

    Raises
    ------
    DuplicateMemberError, ValueError, RecursionError
        As `parse_object`.
    """
    outermost: list[tuple[str, object]] = []

    def take(members: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal outermost
        outermost = members  # It is the last one to be read.
        return dict(members)

    value = json.JSONDecoder(object_pairs_hook=take, parse_constant=refuse_constant).decode(text)
    if not isinstance(value, dict):
        return None
    names: set[str] = set()
    for name, _ in outermost:
        if name in names:
            raise DuplicateMemberError(name)
        names.add(name)
    return value


def is_json(text: str) -> bool:
    """Return whether a text is one JSON value."""
    try:
        CHECKING.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def refuse_constant(name: str) -> object:
    """Raise `ValueError` for NaN or Infinity, which Python's decoder takes for JSON."""
    raise ValueError(name)


CHECKING = json.JSONDecoder(parse_float=len, parse_int=len, parse_constant=refuse_constant)
"""Accepts numbers of any size; the values it returns are not used."""
