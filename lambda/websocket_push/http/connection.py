"""One HTTP/1.1 connection that carries one request at a time."""

import asyncio
import select
from math import inf

from websocket_push.http.errors import ConnectionLost, Expired, InvalidResponse
from websocket_push.http.response import Response, ResponseParser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLSession
    from typing import Protocol

    class Receiver(Protocol):
        """What a connection gives the answer to a request to: one of the two, and only while it is not done."""

        def done(self) -> bool:
            """Return whether nothing is expected any more."""

        def set_result(self, response: Response) -> None:
            """Take the response."""

        def set_exception(self, failure: Exception) -> None:
            """Take the failure: `ConnectionLost`, `InvalidResponse` or `Expired`."""


class HttpConnection(asyncio.BufferedProtocol):
    """A socket, the request in flight on it, and what a pool needs to know about both.

    asyncio sets `TCP_NODELAY` on every TCP socket, so a request leaves at once.

    Parameters
    ----------
    space
        Where what arrives is put for a moment. Connections of one loop share it: asyncio fills it and calls back before
        it turns to another socket. Without it, asyncio would reserve 256 KiB for each read.

    Attributes
    ----------
    expires
        The loop time at which the request in flight is given up; infinite between requests.
    idle_since, sent_at
        When it returned to the pool last, and when the last request went out; see `Freshness.clock`.
    reusable
        Whether another request can be sent: open, and nothing in flight.
    wave
        Of the pool's pace when the last request went out, see `Pace`.
    """

    __slots__ = (
        "_answered",
        "_parser",
        "_poll",
        "_received",
        "_receiver",
        "_space",
        "_transport",
        "_write",
        "expires",
        "idle_since",
        "reusable",
        "sent_at",
        "wave",
    )

    def __init__(self, space: memoryview) -> None:
        self._space = space
        self._parser = ResponseParser()
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._answered = False
        self._received = False
        self._poll = select.poll()
        self.expires = inf
        self.idle_since = self.sent_at = 0.0
        self.reusable = False
        self.wave = 0

    @property
    def session(self) -> "SSLSession | None":
        """What a later connection to the same server can resume; None without TLS."""
        return None

    @property
    def stale(self) -> bool:
        """Whether the server may have closed before it saw the request: used before, and not a byte came back."""
        return self._answered and not self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the open socket (called by asyncio)."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells the type checker what create_connection gives
        self._transport = transport
        self._write = self._writer(transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self.reusable = True

    def send(self, receiver: "Receiver", request: bytes, expires: float) -> None:
        """Send a request.

        Parameters
        ----------
        receiver
            Gets the answer; a closed connection is reported to it before this returns.
        request
            Head and body.
        expires
            Kept in the attribute for the pool, which watches the time.
        """
        self._received = False
        transport = self._transport
        if not self.reusable or transport is None or transport.is_closing():
            self.reusable = False
            receiver.set_exception(ConnectionLost())
            return
        self.reusable = False
        self._receiver = receiver
        self.expires = expires
        self._write(request)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put the next bytes (called by asyncio)."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take the next bytes (called by asyncio)."""
        self._take(bytes(self._space[:nbytes]))

    def eof_received(self) -> None:
        """Take the end of the stream (called by asyncio, which then closes the socket)."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection (called by asyncio)."""
        self._fail(ConnectionLost())

    def expire(self) -> None:
        """Fail the request in flight with `Expired`; to be followed by `abort`, as every failure is."""
        self._fail(Expired())

    def abort(self) -> None:
        """Close the socket at once; the receiver of a request in flight is not called any more."""
        self.reusable = False
        self.expires = inf
        self._receiver = None
        if self._transport is not None:
            self._transport.abort()

    def is_quiet(self) -> bool:
        """Return whether the idle socket has nothing to read: what could come is only its end."""
        return not self._poll.poll(0)

    def _writer(self, transport: asyncio.Transport) -> "Callable[[bytes], None]":
        """Return what sends bytes over the open socket."""
        return transport.write

    def _take(self, data: bytes) -> None:
        receiver = self._receiver
        if receiver is None or receiver.done():
            # Nothing was asked for, or the answer is not expected any more.
            self.abort()
            return
        self._received = True
        try:
            response = self._parser.feed(data)
        except InvalidResponse as error:
            self._fail(error)
            return
        if response is not None:
            self._answer(receiver, response)

    def _end(self) -> None:
        self.reusable = False
        receiver = self._receiver
        if receiver is None or receiver.done():
            return
        response = self._parser.finish()
        if response is None:
            self._fail(ConnectionLost())
        else:
            self._answer(receiver, response)

    def _answer(self, receiver: "Receiver", response: Response) -> None:
        transport = self._transport
        self._receiver = None
        self._answered = True
        self.expires = inf
        # A server may answer before it has read the whole request, which would then go on into the next one.
        self.reusable = response.keep_alive and transport is not None and not transport.get_write_buffer_size()
        receiver.set_result(response)

    def _fail(self, error: Exception) -> None:
        receiver = self._receiver
        self.reusable = False
        self.expires = inf
        if receiver is not None and not receiver.done():
            receiver.set_exception(error)
