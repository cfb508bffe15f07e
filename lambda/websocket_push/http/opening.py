"""Opening a connection, in the clear or through a TLS handshake."""

import asyncio

from websocket_push.http.connection import HttpConnection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionRefused, Expired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext, SSLSession


async def open_connection(
    endpoint: Endpoint, tls: "SSLContext | None", limit: float, space: memoryview, session: "SSLSession | None" = None
) -> HttpConnection:
    """Open a connection.

    Parameters
    ----------
    endpoint
        Where to.
    tls
        For an https endpoint.
    limit
        The loop time until which to try.
    space
        See `HttpConnection`.
    session
        Of an earlier connection to the same endpoint, see `HttpConnection.session`.

    Returns
    -------
    HttpConnection
        Open, with nothing in flight.

    Raises
    ------
    Expired
        The limit passed.
    ConnectionRefused
        The name, the socket or the TLS handshake failed.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(limit):
            if tls is None:
                _, connection = await loop.create_connection(
                    lambda: HttpConnection(space), endpoint.dial_host, endpoint.port
                )
                return connection
            return await _open_secure(loop, endpoint, tls, space, session)
    except TimeoutError as error:
        raise Expired from error
    except OSError as error:
        # Not by class: that would import ssl for an http endpoint too.
        transient = type(error).__name__ != "SSLCertVerificationError"
        raise ConnectionRefused(type(error).__name__, transient=transient) from error


async def _open_secure(
    loop: asyncio.AbstractEventLoop,
    endpoint: Endpoint,
    tls: "SSLContext",
    space: memoryview,
    session: "SSLSession | None",
) -> HttpConnection:
    from websocket_push.http.secure import SecureConnection

    _, connection = await loop.create_connection(
        lambda: SecureConnection(loop, space, tls, endpoint.server_name, session), endpoint.dial_host, endpoint.port
    )
    try:
        await connection.shake_hands()
    except BaseException:
        connection.abort()
        raise
    return connection
