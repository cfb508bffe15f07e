"""A TCP relay for the clients: it cuts sockets, makes them hang, or refuses all connections."""

import asyncio
import contextlib
import random


class Link:
    """A client's socket, and the one to the WebSocket API that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.stranded = False

    def cut(self) -> None:
        """Reset both sockets."""
        self.client.transport.abort()
        self.server.transport.abort()

    def strand(self) -> None:
        """Reset the client's socket and keep the other: the API keeps sending to a client that has vanished."""
        self.stranded = True
        self.client.transport.abort()


class Gate:
    """The relay. Its methods are to be called in its event loop.

    Attributes
    ----------
    open
        Whether new clients are let in.
    """

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.open = True
        self._upstream = upstream
        self._links: dict[Link, None] = {}  # in the order of their arrival, which a set would not keep
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on 127.0.0.1; give the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Stop listening, and cut all connections."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def links(self) -> list[Link]:
        """The open links, but for those that are stranded."""
        return [link for link in self._links if not link.stranded]

    def cut(self, count: int, choice: random.Random) -> None:
        """Cut some sockets, chosen at random."""
        links = self.links
        for link in choice.sample(links, min(count, len(links))):
            link.cut()

    def strand(self, count: int, choice: random.Random) -> None:
        """Let some clients vanish without the WebSocket API noticing."""
        links = self.links
        for link in choice.sample(links, min(count, len(links))):
            link.strand()

    def bury(self) -> int:
        """Let the WebSocket API notice at last that clients have vanished; tell how many."""
        stranded = [link for link in self._links if link.stranded]
        for link in stranded:
            link.cut()
        return len(stranded)

    def shut(self) -> None:
        """Cut all links and refuse new ones."""
        self.open = False
        for link in list(self._links):
            link.cut()

    def reopen(self) -> None:
        """Let clients in again."""
        self.open = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # The client sees its socket reset.
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            return
        server_reader, server_writer = await asyncio.open_connection(*self._upstream)
        link = Link(writer, server_writer)
        self._links[link] = None
        up = asyncio.create_task(_pump(reader, server_writer))
        down = asyncio.create_task(_pump(server_reader, writer))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if link.stranded:
                down.cancel()
                await asyncio.gather(down, return_exceptions=True)
                await _drain(server_reader)
        finally:
            self._links.pop(link, None)
            for pump in (up, down):
                pump.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            server_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def _drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass
