"""What the application has been given: from where to resume, and which ids to drop as repeats. No I/O, no clock.

Only pages of history move the position: a live notification says nothing about those before it. Times are in
milliseconds, as in the ids.
"""

import bisect
import re
from typing import Any

_UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

BEGINNING = "00000000-0000-7000-8000-000000000000"
"""The lowest id there can be. As a position: nothing has been seen, and there was nothing to see."""

_SERVER_OVERLAP = 5 * 60 * 1000
_MARGIN = 60 * 1000
_STORED = 300
_MAX_REPEATS = 100
_REMEMBERED = 1000
_AHEAD = 5 * 60 * 1000
"""How far ahead of the clock an id is believed."""


def is_identifier(text: object) -> bool:
    """Tell whether something is an id."""
    return isinstance(text, str) and _UUID_7.fullmatch(text) is not None


def earliest_at(milliseconds: float) -> str:
    """Return the lowest id that a notification of this time can have."""
    digits = f"{max(0, int(milliseconds)):012x}"
    return f"{digits[:8]}-{digits[8:]}{BEGINNING[13:]}"


def time_of(identifier: str) -> int:
    """Return the time in an id."""
    return int(identifier[:8] + identifier[9:13], 16)


class Ledger:
    """The position, and the ids that have been shown.

    Parameters
    ----------
    stored
        What `str` gave before the program ended; a lone id will do.
    look_back
        How far behind the position to resume.
    now
        The time.

    Attributes
    ----------
    future
        Whether the stored position lay in the future, so that another had to be found.
    """

    def __init__(self, stored: str | None, *, look_back: float, now: float) -> None:
        self.position: str | None = None
        self.future = False
        self._look_back = look_back
        self._seen: dict[str, float] = {}
        self._recent: list[str] = []
        self._gone: dict[str, None] = {}
        self._latest: dict[str, str] = {}
        self._floor = ""
        self._prune_at = 1024
        position, *recent = (stored or "").split(" ")
        if not is_identifier(position):
            return
        for known in [each for each in recent if is_identifier(each)][-_STORED:] or [position]:
            self.take(known, now)
        bound = earliest_at(now + _AHEAD)
        self.future = position > bound
        believed = self._recent[: bisect.bisect_right(self._recent, bound)]
        self.position = (believed[-1] if believed else None) if self.future else position
        # Of what lies further behind it is not known any more what has been seen: to look there is to show it again.
        if len(self._recent) == _STORED and self._recent[_MAX_REPEATS] <= bound:
            self._floor = self._recent[_MAX_REPEATS]

    @property
    def resume_after(self) -> str | None:
        """The id to resume after, some way behind the position; None asks for the newest page."""
        if self.position is None:
            return None
        return max(earliest_at(time_of(self.position) - self._look_back), self._floor)

    def take(self, identifier: str, now: float) -> bool:
        """Note that a notification is shown; return False if it was shown before."""
        if identifier in self._seen:
            return False
        self._seen[identifier] = now
        if identifier != BEGINNING:
            bisect.insort(self._recent, identifier)
            del self._recent[:-_STORED]
        if len(self._seen) > self._prune_at:
            self._prune(now)
        return True

    def drop(self, identifier: str | None, key: str | None, before: str, now: float) -> bool:
        """Note that a notification was replaced or recalled, and what has a key and is earlier than an id.

        Return False if that was known.
        """
        news = key is not None and before > self._latest.get(key, "")
        if key is not None and news:
            self._latest[key] = before
            _bound(self._latest)
        if identifier is None or identifier in self._gone:
            return news
        self.take(identifier, now)
        self._gone[identifier] = None
        _bound(self._gone)
        return True

    def outdated(self, identifier: str, key: str | None) -> bool:
        """Tell whether a notification's place was taken before it arrived."""
        return identifier < self._latest.get(key or "", "") or identifier in self._gone

    def advance(self, identifier: str, now: float) -> None:
        """Note that a page of history has confirmed everything up to an id. Never moves back, nor into the future."""
        reached = min(identifier, earliest_at(now + _AHEAD))
        if is_identifier(identifier) and (self.position is None or reached > self.position):
            self.position = reached

    def reset(self) -> None:
        """Forget the position: the server has found it to lie in the future. What has been shown stays known."""
        self.position = None
        self._floor = ""

    def __str__(self) -> str:
        return " ".join([self.position or "", *self._recent])

    def _prune(self, now: float) -> None:
        kept = _SERVER_OVERLAP + self._look_back + _MARGIN
        oldest = time_of(self.position or BEGINNING) - kept
        for identifier, arrived in list(self._seen.items()):
            if arrived < now - kept and time_of(identifier) < oldest:
                del self._seen[identifier]
        self._prune_at = max(1024, len(self._seen) * 2)


def _bound(kept: dict[str, Any]) -> None:
    if len(kept) > _REMEMBERED:
        del kept[next(iter(kept))]
