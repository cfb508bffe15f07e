"""Networks that are not what they should be, between the browser client in Node and its server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.npm import BROWSER, NODE
from tests.clients.server import Server, server, until

PROGRAM = """
import { createPushClient } from "SOURCE";
const say = (event) => console.log(JSON.stringify(event));
createPushClient({
  url: "ADDRESS",
  minReconnectDelay: 50, maxReconnectDelay: 200, connectionTimeout: 500, timeout: 500, pongTimeout: 500,
  onNotification: ({ content }) => say({ content }),
  onState: (state, { reason }) => say({ state, reason }),
  onError: ({ code }) => say({ code }),
});
"""
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<h1>Accept our terms</h1>"
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://portal.test/\r\nContent-Length: 0\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Network:
    """What lies between: `answer` is what it says instead of passing on; b"" for silence, None to pass on."""

    target: Server
    answer: bytes | None = None
    port: int = 0
    asked: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if self.answer is None:
                inner, outer = await asyncio.open_connection("127.0.0.1", self.target.port)
                await asyncio.gather(_pump(reader, outer), _pump(inner, writer))
            else:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer)
                await reader.read()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@dataclass
class Client:
    said: list[dict[str, Any]]

    def has(self, **event: object) -> bool:
        return any(event.items() <= each.items() for each in self.said)


@contextlib.asynccontextmanager
async def world(answer: bytes | None = None) -> AsyncIterator[tuple[Server, Network, Client]]:
    async with server() as serving:
        network = Network(serving, answer)
        listening = await asyncio.start_server(network.serve, "127.0.0.1", 0)
        network.port = listening.sockets[0].getsockname()[1]
        program = PROGRAM.replace("SOURCE", (BROWSER / "src" / "index.js").as_uri())
        program = program.replace("ADDRESS", f"ws://127.0.0.1:{network.port}/live")
        process = await asyncio.create_subprocess_exec(
            NODE, "--input-type=module", "--eval", program, stdout=asyncio.subprocess.PIPE
        )
        said: list[dict[str, Any]] = []
        reading = asyncio.create_task(_read(process, said))
        try:
            yield serving, network, Client(said)
        finally:
            process.kill()
            await process.wait()
            await reading
            listening.close()


async def _read(process: asyncio.subprocess.Process, said: list[dict[str, Any]]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        said.append(json.loads(line))  # noqa: PERF401 - each as it comes


@pytest.mark.parametrize(
    "answer",
    [PORTAL, REDIRECT, UNAVAILABLE, b"", b"garbage\r\n\r\n"],
    ids=["portal", "redirect", "503", "silence", "garbage"],
)
async def test_a_network_that_lets_nothing_through_is_tried_until_it_does(answer: bytes) -> None:
    async with world(answer) as (serving, network, client):
        await until(lambda: network.asked >= 3, "it goes on trying")
        assert client.has(state="waiting", reason="unopened")
        assert not client.has(state="resuming")
        serving.store("missed")
        network.answer = None
        await until(lambda: client.has(state="open"), "it is open")
        assert client.has(content="missed")


async def test_a_server_that_never_answers_is_left_and_tried_again() -> None:
    async with world() as (serving, _, client):
        serving.mute = True
        await until(lambda: len(serving.handshakes) >= 3, "it goes on trying")
        assert client.has(state="waiting", reason="stalled")
        assert client.has(code="TIMEOUT")
        serving.store("missed")
        serving.mute = False
        await until(lambda: client.has(content="missed") and client.has(state="open"), "it is open")


async def test_a_connection_that_is_cut_is_made_again() -> None:
    async with world() as (serving, _, client):
        await until(lambda: client.has(state="open"), "it is open")
        await serving.drop()
        serving.store("missed")
        await until(lambda: client.has(content="missed"), "it has resumed")
        assert client.has(state="waiting", reason="dropped")
