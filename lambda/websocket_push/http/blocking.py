"""HTTP over blocking sockets, and coroutines that pause only while an answer is on its way."""

import select
import socket
from collections.abc import Coroutine, Generator
from time import monotonic
from typing import Any, TypeVar

from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired
from websocket_push.http.response import Response, ResponseParser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext

Result = TypeVar("Result")


_READ_SIZE = 64 * 1024


# An answer that came in time is read even where another one was read first, until it was late.
_SHORTEST_WAIT = 0.02


def drive(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end.

    Parameters
    ----------
    coroutine
        It awaits nothing but a `SequentialSender`.

    Returns
    -------
    Result
        What it returns.

    Raises
    ------
    RuntimeError
        It awaits something else, which nothing here would ever complete.
    """
    while True:
        try:
            _advance(coroutine)
        except StopIteration as end:
            result: Result = end.value
            return result


async def together(*coroutines: Coroutine[Any, Any, Result]) -> list[Result]:
    """Run coroutines as `drive` does, but send each one's request before the first one's answer is read.

    Parameters
    ----------
    *coroutines
        Each awaits nothing but a `SequentialSender`, see `drive`.

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
                    _advance(coroutine)
                except StopIteration as end:
                    del waiting[number]
                    results[number] = end.value
    finally:
        for coroutine in waiting.values():
            coroutine.close()
    return [results[number] for number in range(len(coroutines))]


class BlockingConnection:
    """One HTTP/1.1 connection that carries one request at a time.

    Parameters
    ----------
    stream
        Open, and through its TLS handshake.
    parser
        With the limits for an answer.

    Attributes
    ----------
    idle_since, sent_at
        When it was used last, and when the last request went out; see `Freshness.clock`.
    reusable
        Whether another request can be sent: nothing is in flight, and the server keeps it open.
    """

    __slots__ = ("_answered", "_parser", "_poll", "_received", "_stream", "idle_since", "reusable", "sent_at")

    def __init__(self, stream: socket.socket, parser: ResponseParser) -> None:
        self._stream = stream
        self._parser = parser
        self._answered = False
        self._received = False
        self._poll = select.poll()
        self._poll.register(stream.fileno(), select.POLLIN)
        self.idle_since = self.sent_at = 0.0
        self.reusable = True

    @property
    def stale(self) -> bool:
        """Whether the server may have closed before it saw the request: used before, and not a byte came back."""
        return self._answered and not self._received

    def is_quiet(self) -> bool:
        """Return whether the idle socket has nothing to read: what could come is only its end."""
        return not self._poll.poll(0)

    async def exchange(self, request: bytes, expires: float) -> Response:
        """Send a request, pause, and read its answer.

        Parameters
        ----------
        request
            Head and body.
        expires
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
            self._stream.settimeout(_left(expires))
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
        until = max(expires, monotonic() + _SHORTEST_WAIT)
        while True:
            # Bytes that come one by one must not prolong it.
            self._stream.settimeout(_left(until))
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


class _Pause:
    """What a coroutine awaits to let another one continue, while its answer is on the way."""

    begun = 0
    """How many there have been, to distinguish a pause from anything else that a coroutine may yield."""

    def __await__(self) -> Generator[None, None, None]:
        _Pause.begun += 1
        yield


def _advance(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine to its next pause; `StopIteration` at its end."""
    before = _Pause.begun
    coroutine.send(None)
    if _Pause.begun == before:
        coroutine.close()
        raise RuntimeError("The coroutine awaits something other than a sequential sender.")


def open_connection(
    endpoint: Endpoint, tls: "SSLContext | None", limit: float, parser: ResponseParser | None = None
) -> BlockingConnection:
    """Open a connection.

    Parameters
    ----------
    endpoint
        Where to.
    tls
        For an https endpoint.
    limit
        The time on the monotonic clock until which to try.
    parser
        With the limits for an answer, where they are not the usual ones.

    Returns
    -------
    BlockingConnection
        With nothing in flight.

    Raises
    ------
    Expired
        The limit passed.
    ConnectionRefused
        The name, the socket or the TLS handshake failed; the cause is chained.
    """
    stream: socket.socket | None = None
    try:
        stream = _dial(endpoint, limit)
        # A request leaves at once, whatever is still unacknowledged.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            stream.settimeout(_left(limit))
            # A body that lasts until the close must not end where someone cut the wire.
            name = endpoint.server_name.encode()
            stream = tls.wrap_socket(stream, server_hostname=name, suppress_ragged_eofs=False)
        return BlockingConnection(stream, parser or ResponseParser())
    except (OSError, ValueError) as error:  # ValueError: a name that the resolver or TLS does not take for one
        if stream is not None:
            stream.close()
        if isinstance(error, TimeoutError):
            raise Expired from error
        # Not by class: that would import ssl for an http endpoint too.
        transient = type(error).__name__ != "SSLCertVerificationError"
        raise ConnectionRefused(type(error).__name__, transient=transient) from error


def fetch(endpoint: Endpoint, tls: "SSLContext | None", request: bytes, until: float, *, body_limit: int) -> Response:
    """Send one request over a separate connection, and read its answer.

    Parameters
    ----------
    endpoint, tls
        See `open_connection`.
    request
        Head and body.
    until
        The time on the monotonic clock at which it is given up: the connection, the handshake and every read share it.
        Looking up the name has the resolver's own limit.
    body_limit
        The most bytes that the answer's body may have.

    Returns
    -------
    Response
        Whatever its status.

    Raises
    ------
    ConnectionLost, ConnectionRefused, Expired, InvalidResponse
        See `open_connection` and `BlockingConnection.exchange`.
    """
    connection = open_connection(endpoint, tls, until, ResponseParser(body_limit=body_limit))
    try:
        return drive(connection.exchange(request, until))
    finally:
        connection.close()


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


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
