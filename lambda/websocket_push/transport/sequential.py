"""Requests one after the other over blocking sockets: for the functions that make one, two or three of them.

asyncio takes longer to import than one request takes from signature to answer, so a function that has nothing to do at
the same time starts without it. What it awaits is written as for any sender. Its coroutines pause in one place only,
where a request has been sent and its answer has not been read: `drive` runs one of them to its end, and `together`
lets the requests of several be on their way at once.
"""

import select
import socket
from collections.abc import Callable, Coroutine, Generator, Mapping
from time import monotonic, sleep, time
from typing import Any, TypeVar

from websocket_push.transport import retry
from websocket_push.transport.endpoints import Endpoint
from websocket_push.transport.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.transport.failures import failure_error, is_late, refusal_error
from websocket_push.transport.requests import Payload, Target
from websocket_push.transport.response import Response, ResponseParser
from websocket_push.transport.sender import ATTEMPT_TIMEOUT, IDLE_LIMIT, Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.transport.tls import ClientTls

_READ_SIZE = 64 * 1024
# What came before its time was over is read even where nobody looked for it in time.
_SHORTEST_WAIT = 0.001

Result = TypeVar("Result")


def drive(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that awaits nothing but a `SequentialSender`, and return what it returns."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: Result = end.value
            return result


async def together(*coroutines: Coroutine[Any, Any, Result]) -> list[Result]:
    """Run coroutines as `drive` does, but send each one's request before the first one's answer is read.

    Parameters
    ----------
    *coroutines : Coroutine
        They await nothing but a `SequentialSender`.

    Returns
    -------
    list
        What they return, in the same order.

    Raises
    ------
    Exception
        The first one that any of them raises; the others are then given up.
    """
    results: dict[int, Result] = {}
    waiting = dict(enumerate(coroutines))
    try:
        while waiting:
            for number, coroutine in list(waiting.items()):
                try:
                    coroutine.send(None)
                except StopIteration as end:
                    del waiting[number]
                    results[number] = end.value
    finally:
        for coroutine in waiting.values():
            coroutine.close()
    return [results[number] for number in range(len(coroutines))]


class SequentialSender(Sender):
    """A request at a time, on connections that stay open between invocations.

    A request has to be small: it is written whole before the answer is looked at. Looking up a name has no time limit
    but the resolver's own, so that alone can hold a request up past its deadline.

    The credentials are read anew for each request, and before each retry.

    Parameters
    ----------
    environment, random, clock, attempt_timeout, idle_limit
        See `Sender`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        random: Callable[[], float] = retry.random,
        clock: Callable[[], float] = time,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        idle_limit: float = IDLE_LIMIT,
    ) -> None:
        super().__init__(
            environment, random=random, clock=clock, attempt_timeout=attempt_timeout, idle_limit=idle_limit
        )
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}

    async def request(
        self,
        target: Target,
        path: str,
        canonical_path: str,
        payload: Payload,
        decode: Callable[[bytes], Result],
        *,
        deadline: float,
    ) -> Result:
        """Send a request that is safe to repeat, until it is answered; see `Sender.request`."""
        self.refresh_credentials()
        sent = failures = 0
        anew = False
        while True:
            connection: Connection | None = None
            response: Response | None = None
            try:
                connection = self._connection(target.endpoint, deadline, anew=anew)
                expires = self._expiry(monotonic(), deadline)
                message = self.message(target, path, canonical_path, payload)
                sent += 1
                response = await connection.exchange(message, expires)
                if 200 <= response.status < 300:
                    return decode(response.body)
                error = refusal_error(target, response, sent)
            except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as failure:
                if connection is not None and connection.stale and isinstance(failure, ConnectionLost):
                    # The server had closed it as idle: RFC 9112, section 9.3.1. Not a failed attempt.
                    anew = True
                    continue
                late = is_late(monotonic(), deadline)
                error = failure_error(target, failure, response, sent, late=late)
            finally:
                if connection is not None:
                    self._release(target.endpoint, connection)
            if not error.transient or error.code == "DeadlineExceeded":
                raise error
            failures += 1
            sleep(self._delay(error, response, failures, deadline - monotonic()))  # noqa: ASYNC251 - no loop runs
            self.refresh_credentials()

    def close(self) -> None:
        """Close every idle connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _connection(self, endpoint: Endpoint, deadline: float, *, anew: bool) -> "Connection":
        """Take the idle connection that was used last, or open one."""
        idle = self._idle.get(endpoint.address, [])
        while idle and not anew:
            connection = idle.pop()
            if monotonic() - connection.idle_since < self._idle_limit and connection.is_quiet():
                return connection
            connection.close()
        limit = self._expiry(monotonic(), deadline)
        if endpoint.scheme != "https":
            return open_connection(endpoint, None, limit)
        tls = self._client_tls()
        try:
            return open_connection(endpoint, tls, limit)
        except ConnectionRefused as failure:
            if failure.transient or not tls.partial:
                raise
        tls.complete()
        return open_connection(endpoint, tls, limit)

    def _release(self, endpoint: Endpoint, connection: "Connection") -> None:
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = monotonic()
        self._idle.setdefault(endpoint.address, []).append(connection)


class Connection:
    """One HTTP/1.1 connection that carries one request at a time.

    Parameters
    ----------
    stream : socket.socket
        Open, and through its TLS handshake.

    Attributes
    ----------
    idle_since : float
        When it was used last, on the monotonic clock.
    reusable : bool
        Whether another request can be sent: nothing is in flight, and the server keeps it open.
    """

    __slots__ = ("_answered", "_parser", "_poll", "_received", "_stream", "idle_since", "reusable")

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._parser = ResponseParser()
        self._answered = False
        self._received = False
        self._poll = select.poll()
        self._poll.register(stream.fileno(), select.POLLIN)
        self.idle_since = 0.0
        self.reusable = True

    @property
    def stale(self) -> bool:
        """Whether the server may have closed before it saw the request: used before, and not a byte came back."""
        return self._answered and not self._received

    def is_quiet(self) -> bool:
        """Tell whether the idle socket has nothing to read: what could come is only its end."""
        return not self._poll.poll(0)

    async def exchange(self, request: bytes, expires: float) -> Response:
        """Send a request, pause, and read its answer.

        Parameters
        ----------
        request : bytes
            Head and body.
        expires : float
            The time on the monotonic clock at which it is given up.

        Returns
        -------
        Response
            Whatever its status.

        Raises
        ------
        ConnectionLost, Expired, InvalidResponse
            The connection is then not reusable.
        """
        self.reusable = self._received = False
        try:
            self._wait_until(expires)
            self._stream.sendall(request)
            await _Pause()
            response = self._read(expires)
        except TimeoutError as error:
            raise Expired from error
        except OSError as error:
            raise ConnectionLost from error
        self._answered = True
        return response

    def close(self) -> None:
        """Close the socket."""
        self.reusable = False
        self._stream.close()

    def _read(self, expires: float) -> Response:
        while True:
            self._wait_until(expires)
            data = self._stream.recv(_READ_SIZE)
            if not data:
                response = self._parser.finish()
                if response is None:
                    raise ConnectionLost
                return response
            self._received = True
            response = self._parser.feed(data)
            if response is not None:
                self.reusable = response.keep_alive
                return response

    def _wait_until(self, expires: float) -> None:
        self._stream.settimeout(max(expires - monotonic(), _SHORTEST_WAIT))


class _Pause:
    """What a coroutine awaits to let another one go on."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def open_connection(endpoint: Endpoint, tls: "ClientTls | None", limit: float) -> Connection:
    """Open a connection.

    Parameters
    ----------
    endpoint : Endpoint
        Where to.
    tls : ClientTls or None
        For an https endpoint.
    limit : float
        The time on the monotonic clock until which to try.

    Returns
    -------
    Connection
        With nothing in flight.

    Raises
    ------
    Expired
        The limit passed.
    ConnectionRefused
        The name, the socket or the TLS handshake failed.
    """
    stream: socket.socket | None = None
    try:
        stream = _dial(endpoint, limit)
        # A request leaves at once, whatever is still unacknowledged.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            stream.settimeout(max(limit - monotonic(), _SHORTEST_WAIT))
            # A body that lasts until the close must not end where someone cut the wire.
            name = endpoint.server_name.encode()
            stream = tls.context.wrap_socket(stream, server_hostname=name, suppress_ragged_eofs=False)
        return Connection(stream)
    except OSError as error:
        if stream is not None:
            stream.close()
        if isinstance(error, TimeoutError):
            raise Expired from error
        # Not by class: that would import ssl for an http endpoint too.
        transient = type(error).__name__ != "SSLCertVerificationError"
        raise ConnectionRefused(type(error).__name__, transient=transient) from error


def _dial(endpoint: Endpoint, limit: float) -> socket.socket:
    """Connect to the first of the endpoint's addresses that takes it."""
    # As bytes: text would be checked for letters outside ASCII, and the module for that takes milliseconds to import.
    failure: OSError | None = None
    addresses = socket.getaddrinfo(endpoint.dial_host.encode(), endpoint.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        remaining = limit - monotonic()
        if remaining <= 0:
            raise failure or TimeoutError
        stream = socket.socket(family, kind, protocol)
        try:
            stream.settimeout(remaining)
            stream.connect(address)
        except OSError as error:
            stream.close()
            failure = error
        else:
            return stream
    raise failure or OSError("no address")
