"""Calls: requests without a task, answered exactly once whatever their outcome."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.aws.support import (
    CONNECTIONS_URL,
    OK,
    PATIENCE,
    Answer,
    Server,
    check_signature,
    check_whole,
    environment,
    hang_up,
    kept_loop,
    post,
    reply,
    reset,
    run,
    soon,
    stall,
    status,
    transport_to,
)
from websocket_push.aws.calls import Call
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Attempt
from websocket_push.http.errors import ConnectionLost, Expired

SHORT_TIMEOUT = 0.3  # seconds, where running into it is what the test is about

PAYLOAD = Payload(b"hello")


class FanOut:
    """Posts that are started together, and their reported ends."""

    def __init__(self, transport: ConcurrentSender, count: int, *, deadline: float | None = None) -> None:
        self.ends: list[list[Attempt | None]] = [[] for _ in range(count)]
        self._all_told = asyncio.Event()
        management = Management(transport, CONNECTIONS_URL)
        until = soon() if deadline is None else deadline
        self.calls = [
            management.begin_post(f"id{number}", PAYLOAD, deadline=until, done=self._done_of(number))
            for number in range(count)
        ]

    def _done_of(self, number: int) -> "Done":
        return Done(self, number)

    def told(self, number: int, attempt: Attempt | None) -> None:
        self.ends[number].append(attempt)
        if all(self.ends):
            self._all_told.set()

    async def finished(self) -> list[Attempt | None]:
        """Wait until all ends are reported, and some time for one that is reported twice."""
        async with asyncio.timeout(PATIENCE / 2):
            await self._all_told.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert [len(ends) for ends in self.ends] == [1] * len(self.ends)
        assert all(call.done() for call in self.calls)
        return [ends[0] for ends in self.ends]


class Done:
    """The callback of one call."""

    def __init__(self, fan_out: FanOut, number: int) -> None:
        self._fan_out = fan_out
        self._number = number

    def __call__(self, call: Call, attempt: Attempt | None) -> None:
        self._fan_out.told(self._number, attempt)


def watched(server: Server, counts: list[int], **options: Any) -> ConcurrentSender:
    """A transport that notes how many connections it has whenever it sends."""

    def clock() -> float:
        counts.extend(len(pool._connections) + pool._opening for pool in transport._pools.values())
        return 0.0

    transport = transport_to(server, clock=clock, **options)
    return transport


async def all_posted(transport: ConcurrentSender, count: int) -> None:
    assert await FanOut(transport, count).finished() == [None] * count
    assert transport.active == 0


async def one(transport: ConcurrentSender) -> Attempt:
    (attempt,) = await FanOut(transport, 1).finished()
    assert attempt is not None
    return attempt


def test_a_call_is_the_same_request_as_a_post() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport, "id0")
            await all_posted(transport, 1)

        run(transport_to(server), work)
        first, second = server.requests
        assert (first.method, first.path, first.body) == (second.method, second.path, second.body)
        assert first.headers.keys() == second.headers.keys()
        check_signature(second, "execute-api")


def test_calls_go_out_in_the_order_of_asking_over_no_more_connections_than_the_bound() -> None:
    with Server() as server:
        run(transport_to(server, maximum_connections=1), lambda transport: all_posted(transport, 100))
        assert [request.path.rpartition("/")[2] for request in server.requests] == [f"id{n}" for n in range(100)]
        assert server.connections == 1

    with Server() as server:
        run(transport_to(server, maximum_connections=8), lambda transport: all_posted(transport, 500))
        assert len({request.path for request in server.requests}) == len(server.requests) == 500
        assert server.connections == 8


def test_calls_and_requests_share_the_connections() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            fan_out = FanOut(transport, 20)
            await asyncio.gather(*(post(transport) for _ in range(20)))
            await fan_out.finished()

        run(transport_to(server, maximum_connections=3), work)
        assert (len(server.requests), server.connections) == (40, 3)


def test_every_connection_is_replaced_where_the_server_ends_each_after_one_answer() -> None:
    counts: list[int] = []
    with Server(status(200, connection="close")) as server:
        transport = watched(server, counts, maximum_connections=4)
        run(transport, lambda transport: all_posted(transport, 40))
        assert (len(server.requests), server.connections) == (40, 40)
        assert max(counts) == 4


@pytest.mark.parametrize(("code", "count"), [(410, 1), (429, 1), (500, 1), (301, 1)])
def test_a_refusal_is_handed_on_and_keeps_the_connection(code: int, count: int) -> None:
    with Server(status(code), reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            attempt = await one(transport)
            assert attempt.response is not None
            assert (attempt.response.status, attempt.failure, attempt.sent) == (code, None, count)
            await all_posted(transport, 1)

        run(transport_to(server), work)
        assert [request.connection for request in server.requests] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (hang_up(), ConnectionLost),
        (reset(), ConnectionLost),
        (hang_up(OK[:-1]), ConnectionLost),
        (stall(), Expired),
        (stall(OK[:20]), Expired),
    ],
)
def test_a_failure_is_handed_on_and_its_connection_is_closed(answer: Answer, failure: type[Exception]) -> None:
    with Server(answer, reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            attempt = await one(transport)
            assert isinstance(attempt.failure, failure)
            assert attempt.sent == 1
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, attempt_timeout=SHORT_TIMEOUT if failure is Expired else PATIENCE), work)


@pytest.mark.parametrize("closing", [hang_up(), reset()])
def test_a_reused_connection_that_dies_before_any_byte_is_replaced_once(closing: Answer) -> None:
    with Server(reply(), closing, reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            await all_posted(transport, 1)
            await all_posted(transport, 1)

        run(transport_to(server), work)
        assert [request.connection for request in server.requests] == [1, 1, 2]

    with Server(reply(), closing, closing) as server:

        async def fail(transport: ConcurrentSender) -> None:
            await all_posted(transport, 1)
            attempt = await one(transport)
            assert isinstance(attempt.failure, ConnectionLost)
            assert attempt.sent == 2

        run(transport_to(server), fail)
        assert [request.connection for request in server.requests] == [1, 1, 2]


def test_all_connections_closed_between_two_invocations_are_replaced() -> None:
    with Server() as server:
        transport = transport_to(server, maximum_connections=8)
        with kept_loop(transport) as loop:
            loop.run_until_complete(all_posted(transport, 20))
            before = server.connections
            server.hang_up()
            loop.run_until_complete(all_posted(transport, 20))
        assert (before, server.connections, len(server.requests)) == (8, 16, 40)


def test_what_waits_is_told_at_the_deadline_and_sends_nothing() -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> None:
            fan_out = FanOut(transport, 5, deadline=soon(SHORT_TIMEOUT))
            attempts = await fan_out.finished()
            assert all(attempt is not None and isinstance(attempt.failure, Expired) for attempt in attempts)
            assert sorted(attempt.sent for attempt in attempts if attempt is not None) == [0, 0, 0, 0, 1]
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, maximum_connections=1, attempt_timeout=PATIENCE), work)
        assert len(server.requests) == 1


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            (attempt,) = await FanOut(transport, 1, deadline=soon(0)).finished()
            assert attempt is not None
            assert (attempt.sent, type(attempt.failure)) == (0, Expired)

        run(transport_to(server), work)
        assert len(server.requests) == 1


def test_hundreds_that_are_late_at_once_are_told_without_end_of_the_stack() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            (pool,) = transport._pools.values()
            held = pool.take()
            assert held is not None
            deadline = soon(0.05)
            fan_out = FanOut(transport, 2000, deadline=deadline)
            while asyncio.get_running_loop().time() < deadline:
                pass  # the loop itself is late, so that its alarm has not rung yet
            pool.release(held)
            assert all(attempt is not None and attempt.sent == 0 for attempt in await fan_out.finished())

        run(transport_to(server, maximum_connections=1), work)


def test_missing_credentials_are_left_to_the_request_to_raise() -> None:
    with Server() as server:
        variables = environment(server.port)
        del variables["AWS_SECRET_ACCESS_KEY"]

        async def work(transport: ConcurrentSender) -> None:
            attempt = await one(transport)
            assert (attempt.sent, attempt.response) == (0, None)
            with pytest.raises(AwsError) as caught:
                await Management(transport, CONNECTIONS_URL).post("id", PAYLOAD, deadline=soon(), begun=attempt)
            assert caught.value.code == "MissingCredentials"

        run(ConcurrentSender(variables), work)
        assert server.connections == 0


def test_a_refusing_port_is_told() -> None:
    with Server() as server:
        port = server.port

    async def work(transport: ConcurrentSender) -> None:
        for attempt in await FanOut(transport, 10).finished():
            assert attempt is not None
            assert attempt.sent == 0
            assert attempt.failure is not None

    run(ConcurrentSender(environment(port), maximum_connections=2), work)


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_cancelled_calls_leave_no_socket_and_no_place_behind(turns: int) -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> None:
            fan_out = FanOut(transport, 20)
            for _ in range(turns):
                await asyncio.sleep(0)
            if turns == 3:
                await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 4)
            for call in fan_out.calls:
                call.cancel()
                call.cancel()
            await fan_out.finished()
            assert transport.active == 0
            check_whole(transport)
            assert not next(iter(transport._pools.values()))._connections
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, maximum_connections=4, attempt_timeout=PATIENCE), work)


def test_close_tells_what_is_in_flight() -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> None:
            fan_out = FanOut(transport, 2)
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 2)
            await transport.close()
            for attempt in await fan_out.finished():
                assert attempt is not None
                assert isinstance(attempt.failure, ConnectionLost)

        run(transport_to(server, attempt_timeout=PATIENCE), work)


def test_a_request_goes_on_from_the_attempt_and_counts_it() -> None:
    with Server(status(503), status(403)) as server:

        async def work(transport: ConcurrentSender) -> AwsError:
            attempt = await one(transport)
            with pytest.raises(AwsError) as caught:
                await Management(transport, CONNECTIONS_URL).post("id0", PAYLOAD, deadline=soon(), begun=attempt)
            return caught.value

        error = run(transport_to(server), work)
        assert (error.status, error.attempts) == (403, 2)
        assert len(server.requests) == 2


def test_a_final_refusal_is_raised_without_another_request() -> None:
    with Server(status(410)) as server:

        async def work(transport: ConcurrentSender) -> AwsError:
            attempt = await one(transport)
            with pytest.raises(AwsError) as caught:
                await Management(transport, CONNECTIONS_URL).post("id0", PAYLOAD, deadline=soon(), begun=attempt)
            return caught.value

        error = run(transport_to(server), work)
        assert (type(error).__name__, error.attempts) == ("ConnectionGone", 1)
        assert len(server.requests) == 1


PLAYS: dict[str, Answer] = {
    "taken": reply(),
    "taken, then closed": status(200, connection="close"),
    "gone": status(410),
    "throttled": status(429),
    "broken": status(500),
    "garbage": reply(b"SSH-2.0\r\n"),
    "silence": stall(),
    "reset": reset(),
    "closed": hang_up(),
    "closed within the answer": hang_up(OK[:-1]),
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(PLAYS)), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 15))
def test_whatever_the_server_plays_every_call_is_answered_once_and_nothing_that_was_answered_is_sent_again(
    plays: Sequence[str], size: int, count: int
) -> None:
    counts: list[int] = []
    with Server(*(PLAYS[play] for play in plays), reply()) as server:

        async def work(transport: ConcurrentSender) -> list[str]:
            management = Management(transport, CONNECTIONS_URL)
            ends = []
            for number, attempt in enumerate(await FanOut(transport, count).finished()):
                try:
                    if attempt is not None:
                        await management.post(f"id{number}", PAYLOAD, deadline=soon(), begun=attempt)
                except AwsError as error:
                    ends.append(str(error.status))
                else:
                    ends.append("200")
            assert transport.active == 0
            return ends

        transport = watched(server, counts, maximum_connections=size, attempt_timeout=0.1)
        ends = run(transport, work)
        answers: dict[str, list[str]] = {f"id{number}": [] for number in range(count)}
        for number, request in enumerate(server.requests):
            play = plays[number] if number < len(plays) else "taken"
            answers[request.path.rpartition("/")[2]].append(play)
        for end, played in zip(ends, answers.values(), strict=True):
            *before, last = played
            assert last in (("taken", "taken, then closed") if end == "200" else ("gone",))
            assert not {"taken", "taken, then closed", "gone"} & set(before)
        assert max(counts) <= size


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.lists(st.booleans(), max_size=60), st.integers(1, 40))
def test_where_requests_are_too_many_no_more_go_out_than_the_pace_allows_and_all_are_answered(
    size: int, refused: Sequence[bool], count: int
) -> None:
    sent: list[tuple[int, int]] = []
    with Server(*(status(429) if each else reply() for each in refused), reply()) as server:

        def clock() -> float:  # asked once for each request, which then counts as under way
            (pool,) = transport._pools.values()
            sent.append((pool._under_way(), pool._pace.bound))
            return 0.0

        async def work(transport: ConcurrentSender) -> None:
            ends = await FanOut(transport, count).finished()
            assert all(under_way <= bound for under_way, bound in sent)
            management = Management(transport, CONNECTIONS_URL)
            left = [(number, attempt) for number, attempt in enumerate(ends) if attempt is not None]
            async with asyncio.timeout(PATIENCE / 2), asyncio.TaskGroup() as group:
                for number, attempt in left:
                    group.create_task(management.post(f"id{number}", PAYLOAD, deadline=soon(), begun=attempt))
            assert len(server.requests) == count + sum(refused[: len(server.requests)])

        transport = transport_to(server, clock=clock, maximum_connections=size)
        run(transport, work)


def test_after_refusals_at_most_half_as_many_go_out_and_then_more_again() -> None:
    bounds: list[int] = []
    with Server(*[status(429)] * 8, reply()) as server:

        def clock() -> float:
            (pool,) = transport._pools.values()
            bounds.append(pool._pace.bound)
            return 0.0

        async def work(transport: ConcurrentSender) -> None:
            assert [attempt is None for attempt in await FanOut(transport, 100).finished()].count(False) == 8

        transport = transport_to(server, clock=clock, maximum_connections=8)
        run(transport, work)
    lowest = min(bounds)
    assert lowest <= 4
    after = bounds[bounds.index(lowest) :]
    assert after == sorted(after)
    assert bounds[-1] == 8
