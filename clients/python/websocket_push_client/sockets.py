"""Opens real WebSockets."""

import re
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from websocket_push_client.errors import PushError
from websocket_push_client.link import Closed

_SUBPROTOCOL = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)


class _WebSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise Closed(_code(closed)) from None

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise Closed(_code(closed)) from None

    async def close(self) -> None:
        await self._connection.close()


async def connect_websocket(
    url: str, token: str | None, place: Literal["header", "subprotocol", "query"]
) -> _WebSocket:
    """Open a WebSocket with a token.

    Raises
    ------
    PushError
        SOCKET, if the address is none, or if the token cannot travel where it should.
    OSError
        If there is no connection, or the handshake was refused.
    """
    headers: dict[str, str] = {}
    subprotocols = None
    if token and place == "header":
        headers["Authorization"] = f"Bearer {token}"
    elif token and place == "subprotocol":
        if not _SUBPROTOCOL.fullmatch(token):
            raise PushError("SOCKET", "The token cannot be a subprotocol: use the header.")
        subprotocols = [Subprotocol("bearer"), Subprotocol(token)]
    elif token:
        parts = urlsplit(url)
        query = f"{parts.query}&token={quote(token, safe='')}".lstrip("&")
        url = urlunsplit(parts._replace(query=query))
    try:
        # Keepalives are the protocol's own; no limit below what API Gateway carries.
        connection = await connect(
            url,
            additional_headers=headers,
            subprotocols=subprotocols,
            ping_interval=None,
            max_size=None,
            open_timeout=None,
        )
    except ValueError as problem:
        raise PushError("SOCKET", f"The WebSocket could not be made: {problem}") from None
    except WebSocketException as problem:
        raise OSError(str(problem)) from problem
    return _WebSocket(connection)


def _code(closed: ConnectionClosed) -> int | None:
    return closed.rcvd.code if closed.rcvd is not None else None
