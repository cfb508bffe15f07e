"""Blocking connections, and coroutines that pause only while an answer is on its way."""

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
    from websocket_push.http.tls import ClientTls

Result = TypeVar("Result")


_READ_SIZE = 64 * 1024


# What came before its time was over is read even where nobody looked for it in time.
_SHORTEST_WAIT = 0.001


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


class Connection:
    """One HTTP/1.1 connection that carries one request at a time.

    Parameters
    ----------
    stream : socket.socket
        Open, and through its TLS handshake.

    Attributes
    ----------
    idle_since, sent_at : float
        When it was used last, and when the last request went out; see `Freshness.clock`.
    reusable : bool
        Whether another request can be sent: nothing is in flight, and the server keeps it open.
    """

    __slots__ = ("_answered", "_parser", "_poll", "_received", "_stream", "idle_since", "reusable", "sent_at")

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._parser = ResponseParser()
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
