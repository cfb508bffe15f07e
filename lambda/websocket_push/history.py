"""The history: the notifications that a poll returns."""

from collections.abc import Sequence
from typing import NamedTuple

from websocket_push.protocol.frames import notification_text
from websocket_push.protocol.identifiers import MAX_AHEAD_MILLISECONDS, earliest_id_at, milliseconds_of
from websocket_push.protocol.poll_request import MAX_LIMIT, PollRequest, continued_position
from websocket_push.tables.notifications import Notification, key_of
from websocket_push.tables.stored import MAX_QUERIES, Part, Range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from typing import Any, Protocol, TypeAlias

    class Log(Protocol):
        """What is read: the notifications table, or several of its logs merged."""

        async def read(
            self, key: str, part: Range, *, count: int, size: int, now: int, rows: int, deadline: float, queries: int
        ) -> Part:
            """See `StoredNotifications.read`."""
            ...

    Together: TypeAlias = Callable[[Coroutine[Any, Any, Part], Coroutine[Any, Any, Part]], Awaitable[Sequence[Part]]]
    """Awaits two coroutines at the same time and returns both results, as `asyncio.gather` does."""

    _Read: TypeAlias = Callable[[Range, int, int], Coroutine[Any, Any, Part]]
    """Reads a range: takes the number of notifications wanted and the largest number of queries."""

OVERLAP_MILLISECONDS = 5 * 60 * 1000
"""How far before `after` a poll reads.

An id contains the time at which its notification was accepted, by the clock of the machine that created it. The
notification becomes readable later: after retries, after a redelivery from a queue, or if that clock is slow. A client
that has already seen a later id would never get it. The client drops what the overlap repeats by its id.
"""

MAX_REPEATS = 100
"""How many notifications the overlap may repeat; the other bound is half of the page's bytes."""

MAX_POSITION_AHEAD_MILLISECONDS = MAX_AHEAD_MILLISECONDS + 60_000
"""How far ahead of the clock `after` may be: as far as an id, and another minute for clock skew."""


class Page(NamedTuple):
    """A page of history.

    Parameters
    ----------
    texts
        The texts of the notifications, oldest first.
    next_position
        What the client sends to get the next page in the requested direction; None at the end.
    reset
        Whether the client's position was in the future, so that this is the newest page instead.
    recalls
        The texts of recalls, oldest first.
    unreadable
        How many rows were skipped because they are malformed.
    """

    texts: list[str]
    next_position: str | None
    reset: bool = False
    recalls: Sequence[str] = ()
    unreadable: int = 0

    @staticmethod
    def of(entries: "Iterable[_Entry]", next_position: str | None, unreadable: int) -> "Page":
        """Make a page of entries, oldest first."""
        every = list(entries)
        texts = [each.text for each in every if not each.is_recall]
        recalls = [each.text for each in every if each.is_recall]
        return Page(texts, next_position, recalls=recalls, unreadable=unreadable)


class _Entry:
    """A notification or a recall with its text and how many bytes that takes in a page."""

    __slots__ = ("is_recall", "notification_id", "size", "text")

    def __init__(self, notification_id: str, text: str, *, is_recall: bool = False) -> None:
        self.notification_id = notification_id
        self.text = text
        self.size = len(text.encode()) + 1  # the comma
        self.is_recall = is_recall


async def read_history(
    log: "Log",
    user_id: str,
    request: PollRequest,
    *,
    page_bytes: int,
    now_milliseconds: int,
    deadline: float,
    together: "Together",
) -> Page:
    """Read a page of a user's history.

    Parameters
    ----------
    log
        Where to read.
    page_bytes
        Room for the notifications of the page. A larger notification gets a page of its own.
    now_milliseconds
        The time since the epoch; notifications that have expired by then are left out.
    together
        Reads two parts at the same time. Nothing else is awaited here but `log`.
    """

    async def read(part: Range, count: int, queries: int = MAX_QUERIES) -> Part:
        return await log.read(
            key_of(user_id),
            part,
            count=count,
            size=page_bytes,
            now=now_milliseconds // 1000,
            # The same number for every limit: a small limit must not make more queries over expired rows than a large
            # one.
            rows=MAX_LIMIT + 1,
            deadline=deadline,
            queries=queries,
        )

    if request.after is None:
        return await _newest(read, request, page_bytes)
    if milliseconds_of(request.after) > now_milliseconds + MAX_POSITION_AHEAD_MILLISECONDS:
        newest = await _newest(read, request, page_bytes)
        return newest._replace(next_position=None, reset=True)
    if request.continued:
        new = await read(Range("notificationId > :low", low=request.after), request.limit + 1, MAX_QUERIES)
        return _resumed(Part([], None), new, request.limit, page_bytes)
    repeats, new = await _read_resumed(read, request.after, request.limit, page_bytes, together)
    return _resumed(repeats, new, request.limit, page_bytes)


async def _newest(read: "_Read", request: PollRequest, page_bytes: int) -> Page:
    part = Range(newest_first=True)
    if request.before is not None:
        part = Range("notificationId < :high", high=request.before, newest_first=True)
    found = await read(part, request.limit + 1, MAX_QUERIES)
    entries = _entries(found)
    taken = _fitting(entries, request.limit, page_bytes) or entries[:1]
    return Page.of(reversed(taken), _stopped_at(taken, entries, found.reached), found.unreadable)


async def _read_resumed(
    read: "_Read", after: str, limit: int, page_bytes: int, together: "Together"
) -> tuple[Part, Part]:
    """Read what the overlap repeats, newest first, and what is new, oldest first.

    A client at the head of the log has little before its position and nothing after it, and polls every few minutes:
    one query is then enough. If it is not, both sides are read at the same time.
    """
    start = earliest_id_at(milliseconds_of(after) - OVERLAP_MILLISECONDS)
    whole = await read(Range("notificationId >= :low", low=start), MAX_REPEATS + limit + 1, 1)
    new = [each for each in whole.found if each.notification_id > after]
    if whole.reached is None or len(new) > limit or sum(len(each.content) for each in new) > page_bytes:
        repeats = [each for each in reversed(whole.found) if each.notification_id < after]
        return Part(repeats, None), whole._replace(found=new)
    # BETWEEN includes its bounds; a key condition cannot exclude one.
    overlap = Range("notificationId BETWEEN :low AND :high", low=start, high=after, newest_first=True)
    before, behind = await together(
        read(overlap, MAX_REPEATS + 1, MAX_QUERIES),
        read(Range("notificationId > :low", low=after), limit + 1, MAX_QUERIES),
    )
    return before._replace(found=[each for each in before.found if each.notification_id != after]), behind


def _resumed(overlap: Part, behind: Part, limit: int, page_bytes: int) -> Page:
    """Assemble a page after a position: what the overlap repeats, newest first, then what is new, oldest first.

    The first new notification always gets a place, so a client that keeps paging reaches the end. If there are too many
    repeats, the latest are kept.
    """
    repeats, new = _entries(overlap), _entries(behind)
    reserved = new[0].size if new else 0
    kept = _fitting(repeats, MAX_REPEATS, min(page_bytes // 2, page_bytes - reserved))
    taken = _fitting(new, limit, page_bytes - sum(each.size for each in kept)) or new[:1]
    stopped_at = _stopped_at(taken, new, behind.reached)
    return Page.of(
        (*reversed(kept), *taken),
        None if stopped_at is None else continued_position(stopped_at),
        overlap.unreadable + behind.unreadable,
    )


def _stopped_at(taken: Sequence[_Entry], read: Sequence[_Entry], reached: str | None) -> str | None:
    """Return the id after which the next page begins: the last one in the page, or, if all fit, the last row read."""
    return taken[-1].notification_id if len(taken) < len(read) else reached


def _entries(part: Part) -> list[_Entry]:
    return [_entry(each) for each in part.found]


def _entry(notification: Notification) -> _Entry:
    notification_id, content, topic, replaces, key = notification
    about = ""
    if replaces is not None or key is not None:
        # Imported where it is needed: without inboxes nothing is replaced.
        from websocket_push.protocol.replacement import Replacement, recall_text

        if not content:
            text = recall_text(notification_id, notification.created_at, replaces or "", key)
            return _Entry(notification_id, text, is_recall=True)
        about = Replacement(replaces, None if replaces else key).about
    text = notification_text(notification_id, notification.created_at, content, topic, about)
    return _Entry(notification_id, text)


def _fitting(entries: Sequence[_Entry], count: int, size: int) -> Sequence[_Entry]:
    fitting: list[_Entry] = []
    for entry in entries[:count]:
        size -= entry.size
        if size < 0:
            break
        fitting.append(entry)
    return fitting
