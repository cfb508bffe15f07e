"""The Python client over real WebSockets."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.clients.npm import BROWSER
from tests.clients.server import server, until
from tools.paths import CHECKOUT
from websocket_push.protocol.inbox import State
from websocket_push_client import FileStore, Notification, PushClient, PushError, Timing
from websocket_push_client.errors import CODES

PYTHON = CHECKOUT / "clients" / "python"

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


@pytest.mark.parametrize("token", ["bearer", "padded==", "a/b"])
async def test_a_token_that_cannot_be_a_subprotocol_travels_as_a_header(token: str) -> None:
    asked: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.set_result(connection.request.headers.get_all("Authorization"))
        await connection.wait_closed()

    async with serve(look, "127.0.0.1", 0) as at:
        [socket] = at.sockets
        url = f"ws://127.0.0.1:{socket.getsockname()[1]}/live"
        async with PushClient(url, get_token=lambda: token, token_in="subprotocol"):
            assert await asyncio.wait_for(asked, 10) == [f"Bearer {token}"]


async def test_a_token_that_would_be_a_header_of_its_own_is_refused_without_being_quoted() -> None:
    errors: list[PushError] = []
    async with (
        server() as serving,
        PushClient(serving.url, get_token=lambda: "secret\r\nX-User: bob", timing=QUICK, on_error=errors.append),
    ):
        await until(lambda: len(errors) > 1, "it has tried")
    assert {problem.code for problem in errors} == {"TOKEN"}
    assert not any("secret" in str(problem) for problem in errors)
    assert serving.handshakes == []


async def test_its_errors_are_a_closed_list_and_quote_neither_token_nor_content() -> None:
    browser = (BROWSER / "src" / "errors.js").read_text(encoding="utf-8")
    assert set(CODES) < set(re.findall(r'"([A-Z_]+)",', browser))
    sources = "".join(path.read_text(encoding="utf-8") for path in (PYTHON / "websocket_push_client").glob("*.py"))
    used = {*re.findall(r'PushError\("([A-Z_]+)"', sources), "FRAME_REFUSED", "CONNECTION_LOST", "CLOSED"}
    assert used == set(CODES)
    errors: list[PushError] = []

    def token() -> str:
        raise RuntimeError("POST /token?secret=s3cret failed")

    async with server() as serving:
        async with PushClient(serving.url, get_token=token, timing=QUICK, on_error=errors.append):
            await until(lambda: bool(errors), "it has tried")
        assert isinstance(errors[0].__cause__, RuntimeError)
        async with PushClient(serving.url, timing=QUICK) as client:
            await client.ready()
            for content in ("s3cret" * 6_000, {"s3cret": float("nan")}, {"s3cret": "\ud800"}, {"s3cret": object()}):
                with pytest.raises(PushError) as refused:
                    await client.push("alice", content)
                errors.append(refused.value)
    assert [problem.code for problem in errors[-4:]] == ["FRAME_TOO_LARGE", *["INVALID_CONTENT"] * 3]
    assert not any("s3cret" in str(problem) for problem in errors)
    assert not any(message["action"] == "push" for message in serving.received)


@pytest.mark.parametrize("url", ["https://example.test/live", "example.test", "", "javascript:alert(1)"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="wss://"):
        PushClient(url)


async def test_a_callback_that_raises_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("of the application")

    shown: list[Notification] = []
    async with server() as serving:
        serving.inbox = State()
        client = PushClient(serving.url, timing=QUICK, on_state=fail, on_error=fail, on_inbox=fail)
        async with client:
            collecting = asyncio.create_task(collect(client, shown))
            await client.ready()
            await serving.tell({"type": "notification"})
            await serving.tell({"type": "state", "state": serving.state()})
            await serving.drop()
            serving.store("missed")
            await until(lambda: bool(shown), "it goes on")
        await collecting
    assert "of the application" in caplog.text


def test_what_cannot_be_written_leaves_the_old_position_and_no_rest(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "position")
    store.save("before")
    (tmp_path / "folder").mkdir()
    broken = FileStore(tmp_path / "folder")
    with pytest.raises(OSError, match="folder"):
        broken.save("after")
    assert store.load() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "position"]
