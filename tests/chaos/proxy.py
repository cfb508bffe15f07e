"""An HTTP/1.1 proxy between the functions and AWS that does to requests what a plan says.

It passes on every byte as it came, so signatures stay valid. It knows its clients, the functions: requests have a
`Content-Length`, and come one after the other on a connection.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.faults import Fault, Kind, Plan, operation_of, refusal

_UNANSWERED_SECONDS = 60.0
"""How long an unanswered connection is kept open; the functions give up long before."""


class Request(NamedTuple):
    """A request as it came."""

    operation: str
    method: str
    message: bytes


class Answer(NamedTuple):
    """An answer as it came."""

    status: int
    message: bytes


class GoneError(Exception):
    """The service cannot be reached, or hung up."""


class Proxy:
    """The proxy.

    Parameters
    ----------
    kill
        Kills the process that has a request's connection, for `Kind.KILL`, by the port at its end; called in a thread
        of its own.

    Attributes
    ----------
    plan
        What is done to the requests from now on.
    upstream
        Where AWS is.
    met
        How many requests have met which kind of fault, by its name; under "stranded" those that came over a connection
        that is dead, and under "passed" the others.
    taken
        How many posts to connections were answered with 200.
    """

    def __init__(self, upstream: tuple[str, int], *, kill: Callable[[int], None] = lambda port: None) -> None:
        self.plan = Plan()
        self.upstream = upstream
        self.met: Counter[str] = Counter()
        self.taken = 0
        self.kill = kill
        self._arrivals: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stranded: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def strand(self) -> int:
        """Make the connections that are open now dead, without FIN or RST; return how many there are."""
        self._stranded = set(self._tasks)
        return len(self._stranded)

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1; give the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Stop listening, and cut all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        service = _Service(self.upstream)
        try:
            while (request := await _read_request(reader)) is not None:
                if task in self._stranded:
                    await self._strand()
                    break
                if not await self._handle(request, service, writer):
                    break
        except (GoneError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # Reset below: who asked gets no answer, as from a service that is away.
        finally:
            self._tasks.discard(task)
            self._stranded.discard(task)
            service.close()
            writer.transport.abort()

    async def _handle(self, request: Request, service: "_Service", writer: asyncio.StreamWriter) -> bool:
        """Do to a request what the plan says; tell whether the connection lives on."""
        fault = self.plan.next(request.operation, request.message)
        self.met["passed" if fault is None else fault.kind.name.lower()] += 1
        self._arrivals.pop(request.operation, asyncio.Event()).set()
        if fault is None:
            return await self._answer(writer, await self._ask(request, service))
        match fault.kind:
            case Kind.DELAY:
                await asyncio.sleep(fault.seconds)
            case Kind.REORDER:
                await self._let_pass(request, fault)
            case Kind.DUPLICATE:
                return await self._answer(writer, await self._ask_twice(request, service))
            case Kind.REFUSE:
                return await self._answer(writer, Answer(fault.status, refusal(request.operation, fault.status)))
            case Kind.DROP:
                return await _fall_silent()
            case Kind.HOLD:
                answer = await self._ask(request, service)
                await asyncio.sleep(fault.seconds)
                return await self._answer(writer, answer)
            case Kind.LOSE:
                await self._ask(request, service)
                return await _fall_silent()
            case Kind.RESET:
                return False
            case Kind.CUT:
                answer = await self._ask(request, service)
                writer.write(answer.message[: len(answer.message) // 2])
                await writer.drain()
                return False
            case Kind.KILL:
                await asyncio.to_thread(self.kill, writer.get_extra_info("peername")[1])
                return False
        return await self._answer(writer, await self._ask(request, service))

    async def _strand(self) -> bool:
        self.met["stranded"] += 1
        return await _fall_silent()

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if asyncio.current_task() in self._stranded:
            return await self._strand()
        writer.write(answer.message)
        await writer.drain()
        return True

    async def _ask(self, request: Request, service: "_Service") -> Answer:
        answer = await service.ask(request)
        # A bye is not a notification, but the functions of a run whose tokens last send none.
        self.taken += request.operation == "PostToConnection" and answer.status == 200
        return answer

    async def _ask_twice(self, request: Request, service: "_Service") -> Answer:
        again = _Service(self.upstream)
        try:
            answer, _ = await asyncio.gather(self._ask(request, service), self._ask(request, again))
        finally:
            again.close()
        return answer

    async def _let_pass(self, request: Request, fault: Fault) -> None:
        """Wait for the next request of the operation, and give it time to get ahead."""
        arrival = self._arrivals.setdefault(request.operation, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(fault.seconds):
                await arrival.wait()
        await asyncio.sleep(0.02)


class _Service:
    """A connection to AWS, opened when it is first needed and again when AWS has closed it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request) -> Answer:
        reused = self._streams is not None
        try:
            return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            if not reused:
                raise GoneError from None
        try:
            return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError):
            raise GoneError from None

    async def _exchange(self, request: Request) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(request.message)
        await writer.drain()
        return await _read_answer(reader, request.method)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _fall_silent() -> bool:
    await asyncio.sleep(_UNANSWERED_SECONDS)
    return False


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read a request; None where the client has closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, headers = _parse(head)
    method, path, _ = first.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    operation = operation_of(method, path, headers.get("x-amz-target", ""))
    return Request(operation, method, head + body)


async def _read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    first, headers = _parse(head)
    status = int(first.split(" ")[1])
    if method == "HEAD" or status in (204, 304):
        return Answer(status, head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, head + await _read_chunks(reader))
    return Answer(status, head + await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        chunks += [line, await reader.readexactly(size + 2)]
        if size == 0:
            return b"".join(chunks)


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}
