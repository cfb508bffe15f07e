"""A WebSocket client of the module, as a device of a user: for the demo and the end to end tests."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tools.emulator.server import Emulator

Frame = dict[str, Any]
_OPEN_SECONDS = 60.0
"""API Gateway waits 29 s for an authorizer and as long for an integration (quotas of WebSocket APIs)."""

_ANSWER_SECONDS = 30.0


class Device:
    """An open connection.

    Parameters
    ----------
    connection
        The WebSocket.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._set_aside: list[Frame] = []

    async def send(self, text: str | bytes) -> None:
        """Send a text frame as it is, or bytes as a binary one."""
        await self._connection.send(text)

    async def ask(self, text: str | Frame) -> Frame:
        """Send a message and return the reply; notifications that come before it are kept for `next_notification`."""
        await self.send(text if isinstance(text, str) else json.dumps(text))
        while (frame := await self._receive()).get("type") == "notification":
            self._set_aside.append(frame)
        return frame

    async def next_notification(self) -> Frame:
        """Return the next notification, as soon as there is one."""
        if self._set_aside:
            return self._set_aside.pop(0)
        frame = await self._receive()
        if frame.get("type") != "notification":  # A fault of API Gateway's own has no type.
            raise AssertionError(f"a notification was expected, and this came: {frame}")
        return frame

    async def next_frame(self) -> Frame:
        """Return the next frame, whatever it is."""
        return await self._receive()

    async def connection_id(self) -> str:
        """Ask what API Gateway calls this connection."""
        reply = await self.ask({"action": "poll", "limit": 1})
        return str(reply["session"]["connectionId"])

    async def closed(self) -> None:
        """Wait until the connection is closed."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            await self._connection.wait_closed()

    @property
    def close_code(self) -> int | None:
        """The code that the connection was closed with; None while it is open."""
        return self._connection.close_code

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        return self._connection.subprotocol

    async def close(self) -> None:
        """Close the connection, as a device does that is switched off."""
        await self._connection.close()

    async def vanish(self) -> None:
        """Reset the TCP connection without a WebSocket close, as a device does that loses its network."""
        self._connection.transport.abort()
        await self.closed()

    async def _receive(self) -> Frame:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                frame: Frame = json.loads(await self._connection.recv())
                return frame
        except TimeoutError:
            raise TimeoutError(f"no frame came within {_ANSWER_SECONDS:.0f} s") from None


def browser_url(emulator: Emulator, outputs: Mapping[str, Any]) -> str:
    """Return the address of the emulator's API for a browser, which can dial no other host than the URL names."""
    stage = urlsplit(str(outputs["websocket_url"])).path
    return f"ws://127.0.0.1:{emulator.port}/_aws/execute-api/{outputs['api_id']}{stage}"


@contextlib.asynccontextmanager
async def device(
    emulator: Emulator | None,
    websocket_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    **query: str,
) -> AsyncIterator[Device]:
    """Connect for as long as the block lasts.

    Parameters
    ----------
    emulator
        Dialled in place of the host that the URL names; None for AWS itself.
    websocket_url
        The module's output.
    headers, subprotocols
        What else the handshake carries.
    query
        The query string, such as `userId="alice"`.

    Raises
    ------
    websockets.exceptions.InvalidStatus
        If the handshake is refused.
    """
    url = urlsplit(websocket_url)
    dialled: dict[str, Any] = {"host": "127.0.0.1", "port": emulator.port, "proxy": None} if emulator else {}
    address = f"{'ws' if emulator else url.scheme}://{url.netloc}{url.path}" + (f"?{urlencode(query)}" if query else "")
    async with connect(
        address,
        **dialled,
        max_size=None,
        open_timeout=_OPEN_SECONDS,
        additional_headers=headers,
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
    ) as connection:
        yield Device(connection)
