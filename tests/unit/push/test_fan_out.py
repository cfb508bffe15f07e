"""Spreading over many connections: how fast, how much is held at once, and where it goes on."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import virtual
from tests.unit.push.fakes import LONG_AGO, NOW
from websocket_push.aws.calls import Call
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.protocol.segment import MAX_ONLY
from websocket_push.push.fan_out import ROWS, Means, Position, send_to_each, spread
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import MAX_POSTS_AT_ONCE, Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.push.schedule import MAX_SLICE, Schedule
from websocket_push.tables.audience import Audience, AudiencePage, Share
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.notifications import Notification

NOTIFICATION = Notification("0193a5b0-7c00-7abc-9def-0123456789ab", "1")
FAST = 1e9


class Crowd:
    """Connections that are made up as they are read, and a management API that takes every post at once."""

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.count = count
        self.fails_at = fails_at
        self.posts = 0
        self.reads = 0
        self.reached: list[str] | None = None
        self.removed: list[str] = []
        self.deadlines: set[float] = set()

    async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
        self.reads += 1
        self.deadlines.add(deadline)
        if self.fails_at is not None and self.reads == self.fails_at:
            raise AwsError("InternalServerError", transient=True)
        start = int(after) + 1 if after else 0
        end = min(start + rows, self.count)
        connections = [
            Connection(f"{number:09d}", "", LONG_AGO, LONG_AGO // 1000 + 7260) for number in range(start, end)
        ]
        return AudiencePage(connections, 0, f"{end - 1:09d}" if end < self.count else None)

    def begin_post(
        self, connection_id: str, payload: Payload, *, deadline: float, done: Callable[..., None]
    ) -> "_Done":
        self.posts += 1
        if self.reached is not None:
            self.reached.append(connection_id)
        call = _Done()
        done(call, None)
        return call

    def means(self, seconds: float = 1000) -> Means:
        now = asyncio.get_running_loop().time()
        return Means(
            audience=cast(Audience, self),
            clients=cast(Clients, self),
            management=cast(Management, self),
            clocks=Clocks(lambda: NOW, now + seconds, now + 2 * seconds),
            random=lambda: 0.0,
            refusals=Refusals(),
        )


class _Done(Call):
    def __init__(self) -> None:
        pass

    def done(self) -> bool:
        return True


async def spread_over(
    crowd: Crowd, *, after: str = "", rate: float = FAST, seconds: float = 1000
) -> tuple[Outcome, Position]:
    until = asyncio.get_running_loop().time() + seconds
    return await spread(
        crowd.means(),
        Share("*"),
        NOTIFICATION,
        after=after,
        persisted=True,
        schedule=Schedule(rate),
        until=until,
    )


async def all_of(crowd: Crowd, *, after: str = "", rate: float = FAST, seconds: float = 1000) -> tuple[int, str, bool]:
    outcome, position = await spread_over(crowd, after=after, rate=rate, seconds=seconds)
    assert outcome.connections == outcome.delivered
    return outcome.delivered, position.after, position.finished


@pytest.mark.parametrize("count", [0, 1, MAX_SLICE, MAX_SLICE + 1, ROWS, ROWS + 1, 3 * ROWS])
def test_every_connection_is_sent_to_once_whatever_their_number(count: int) -> None:
    crowd = Crowd(count)
    crowd.reached = []
    delivered, _, finished = asyncio.run(all_of(crowd))
    assert (delivered, finished) == (count, True)
    assert crowd.reached == [f"{number:09d}" for number in range(count)]
    assert crowd.reads == max(1, -(-count // ROWS))


def test_what_was_begun_is_where_it_goes_on_after_a_page_that_could_not_be_read() -> None:
    crowd = Crowd(3 * ROWS, fails_at=3)
    delivered, after, finished = asyncio.run(all_of(crowd))
    assert (delivered, after, finished) == (2 * ROWS, f"{2 * ROWS - 1:09d}", False)
    assert asyncio.run(all_of(crowd, after=after)) == (ROWS, f"{3 * ROWS - 1:09d}", True)


def test_a_page_without_a_connection_is_not_read_again() -> None:
    """Rows that are no connections can fill a page of the clients table."""

    class Rows(Crowd):
        async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
            page = await super().page(share, after, rows=rows, deadline=deadline)
            return page._replace(connections=[], unreadable=rows)

    outcome, position = asyncio.run(spread_over(Rows(3 * ROWS, fails_at=3)))
    assert (outcome.delivered, outcome.unreadable, position) == (0, 2 * ROWS, (f"{2 * ROWS - 1:09d}", False))


def test_why_a_page_could_not_be_read_is_the_outcomes_error() -> None:
    async def read() -> Outcome:
        crowd = Crowd(ROWS, fails_at=1)
        outcome, position = await spread(
            crowd.means(), Share("*"), NOTIFICATION, after="5", persisted=True, schedule=Schedule(FAST), until=FAST
        )
        assert position == ("5", False)
        return outcome

    outcome = asyncio.run(read())
    assert outcome.error is not None
    assert (outcome.error.code, outcome.missed, outcome.incomplete) == ("UNAVAILABLE", True, True)


@settings(deadline=None, max_examples=30)
@given(count=st.integers(0, 3000), stops=st.lists(st.integers(1, 4), max_size=4))
def test_however_often_it_is_interrupted_every_connection_is_sent_to_once(count: int, stops: list[int]) -> None:
    crowd = Crowd(count)
    crowd.reached = []
    after, finished = "", False
    for stop in stops:
        crowd.fails_at = crowd.reads + stop
        _, after, finished = asyncio.run(all_of(crowd, after=after))
        if finished:
            break
    crowd.fails_at = None
    if not finished:
        _, after, finished = asyncio.run(all_of(crowd, after=after))
    assert finished
    assert crowd.reached == [f"{number:09d}" for number in range(count)]


def test_when_the_time_is_over_it_goes_on_after_the_last_that_was_begun() -> None:
    crowd = Crowd(3 * ROWS)
    crowd.reached = []
    after, finished, invocations = "", False, 0
    while not finished:
        _, after, finished = virtual.run(all_of(crowd, after=after, rate=200, seconds=4))
        invocations += 1
        assert after == crowd.reached[-1]
    assert crowd.reached == [f"{number:09d}" for number in range(crowd.count)]
    assert invocations == -(-crowd.count // (200 * 4))


def test_nothing_is_begun_when_the_time_is_over_at_once() -> None:
    crowd = Crowd(ROWS)
    crowd.reached = []
    assert virtual.run(all_of(crowd, after="000000005", seconds=0)) == (0, "000000005", False)
    assert crowd.reached == []


def test_a_slice_begins_when_the_schedule_says_so() -> None:
    class Timed(Crowd):
        def begin_post(
            self, connection_id: str, payload: Payload, *, deadline: float, done: Callable[..., None]
        ) -> _Done:
            times.append(asyncio.get_running_loop().time())
            return super().begin_post(connection_id, payload, deadline=deadline, done=done)

    times: list[float] = []
    virtual.run(all_of(Timed(60), rate=200))
    assert times == pytest.approx([number // 10 * 10 / 200 for number in range(60)])


def test_the_next_page_is_read_while_this_one_is_sent_to_and_no_further_one() -> None:
    class Unanswered(Crowd):
        """Posts are answered after a minute, so that no more than are under way at once can begin."""

        def begin_post(
            self, connection_id: str, payload: Payload, *, deadline: float, done: Callable[..., None]
        ) -> _Done:
            self.posts += 1
            call = _Done()
            asyncio.get_running_loop().call_later(60, done, call, None)
            return call

    async def look() -> tuple[int, int]:
        crowd = Unanswered(4 * ROWS)
        spreading = asyncio.create_task(all_of(crowd))
        await asyncio.sleep(30)
        seen = crowd.posts, crowd.reads
        assert await spreading == (4 * ROWS, f"{4 * ROWS - 1:09d}", True)
        return seen

    assert virtual.run(look()) == (MAX_POSTS_AT_ONCE, 2)


def test_what_is_read_already_is_sent_to_before_the_next_page_is_there() -> None:
    class Late(Crowd):
        async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
            while after and self.posts < int(after):
                await asyncio.sleep(1)
                assert asyncio.get_running_loop().time() < 100, "the first page waits for the second"
            return await super().page(share, after, rows=rows, deadline=deadline)

    assert virtual.run(all_of(Late(2 * ROWS))) == (2 * ROWS, f"{2 * ROWS - 1:09d}", True)


def test_when_the_time_is_over_the_next_page_is_not_waited_for() -> None:
    class Endless(Crowd):
        async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
            if after:
                await asyncio.Event().wait()
            return await super().page(share, after, rows=rows, deadline=deadline)

    crowd = Endless(2 * ROWS)
    assert virtual.run(all_of(crowd, rate=200, seconds=3.99)) == (800, "000000799", False)
    assert crowd.deadlines == {3.99}


def test_what_is_held_does_not_grow_with_the_number_of_connections() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            asyncio.run(all_of(Crowd(count)))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2 * ROWS)  # what is made once
    assert peak(30 * ROWS) < 1.2 * peak(5 * ROWS)


def test_known_connections_are_all_sent_to_and_counted() -> None:
    crowd = Crowd(0)

    async def send() -> tuple[int, int]:
        connections = [Connection(str(number), "", LONG_AGO, LONG_AGO // 1000 + 7260) for number in range(600)]
        outcome = await send_to_each(crowd.means(), "org/7", NOTIFICATION, connections, persisted=True)
        return outcome.connections, outcome.delivered

    assert asyncio.run(send()) == (600, 600)


# --- The schedule


@given(
    rate=st.floats(1, 20_000),
    steps=st.lists(st.tuples(st.integers(1, MAX_SLICE), st.floats(0, 2)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_is_begun(rate: float, steps: list[tuple[int, float]]) -> None:
    """In any stretch of time what begins is what the rate allows for it, and one slice."""
    schedule, now = Schedule(rate), 0.0
    begun: list[tuple[float, int]] = []
    for count, pause in steps:
        now = max(now, schedule.reserve(count, now)) + pause
        begun.append((now - pause, count))
    for start, (since, _) in enumerate(begun):
        total = 0
        for time, count in begun[start:]:
            assert total <= rate * (time - since) * (1 + 1e-9) + 1e-6
            total += count


@pytest.mark.parametrize(("rate", "slice_"), [(1, 1), (20, 1), (200, 10), (2_500, 125), (50_000, MAX_SLICE)])
def test_a_slice_is_small_beside_a_second(rate: int, slice_: int) -> None:
    assert Schedule(rate).slice == slice_


def test_no_more_connections_are_noted_as_neither_sent_to_nor_closed_than_a_message_names() -> None:
    """Noted without a bound, a segment of which nothing can be sent would take memory for each connection."""

    class Stuck(Crowd):
        def means(self, seconds: float = 1000) -> Means:
            return super().means(0)._replace(clocks=Clocks(lambda: NOW, 0, 0))

    async def count() -> tuple[int, int]:
        crowd = Stuck(2 * MAX_ONLY)
        outcome, _ = await spread(
            crowd.means(), Share("*"), NOTIFICATION, after="", persisted=True, schedule=Schedule(FAST), until=FAST
        )
        assert outcome.left is not None
        return outcome.unclosed, len(outcome.left)

    assert virtual.run(count()) == (2 * MAX_ONLY, MAX_ONLY)
