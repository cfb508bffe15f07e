"""How much of a delivery is under way at once."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Protocol

from websocket_push.transport.calls import Attempt, Call


class Errand(Protocol):
    """Something that is done by one call, and by a task where that did not succeed at once."""

    def begin(self, done: Callable[[Call, Attempt | None], None]) -> Call:
        """Begin the call; its end is told once, by the callback: None for success."""
        ...

    def succeed(self) -> None:
        """Take note of the success."""
        ...

    def go_on(self, attempt: Attempt) -> Coroutine[None, None, None]:
        """Make the work that is left."""
        ...


class Lanes:
    """Starts tasks in a group, at most so many at once, in the order of asking."""

    def __init__(self, group: asyncio.TaskGroup, width: int) -> None:
        self._group = group
        self._free = asyncio.Semaphore(width)

    async def start(self, work: Coroutine[None, None, None]) -> None:
        """Start a task when a lane is free."""
        try:
            await self._free.acquire()
        except BaseException:
            work.close()
            raise
        self._group.create_task(work).add_done_callback(lambda _: self._free.release())


class Window:
    """Bounds how much is under way at once: calls, which have no task, and the tasks for what calls left to do.

    Who finds it full waits until a quarter is free, and then goes on for as long as there is room: so a long list
    costs a wake-up now and then, not one for each of its calls. Those who wait take turns.

    Parameters
    ----------
    group : asyncio.TaskGroup
        Where the tasks are started; it must outlive the window.
    width : int
        How much may be under way.
    """

    def __init__(self, group: asyncio.TaskGroup, width: int) -> None:
        self._group = group
        self._width = width
        self._resume_at = width - (width + 3) // 4
        self._under_way = 0
        self._calls: set[Call] = set()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._empty: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether `room` has to be waited for."""
        return self._under_way >= self._width

    async def room(self) -> None:
        """Wait until something more may begin."""
        while self.full:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def pass_on(self) -> None:
        """Let the next who waits go on, if there is room; for who has waited and has nothing more to begin."""
        while self._waiters and self._under_way <= self._resume_at:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def begin(self, errand: Errand) -> None:
        """Begin an errand; to be called where there is room."""
        self._under_way += 1
        call = errand.begin(partial(self._done, errand))
        if not call.done():
            self._calls.add(call)

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Begin work that needs a task from the start."""
        self._under_way += 1
        self._start(work)

    async def drained(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def close(self) -> None:
        """Give up what is under way; tasks are their group's to cancel."""
        self._closed = True
        for call in list(self._calls):
            call.cancel()

    def _done(self, errand: Errand, call: Call, attempt: Attempt | None) -> None:
        self._calls.discard(call)
        if self._closed:
            return
        if attempt is None:
            errand.succeed()
            self._leave()
        else:
            self._start(errand.go_on(attempt))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._group.create_task(work).add_done_callback(lambda _: self._leave())

    def _leave(self) -> None:
        self._under_way -= 1
        if self._waiters:
            self.pass_on()
        if not self._under_way and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
