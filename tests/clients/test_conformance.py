"""Plays the conversations of clients/conformance with the Python client; the README there says what they mean."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.virtual import run
from tools.paths import CHECKOUT
from websocket_push_client import MemoryStore, PushClient, PushError
from websocket_push_client.link import Closed

Step = dict[str, Any]
CONVERSATIONS = sorted((CHECKOUT / "clients" / "conformance").glob("*.json"))


class Socket:
    """What the client takes for a WebSocket."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self.frames: asyncio.Queue[str | Closed] = asyncio.Queue()
        self.open = True

    async def send(self, text: str) -> None:
        self._player.received.append((self, json.loads(text)))

    async def receive(self) -> str:
        frame = await self.frames.get()
        if isinstance(frame, Closed):
            raise frame
        return frame

    async def close(self) -> None:
        if self.open:
            self._player.left += 1
        self.open = False


class Player:
    """Plays one conversation."""

    def __init__(self, conversation: Step) -> None:
        self._start = datetime.fromisoformat(conversation["now"]).timestamp()
        self.received: list[tuple[Socket, Step]] = []
        self.sockets: list[Socket] = []
        self.attempts: list[asyncio.Future[Socket]] = []
        self.left = 0
        self.errors: list[str] = []
        self.shown: list[str] = []
        self.recalled: list[str] = []
        self.counts: list[int] = []
        self.client = PushClient(
            "wss://example.test/live",
            store=MemoryStore(conversation["stored"]),
            topics=conversation.get("topics", ()),
            on_error=lambda problem: self.errors.append(problem.code),
            on_recall=lambda recall: self.recalled.append(recall.recalls),
            on_inbox=lambda state: self.counts.append(state["unreadCount"]),
            connect=self._connect,
            now=lambda: self._start + asyncio.get_running_loop().time(),
            random_number=lambda: 0.5,
        )

    async def play(self, steps: list[Step]) -> None:
        async with self.client:
            consumer = asyncio.create_task(self._consume())
            for number, step in enumerate(steps):
                try:
                    await self._step(step)
                except Exception as problem:
                    raise AssertionError(f"step {number}, {step}: {problem!r}") from problem
        await consumer
        assert len(asyncio.all_tasks()) == 1

    async def _consume(self) -> None:
        async for notification in self.client:
            self.shown.append(notification.id)

    async def _connect(self, url: str, token: str | None, place: str) -> Socket:
        attempt: asyncio.Future[Socket] = asyncio.get_running_loop().create_future()
        self.attempts.append(attempt)
        return await attempt

    async def _step(self, step: Step) -> None:
        within = step.get("within", 20)
        match step:
            case {"connects": how}:
                attempt = await self._next(self.attempts, within)
                for each in step.get("before", ()):
                    await self._step(each)
                if attempt.cancelled():
                    pass  # The client has given it up.
                elif how == "refused":
                    attempt.set_exception(ConnectionRefusedError())
                else:
                    self.sockets.append(Socket(self))
                    attempt.set_result(self.sockets[-1])
            case {"pushes": request}:
                await self._push(request, step)
            case {"marks": what}:
                await self._mark(what, step)
            case {"recalls": identifiers}:
                assert self.recalled == identifiers
                self.recalled.clear()
            case {"inbox": counts}:
                assert self.counts == counts
                self.counts.clear()
            case {"sends": _}:
                await self._sends(step, within)
            case {"receives": frame, "on": "oldest"}:
                next(socket for socket in self.sockets if socket.open).frames.put_nowait(json.dumps(frame))
            case {"receives": frame}:
                self._socket.frames.put_nowait(json.dumps(frame))
            case {"receivesText": text}:
                self._socket.frames.put_nowait(text)
            case {"leaves": _}:
                await self._until(lambda: self.left > 0, step.get("within", 1))
                self.left -= 1
            case {"closes": code}:
                socket = self._socket
                socket.open = False
                socket.frames.put_nowait(Closed(code))
            case {"shows": identifiers}:
                assert self.shown == identifiers
                self.shown.clear()
            case {"errors": codes}:
                assert self.errors == codes
                self.errors.clear()
            case {"state": state}:
                assert self.client.state == state
            case {"quiet": seconds}:
                before = (len(self.received), len(self.attempts))
                await asyncio.sleep(seconds)
                assert (len(self.received), len(self.attempts)) == before
            case _:
                raise AssertionError("an unknown step")
        await self._settle()

    async def _sends(self, step: Step, within: float) -> None:
        socket, message = await self._next(self.received, within)
        assert message.items() >= step["sends"].items(), message
        assert not set(step.get("without", ())) & set(message), message
        if "afterAtMost" in step:
            assert message["after"] <= step["afterAtMost"]
        for each in step.get("before", ()):
            await self._step(each)
        reply = step.get("replyAsItIs") or step.get("reply")
        if reply and "replyAsItIs" not in step and "requestId" in message:
            reply = reply | {"requestId": message["requestId"]}
        if reply:
            socket.frames.put_nowait(json.dumps(reply))

    async def _mark(self, what: Step, step: Step) -> None:
        names = {"seenUpTo": "seen_up_to", "readUpTo": "read_up_to", "read": "read", "unread": "unread"}
        marking = asyncio.create_task(self.client.mark(**{names[name]: value for name, value in what.items()}))
        await self._sends(step, 20)
        for each in step.get("then", ()):
            await self._step(each)
        try:
            assert (await marking).items() >= step["result"].items()
        except PushError as problem:
            assert problem.code == step["refused"]  # noqa: PT017 - what is refused is in the data

    async def _push(self, request: Step, step: Step) -> None:
        content = "x" * request["contentOfBytes"] if "contentOfBytes" in request else request["content"]
        pushing = asyncio.create_task(self.client.push(request["userId"], content))
        if "sends" in step:
            await self._sends(step, 20)
        for each in step.get("then", ()):
            await self._step(each)
        try:
            assert await pushing == step["result"]
        except PushError as problem:
            assert problem.code == step["refused"]  # noqa: PT017 - what is refused is in the data

    @property
    def _socket(self) -> Socket:
        return [socket for socket in self.sockets if socket.open][-1]

    async def _next(self, queue: list[Any], within: float) -> Any:
        await self._until(lambda: bool(queue), within)
        return queue.pop(0)

    async def _until(self, condition: Any, within: float) -> None:
        async with asyncio.timeout(within + 0.1):
            while not condition():  # noqa: ASYNC110 - the time is not real
                await asyncio.sleep(0.1)

    async def _settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_the_conversation(path: Path) -> None:
    conversation = json.loads(path.read_text(encoding="utf-8"))

    async def play() -> None:
        await Player(conversation).play(conversation["steps"])

    run(play())


def test_there_are_conversations() -> None:
    assert CONVERSATIONS
