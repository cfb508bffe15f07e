"""A scripted HTTP server on the loopback interface, in a thread of its own, and short ways to call it."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.credentials import Credentials
from websocket_push.aws.endpoints import management_endpoint
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Sender
from websocket_push.aws.sequential import SequentialSender

Result = TypeVar("Result")
AnySender = TypeVar("AnySender", bound=Sender)
Maker = Callable[..., Sender]
"""Makes a sender of either kind."""

SENDERS = [pytest.param(ConcurrentSender, id="concurrent"), pytest.param(SequentialSender, id="sequential")]

CONNECTIONS_URL = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
PATIENCE = 60.0  # seconds; only a test that hangs ever waits for it
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Request:
    """What the server read."""

    def __init__(self, head: str, body: bytes, connection: int) -> None:
        first, *lines = head.split("\r\n")
        self.method, self.path, _ = first.split(" ")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body = body
        self.connection = connection


class Exchange:
    """One request and the streams of its connection."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.reader = reader
        self.writer = writer

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


# Tells whether the connection stays open.
Answer = Callable[[Exchange], Awaitable[bool]]


def reply(data: bytes = OK) -> Answer:
    """Answer and keep the connection."""

    async def answer(exchange: Exchange) -> bool:
        await exchange.write(data)
        return True

    return answer


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status, a body and headers."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return reply(f"HTTP/1.1 {code} Something\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def hang_up(data: bytes = b"") -> Answer:
    """Write something, or nothing, and close."""

    async def answer(exchange: Exchange) -> bool:
        await exchange.write(data)
        return False

    return answer


def byte_by_byte(data: bytes) -> Answer:
    """Answer in packets of one byte."""

    async def answer(exchange: Exchange) -> bool:
        for byte in data:
            await exchange.write(bytes([byte]))
            await asyncio.sleep(0)
        return True

    return answer


def reset(data: bytes = b"") -> Answer:
    """Write something, or nothing, and reset the connection."""

    async def answer(exchange: Exchange) -> bool:
        await exchange.write(data)
        linger(exchange.writer)
        return False

    return answer


def linger(writer: asyncio.StreamWriter) -> None:
    """Make the close of this connection a reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stall(data: bytes = b"") -> Answer:
    """Write something, or nothing, and then nothing more until the client closes."""

    async def answer(exchange: Exchange) -> bool:
        await exchange.write(data)
        await exchange.reader.read()
        return False

    return answer


class Server:
    """Returns the n-th request, over all connections, the n-th answer; the last answer serves all that follow."""

    def __init__(self, *script: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.script = script or (reply(),)
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._transports: list[asyncio.WriteTransport] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hang_up(self) -> None:
        """Close every connection, and return when that is done."""
        self._call(self._hang_up())
        self.wait_until(lambda: self.open == 0)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the server is about to notice."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE)

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.result(PATIENCE)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        # asyncio leaves a connection open that it is just accepting while its server closes: accept them all first.
        for _ in range(3):
            await asyncio.sleep(0)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            self._abort()
            await asyncio.wait(others, timeout=0.01)
        self._server.close()
        self._abort()
        await asyncio.sleep(0)  # the turn in which asyncio closes the sockets

    def _abort(self) -> None:
        for transport in self._transports:
            transport.abort()

    async def _hang_up(self) -> None:
        for writer in list(self._writers):
            self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        if self._tls is None:
            writer.close()
        else:
            # A polite end would wait for the client to agree, whose loop may not be running.
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._transports.append(writer.transport)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        number = self.connections
        try:
            while await self._answer(reader, writer, number):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            self._close(writer)
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode()
        request = Request(head, b"", number)
        request.body = await reader.readexactly(int(request.headers["content-length"]))
        with self._changed:
            self.requests.append(request)
            answer = self.script[min(len(self.requests), len(self.script)) - 1]
            self._changed.notify_all()
        return await answer(Exchange(request, reader, writer))


def environment(port: int, **variables: str) -> dict[str, str]:
    """Variables that lead every call to the server."""
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        **variables,
    }


def transport_to(server: Server, **options: Any) -> ConcurrentSender:
    """A transport to the server that retries at once."""
    return ConcurrentSender(environment(server.port), **{"random": lambda: 0.0, **options})


def soon(seconds: float = PATIENCE) -> float:
    """A deadline, from inside a running loop."""
    return asyncio.get_running_loop().time() + seconds


def botocore_headers(
    owner: Credentials, service: str, second: int, method: str, url: str, sent: dict[str, str], body: bytes
) -> dict[str, str]:
    """The headers with which botocore would send a request."""
    request = AWSRequest(method=method, url=url, headers=sent, data=body)
    signer = SigV4Auth(
        BotocoreCredentials(owner.access_key, owner.secret_key, owner.token or None), service, "eu-west-1"
    )
    with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(second, UTC)):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def check_signature(request: Request, service: str) -> None:
    """Check that botocore would have signed a request with the test's credentials just so."""
    unsigned = ("host", "authorization", "x-amz-date", "user-agent", "content-length")
    sent = {name: value for name, value in request.headers.items() if name not in unsigned}
    second = int(datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    url = f"https://{request.headers['host']}{request.path}"
    owner = Credentials("AKIDEXAMPLE", "secret")
    expected = botocore_headers(owner, service, second, request.method, url, sent, request.body)
    assert request.headers["authorization"] == expected["authorization"]


async def post(
    transport: Sender, connection_id: str = "id=", *, deadline: float | None = None, attempts: int | None = None
) -> None:
    """Post one message."""
    deadline = soon() if deadline is None else deadline
    if isinstance(transport, ConcurrentSender):
        management = Management(transport, CONNECTIONS_URL)
        await management.post(connection_id, Payload(b"hello"), deadline=deadline, attempts=attempts)
        return
    endpoint = management_endpoint(transport.environment, CONNECTIONS_URL)
    target = transport.target("PostToConnection", "POST", "execute-api", endpoint)
    path = f"{endpoint.path}/@connections/id"
    await transport.request(target, path, path, Payload(b"hello"), bytes, deadline=deadline, attempts=attempts)


async def post_failure(
    transport: Sender, connection_id: str = "id=", *, deadline: float | None = None, attempts: int | None = None
) -> AwsError:
    """Post one message that must fail, and return the error."""
    try:
        await post(transport, connection_id, deadline=deadline, attempts=attempts)
    except AwsError as error:
        return error
    raise AssertionError("the post succeeded")


def check_whole(transport: Sender) -> None:
    """Check that every place and every connection has come back to its pool."""
    if isinstance(transport, SequentialSender):
        assert all(connection.reusable for idle in transport._idle.values() for connection in idle)
    if not isinstance(transport, ConcurrentSender):
        return
    for pool in transport._pools.values():
        assert pool._opening == 0
        assert set(pool._idle) == pool._connections
        assert len(pool._idle) == len(pool._connections)
        assert all(waiter.done() for waiter in pool._waiters)


@contextmanager
def kept_loop(transport: Sender) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs only on request, like a function's between invocations."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
        check_whole(transport)
    finally:
        loop.run_until_complete(close(transport))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def close(transport: Sender) -> None:
    """Close a sender of either kind."""
    if isinstance(transport, ConcurrentSender):
        await transport.close()
    elif isinstance(transport, SequentialSender):
        transport.close()


def run(transport: AnySender, work: Callable[[AnySender], Coroutine[Any, Any, Result]]) -> Result:
    """Run work in a fresh loop and close the transport after it."""

    async def main() -> Result:
        try:
            result = await work(transport)
            check_whole(transport)
            return result
        finally:
            await close(transport)

    return asyncio.run(main())
