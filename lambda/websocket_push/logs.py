"""Several logs read as one: a user's own, and those of the topics that a connection listens to.

All ids are UUIDv7, so the order of the ids is that of the times in every log, and one position serves for all.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from websocket_push.tables.notifications import Notification, topic_key
from websocket_push.tables.stored import MAX_QUERIES, Part, Range, StoredNotifications

READS_AT_ONCE = 8
"""How many logs are read at the same time; each takes a connection of its own, which is a handshake when it is new."""

TAIL_MILLISECONDS = 1_500
"""How long what was read of a topic serves the polls of others.

What a push stores meanwhile, connections that listen get by the push. A connection that began to listen after the read
is not served by it.
"""

SKEW_MILLISECONDS = 250
"""How far the clocks of two functions may differ: Lambda sets both by NTP, which leaves some milliseconds.

When a topic was read is a time of this function, when a connection began to listen one of another.
"""

MAX_TAILS = 64
"""Of how many topics such readings are kept; one is a megabyte at most, and most are a few kilobytes."""


class _Tail(NamedTuple):
    """What was read of a topic in one query, and when that was begun, in milliseconds since the epoch."""

    part: Range
    found: Part
    read_at: int


class Tails:
    """Recent reads of topics.

    When many clients come back at once, they all ask for the end of the same log. Those that one environment of the
    function serves within a short time share one query.

    Parameters
    ----------
    now_milliseconds
        The time since the epoch.
    """

    def __init__(self, now_milliseconds: Callable[[], int]) -> None:
        self.now = now_milliseconds
        self._kept: OrderedDict[tuple[str, bool], _Tail] = OrderedDict()

    def find(self, topic: str, part: Range, *, count: int, since: int) -> Part | None:
        """Return a recent read of a part of a topic's log, or None if it has to be read.

        Parameters
        ----------
        count
            How many notifications are wanted.
        since
            When the connection began to listen, by another function's clock. What was read before does not serve.
        """
        tail = self._kept.get((topic, part.newest_first))
        if (
            tail is None
            or tail.read_at <= since + SKEW_MILLISECONDS
            or not 0 <= self.now() - tail.read_at < TAIL_MILLISECONDS
        ):
            return None
        if part.newest_first:
            return tail.found if tail.found.reached is None or len(tail.found.found) >= count else None
        if part.low < tail.part.low:
            return None
        return tail.found._replace(found=[each for each in tail.found.found if each.notification_id >= part.low])

    def keep(self, topic: str, part: Range, found: Part, *, read_at: int) -> None:
        """Keep what was read, if it reaches to the end of the log."""
        if not is_tail(part) or (found.reached is not None and not part.newest_first):
            return
        key = (topic, part.newest_first)
        self._kept[key] = _Tail(part, found, read_at)
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_TAILS:
            self._kept.popitem(last=False)


class Logs:
    """A user's log and those of topics, read as if they were one.

    Parameters
    ----------
    notifications
        The notifications table.
    topics
        The topics, `*` among them.
    since
        When the connection began to listen to the latest of them, in milliseconds since the epoch.
    tails
        What was read of topics a moment ago.
    together
        Awaits coroutines at the same time, as `asyncio.gather` does.
    """

    def __init__(
        self,
        notifications: StoredNotifications,
        topics: Sequence[str],
        *,
        since: int,
        tails: Tails,
        together: Callable[..., Awaitable[Sequence[Part]]],
    ) -> None:
        self._notifications = notifications
        self._topics = topics
        self._since = since
        self._tails = tails
        self._together = together

    async def read(
        self,
        key: str,
        part: Range,
        *,
        count: int,
        size: int,
        now: int,
        rows: int,
        deadline: float,
        queries: int = MAX_QUERIES,
    ) -> Part:
        """Read a part of the user's log with this key and of the topics' logs; see `StoredNotifications.read`."""

        async def read(topic: str | None) -> Part:
            if topic is None:
                return await self._notifications.read(
                    key, part, count=count, size=size, now=now, rows=rows, deadline=deadline, queries=queries
                )
            known = self._tails.find(topic, part, count=count, since=self._since) if is_tail(part) else None
            if known is not None:
                return known
            read_at = self._tails.now()
            found = await self._notifications.read(
                topic_key(topic),
                part,
                count=count,
                size=size,
                # A notification must not outlive its time to live because a read is kept.
                now=now + 1 + TAIL_MILLISECONDS // 1000,
                rows=rows,
                deadline=deadline,
                queries=queries,
                topic=topic,
            )
            self._tails.keep(topic, part, found, read_at=read_at)
            return found

        logs = (None, *self._topics)
        parts: list[Part] = []
        for start in range(0, len(logs), READS_AT_ONCE):
            parts += await self._together(*(read(topic) for topic in logs[start : start + READS_AT_ONCE]))
        return merged(parts, newest_first=part.newest_first)


def is_tail(part: Range) -> bool:
    """Return whether a part is the end of a log: its newest, or all from an id on."""
    return not part.high and (part.newest_first or part.condition == "notificationId >= :low")


def merged(parts: Sequence[Part], *, newest_first: bool) -> Part:
    """Put parts of several logs together, in the order of reading, as far as all of them have been read.

    An id that is in several of them is taken from the first.
    """
    ends = [part.reached for part in parts if part.reached is not None]
    end = None if not ends else max(ends) if newest_first else min(ends)
    found: dict[str, Notification] = {}
    for part in parts:
        for each in part.found:
            if end is None or (each.notification_id >= end if newest_first else each.notification_id <= end):
                found.setdefault(each.notification_id, each)
    unreadable = sum(part.unreadable for part in parts)
    return Part([found[each] for each in sorted(found, reverse=newest_first)], end, unreadable)
