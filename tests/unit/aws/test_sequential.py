"""What only the sender without an event loop does; what it shares with the other is in test_transport and test_tls."""

import asyncio
import select
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.unit.aws.support import OK, PATIENCE, Answer, Exchange, Server, environment, post, reply, stall, status
from websocket_push.aws.errors import AwsError
from websocket_push.aws.sequential import SequentialSender
from websocket_push.http.blocking import drive, together


def sender_to(server: Server, **options: Any) -> SequentialSender:
    return SequentialSender(environment(server.port), **{"random": lambda: 0.0, **options})


def posting(sender: SequentialSender) -> Coroutine[Any, Any, None]:
    return post(sender, deadline=time.monotonic() + PATIENCE)


def once_both_are_there() -> Answer:
    barrier = asyncio.Barrier(2)

    async def answer(exchange: Exchange) -> bool:
        await barrier.wait()
        await exchange.write(OK)
        return True

    return answer


def test_no_event_loop_is_needed_and_the_connection_stays_open_between_invocations() -> None:
    with Server() as server:
        sender = sender_to(server)
        for _ in range(3):
            drive(posting(sender))
        assert [request.connection for request in server.requests] == [1, 1, 1]
        sender.close()
        server.wait_until(lambda: server.open == 0)


def test_requests_sent_together_are_on_their_way_at_the_same_time() -> None:
    patient = once_both_are_there()
    with Server(patient, patient, reply()) as server:
        sender = sender_to(server)

        async def numbered(number: int) -> int:
            await posting(sender)
            return number

        assert drive(together(numbered(1), numbered(2))) == [1, 2]
        assert [request.connection for request in server.requests] == [1, 2]
        # Both connections are kept, and the one used last is used first.
        drive(posting(sender))
        assert server.connections == 2
        sender.close()


def test_where_one_of_those_sent_together_fails_the_others_are_given_up() -> None:
    with Server(status(403), stall()) as server:
        sender = sender_to(server)
        with pytest.raises(AwsError):
            drive(together(posting(sender), posting(sender)))
        server.wait_until(lambda: server.open == 1)  # the refusal kept its connection
        sender.close()


def test_an_answer_that_waited_behind_another_is_read_although_its_time_is_over() -> None:
    with Server(stall(), reply(), reply()) as server:
        sender = sender_to(server, attempt_timeout=0.2)
        drive(together(posting(sender), posting(sender)))
        assert len(server.requests) == 3
        sender.close()


def test_an_abandoned_request_closes_its_connection() -> None:
    with Server(stall()) as server:
        request = posting(sender_to(server))
        request.send(None)
        server.wait_until(lambda: len(server.requests) == 1)
        request.close()
        server.wait_until(lambda: server.open == 0)


def test_an_address_that_refuses_is_passed_over_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as gone:
        closed_port = gone.port
    with Server() as server:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (closed_port, server.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        sender = sender_to(server)
        drive(posting(sender))
        assert len(server.requests) == 1
        sender.close()


def test_a_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    with Server() as server:
        sender = sender_to(server, idle_limit=0.0)
        for _ in range(2):
            drive(posting(sender))
        assert [request.connection for request in server.requests] == [1, 2]
        sender.close()


def test_what_a_server_says_unasked_is_not_taken_for_an_answer() -> None:
    exchanges: list[Exchange] = []

    async def answer(exchange: Exchange) -> bool:
        exchanges.append(exchange)
        await exchange.write(OK)
        return True

    with Server(answer) as server:
        sender = sender_to(server)
        drive(posting(sender))
        ((connection,),) = sender._idle.values()
        late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
        server._loop.call_soon_threadsafe(exchanges[0].writer.write, late)
        assert select.select([connection._stream], [], [], PATIENCE)[0]
        drive(posting(sender))
        assert [request.connection for request in server.requests] == [1, 2]
        sender.close()


@pytest.mark.parametrize("driver", [drive, lambda foreign: drive(together(foreign))])
def test_what_awaits_something_else_is_refused(driver: Callable[[Coroutine[Any, Any, None]], object]) -> None:
    with pytest.raises(RuntimeError, match="awaits something other"):
        driver(asyncio.sleep(0))
