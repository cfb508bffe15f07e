"""The Python client over real WebSockets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.clients.server import server, until
from websocket_push_client import FileStore, Notification, PushClient, PushError, Timing

QUICK = Timing(connection_timeout=1, timeout=1, min_reconnect_delay=0.05, max_reconnect_delay=0.2)


async def collect(client: PushClient, into: list[Notification]) -> None:
    async for notification in client:
        into.append(notification)  # noqa: PERF401 - each as it comes


async def test_it_shows_each_notification_once_over_drops_and_restarts(tmp_path: Path) -> None:
    shown: list[Notification] = []
    store = FileStore(tmp_path / "position")
    async with server() as serving:
        serving.store("before")
        async with PushClient(serving.url, store=store, timing=QUICK) as client:
            collecting = asyncio.create_task(collect(client, shown))
            await client.ready()
            await serving.push("live")
            await until(lambda: len(shown) == 2, "what came live")
            await serving.drop()
            serving.store("missed")
            await until(lambda: len(shown) == 3, "what was missed")
            assert await client.push("alice", [1, None]) == {"totals": {"recipients": 1}}
            await until(lambda: client.state == "open", "it is open")
        await collecting
        with pytest.raises(PushError, match="closed"):
            await client.ready()
        serving.store("away")
        async with PushClient(serving.url, store=store, timing=QUICK) as client:
            collecting = asyncio.create_task(collect(client, shown))
            await until(lambda: len(shown) == 5, "what came while it was away")
        await collecting
    assert [(each.content, each.via) for each in shown] == [
        ("before", "history"),
        ("live", "live"),
        ("missed", "history"),
        ([1, None], "history"),
        ("away", "history"),
    ]


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ("header", ("/live?a=b", "Bearer t.o.k", None)),
        ("subprotocol", ("/live?a=b", None, "bearer, t.o.k")),
        ("query", ("/live?a=b&token=t.o.k", None, None)),
    ],
)
async def test_the_token_travels_where_it_should(place: str, seen: tuple[str, str | None, str | None]) -> None:
    asked: asyncio.Future[tuple[str, str | None, str | None]] = asyncio.get_running_loop().create_future()

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        headers = connection.request.headers
        asked.set_result((connection.request.path, headers.get("Authorization"), headers.get("Sec-WebSocket-Protocol")))
        await connection.wait_closed()

    async def token() -> str:
        return "t.o.k"

    async with serve(look, "127.0.0.1", 0, select_subprotocol=lambda _, offered: offered[0] if offered else None) as at:
        [socket] = at.sockets
        url = f"ws://127.0.0.1:{socket.getsockname()[1]}/live?a=b"
        async with PushClient(url, get_token=token, token_in=place):  # type: ignore[arg-type]
            assert await asyncio.wait_for(asked, 10) == seen


async def test_a_token_callback_that_fails_is_reported_and_called_again() -> None:
    errors: list[str] = []
    tokens: Iterator[str | RuntimeError] = iter(["", RuntimeError("signed out"), "good"])

    def token() -> str:
        value = next(tokens)
        if isinstance(value, Exception):
            raise value
        return value

    async with (
        server() as serving,
        PushClient(
            serving.url, get_token=token, timing=QUICK, on_error=lambda problem: errors.append(problem.code)
        ) as client,
    ):
        await client.ready()
        await serving.drop()
        await until(lambda: len(serving.handshakes) == 2, "it is back")
    assert errors == ["TOKEN"]
