"""The proxy and the gate do what they are asked, and nothing else."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.chaos.faults import POST, PUT, Fault, Kind, Plan, Rule
from tests.chaos.gate import Gate
from tests.chaos.proxy import Proxy

BODY = b'{"TableName":"t"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
PATIENCE = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

opened_by_test: list[asyncio.StreamWriter] = []


async def hang_up() -> None:
    """Close what the test has opened, so that nothing is left to the garbage collector."""
    while opened_by_test:
        writer = opened_by_test.pop()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def message(body: bytes = BODY) -> bytes:
    head = f"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Service:
    """Stands for AWS: keeps what it reads, and answers."""

    def __init__(self, answer: bytes = ANSWER) -> None:
        self.answer = answer
        self.read: list[bytes] = []
        self.hang_up = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened_by_test.append(writer)
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0] or b"0")
            self.read.append(head + await reader.readexactly(length))
            writer.write(self.answer)
            if self.hang_up:
                break
        writer.close()


@asynccontextmanager
async def between(
    service: Service, fault: Fault | None = None, *, kill: Callable[[int], None] = lambda port: None
) -> AsyncIterator[tuple[Proxy, int]]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname(), kill=kill)
    if fault is not None:
        proxy.plan = Plan([Rule((PUT, POST), 1.0, fault)])
    port = await proxy.start()
    try:
        async with asyncio.timeout(PATIENCE):
            yield proxy, port
    finally:
        await hang_up()
        await proxy.stop()
        server.close()
        await hang_up()


async def sent(port: int, *messages: bytes) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    opened_by_test.append(writer)
    for each in messages:
        writer.write(each)
    return reader, writer


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection ends, whichever way."""
    received = b""
    try:
        while data := await reader.read(1000):
            received += data
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED])
def test_without_a_fault_every_byte_is_passed_on(answer: bytes) -> None:
    async def run() -> None:
        service = Service(answer)
        async with between(service) as (proxy, port):
            reader, writer = await sent(port, message(), message(b""))
            assert await reader.readexactly(2 * len(answer)) == 2 * answer
            assert service.read == [message(), message(b"")]
            assert proxy.met == {"passed": 2}
            writer.close()

    asyncio.run(run())


def test_stranded_connections_are_never_answered_nor_closed_and_new_ones_are_served() -> None:
    async def run() -> None:
        service = Service()
        async with between(service) as (proxy, port):
            reader, writer = await sent(port, message())
            await reader.readexactly(len(ANSWER))
            assert proxy.strand() == 1
            writer.write(message())
            other, _ = await sent(port, message())
            assert await other.readexactly(len(ANSWER)) == ANSWER
            silence = asyncio.ensure_future(reader.read(1))
            while not proxy.met["stranded"]:
                await asyncio.sleep(0)
            assert not silence.done()
            assert len(service.read) == 2
            silence.cancel()

    asyncio.run(run())


def test_connection_that_aws_has_closed_is_opened_again() -> None:
    async def run() -> None:
        service = Service()
        service.hang_up = True
        async with between(service) as (_, port):
            reader, writer = await sent(port, message())
            await reader.readexactly(len(ANSWER))
            writer.write(message())
            assert await reader.readexactly(len(ANSWER)) == ANSWER
            assert len(service.read) == 2
            writer.close()

    asyncio.run(run())


def test_service_that_is_away_shows_as_a_reset() -> None:
    async def run() -> None:
        async with between(Service()) as (proxy, port):
            proxy.upstream = ("127.0.0.1", 1)
            reader, _ = await sent(port, message())
            assert await all_of(reader) == b""

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "reached", "answered"),
    [(Kind.RESET, 0, b""), (Kind.CUT, 1, ANSWER[: len(ANSWER) // 2]), (Kind.KILL, 0, b"")],
)
def test_fault_that_ends_the_connection(kind: Kind, reached: int, answered: bytes) -> None:
    killed: list[int] = []
    ends: list[int] = []

    async def run() -> None:
        service = Service()
        async with between(service, Fault(kind), kill=killed.append) as (_, port):
            reader, writer = await sent(port, message())
            ends.append(writer.get_extra_info("sockname")[1])
            assert await all_of(reader) == answered
            assert len(service.read) == reached

    asyncio.run(run())
    assert killed == (ends if kind is Kind.KILL else [])


@pytest.mark.parametrize(("kind", "reached"), [(Kind.DROP, 0), (Kind.LOSE, 1)])
def test_fault_that_leaves_the_request_unanswered(kind: Kind, reached: int) -> None:
    async def run() -> None:
        service = Service()
        async with between(service, Fault(kind)) as (proxy, port):
            reader, _ = await sent(port, message())
            while not proxy.met or len(service.read) < reached:
                await asyncio.sleep(0)
            proxy.plan = Plan()
            after, _ = await sent(port, message())
            await after.readexactly(len(ANSWER))  # The one before it has had its turn.
            assert len(service.read) == reached + 1
            await proxy.stop()
            assert await all_of(reader) == b""

    asyncio.run(run())


def test_refused_request_does_not_reach_aws_and_the_connection_lives_on() -> None:
    async def run() -> None:
        service = Service()
        async with between(service, Fault(Kind.REFUSE, status=503)) as (proxy, port):
            reader, writer = await sent(port, message())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503")
            assert service.read == []
            proxy.plan = Plan()
            writer.write(message())
            assert (await reader.readuntil(b"{}")).endswith(ANSWER)
            writer.close()

    asyncio.run(run())


def test_duplicate_reaches_aws_twice_and_is_answered_once() -> None:
    async def run() -> None:
        service = Service()
        async with between(service, Fault(Kind.DUPLICATE)) as (proxy, port):
            reader, _ = await sent(port, message())
            assert await reader.readexactly(len(ANSWER)) == ANSWER
            assert service.read == [message()] * 2
            await proxy.stop()
            assert await all_of(reader) == b""

    asyncio.run(run())


def test_reordered_request_arrives_after_the_next() -> None:
    async def run() -> None:
        service = Service()
        async with between(service, Fault(Kind.REORDER, seconds=PATIENCE)) as (proxy, port):
            first, _ = await sent(port, message(b"1"))
            while not proxy.met["reorder"]:
                await asyncio.sleep(0)
            proxy.plan = Plan()
            second, _ = await sent(port, message(b"2"))
            await asyncio.gather(first.readexactly(len(ANSWER)), second.readexactly(len(ANSWER)))
            assert service.read == [message(b"2"), message(b"1")]

    asyncio.run(run())


def test_reordered_request_that_none_follows_arrives_all_the_same() -> None:
    async def run() -> None:
        service = Service()
        async with between(service, Fault(Kind.REORDER, seconds=0.01)) as (_, port):
            reader, _ = await sent(port, message())
            assert await reader.readexactly(len(ANSWER)) == ANSWER

    asyncio.run(run())


def test_posts_that_were_taken_are_counted() -> None:
    async def run() -> None:
        service = Service()
        async with between(service) as (proxy, port):
            post = b"POST /live/@connections/c HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"
            reader, _ = await sent(port, post, message())
            await reader.readexactly(2 * len(ANSWER))
            assert proxy.taken == 1
            service.answer = ANSWER.replace(b"200 OK", b"410 Gone")
            reader, _ = await sent(port, post)
            await reader.readuntil(b"{}")
            assert proxy.taken == 1

    asyncio.run(run())


@asynccontextmanager
async def gated() -> AsyncIterator[tuple[Gate, int, list[Streams]]]:
    """Yield a gate, its port, and the sockets that it opens at the other end."""
    opened: list[Streams] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append((reader, writer))
        opened_by_test.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gate = Gate(server.sockets[0].getsockname())
    port = await gate.start()
    try:
        async with asyncio.timeout(PATIENCE):
            yield gate, port, opened
    finally:
        await hang_up()
        await gate.stop()
        server.close()
        await hang_up()


async def through(gate: Gate, port: int, opened: list[Streams]) -> tuple[Streams, Streams]:
    """Connect; give both ends."""
    before = len(opened)
    reader, writer = await sent(port, b"hello")
    while len(opened) == before:
        await asyncio.sleep(0)
    assert await opened[-1][0].readexactly(5) == b"hello"
    return (reader, writer), opened[-1]


def test_gate_relays_both_ways() -> None:
    async def run() -> None:
        async with gated() as (gate, port, opened):
            (reader, _), (_, server) = await through(gate, port, opened)
            server.write(b"welcome")
            assert await reader.readexactly(7) == b"welcome"
            server.close()
            assert await all_of(reader) == b""

    asyncio.run(run())


def test_cut_ends_as_many_links_as_asked_at_both_ends() -> None:
    async def run() -> None:
        async with gated() as (gate, port, opened):
            ends = [await through(gate, port, opened) for _ in range(3)]
            gate.cut(2, random.Random(1))
            assert len(gate.links) == 3  # Known only once the loop has seen the resets.
            while len(gate.links) > 1:
                await asyncio.sleep(0)
            [kept] = [end for end in ends if not end[0][0].at_eof() and not end[0][0].exception()]
            kept[1][1].write(b"still here")
            assert await kept[0][0].readexactly(10) == b"still here"

    asyncio.run(run())


def test_stranded_client_is_gone_and_the_api_does_not_notice() -> None:
    async def run() -> None:
        async with gated() as (gate, port, opened):
            (reader, _), (server_reader, server_writer) = await through(gate, port, opened)
            gate.strand(1, random.Random(1))
            assert await all_of(reader) == b""
            assert gate.links == []
            server_writer.write(b"x" * 1_000_000)
            await server_writer.drain()
            assert not server_reader.at_eof()
            gate.bury()
            assert await all_of(server_reader) == b""

    asyncio.run(run())


def test_closed_gate_lets_nobody_in() -> None:
    async def run() -> None:
        async with gated() as (gate, port, opened):
            gate.open = False
            reader, _ = await sent(port, b"hello")
            assert await all_of(reader) == b""
            assert opened == []

    asyncio.run(run())
