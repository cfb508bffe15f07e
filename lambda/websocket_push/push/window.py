"""Limits how much of a delivery is in progress at once, and decides what is next."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator

from websocket_push.aws.calls import Call

_END = object()


def loop_time() -> float:
    """Return the time on the event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


def nothing() -> None:
    """Do nothing, for where a callback must be given."""


class Work:
    """Everything in progress in a delivery: calls, which have no task, and the tasks that continue after calls.

    Parameters
    ----------
    group
        Where the tasks are started; it must outlive the work.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._calls: set[Call] = set()
        self._closed = False

    def keep(self, call: Call) -> None:
        """Keep a call that was started, so that it can be canceled."""
        if not call.done():
            self._calls.add(call)

    def end(self, call: Call) -> bool:
        """Drop a call that has ended; return False if its result must be ignored, because the work was canceled."""
        self._calls.discard(call)
        return not self._closed

    def run(self, work: Coroutine[None, None, None], then: Callable[[], None]) -> None:
        """Start a task and call back when it has ended, unless the work was canceled by then."""
        if self._closed:
            work.close()
            return
        self._group.create_task(work).add_done_callback(lambda _: None if self._closed else then())

    def close(self) -> None:
        """Cancel the calls in progress; the group cancels its tasks."""
        self._closed = True
        for call in list(self._calls):
            call.cancel()


class Window:
    """Limits how many elements of any number of sources are in progress at once; the sources take turns.

    A source is an iterator: taking its next element starts something, which occupies a place until `leave`. The next
    element is taken only when there is a place, so what has not been started takes no memory.

    Parameters
    ----------
    width
        How many elements may be in progress.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._under_way = 0
        self._sources: deque[Iterator[None]] = deque()
        self._filling = False
        self._empty: asyncio.Future[None] | None = None

    def add(self, source: Iterator[None]) -> None:
        """Start the elements of a source, in turn with others; taking an element starts it."""
        self._sources.append(source)
        self._fill()

    def leave(self) -> None:
        """Release a place."""
        self._under_way -= 1
        self._fill()

    async def drained(self) -> None:
        """Wait until nothing is in progress and all sources are exhausted."""
        while self._under_way or self._sources:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def _fill(self) -> None:
        # An element that ends at once leaves while it is being started: the running loop continues then, instead of a
        # nested one.
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
