"""What a push request replaces or recalls. Read only where a request does, so that others do not pay for it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import MAX_AHEAD_MILLISECONDS, milliseconds_of, parse_notification_id

FIELDS = ("replaces", "key", "recall")
MAX_KEY_CHARACTERS = 128


class Replacement(NamedTuple):
    """What a notification replaces or recalls: one of these is given.

    Parameters
    ----------
    replaces
        The id of the notification that it replaces.
    key
        What it is about: it replaces earlier ones with the same key.
    recall
        The id of the notification that is recalled.
    """

    replaces: str | None = None
    key: str | None = None
    recall: str | None = None

    @property
    def about(self) -> str:
        """The member of a notification's frame that says so, as JSON text with a comma before it."""
        if self.replaces is not None:
            return f',"replaces":"{self.replaces}"'
        return "" if self.key is None else f',"key":{key_text(self.key)}'


def parse_replacement(request: Mapping[str, object], *, now_milliseconds: int) -> Replacement:
    """Check what a push request replaces or recalls.

    Raises
    ------
    RequestError
        `INVALID_REPLACEMENT`.
    """
    given = [name for name in FIELDS if request.get(name) is not None]
    if len(given) != 1:
        raise _invalid(f"Give one of {', '.join(FIELDS)}; got {' and '.join(given)}.")
    if request.get("topic") is not None:
        raise _invalid(f"{given[0]} is for users: give userId or userIds.")
    if request.get("persist") is False:
        raise _invalid(f"{given[0]} is only for what is persisted, so that clients that are away get it.")
    if given[0] == "key":
        return Replacement(key=_parse_key(request["key"]))
    named = _parse_id(given[0], request[given[0]], now_milliseconds)
    own = request.get("id")
    if isinstance(own, str) and own.lower() == named:
        raise _invalid(f"{given[0]} is the id of this notification: name an earlier one.")
    if given[0] == "recall":
        if "content" in request:
            raise _invalid("A recall has no content: leave it out, or use replaces.")
        return Replacement(recall=named)
    return Replacement(replaces=named)


def key_text(key: str) -> str:
    """Return a key as JSON text."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def recall_text(notification_id: str, created_at: str, recalled: str, key: str | None) -> str:
    """Return a recall as it appears in a history page.

    Parameters
    ----------
    key
        What the recalled notification was about: earlier ones with this key are no longer valid either.
    """
    member = "" if key is None else f',"key":{key_text(key)}'
    return f'{{"id":"{notification_id}","createdAt":"{created_at}","recalls":"{recalled}"{member}}}'


def recall_frame(notification_id: str, created_at: str, recalled: str, key: str | None) -> str:
    """Return the frame of a recall for an open connection; see `recall_text`."""
    return f'{{"type":"recall",{recall_text(notification_id, created_at, recalled, key)[1:]}'


def _parse_key(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(rf"[!-~]{{1,{MAX_KEY_CHARACTERS}}}", value) is None:
        raise _invalid(f"key must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters without spaces.")
    return value


def _parse_id(field: str, value: object, now_milliseconds: int) -> str:
    named = parse_notification_id(value)
    if named is None:
        raise _invalid(f"{field} must be the id of a notification (a UUIDv7).")
    if milliseconds_of(named) > now_milliseconds + MAX_AHEAD_MILLISECONDS:
        raise _invalid(f"{field} is in the future: name an earlier notification.")
    return named


def _invalid(message: str) -> RequestError:
    return RequestError("INVALID_REPLACEMENT", message)
