"""The transport against real servers: what they do to a connection, and how the request ends."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.aws.support import (
    CONNECTIONS_URL,
    OK,
    PATIENCE,
    SENDERS,
    Answer,
    Maker,
    Server,
    byte_by_byte,
    environment,
    hang_up,
    kept_loop,
    post,
    post_failure,
    reply,
    reset,
    run,
    soon,
    stall,
    status,
)
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Sender

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nx-trailer: y\r\n\r\n"
SHORT_TIMEOUT = 0.3  # seconds, where running into it is what the test is about


@pytest.fixture(params=SENDERS)
def kind(request: pytest.FixtureRequest) -> Maker:
    """One kind of sender after the other: they promise the same."""
    made: Maker = request.param
    return made


@pytest.fixture
def transport_to(kind: Maker) -> Maker:
    """Make a sender to a server that retries at once."""

    def make(server: Server, **options: Any) -> Sender:
        return kind(environment(server.port), **{"random": lambda: 0.0, **options})

    return make


async def fail_once(transport: Sender) -> AwsError:
    return await post_failure(transport, attempts=1)


async def post_twice(transport: Sender) -> None:
    await post(transport)
    await post(transport)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(OK), id="content length"),
        pytest.param(reply(CHUNKED), id="chunked"),
        pytest.param(byte_by_byte(OK), id="content length, byte by byte"),
        pytest.param(byte_by_byte(CHUNKED), id="chunked, byte by byte"),
        pytest.param(reply(b"HTTP/1.1 204 No Content\r\n\r\n"), id="no body"),
        pytest.param(reply(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), id="interim response"),
    ],
)
def test_a_connection_serves_one_request_after_the_other(answer: Answer, transport_to: Maker) -> None:
    with Server(answer) as server:
        run(transport_to(server), post_twice)
        assert [request.connection for request in server.requests] == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), id="close header"),
        pytest.param(hang_up(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), id="body until the end"),
        pytest.param(reply(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), id="HTTP/1.0"),
        pytest.param(reply(OK + b"HTTP/1.1 200 OK\r\n"), id="more than was asked for"),
    ],
)
def test_a_connection_that_cannot_go_on_is_replaced(answer: Answer, transport_to: Maker) -> None:
    with Server(answer) as server:
        run(transport_to(server), post_twice)
        assert [request.connection for request in server.requests] == [1, 2]


def test_an_idle_connection_that_the_server_closes_is_replaced_unnoticed(transport_to: Maker) -> None:
    with Server() as server:

        async def work(transport: Sender) -> None:
            await post(transport)
            await asyncio.to_thread(server.hang_up)
            await post(transport)

        run(transport_to(server, random=never_called), work)
        assert [request.connection for request in server.requests] == [1, 2]


class Jitter:
    """No delay, and a count of the failed attempts that asked for one."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> float:
        self.drawn += 1
        return 0.0


def never_called() -> float:
    raise AssertionError("a retry was counted as a failed attempt")


@pytest.mark.parametrize("closing", [hang_up(), reset()])
def test_a_reused_connection_that_dies_before_any_byte_is_replaced_once_without_a_failed_attempt(
    closing: Answer, transport_to: Maker
) -> None:
    with Server(reply(), closing, reply()) as server:
        run(transport_to(server, random=never_called), post_twice)
        assert [request.connection for request in server.requests] == [1, 1, 2]


@pytest.mark.parametrize(
    "closing",
    [
        pytest.param(hang_up(), id="closed"),
        pytest.param(reset(), id="reset"),
        pytest.param(hang_up(OK[:-1]), id="closed within the body"),
        pytest.param(hang_up(OK[:20]), id="closed within the head"),
        pytest.param(reset(OK[:-1]), id="reset within the body"),
        pytest.param(hang_up(CHUNKED[:-4]), id="closed within the chunks"),
    ],
)
def test_a_new_connection_that_dies_is_a_failed_attempt_and_is_retried(closing: Answer, transport_to: Maker) -> None:
    with Server(closing, reply()) as server:
        jitter = Jitter()
        run(transport_to(server, random=jitter), post)
        assert [request.connection for request in server.requests] == [1, 2]
        assert jitter.drawn == 1


def test_a_reused_connection_that_dies_within_the_answer_is_a_failed_attempt(transport_to: Maker) -> None:
    with Server(reply(), hang_up(OK[:-1]), status(403)) as server:

        async def work(transport: Sender) -> AwsError:
            await post(transport)
            return await post_failure(transport)

        jitter = Jitter()
        error = run(transport_to(server, random=jitter), work)
        assert (error.attempts, jitter.drawn) == (2, 1)


def test_requests_sent_again_unnoticed_count_as_attempts(transport_to: Maker) -> None:
    with Server(reply(), hang_up(), status(403)) as server:

        async def work(transport: Sender) -> AwsError:
            await post(transport)
            return await post_failure(transport)

        assert run(transport_to(server), work).attempts == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(reply(b"SSH-2.0-OpenSSH_9.2\r\n"), "InvalidResponse", id="another protocol"),
        pytest.param(reply(b"\x15\x03\x01\x00\x02\x02\x16"), "InvalidResponse", id="TLS alert"),
        pytest.param(reply(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "InvalidResponse", id="header without a colon"),
        pytest.param(
            reply(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "InvalidResponse", id="huge header"
        ),
        pytest.param(reply(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), "InvalidResponse", id="endless header"),
        pytest.param(hang_up(OK[:-1]), "ConnectionFailed", id="closed within the body"),
        pytest.param(reset(), "ConnectionFailed", id="reset"),
        pytest.param(status(500), "500", id="500"),
        pytest.param(status(502, b"<html>Bad Gateway</html>"), "502", id="502"),
        pytest.param(status(503), "503", id="503"),
        pytest.param(status(504), "504", id="504"),
        pytest.param(status(429, x_amzn_errortype="LimitExceededException"), "LimitExceededException", id="429"),
        pytest.param(status(400, b'{"__type":"a.b#ThrottlingException"}'), "ThrottlingException", id="throttled"),
        pytest.param(stall(), "Timeout", id="silence"),
        pytest.param(stall(OK[:20]), "Timeout", id="silence after the first bytes"),
    ],
)
def test_a_passing_failure_is_retried_on_a_connection_that_works_and_reported_when_time_is_out(
    answer: Answer, code: str, transport_to: Maker
) -> None:
    with Server(answer, reply()) as server:
        run(transport_to(server, attempt_timeout=SHORT_TIMEOUT if code == "Timeout" else PATIENCE), post)
        assert len(server.requests) == 2
    with Server(answer) as server:
        transport = transport_to(server, attempt_timeout=SHORT_TIMEOUT if code == "Timeout" else PATIENCE)
        error = run(transport, fail_once)
        assert (error.code, error.attempts, error.transient) == (code, 1, True)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "code", "expected_status"),
    [
        (status(403, b'{"message":"no"}', x_amzn_ErrorType="ForbiddenException:http://x/"), "ForbiddenException", 403),
        (status(403, b'{"__type":"com.amazon.coral.service#AccessDeniedException"}'), "AccessDeniedException", 403),
        (status(400, b'{"code":"ValidationException"}'), "ValidationException", 400),
        (status(403, b"<html>no</html>"), "403", 403),
        (status(400, b'{"Code":"ValidationException"}'), "ValidationException", 400),
        (status(403, b'{"__type":17}'), "403", 403),
        (status(403, b'{"__type":"' + b"x" * 200 + b'"}'), "403", 403),
        (status(403, b'"a string"'), "403", 403),
        (status(403, b'{"__type":"line\\nbreak"}'), "403", 403),
        (status(403, b"[" * 100_000), "403", 403),
        (status(403, b'{"__type":"ExpiredTokenException"}'), "ExpiredTokenException", 403),
        (status(410), "410", 410),
        (status(301, location="https://example.com/"), "301", 301),
    ],
)
def test_a_refusal_is_final_and_keeps_the_connection(
    answer: Answer, code: str, expected_status: int, transport_to: Maker
) -> None:
    with Server(answer) as server:

        async def work(transport: Sender) -> AwsError:
            await post_failure(transport)
            return await post_failure(transport)

        error = run(transport_to(server), work)
        assert (error.code, error.status, error.attempts, error.transient) == (code, expected_status, 1, False)
        assert [request.connection for request in server.requests] == [1, 1]


def test_a_message_names_the_operation_the_code_and_the_counts_and_nothing_that_was_sent_or_received(
    transport_to: Maker,
) -> None:
    with Server(status(503, b'{"message":"private"}')) as server:
        error = run(transport_to(server), fail_once)
        assert str(error) == "PostToConnection: 503 (HTTP 503, 1 attempt)"


def test_a_refusing_port_is_a_connection_failure_and_nothing_was_sent(kind: Maker) -> None:
    with Server() as server:
        port = server.port
    error = run(kind(environment(port)), fail_once)
    assert (error.code, error.attempts, error.transient) == ("ConnectionFailed", 0, True)
    assert "ConnectionRefusedError" in str(error)


def test_a_name_that_does_not_resolve_is_a_connection_failure(kind: Maker) -> None:
    variables = environment(1, AWS_ENDPOINT_URL="http://name.invalid")
    error = run(kind(variables), fail_once)
    assert (error.code, error.attempts, error.transient) == ("ConnectionFailed", 0, True)


@pytest.mark.parametrize("asked", ["1", "20", "3600", "9" * 5000, "-1", "1.5", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_more_time_than_there_is_is_asked_again_in_time(asked: str, transport_to: Maker) -> None:
    with Server(status(429, retry_after=asked), reply()) as server:

        async def work(transport: Sender) -> None:
            await post(transport, deadline=soon(1))

        run(transport_to(server), work)
        assert len(server.requests) == 2


def test_a_retry_that_was_put_off_is_not_sent_early(transport_to: Maker) -> None:
    with Server(status(503, retry_after="1"), reply()) as server:

        async def work(transport: Sender) -> float:
            started = asyncio.get_running_loop().time()
            await post(transport)
            return asyncio.get_running_loop().time() - started

        assert run(transport_to(server), work) >= 0.99


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_bound_on_attempts_ends_a_request_with_the_last_error(attempts: int, transport_to: Maker) -> None:
    with Server(status(503), status(503), status(429), reply()) as server:

        async def work(transport: Sender) -> AwsError:
            return await post_failure(transport, attempts=attempts)

        error = run(transport_to(server), work)
        assert (error.code, error.attempts, error.transient) == ("503" if attempts == 1 else "429", attempts, True)
        assert len(server.requests) == attempts


def test_retries_go_on_until_the_deadline_and_not_after_it(transport_to: Maker) -> None:
    with Server(status(503)) as server:

        async def work(transport: Sender) -> AwsError:
            deadline = soon(1.0)
            error = await post_failure(transport, deadline=deadline)
            assert asyncio.get_running_loop().time() >= deadline
            return error

        error = run(transport_to(server), work)
        assert error.transient
        assert error.code in {"503", "DeadlineExceeded"}
        # The last request may be given up on its way, before the server has read it.
        lost = 1 if error.code == "DeadlineExceeded" else 0
        assert error.attempts > 1
        assert error.attempts - lost <= len(server.requests) <= error.attempts


def test_silence_ends_at_the_deadline_and_leaves_no_socket_half_used(transport_to: Maker) -> None:
    with Server(stall(), reply()) as server:

        async def work(transport: Sender) -> AwsError:
            started = asyncio.get_running_loop().time()
            error = await post_failure(transport, deadline=started + SHORT_TIMEOUT)
            assert started + SHORT_TIMEOUT <= asyncio.get_running_loop().time() < started + PATIENCE / 2
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            await post(transport)
            return error

        error = run(transport_to(server, attempt_timeout=PATIENCE), work)
        assert (error.code, error.status, error.attempts, error.transient) == ("DeadlineExceeded", None, 1, True)
        assert [request.connection for request in server.requests] == [1, 2]


def test_nothing_is_sent_after_the_deadline(transport_to: Maker) -> None:
    with Server() as server:

        async def work(transport: Sender) -> AwsError:
            return await post_failure(transport, deadline=soon(0))

        error = run(transport_to(server), work)
        assert (error.code, error.attempts, error.transient) == ("DeadlineExceeded", 0, True)
        assert server.connections == 0


def test_a_cancelled_request_closes_its_connection_and_frees_its_place() -> None:
    with Server(stall(), reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            task = asyncio.create_task(post(transport))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            await post(transport)

        run(ConcurrentSender(environment(server.port), maximum_connections=1), work)
        assert server.connections == 2


def test_an_answer_that_comes_before_the_request_was_read_ends_the_connection() -> None:
    async def main() -> AwsError:
        done, served = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await done.wait()  # open all the time, and never reading the body
            writer.transport.abort()
            served.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        port = server.sockets[0].getsockname()[1]
        transport = ConcurrentSender(environment(port))
        with pytest.raises(AwsError) as caught:
            await Management(transport, CONNECTIONS_URL).post("id", Payload(b"x" * 12_000_000), deadline=soon())
        assert transport._pools["http", "127.0.0.1", port].take() is None
        done.set()
        await served.wait()
        await transport.close()
        server.close()
        await server.wait_closed()
        return caught.value

    assert asyncio.run(main()).status == 413


def test_credentials_are_read_anew_when_they_rotate_between_two_invocations(kind: Maker) -> None:
    with Server() as server:
        variables = environment(server.port)
        transport = kind(variables)
        with kept_loop(transport) as loop:
            loop.run_until_complete(post(transport))
            variables["AWS_ACCESS_KEY_ID"] = "ROTATED"
            variables["AWS_SESSION_TOKEN"] = "token"
            loop.run_until_complete(post(transport))
        first, second = server.requests
        assert "Credential=AKIDEXAMPLE/" in first.headers["authorization"]
        assert "x-amz-security-token" not in first.headers
        assert "Credential=ROTATED/" in second.headers["authorization"]
        assert second.headers["x-amz-security-token"] == "token"


def test_each_attempt_is_signed_with_its_own_time_and_the_credentials_of_its_moment(kind: Maker) -> None:
    times = iter([1_000_000_000.9, 1_000_000_601.0])
    with Server(status(503), reply()) as server:
        variables = environment(server.port)

        def rotate() -> float:
            variables["AWS_ACCESS_KEY_ID"] = "ROTATED"
            return 0.0

        run(kind(variables, random=rotate, clock=lambda: next(times)), post)
        first, second = server.requests
        assert first.headers["x-amz-date"] == datetime.fromtimestamp(1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        assert second.headers["x-amz-date"] == datetime.fromtimestamp(1_000_000_601, UTC).strftime("%Y%m%dT%H%M%SZ")
        assert "Credential=ROTATED/" in second.headers["authorization"]
        assert first.headers["authorization"] != second.headers["authorization"]


def test_missing_credentials_send_nothing(kind: Maker) -> None:
    with Server() as server:
        variables = environment(server.port)
        del variables["AWS_SECRET_ACCESS_KEY"]
        error = run(kind(variables), post_failure)
        assert (error.code, error.attempts, error.transient) == ("MissingCredentials", 0, False)
        assert server.connections == 0


def test_two_loops_one_after_the_other_both_work(transport_to: Maker) -> None:
    with Server() as server:
        transport = transport_to(server)
        run(transport, post)
        run(transport, post)
        assert [request.connection for request in server.requests] == [1, 2]
