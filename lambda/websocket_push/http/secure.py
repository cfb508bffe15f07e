"""A connection inside TLS, without asyncio's own TLS protocol.

That one takes a message through a state machine, two buffers and flow control in both directions: 20 us for each
request, more than signing and sending it. Here a record is one call of OpenSSL in memory, one way and the other.
"""

import asyncio
from collections.abc import Callable
from ssl import MemoryBIO, SSLContext, SSLError, SSLSession, SSLWantReadError

from websocket_push.http.connection import HttpConnection
from websocket_push.http.errors import ConnectionLost

_RECORD_BYTES = 16 * 1024
"""The most that a record holds (RFC 8446, section 5.1), and so what one read can give."""


class SecureConnection(HttpConnection):
    """A connection that can be used once `shake_hands` has returned.

    Parameters
    ----------
    loop
        The one that runs it.
    space
        See `HttpConnection`.
    context
        Says what is verified.
    server_name
        The name that the server's certificate must be valid for.
    session
        Of an earlier connection to the same server under the same context, to be resumed: that saves the server a
        signature and both sides the certificates.
    """

    __slots__ = ("_agreed", "_incoming", "_outgoing", "_shaken", "_tls")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        space: memoryview,
        context: SSLContext,
        server_name: str,
        session: SSLSession | None,
    ) -> None:
        super().__init__(space)
        self._incoming = MemoryBIO()
        self._outgoing = MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        self._agreed = False
        self._shaken: asyncio.Future[None] = loop.create_future()

    @property
    def session(self) -> SSLSession | None:
        """What a later connection can resume; with TLS 1.3 the server gives it not before its first answer."""
        return self._tls.session if self._answered else None

    async def shake_hands(self) -> None:
        """Agree on keys, and verify the server's certificate.

        Raises
        ------
        OSError
            The certificate is not valid for the name (`ssl.SSLCertVerificationError`), the server speaks no TLS, or
            it has closed the connection.
        """
        self._proceed()
        await self._shaken
        self.reusable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the open socket (called by asyncio)."""
        super().connection_made(transport)
        self.reusable = False

    def buffer_updated(self, nbytes: int) -> None:
        """Take the next bytes (called by asyncio)."""
        incoming, tls = self._incoming, self._tls
        incoming.write(self._space[:nbytes])
        if not self._agreed:
            self._proceed()
            return
        try:
            while True:
                data = tls.read(_RECORD_BYTES)
                if not data:
                    self._end()
                    return
                self._take(data)
                # Nearly always a response is one record: asking for another one would cost an exception.
                if not (incoming.pending or tls.pending()):
                    break
        except SSLWantReadError:
            pass  # half a record, or one that is OpenSSL's own business
        except SSLError:
            self._fail(ConnectionLost())
            self.abort()
            return
        if self._outgoing.pending:
            self._flush()  # what OpenSSL has to say itself, such as new keys

    def eof_received(self) -> None:
        """Take the end of the stream (called by asyncio, which then closes the socket)."""
        # Without TLS's close_notify before it, an attacker could have cut it off (RFC 8446, section 6.1).
        self._fail(ConnectionLost())
        self._refuse(ConnectionResetError("closed during the handshake"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection (called by asyncio)."""
        super().connection_lost(exc)
        self._refuse(exc if isinstance(exc, OSError) else ConnectionResetError("closed during the handshake"))

    def _writer(self, transport: asyncio.Transport) -> Callable[[bytes], None]:
        return self._encrypt

    def _encrypt(self, request: bytes) -> None:
        try:
            written = self._tls.write(request)
            while written < len(request):
                written += self._tls.write(request[written:])
        except SSLError:
            self._fail(ConnectionLost())
            return
        if self._transport is not None:
            self._transport.write(self._outgoing.read())

    def _proceed(self) -> None:
        try:
            self._tls.do_handshake()
        except SSLWantReadError:
            self._flush()
        except OSError as error:
            self._flush()  # tells the server why
            self._refuse(error)
        else:
            self._flush()
            self._agreed = True
            if not self._shaken.done():
                self._shaken.set_result(None)

    def _refuse(self, error: OSError) -> None:
        if not self._shaken.done():
            self._shaken.set_exception(error)

    def _flush(self) -> None:
        transport = self._transport
        if self._outgoing.pending and transport is not None and not transport.is_closing():
            transport.write(self._outgoing.read())
