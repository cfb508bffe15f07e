"""The state of a user's inbox: what has been seen and read, as values that only grow, and the marks that change it.

Every part of a state is a maximum: an id, or for an id the time of the latest mark. So states can be merged in any
order, and repeatedly, with the same result.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import MAX_AHEAD_MILLISECONDS, milliseconds_of, parse_notification_id
from websocket_push.protocol.values import MAX_SAFE_INTEGER, is_whole, require_known_fields

MAX_EXCEPTIONS = 200
"""How many notifications a state lists one by one: about 11 KB, which fits into a frame and an item."""

MAX_WATERMARKS = 8
"""How many marks of "read up to" a state has at most. One is usual: a lower one counts only where it is later."""

MAX_IDS = 100
"""How many notifications a message may mark as read, and as unread."""

MAX_COUNT = 99
"""The highest count of unread notifications; one more stands for any larger number."""

FIELDS = ("seenUpTo", "readUpTo", "read", "unread", "at")

Times = Mapping[str, int]
"""Times by id, in milliseconds since the epoch."""

_NONE: Times = {}


class State(NamedTuple):
    """The state of a user's inbox.

    Parameters
    ----------
    seen_up_to
        The highest id that has been seen; empty if none was.
    read_up_to
        Up to which id, and when, everything was marked as read.
    read, unread
        The notifications that were marked individually, with the time. The latest mark wins, including one in
        `read_up_to`.
    """

    seen_up_to: str = ""
    read_up_to: Times = _NONE
    read: Times = _NONE
    unread: Times = _NONE

    @property
    def floor(self) -> str:
        """The highest id up to which everything was marked as read; empty if nothing was."""
        return max(self.read_up_to, default="")

    @property
    def latest(self) -> int:
        """The time of the latest mark; 0 if there is none."""
        return max((time for times in self[1:] for time in times.values()), default=0)

    def is_read(self, notification_id: str) -> bool:
        """Return whether a notification is read."""
        if notification_id in self.read:
            return True
        return notification_id <= self.floor and notification_id not in self.unread


class Mark(NamedTuple):
    """The marks in a message; `at` is their time, in milliseconds since the epoch, or None if the message has none."""

    seen_up_to: str = ""
    read_up_to: str = ""
    read: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    at: int | None = None


def marked(state: State, mark: Mark, *, now: int) -> State:
    """Return a state after a mark.

    A mark with a time can be repeated, and arrive late: the latest mark wins, not the last to arrive. A clock that is
    ahead gives no advantage. A mark without a time is later than all others.

    Parameters
    ----------
    now
        Milliseconds since the epoch.
    """
    # Not just the current time: the functions' clocks differ by milliseconds, too.
    newest = max(now, state.latest + 1)
    at = newest if mark.at is None else min(mark.at, newest)
    return merged(
        state,
        State(
            mark.seen_up_to,
            {mark.read_up_to: at} if mark.read_up_to else {},
            dict.fromkeys(mark.read, at),
            dict.fromkeys(mark.unread, at),
        ),
    )


def merged(one: State, other: State, *, most: int = MAX_EXCEPTIONS) -> State:
    """Return the state that contains what either of two contains: their maximum.

    A state with more than `most` exceptions takes everything up to the oldest ones as read, just after the latest of
    them. That is a mark like any other, and includes those it stands for, so states with and without it merge to the
    same.
    """
    read_up_to = _highest(_latest(one.read_up_to, other.read_up_to))
    read, unread = _exceptions(_latest(one.read, other.read), _latest(one.unread, other.unread), read_up_to)
    excess = sorted((*read, *unread))[:-most]
    if excess:
        times = [read[each] if each in read else unread[each] for each in excess]
        read_up_to = _highest(_latest(read_up_to, {excess[-1]: max(times) + 1}))
        read, unread = _exceptions(read, unread, read_up_to)
    return State(max(one.seen_up_to, other.seen_up_to), read_up_to, read, unread)


def parse_mark(request: Mapping[str, object], known: Iterable[str], *, now: int) -> Mark:
    """Check what a request marks.

    Parameters
    ----------
    known
        The members that the request may have, `FIELDS` among them.
    now
        Milliseconds since the epoch.

    Raises
    ------
    RequestError
        `UNKNOWN_FIELD`, `INVALID_ID` or `INVALID_MARK`.
    """
    require_known_fields(request, known)
    mark = Mark(
        seen_up_to=_parse_up_to(request.get("seenUpTo"), "seenUpTo", now),
        read_up_to=_parse_up_to(request.get("readUpTo"), "readUpTo", now),
        read=_parse_ids(request.get("read"), "read", now),
        unread=_parse_ids(request.get("unread"), "unread", now),
        at=_parse_at(request.get("at")),
    )
    if set(mark.read) & set(mark.unread):
        raise RequestError("INVALID_MARK", "read and unread name the same notification: mark it as one of them.")
    return mark


def state_text(state: State) -> str:
    """Return a state as JSON text."""
    return json.dumps(_members(state), separators=(",", ":"))


def read_state(text: str) -> State:
    """Read the text of a state.

    Raises
    ------
    KeyError, ValueError, RecursionError
        If it is not one.
    """
    members: Any = json.loads(text)
    if not isinstance(members, dict):
        raise ValueError("not an object")
    seen_up_to, *times = members.get("seenUpTo", ""), members["readUpTo"], members["read"], members["unread"]
    if not (seen_up_to == "" or _is_id(seen_up_to)) or not all(map(_are_times, times)):
        raise ValueError("not ids and times")
    return State(seen_up_to, *times)


class Unread(NamedTuple):
    """How many notifications are unread.

    Parameters
    ----------
    number
        At most one more than `MAX_COUNT`.
    to
        The newest id that was counted; empty if there was none.
    """

    number: int = 0
    to: str = ""


def state_member(state: State, version: int, unread: Unread) -> str:
    """Return the state of an inbox for frames and replies, as JSON text.

    Parameters
    ----------
    version
        How often the state has been changed.
    unread
        How many are unread.
    """
    counted = {"countedTo": unread.to} if unread.to else {}
    members = {"version": version, **_members(state), "unreadCount": unread.number, **counted}
    return json.dumps(members, separators=(",", ":"))


def _are_times(value: object) -> bool:
    return isinstance(value, dict) and all(_is_id(each) and is_whole(at) for each, at in value.items())


def _is_id(value: object) -> bool:
    # DynamoDB refuses a read with a key such as an empty one, and with it every count of the user's.
    return parse_notification_id(value) == value


def _members(state: State) -> dict[str, object]:
    seen = {"seenUpTo": state.seen_up_to} if state.seen_up_to else {}
    return {**seen, "readUpTo": state.read_up_to, "read": state.read, "unread": state.unread}


def _latest(one: Times, other: Times) -> Times:
    return {each: max(one.get(each, 0), other.get(each, 0)) for each in {**one, **other}}


def _highest(read_up_to: Times) -> Times:
    """Leave out marks that a later one with a higher id includes; merge the lowest if there are too many."""
    kept: dict[str, int] = {}
    for each in sorted(read_up_to, reverse=True):
        time = read_up_to[each]
        if kept and time <= max(kept.values()):
            continue
        if len(kept) == MAX_WATERMARKS:
            kept[min(kept)] = time
        else:
            kept[each] = time
    return kept


def _exceptions(read: Times, unread: Times, read_up_to: Times) -> tuple[Times, Times]:
    """Leave out marks that a later mark of the same notification, or one that includes it, overrules.

    For equal times an individual mark overrules "read up to", so that a message can mark all but some; and read
    overrules unread.
    """

    def covered(each: str) -> int:
        return max((time for up_to, time in read_up_to.items() if each <= up_to), default=-1)

    return (
        {each: at for each, at in read.items() if at >= covered(each) and at >= unread.get(each, 0)},
        {each: at for each, at in unread.items() if at >= covered(each) and at > read.get(each, -1)},
    )


def _parse_up_to(value: object, field: str, now: int) -> str:
    return "" if value is None else _parse_id(value, field, now)


def _parse_ids(value: object, field: str, now: int) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_IDS:
        raise RequestError("INVALID_MARK", f"{field} must be a list of 1 to {MAX_IDS} ids of notifications.")
    return tuple(dict.fromkeys(_parse_id(each, f"{field}[{index}]", now) for index, each in enumerate(value)))


def _parse_id(value: object, field: str, now: int) -> str:
    notification_id = parse_notification_id(value)
    if notification_id is None:
        raise RequestError("INVALID_ID", f"{field} must be the id of a notification (a UUIDv7).")
    if milliseconds_of(notification_id) > now + MAX_AHEAD_MILLISECONDS:
        raise RequestError("INVALID_ID", f"{field} is in the future: mark an existing notification.")
    return notification_id


def _parse_at(value: object) -> int | None:
    if value is None:
        return None
    if not is_whole(value) or not 0 <= value <= MAX_SAFE_INTEGER:
        raise RequestError("INVALID_MARK", "at must be whole milliseconds since the epoch.")
    return value
