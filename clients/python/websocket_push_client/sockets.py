"""Opens real WebSockets."""

import re
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from websocket_push_client.errors import PushError
from websocket_push_client.link import Closed

_HEADER = re.compile(r"[\x21-\x7e]+")
"""What a token in a header can be made of. A line feed, as files end with, would begin another header."""

_SUBPROTOCOL = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)

_BEARER = "bearer"


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
    """Open a WebSocket with a token. One that cannot be a subprotocol travels as a header.

    Raises
    ------
    PushError
        SOCKET, if the address is none; TOKEN, if no header can hold the token.
    OSError
        If there is no connection, or the handshake was refused.
    """
    headers: dict[str, str] = {}
    subprotocols = None
    if token and place == "query":
        parts = urlsplit(url)
        query = f"{parts.query}&token={quote(token, safe='')}".lstrip("&")
        url = urlunsplit(parts._replace(query=query))
    elif token and place == "subprotocol" and _SUBPROTOCOL.fullmatch(token) and token != _BEARER:
        subprotocols = [Subprotocol(_BEARER), Subprotocol(token)]
    elif token:
        if not _HEADER.fullmatch(token):
            raise PushError("TOKEN", "The token has a character that cannot be in a header, such as a line feed.")
        headers["Authorization"] = f"Bearer {token}"
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
    except (ValueError, InvalidURI) as problem:
        raise PushError("SOCKET", "The WebSocket could not be made.") from problem
    except WebSocketException as problem:
        raise OSError(str(problem)) from problem
    return _WebSocket(connection)


def _code(closed: ConnectionClosed) -> int | None:
    return closed.rcvd.code if closed.rcvd is not None else None
