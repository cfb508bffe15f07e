"""A server that speaks docs/protocol.md on loopback, for clients that run in a program of their own."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from websocket_push.protocol.inbox import FIELDS, State, Unread, marked, parse_mark, state_member

Frame = dict[str, Any]
_OVERLAP = 5 * 60_000
_MAX_REPEATS = 100


def identifier(milliseconds: int, number: int) -> str:
    """Return a UUIDv7 of a time."""
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-{number:012x}"


@dataclass
class Server:
    """One user's notifications and connections.

    Attributes
    ----------
    handshakes
        The path of every connection that was opened, with its query.
    received
        What clients sent, over all connections.
    mute
        Whether nothing is answered.
    refusals
        How many messages to refuse as too many.
    """

    port: int = 0
    stored: list[Frame] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    received: list[Frame] = field(default_factory=list)
    mute: bool = False
    refusals: int = 0
    inbox: State | None = None
    """What the user has read, on a server that keeps it."""
    version: int = 0
    session: Frame = field(default_factory=dict)
    peak: int = 0
    """How many connections there were at once, at most."""
    listening: dict[str, set[str]] = field(default_factory=dict)
    """The topics of each connection."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}/live"

    def store(self, content: object, *, milliseconds: int | None = None) -> Frame:
        """Keep a notification, and return it."""
        time_of = int(time.time() * 1000) if milliseconds is None else milliseconds
        notification = {
            "id": identifier(time_of, len(self.stored)),
            "createdAt": "2026-01-31T12:00:00.000Z",
            "content": content,
        }
        self.stored.append(notification)
        return notification

    async def push(self, content: object) -> str:
        """Keep a notification and send it to all connections; return its id."""
        notification = self.store(content)
        await self.tell({"type": "notification", **notification})
        return str(notification["id"])

    async def tell(self, frame: Frame) -> None:
        """Send a frame to all connections."""
        for connection in list(self.connections):
            with contextlib.suppress(ConnectionClosed):  # As a post to a connection that has just gone.
                await connection.send(json.dumps(frame))

    async def replace(self, replaced: str, content: object) -> str:
        """Push a notification that takes the place of another."""
        notification = self.store(content) | {"replaces": replaced}
        self.stored[:] = [row for row in self.stored if row["id"] not in (replaced, notification["id"])]
        self.stored.append(notification)
        await self.tell({"type": "notification", **notification})
        return str(notification["id"])

    async def recall(self, recalled: str) -> None:
        """Take a notification back."""
        self.stored[:] = [row for row in self.stored if row["id"] != recalled]
        now = int(time.time() * 1000)
        recall = {"id": identifier(now, 0xFFFF), "createdAt": "2026-01-31T12:00:00.000Z", "recalls": recalled}
        await self.tell({"type": "recall", **recall})

    def state(self) -> Frame:
        """Return what the server says of the inbox."""
        assert self.inbox is not None
        ids = sorted(str(row["id"]) for row in self.stored)
        unread = Unread(min(100, sum(not self.inbox.is_read(each) for each in ids)), ids[-1] if ids else "")
        state: Frame = json.loads(state_member(self.inbox, self.version, unread))
        return state

    async def drop(self) -> None:
        """End all connections without a close frame."""
        for connection in list(self.connections):
            connection.transport.abort()

    async def serve(self, connection: ServerConnection) -> None:
        """Answer one client until it is gone."""
        assert connection.request is not None
        self.handshakes.append(connection.request.path)
        self.connections.append(connection)
        self.peak = max(self.peak, len(self.connections))
        try:
            async for text in connection:
                message: Frame = json.loads(text)
                self.received.append(message)
                if not self.mute:
                    await connection.send(json.dumps(self.answer(connection, message)))
                    if message["action"] == "mark":
                        for other in [each for each in self.connections if each is not connection]:
                            await other.send(json.dumps({"type": "state", "state": self.state()}))
        finally:
            self.connections.remove(connection)

    def answer(self, connection: ServerConnection, message: Frame) -> Frame:
        """Return the reply to a message."""
        if self.refusals > 0 and message["action"] != "ping":
            self.refusals -= 1
            about = {"message": "Too many.", "retryAfter": 2, "requestId": message["requestId"]}
            return {"type": "error", "code": "RATE_LIMITED", **about}
        match message["action"]:
            case "ping":
                return {"type": "pong"}
            case "subscribe" | "unsubscribe":
                listening = self.listening.setdefault(str(connection.id), set())
                change = listening.update if message["action"] == "subscribe" else listening.difference_update
                change(message["topics"])
                reply = {"requestId": message["requestId"], "topics": sorted(listening), "refused": []}
                return {"type": "subscribed", **reply}
            case "push":
                self.store(message["content"])
                return {"type": "receipt", "requestId": message["requestId"], "totals": {"recipients": 1}}
            case "mark":
                assert self.inbox is not None
                now = int(time.time() * 1000)
                mark = parse_mark(message, ("action", "requestId", *FIELDS), now=now)
                self.inbox, self.version = marked(self.inbox, mark, now=now), self.version + 1
                return {"type": "state", "requestId": message["requestId"], "state": self.state()}
        rows = sorted(self.stored, key=lambda row: str(row["id"]))
        limit = message.get("limit", 50)
        after, before = message.get("after"), message.get("before")
        if after is None:
            below = [row for row in rows if before is None or row["id"] < before]
            page, more = below[-limit:], len(below) > limit
        else:
            low = identifier(max(0, int(after[:8] + after[9:13], 16) - _OVERLAP), 0)
            repeats = [row for row in rows if low <= row["id"] <= after][-_MAX_REPEATS:]
            fresh = [row for row in rows if row["id"] > after]
            page, more = repeats + fresh[:limit], len(fresh) > limit
        session = {
            "userId": "alice",
            "connectionId": str(connection.id),
            "expiresAt": "2099-01-01T00:00:00.000Z",
            "pingIntervalSeconds": 300,
            "keepalive": {"action": "poll", "seconds": 240},
        }
        reply = {"type": "history", "notifications": page, "more": more, "session": session | self.session}
        state = {} if self.inbox is None else {"state": self.state()}
        return reply | state | {"requestId": message["requestId"]}


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[Server]:
    """Serve on loopback for as long as the block lasts."""
    state = Server()
    # As API Gateway does: the first subprotocol that is offered is taken.
    async with serve(
        state.serve, "127.0.0.1", 0, select_subprotocol=lambda _, offered: offered[0] if offered else None
    ) as listening:
        [socket] = listening.sockets
        state.port = socket.getsockname()[1]
        yield state


async def until(condition: Any, what: str, seconds: float = 20.0) -> None:
    """Wait until something is so.

    Raises
    ------
    AssertionError
        If it is not within the time.
    """
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - it happens in another program
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None
