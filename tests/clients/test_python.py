"""The Python client over real WebSockets."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.clients.npm import BROWSER
from tests.clients.server import Server, server, until
from tools.paths import CHECKOUT
from websocket_push.protocol.inbox import State
from websocket_push_client import Ending, FileStore, MemoryStore, Notification, PushClient, PushError, Timing
from websocket_push_client.client import TokenIn
from websocket_push_client.errors import CODES
from websocket_push_client.sockets import connect_websocket

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


@pytest.mark.parametrize(
    "options",
    [
        {"look_back": float("nan")},
        {"look_back": float("inf")},
        {"look_back": -1.0},
        {"token_in": "nowhere"},
        {"topics": "org/7"},
    ],
    ids=str,
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"(?i){next(iter(options))}"):
        PushClient("ws://127.0.0.1:1", **options)
    with pytest.raises(ValueError, match="timeout is a number of seconds"):
        Timing(timeout=float("nan"))
    with pytest.raises(ValueError, match="min_reconnect_delay is a number of seconds"):
        Timing(min_reconnect_delay=-1)


def cancelled() -> str:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "wrong", [lambda: b"token", lambda: {"token": "t"}, cancelled], ids=["bytes", "dict", "cancelled"]
)
async def test_a_token_that_is_no_text_is_reported_and_asked_for_again(wrong: Callable[[], Any]) -> None:
    errors: list[str] = []
    callbacks: Iterator[Callable[[], Any]] = iter([wrong, lambda: "good"])

    def token() -> Any:
        return next(callbacks)()

    async with (
        server() as serving,
        PushClient(
            serving.url, get_token=token, timing=QUICK, on_error=lambda problem: errors.append(problem.code)
        ) as client,
    ):
        await client.ready()
    assert errors == ["TOKEN"]


async def test_whatever_the_connecting_raises_it_tries_again() -> None:
    errors: list[PushError] = []
    failures = iter([ImportError("no SOCKS here")])

    async def connect(url: str, token: str | None, place: TokenIn) -> Any:
        for failure in failures:
            raise failure
        return await connect_websocket(url, token, place)

    async with (
        server() as serving,
        PushClient(serving.url, connect=connect, timing=QUICK, on_error=errors.append) as client,
    ):
        await client.ready()
    assert [problem.code for problem in errors] == ["SOCKET"]


@contextlib.asynccontextmanager
async def answering(*polled: str | bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve frames for each poll, its requestId in place of ID; the value is the address, and polls by connection."""
    polls: list[int] = []

    async def answer(connection: ServerConnection) -> None:
        polls.append(0)
        number = len(polls) - 1
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                polls[number] += 1
                for frame in polled:
                    asked = str(json.loads(text).get("requestId"))
                    await connection.send(frame.replace("ID", asked) if isinstance(frame, str) else frame)

    async with serve(answer, "127.0.0.1", 0) as at:
        [socket] = at.sockets
        yield f"ws://127.0.0.1:{socket.getsockname()[1]}", polls


PAGE = '{"type":"history","requestId":"ID","notifications":[],"more":false,"session":%s}'


@pytest.mark.parametrize(
    "garbage",
    [
        PAGE % '"no object"',
        PAGE % "[1]",
        PAGE % '{"expiresAt":[],"keepalive":5}',
        '{"type":"notification","id":"a","key":[1]}',
        '{"type":"recall","id":"a","recalls":{}}',
        '{"type":"notification","id":"a","replaces":[]}',
        '{"type":"state","state":{"read":[1]}}',
        "null",
        "[" * 3000,
        b"\xff\xfe",
    ],
)
async def test_a_frame_that_makes_no_sense_costs_nothing_else(garbage: str | bytes) -> None:
    shown: list[Notification] = []
    sound = '{"type":"notification","id":"sound","content":1}'
    timing = Timing(settle_delay=0.1, min_reconnect_delay=0.05, max_reconnect_delay=0.1)
    async with answering(garbage, sound, PAGE % "{}") as (url, polls), PushClient(url, timing=timing) as client:
        collecting = asyncio.create_task(collect(client, shown))
        await client.ready()
        await until(lambda: polls[0] >= 2 and shown, "the second poll, and what is sound")
        assert client.state == "open"
        assert len(polls) == 1
        collecting.cancel()
    assert [each.id for each in shown] == ["sound"]


async def test_a_wait_of_any_length_that_a_server_asks_for_is_understood() -> None:
    errors: list[PushError] = []
    refusal = '{"type":"error","code":"RATE_LIMITED","requestId":"ID","retryAfter":1%s}' % ("0" * 400)
    async with answering(refusal) as (url, _), PushClient(url, on_error=errors.append):
        await until(lambda: bool(errors), "it is refused")
    assert [(problem.code, problem.retry_after) for problem in errors] == [("RATE_LIMITED", 300.0)]


async def test_a_bye_without_a_reason_has_none() -> None:
    async with answering('{"type":"bye","reconnect":false}') as (url, _), PushClient(url) as client:
        async for _each in client:
            pass
        assert client.ending == Ending("bye", bye="", final=True)


async def test_a_close_that_is_cancelled_closes_all_the_same() -> None:
    async with server() as serving:
        client = PushClient(serving.url, timing=QUICK)
        async with client:
            await client.ready()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await client.close()
            await asyncio.gather(client.close(), client.close())
            await until(lambda: not serving.connections, "the socket is closed")


async def test_it_can_be_closed_by_its_own_token_callback() -> None:
    async with server() as serving:
        before = asyncio.all_tasks()

        async def token() -> str:
            await client.close()
            return "token"

        async with PushClient(serving.url, get_token=token, timing=QUICK) as client:
            async for _ in client:
                pass
        assert client.state == "closed"
        assert asyncio.all_tasks() == before
        assert serving.handshakes == []


async def test_what_a_callback_raises_does_not_end_the_loop() -> None:
    def broken(_: object) -> None:
        raise RuntimeError("the application's own fault")

    shown: list[Notification] = []
    async with (
        server() as serving,
        PushClient(serving.url, timing=QUICK, on_state=broken, on_error=broken, on_recall=broken) as client,
    ):
        collecting = asyncio.create_task(collect(client, shown))
        await client.ready()
        pushed = await serving.push("taken back")
        await until(lambda: len(shown) == 1, "what is pushed")
        await serving.recall(pushed)
        serving.store("placeholder")  # Another id than the one that was taken back.
        await serving.push("after it")
        await until(lambda: len(shown) == 2, "what comes after the recall")
        collecting.cancel()


async def test_it_says_how_it_is_used() -> None:
    client = PushClient("ws://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="async with"):
        await anext(aiter(client))
    async with client:
        pass
    with pytest.raises(RuntimeError, match="make another"):
        await client.__aenter__()


async def test_a_store_that_raises_anything_is_reported_once() -> None:
    class Broken:
        def load(self) -> str | None:
            raise ValueError("not mine")

        def save(self, text: str) -> None:
            raise KeyError(text)

    errors: list[str] = []
    shown: list[Notification] = []
    async with (
        server() as serving,
        PushClient(
            serving.url, store=Broken(), timing=QUICK, on_error=lambda problem: errors.append(problem.code)
        ) as client,
    ):
        collecting = asyncio.create_task(collect(client, shown))
        await client.ready()
        for number in range(3):
            await serving.push(number)
            await until(lambda: shown and shown[-1].content == number, "what is pushed")  # noqa: B023 - at once
        collecting.cancel()
    assert errors == ["STORE"]


async def first_of(serving: Server, store: MemoryStore) -> object:
    """Return what a run with this store is given first."""
    async with asyncio.timeout(60), PushClient(serving.url, store=store, timing=QUICK) as client:
        async for notification in client:
            return notification.content
    return None


async def fail_at_the_first(serving: Server, store: MemoryStore) -> None:
    async with PushClient(serving.url, store=store, timing=QUICK) as client:
        async for _ in client:
            raise RuntimeError("not handled")


async def test_what_could_not_be_handled_comes_again_in_the_next_run() -> None:
    store = MemoryStore()
    async with server() as serving:
        serving.store("hard")
        with pytest.raises(RuntimeError, match="not handled"):
            await fail_at_the_first(serving, store)
        assert await first_of(serving, store) == "hard"
        # It was left in good order this time.
        serving.store("next")
        assert await first_of(serving, store) == "next"


async def handle_while_it_ends(serving: Server, store: MemoryStore, *, fails: bool) -> None:
    async with PushClient(serving.url, store=store, timing=QUICK) as client:
        async for _ in client:
            await serving.tell({"type": "bye", "reason": "revoked", "reconnect": False})
            await until(lambda: client.state == "closed", "it is closed", 60)
            if fails:
                raise RuntimeError("not handled")


async def test_what_is_handled_while_the_server_ends_it_comes_again_only_if_that_fails() -> None:
    async with server() as serving:
        serving.store("hard")
        failed, handled = MemoryStore(), MemoryStore()
        with pytest.raises(RuntimeError, match="not handled"):
            await handle_while_it_ends(serving, failed, fails=True)
        assert await first_of(serving, failed) == "hard"
        await handle_while_it_ends(serving, handled, fails=False)
        serving.store("next")
        assert await first_of(serving, handled) == "next"


async def test_it_subscribes_without_a_connection_as_soon_as_there_is_one() -> None:
    async with server() as serving, PushClient(serving.url, timing=QUICK) as client:
        assert await client.subscribe(["org/7"]) == {}
        assert client.topics == ["org/7"]


async def test_a_call_that_is_given_up_takes_nothing_from_another_for_the_same_topic() -> None:
    async with server() as serving, PushClient(serving.url, timing=QUICK) as client:
        first = asyncio.create_task(client.subscribe(["org/7"]))
        second = asyncio.create_task(client.subscribe(["org/7"]))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == {}
        client.topics = []
        await serving.drop()
        await until(lambda: client.topics == ["org/7"], "the next connection asks for it", 60)


async def test_what_is_unsubscribed_from_while_it_waits_is_not_subscribed_to() -> None:
    async with server() as serving, PushClient(serving.url, timing=QUICK) as client:
        waiting = [asyncio.create_task(client.subscribe(topics)) for topics in (["org/7"], ["org/7", "org/8"])]
        await asyncio.sleep(0)
        await client.unsubscribe(["org/7"])
        assert await asyncio.gather(*waiting) == [{}, {}]
        assert client.topics == ["org/8"]
        assert [each for each in serving.received if "org/7" in each.get("topics", ())] == []


async def test_a_subscription_stands_although_the_poll_after_it_is_refused_at_first() -> None:
    errors: list[str] = []
    async with (
        server() as serving,
        PushClient(serving.url, timing=QUICK, on_error=lambda problem: errors.append(problem.code)) as client,
    ):
        await client.ready()
        answer, refused = serving.answer, False

        def unavailable(connection: ServerConnection, message: dict[str, Any]) -> dict[str, Any]:
            nonlocal refused
            if message["action"] != "poll" or refused:
                return answer(connection, message)
            refused = True
            return {"type": "error", "code": "UNAVAILABLE", "message": "Later.", "requestId": message["requestId"]}

        serving.answer = unavailable  # type: ignore[method-assign]
        assert await client.subscribe(["org/7"]) == {}
        assert (errors, client.state) == (["UNAVAILABLE"], "open")


async def test_what_is_subscribed_to_while_a_connection_is_replaced_is_so_on_the_next() -> None:
    async with server() as serving, PushClient(serving.url, timing=QUICK) as client:
        answer = serving.answer
        subscribing: list[asyncio.Task[dict[str, str]]] = []

        def meanwhile(connection: ServerConnection, message: dict[str, Any]) -> dict[str, Any]:
            if message["action"] == "poll" and len(serving.connections) == 2 and not subscribing:
                # The successor has subscribed to what was wanted until now, and resumes.
                serving.session = {}
                subscribing.append(asyncio.create_task(client.subscribe(["org/7"])))
            return answer(connection, message)

        serving.session = {"expiresAt": (datetime.now(UTC) + timedelta(seconds=5)).isoformat()}
        serving.answer = meanwhile  # type: ignore[method-assign]
        await until(lambda: subscribing and subscribing[0].done(), "it is subscribed", 60)
        await until(lambda: len(serving.connections) == 1, "the next has taken the place", 60)
        assert serving.listening[str(serving.connections[0].id)] == {"org/7"}
