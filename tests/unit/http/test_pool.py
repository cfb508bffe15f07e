"""The pool: bounded, first come first served, and whole again after whatever happens to a request."""

import asyncio
import socket
import time

import pytest

from tests.unit.aws.support import (
    OK,
    PATIENCE,
    Answer,
    Exchange,
    Server,
    kept_loop,
    post,
    post_failure,
    reply,
    run,
    soon,
    stall,
    status,
    transport_to,
)
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.http.connection import HttpConnection
from websocket_push.http.errors import ConnectionLost, Expired
from websocket_push.http.pool import Pool
from websocket_push.http.response import Response


def pool_of(transport: ConcurrentSender, server: Server) -> Pool:
    return transport._pools["http", "127.0.0.1", server.port]


def gate() -> tuple[asyncio.Event, list[asyncio.AbstractEventLoop], Answer]:
    """An answer that waits until the test opens the gate."""
    opened = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(exchange: Exchange) -> bool:
        loops[:] = [asyncio.get_running_loop()]
        await opened.wait()
        await exchange.write(OK)
        return True

    return opened, loops, answer


def test_the_bound_holds_under_500_requests_at_once() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport, f"id{number}") for number in range(500)))

        run(transport_to(server, maximum_connections=8), work)
        assert sorted(request.path for request in server.requests) == sorted(
            f"/prod/%40connections/id{number}".replace("%40", "@") for number in range(500)
        )
        assert server.connections == 8


def test_no_more_connections_are_opened_than_there_is_work() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            for _ in range(5):
                await post(transport)
            await asyncio.gather(post(transport), post(transport), post(transport))

        run(transport_to(server), work)
        assert server.connections == 3


def test_waiters_are_served_in_the_order_of_asking() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport, f"id{number}") for number in range(50)))

        run(transport_to(server, maximum_connections=1), work)
        assert [request.path.rpartition("/")[2] for request in server.requests] == [f"id{n}" for n in range(50)]


def test_the_socket_survives_between_two_runs_of_the_loop() -> None:
    with Server() as server:
        transport = transport_to(server)
        with kept_loop(transport) as loop:
            loop.run_until_complete(post(transport))
            loop.run_until_complete(post(transport))
        assert [request.connection for request in server.requests] == [1, 1]


def test_a_connection_that_the_server_closed_while_the_loop_was_not_running_is_not_written_to() -> None:
    with Server() as server:
        transport = transport_to(server)

        async def take() -> object:
            return pool_of(transport, server).take()

        with kept_loop(transport) as loop:
            loop.run_until_complete(post(transport))
            server.hang_up()
            assert loop.run_until_complete(take()) is None
            loop.run_until_complete(post(transport))
        assert [request.connection for request in server.requests] == [1, 2]


def test_all_connections_closed_between_two_invocations_are_replaced() -> None:
    with Server() as server:
        transport = transport_to(server, maximum_connections=8)

        async def work() -> None:
            await asyncio.gather(*(post(transport) for _ in range(20)))

        with kept_loop(transport) as loop:
            loop.run_until_complete(work())
            before = server.connections
            server.hang_up()
            loop.run_until_complete(work())
        assert len(server.requests) == 40
        assert (before, server.connections) == (8, 16)


def test_the_bound_holds_while_every_connection_is_replaced_after_one_answer() -> None:
    counts: list[int] = []
    with Server(status(200, connection="close")) as server:

        def clock() -> float:  # asked once per request, while all that is in flight is in flight
            pool = pool_of(transport, server)
            counts.append(len(pool._connections) + pool._opening)
            return 0.0

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport) for _ in range(40)))

        transport = transport_to(server, maximum_connections=4, clock=clock)
        run(transport, work)
        assert server.connections == 40
        assert max(counts) == 4


def test_a_connection_that_was_idle_too_long_is_replaced() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            await post(transport)

        run(transport_to(server, idle_limit=0.0), work)
        assert [request.connection for request in server.requests] == [1, 2]


def test_the_connection_used_last_is_used_next() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(post(transport), post(transport))
            pool = pool_of(transport, server)
            first, second = pool.take(), pool.take()
            assert first is not None
            assert second is not None
            pool.release(first)
            pool.release(second)
            assert pool.take() is second
            pool.release(second)

        run(transport_to(server), work)


def test_a_connection_that_was_idle_longer_than_a_request_may_take_is_still_good() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            await asyncio.sleep(0.4)
            await post(transport)

        run(transport_to(server, attempt_timeout=0.3), work)
        assert server.connections == 1


def test_cancelled_waiters_do_not_disturb_the_others() -> None:
    opened, loops, answer = gate()
    with Server(answer) as server:

        async def work(transport: ConcurrentSender) -> None:
            tasks = [asyncio.create_task(post(transport, f"id{number}")) for number in range(6)]
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            for number in (1, 3, 5):
                tasks[number].cancel()
            loops[0].call_soon_threadsafe(opened.set)
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in results] == [type(None), asyncio.CancelledError] * 3

        run(transport_to(server, maximum_connections=1), work)
        assert [request.path.rpartition("/")[2] for request in server.requests] == ["id0", "id2", "id4"]
        assert server.connections == 1


class Asking:
    """A waiter that keeps the connection it is started with."""

    def __init__(self, pool: Pool, deadline: float | None = None) -> None:
        self.deadline = soon() if deadline is None else deadline
        self.got: asyncio.Future[HttpConnection] = asyncio.get_running_loop().create_future()
        self._opening: asyncio.Task[HttpConnection] | None = None
        pool.submit(self)

    def done(self) -> bool:
        return self.got.done()

    def start(self, connection: HttpConnection) -> bool:
        self.got.set_result(connection)
        return True

    def wait_for(self, opening: "asyncio.Task[HttpConnection]") -> None:
        self._opening = opening

    def set_exception(self, failure: Exception) -> None:
        self.got.set_exception(failure)

    def cancel(self) -> None:
        self.got.cancel()
        if self._opening is not None:
            self._opening.cancel()


async def held_of(transport: ConcurrentSender, server: Server) -> tuple[Pool, HttpConnection]:
    """Take the only connection of a pool."""
    await post(transport)
    pool = pool_of(transport, server)
    connection = pool.take()
    assert connection is not None
    return pool, connection


def test_a_waiter_that_was_cancelled_before_its_turn_is_passed_over() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            pool, held = await held_of(transport, server)
            cancelled, following = Asking(pool), Asking(pool)
            cancelled.cancel()
            pool.release(held)
            assert await following.got is held
            pool.release(held)
            assert pool.take() is held
            pool.release(held)

        run(transport_to(server, maximum_connections=1), work)


def test_a_waiter_cancelled_while_its_connection_is_being_opened_passes_its_place_on() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            pool, held = await held_of(transport, server)
            cancelled, following = Asking(pool), Asking(pool)
            held.abort()
            pool.release(held)  # its place goes to the first one, for which a connection is opened
            cancelled.cancel()
            opened = await following.got
            assert opened is not held
            pool.release(opened)
            assert pool.take() is opened
            pool.release(opened)

        run(transport_to(server, maximum_connections=1), work)


def test_a_waiter_that_is_done_when_its_connection_has_been_opened_passes_it_on() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            pool, held = await held_of(transport, server)
            done, following = Asking(pool), Asking(pool)
            held.abort()
            pool.release(held)
            done.got.cancel()
            opened = await following.got
            assert opened is not held
            assert (pool._opening, pool._connections) == (0, {opened})
            pool.release(opened)

        run(transport_to(server, maximum_connections=1), work)


def test_a_place_is_not_granted_to_a_waiter_that_was_cancelled_before() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            pool, held = await held_of(transport, server)
            cancelled, following = Asking(pool), Asking(pool)
            cancelled.cancel()
            held.abort()
            pool.release(held)
            opened = await following.got
            assert opened is not held
            pool.release(opened)

        run(transport_to(server, maximum_connections=1), work)


def test_a_request_cancelled_while_its_connection_is_being_opened_frees_the_place() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            first = asyncio.create_task(post(transport))
            second = asyncio.create_task(post(transport))
            await asyncio.sleep(0)
            first.cancel()
            await second
            with pytest.raises(asyncio.CancelledError):
                await first

        run(transport_to(server, maximum_connections=1), work)
        assert len(server.requests) == 1


def test_a_failed_opening_lets_the_next_waiter_try() -> None:
    with Server() as server:
        port = server.port

    async def work(transport: ConcurrentSender) -> list[AwsError]:
        return await asyncio.gather(*(post_failure(transport, attempts=1) for _ in range(10)))

    errors = run(transport_to(server, maximum_connections=2), work)
    assert port == server.port
    assert [error.code for error in errors] == ["ConnectionFailed"] * 10


def test_a_waiter_gives_up_at_its_deadline_and_leaves_the_queue() -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> AwsError:
            started = asyncio.get_running_loop().time()
            busy = asyncio.create_task(post(transport))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            error = await post_failure(transport, deadline=soon(0.05))
            assert not busy.done()
            assert asyncio.get_running_loop().time() < started + PATIENCE / 2
            busy.cancel()
            await asyncio.wait([busy])
            return error

        error = run(transport_to(server, maximum_connections=1, attempt_timeout=PATIENCE), work)
        assert (error.code, error.attempts, error.transient) == ("DeadlineExceeded", 0, True)


def test_a_later_request_with_an_earlier_deadline_is_watched_too() -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> str:
            started = asyncio.get_running_loop().time()
            patient = asyncio.create_task(post(transport))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            hasty = await post_failure(transport, deadline=soon(0.3))
            assert not patient.done()
            assert len(server.requests) == 2
            patient.cancel()
            await asyncio.wait([patient])
            assert asyncio.get_running_loop().time() < started + PATIENCE / 2
            return hasty.code

        assert run(transport_to(server, attempt_timeout=PATIENCE), work) == "DeadlineExceeded"


def test_every_deadline_is_watched_one_after_the_other() -> None:
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> list[str]:
            deadlines = [soon(0.3), soon(0.4), soon(0.5)]
            failures = (post_failure(transport, deadline=deadline) for deadline in deadlines)
            async with asyncio.timeout(PATIENCE / 2):
                return [error.code for error in await asyncio.gather(*failures)]

        assert run(transport_to(server, attempt_timeout=PATIENCE), work) == ["DeadlineExceeded"] * 3
        assert len(server.requests) == 3


def test_a_patient_waiter_does_not_postpone_the_deadline_of_a_request_in_flight() -> None:
    with Server(stall(), reply()) as server:

        async def work(transport: ConcurrentSender) -> str:
            deadline = soon(0.4)
            hasty = asyncio.create_task(post_failure(transport, deadline=deadline))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            async with asyncio.timeout(PATIENCE / 2):
                await post(transport)
                return (await hasty).code

        transport = transport_to(server, maximum_connections=1, attempt_timeout=PATIENCE)
        assert run(transport, work) == "DeadlineExceeded"


def test_a_waiter_that_is_served_too_late_sends_nothing() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> AwsError:
            await post(transport)
            pool = pool_of(transport, server)
            held = pool.take()
            assert held is not None
            late = asyncio.create_task(post_failure(transport, deadline=soon(0.02)))
            await asyncio.sleep(0)
            time.sleep(0.05)  # noqa: ASYNC251 - the loop itself is late, so that its alarm has not rung yet
            pool.release(held)
            return await late

        error = run(transport_to(server, maximum_connections=1), work)
        assert (error.code, error.attempts) == ("DeadlineExceeded", 0)
        assert len(server.requests) == 1


def test_a_request_that_waits_to_be_sent_again_holds_no_connection() -> None:
    with Server(status(429, retry_after="1"), reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            refused = asyncio.create_task(post(transport, "full"))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            async with asyncio.timeout(PATIENCE / 2):
                await post(transport, "other")
            assert not refused.done()
            refused.cancel()
            await asyncio.wait([refused])

        run(transport_to(server, maximum_connections=1), work)
        assert [request.path.rpartition("/")[2] for request in server.requests] == ["full", "other"]


def full_for(*names: str) -> Answer:
    """An answer of a service at which some connections' buffers are full for ever."""

    async def answer(exchange: Exchange) -> bool:
        full = exchange.request.path.rpartition("/")[2] in names
        await exchange.write(b"HTTP/1.1 429 Full\r\nContent-Length: 0\r\n\r\n" if full else OK)
        return True

    return answer


@pytest.mark.parametrize("count", [1, 5])
def test_connections_whose_buffers_are_full_do_not_slow_down_the_others(count: int) -> None:
    bounds: list[int] = []
    full = [f"id{number}" for number in range(count)]
    with Server(full_for(*full)) as server:

        def clock() -> float:  # asked once per request
            bounds.append(pool_of(transport, server)._pace.bound)
            return 0.0

        async def work(transport: ConcurrentSender) -> None:
            others = [post(transport, f"id{number}") for number in range(count, 500)]
            failing = [post_failure(transport, name, attempts=5) for name in full]
            errors, _ = await asyncio.gather(asyncio.gather(*failing), asyncio.gather(*others))
            assert [(error.status, error.attempts) for error in errors] == [(429, 5)] * count

        transport = transport_to(server, clock=clock)
        run(transport, work)
        assert set(bounds) == {64}
        assert len(server.requests) == 500 - count + 5 * count


def test_a_refusal_that_concerns_all_is_not_counted_against_one() -> None:
    refusals = 3 * 64
    with Server(*[status(429)] * refusals, reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport, f"id{number}", attempts=2) for number in range(refusals)))

        run(transport_to(server, random=lambda: 0.0), work)
        assert len(server.requests) == 2 * refusals


def test_close_fails_what_is_in_flight_which_then_starts_anew() -> None:
    with Server(stall(), reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            task = asyncio.create_task(post(transport))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            await transport.close()
            async with asyncio.timeout(PATIENCE / 2):
                await task

        run(transport_to(server, attempt_timeout=PATIENCE), work)
        assert [request.connection for request in server.requests] == [1, 2]


class Receiving:
    """A receiver that notes what it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def done(self) -> bool:
        return bool(self.got)

    def set_result(self, response: Response) -> None:
        self.got.append(response)

    def set_exception(self, failure: Exception) -> None:
        self.got.append(failure)


def test_sending_on_a_closed_connection_fails_at_once() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            pool, connection = await held_of(transport, server)
            connection.abort()
            for _ in range(2):  # closing, and closed
                receiver = Receiving()
                connection.send(receiver, b"GET / HTTP/1.1\r\n\r\n", soon())
                assert [type(each) for each in receiver.got] == [ConnectionLost]
                await asyncio.sleep(0)
            pool.release(connection)

        run(transport_to(server), work)


@pytest.mark.parametrize("end", ["expired", "aborted"])
def test_a_receiver_gets_one_answer_at_most(end: str) -> None:
    with Server(reply(), stall()) as server:

        async def work(transport: ConcurrentSender) -> None:
            reports: list[object] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
            pool, connection = await held_of(transport, server)
            receiver = Receiving()
            connection.send(receiver, b"GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", soon())
            if end == "expired":
                connection.expire()
            pool.release(connection)
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            assert [type(each) for each in receiver.got] == ([Expired] if end == "expired" else [])
            assert reports == []

        run(transport_to(server), work)


def test_close_closes_every_socket() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport) for _ in range(5)))
            assert server.open == 5
            await transport.close()
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server), work)


def test_a_connection_sends_small_packets_at_once() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> int:
            await post(transport)
            connection = pool_of(transport, server).take()
            assert connection is not None
            assert connection._transport is not None
            raw = connection._transport.get_extra_info("socket")
            option = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            pool_of(transport, server).release(connection)
            return int(option)

        assert run(transport_to(server), work) != 0


def test_bytes_that_nobody_asked_for_close_the_idle_connection() -> None:
    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            for writer in server._writers:
                server._loop.call_soon_threadsafe(writer.write, OK)
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            await post(transport)

        run(transport_to(server), work)
        assert [request.connection for request in server.requests] == [1, 2]


def test_connections_of_a_loop_that_ended_are_left_alone() -> None:
    with Server() as server:
        transport = transport_to(server)
        first = asyncio.new_event_loop()
        first.run_until_complete(post(transport))
        left = pool_of(transport, server)

        async def close() -> None:
            left.close()
            await asyncio.sleep(0)

        with kept_loop(transport) as second:
            second.run_until_complete(post(transport))
            assert pool_of(transport, server) is not left
        assert len(left._idle) == 1
        first.run_until_complete(close())
        first.close()
        assert [request.connection for request in server.requests] == [1, 2]
