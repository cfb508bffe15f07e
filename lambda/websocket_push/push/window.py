"""How much of a delivery is under way at once, and who goes on next."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator

from websocket_push.aws.calls import Call

_END = object()


class Work:
    """All that is under way of a delivery: calls, which have no task, and the tasks for what calls left to do.

    Parameters
    ----------
    group : asyncio.TaskGroup
        Where the tasks are started; it must outlive the work.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._calls: set[Call] = set()
        self._closed = False

    def keep(self, call: Call) -> None:
        """Keep a call that was begun, so that it can be given up."""
        if not call.done():
            self._calls.add(call)

    def end(self, call: Call) -> bool:
        """Let a call that has ended go; False where nothing is to come of it, because the work was given up."""
        self._calls.discard(call)
        return not self._closed

    def run(self, work: Coroutine[None, None, None], then: Callable[[], None]) -> None:
        """Start a task and call back when it has ended, if the work was not given up by then."""
        if self._closed:
            work.close()
            return
        self._group.create_task(work).add_done_callback(lambda _: None if self._closed else then())

    def close(self) -> None:
        """Give up what is under way; tasks are their group's to cancel."""
        self._closed = True
        for call in list(self._calls):
            call.cancel()


class Window:
    """Bounds how much is under way at once of what any number of sources have to offer, which take turns.

    A source is an iterator: taking its next element begins something, which occupies a place until `leave`. It is asked
    for the next one only when there is room, so what it has not begun takes no memory.

    Parameters
    ----------
    width : int
        How much may be under way.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._under_way = 0
        self._sources: deque[Iterator[None]] = deque()
        self._filling = False
        self._empty: asyncio.Future[None] | None = None

    def add(self, source: Iterator[None]) -> None:
        """Begin what a source has to offer, in turn with the others; an element is begun when it is given."""
        self._sources.append(source)
        self._fill()

    def leave(self) -> None:
        """Give a place back."""
        self._under_way -= 1
        self._fill()

    async def drained(self) -> None:
        """Wait until nothing is under way and no source has more to offer."""
        while self._under_way or self._sources:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def _fill(self) -> None:
        # What ends at once leaves while it is begun: the loop that began it goes on, instead of another inside it.
        if self._filling:
            return
        self._filling = True
        sources = self._sources
        while sources and self._under_way < self._width:
            source = sources.popleft()
            self._under_way += 1
            if next(source, _END) is _END:
                self._under_way -= 1
            else:
                sources.append(source)
        self._filling = False
        if not self._under_way and not sources and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
