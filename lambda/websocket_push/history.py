"""The history: which of a user's notifications a poll is answered with."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from websocket_push.protocol.frames import HISTORY_ENVELOPE_BYTES, MAX_FRAME_BYTES, notification_text
from websocket_push.protocol.identifiers import earliest_id_at, milliseconds_of
from websocket_push.protocol.poll_request import PollRequest
from websocket_push.tables.notifications import Notification, Notifications, Range

PAGE_BYTES = MAX_FRAME_BYTES - HISTORY_ENVELOPE_BYTES
"""Room for the notifications of one page."""

OVERLAP_MILLISECONDS = 5 * 60 * 1000
"""How far behind `after` a poll reads.

An id tells when its notification was accepted, by the clock of whoever made it. It becomes readable later: after
retries, after a redelivery from a queue, or from a writer whose clock runs behind. A client that has meanwhile seen a
later id would never be told. What the overlap repeats, the client knows by its id and drops.
"""

MAX_REPEATS = 100
"""How many notifications the overlap may repeat; with half of the page's bytes, the other bound."""


Together: TypeAlias = Callable[
    [Coroutine[Any, Any, list[Notification]], Coroutine[Any, Any, list[Notification]]],
    Awaitable[Sequence[list[Notification]]],
]
"""Awaits two coroutines at the same time and gives both results, as `asyncio.gather` does."""


async def read_history(
    notifications: Notifications,
    user_id: str,
    request: PollRequest,
    *,
    now: int,
    deadline: float,
    together: Together,
) -> tuple[list[str], bool]:
    """Read a page of a user's history.

    Parameters
    ----------
    now
        Seconds since the epoch; what expires by then is left out.
    together
        How to read two parts at the same time.

    Returns
    -------
    tuple
        The texts of the notifications, oldest first, and whether more follow in the direction asked for.
    """

    async def read(part: Range, count: int) -> list[Notification]:
        return await notifications.read(user_id, part, count=count, size=PAGE_BYTES, now=now, deadline=deadline)

    if request.after is not None:
        repeats, new = await together(
            read(_overlap(request.after), MAX_REPEATS + 1),
            read(Range("notificationId > :low", low=request.after), request.limit + 1),
        )
        unknown = [each for each in repeats if each.notification_id != request.after]
        return assemble_resumed([_text(each) for each in unknown], [_text(each) for each in new], request.limit)

    part = Range(newest_first=True)
    if request.before is not None:
        part = Range("notificationId < :high", high=request.before, newest_first=True)
    found = await read(part, request.limit + 1)
    texts = _fitting([_text(each) for each in found], request.limit, PAGE_BYTES)
    return texts[::-1], len(texts) < len(found)


def assemble_resumed(repeats: Sequence[str], new: Sequence[str], limit: int) -> tuple[list[str], bool]:
    """Put together a page after a position: what the overlap repeats, then what is new.

    The first new notification always has its place, so a client that goes on from the last id gets to the end. Of the
    repeats the latest are kept.

    Parameters
    ----------
    repeats
        Texts from before the position, newest first.
    new
        Texts from behind the position, oldest first, at most one more than `limit`.
    limit
        How many new ones the page may hold.

    Returns
    -------
    tuple
        The page, oldest first, and whether new ones are left.
    """
    reserved = _size(new[0]) if new else 0
    kept = _fitting(repeats, MAX_REPEATS, min(PAGE_BYTES // 2, PAGE_BYTES - reserved))
    taken = _fitting(new, limit, PAGE_BYTES - sum(map(_size, kept)))
    return [*kept[::-1], *taken], len(taken) < len(new)


def _overlap(after: str) -> Range:
    return Range(
        # BETWEEN takes its bounds in; a key condition has no way to leave one out.
        "notificationId BETWEEN :low AND :high",
        low=earliest_id_at(milliseconds_of(after) - OVERLAP_MILLISECONDS),
        high=after,
        newest_first=True,
    )


def _text(notification: Notification) -> str:
    return notification_text(notification.notification_id, notification.created_at, notification.content)


def _size(text: str) -> int:
    return len(text.encode()) + 1  # the comma


def _fitting(texts: Sequence[str], count: int, size: int) -> list[str]:
    fitting: list[str] = []
    for text in texts[:count]:
        size -= _size(text)
        if size < 0:
            break
        fitting.append(text)
    return fitting
