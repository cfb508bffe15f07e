"""A client that connects, resumes and reconnects by itself, and gives each notification once."""

import asyncio
import contextlib
import inspect
import logging
import math
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, get_args

from websocket_push_client.errors import PushError
from websocket_push_client.ledger import BEGINNING, Ledger
from websocket_push_client.link import Ending, Frame, Link, Socket, Timing
from websocket_push_client.schedule import replacement_delay, retry_delay
from websocket_push_client.sockets import connect_websocket
from websocket_push_client.stores import Store

State = Literal["connecting", "resuming", "open", "waiting", "closed"]
TokenIn = Literal["header", "subprotocol", "query"]
Connect = Callable[[str, str | None, TokenIn], Awaitable[Socket]]
GetToken = Callable[[], str | Awaitable[str | None] | None]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_LOOK_BACK = 60.0
_AGAIN = (
    "CONNECTION_LOST",
    "NOT_CONNECTED",
    "TIMEOUT",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "GATEWAY",
    "TOKEN_EXPIRED",
    "UNKNOWN_CONNECTION",
)
"""What says that a mark may be sent again; the last two, over the next connection."""

_AGAIN_DELAY = 5.0
_BETWEEN = ("CONNECTION_LOST", "NOT_CONNECTED", "TOKEN_EXPIRED", "UNKNOWN_CONNECTION")
"""What says that there is no connection at the moment, or soon another."""

_TOPIC = re.compile("[A-Za-z0-9_.:@=+-]+(/[A-Za-z0-9_.:@=+-]+)*")
_TOPIC_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification, as the backend pushed it.

    Attributes
    ----------
    id
        A UUIDv7: ids in their text order are in the order of time.
    created_at
        When it was accepted, RFC 3339 in UTC.
    content
        Any JSON value.
    via
        Whether it came live or from the history.
    topic
        The topic that it was pushed to, "*" for a broadcast; None for one to users.
    replaces
        The id of the notification whose place it takes; None if it takes none.
    key
        What it is about: it takes the place of earlier ones with the same key.
    """

    id: str
    created_at: str
    content: Any
    via: Literal["live", "history"]
    topic: str | None = None
    replaces: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """A notification that is taken back.

    Attributes
    ----------
    id
        The recall's own id.
    recalls
        The id of the notification that is not valid any more.
    key
        With a key, notifications with this key and an id before the recalled one's are not valid any more either.
    """

    id: str
    recalls: str
    key: str | None = None


class PushClient:
    """A connection that is kept: use it as `async with`, and iterate over its notifications.

    A late notification can come after one with a later id: sort by id.

    Parameters
    ----------
    url
        The module's output websocket_url; for anonymous clients with `?userId=`.
    get_token
        Returns the token, or something to await that does, and is called for every attempt. None: connect without one.
    token_in
        Where the token travels. A query ends up in logs. One that cannot be a subprotocol travels as a header.
    topics
        What to listen to from the beginning; see `subscribe`.
    store
        Where the position outlives the program. Without one it begins with the newest page.
    on_state
        Called with the state whenever it changes, and for every new wait.
    on_error
        Called with what goes wrong, for logs: the client goes on by itself.
    on_recall
        Called with a notification that is taken back, when the loop has come to it.
    on_inbox
        Called with what the user has seen and read, whenever the server says so.
    look_back
        How far behind the position to resume, in seconds: by how much clocks may differ.
    timing
        How long each thing may take.
    connect, now, random_number
        For tests: what opens a socket, the clock in seconds since the epoch, a number from 0 up to 1.

    Raises
    ------
    ValueError
        For an address that does not begin with wss:// or ws://, and for any other option that cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        get_token: GetToken | None = None,
        token_in: TokenIn = "header",  # noqa: S107 - a place, no token
        topics: Sequence[str] = (),
        store: Store | None = None,
        on_state: Callable[[State], None] | None = None,
        on_error: Callable[[PushError], None] | None = None,
        on_recall: Callable[[Recall], None] | None = None,
        on_inbox: Callable[[Frame], None] | None = None,
        look_back: float = _LOOK_BACK,
        timing: Timing | None = None,
        connect: Connect = connect_websocket,
        now: Callable[[], float] = time.time,
        random_number: Callable[[], float] = random.random,
    ) -> None:
        if not re.match("wss?://", url, re.IGNORECASE):
            raise ValueError("url begins with wss:// or ws://.")
        if token_in not in get_args(TokenIn):
            raise ValueError(f"token_in is one of {', '.join(get_args(TokenIn))}.")
        if not 0 <= look_back < math.inf:
            raise ValueError("look_back is a number of seconds.")
        self.ending: Ending | None = None
        """Why there is no connection, or why there was none last."""
        self._url, self._get_token, self._token_in, self._store = url, get_token, token_in, store
        self._on_state, self._on_error, self._on_recall, self._on_inbox = on_state, on_error, on_recall, on_inbox
        self._timing, self._connect, self._now, self._random = timing or Timing(), connect, now, random_number
        self.topics: list[str] = []
        """What the server said last that the connection listens to, besides its user and broadcasts."""
        self._lasting = dict.fromkeys(_checked(topics))
        """What each connection is to listen to, until it is unsubscribed from."""
        self._wanted = [self._lasting]
        """That, and what each call of `subscribe` still asks for: where one fails, it takes nothing from another."""
        self._changing = asyncio.Lock()
        self._store_works = True
        self._queue: asyncio.Queue[Notification | Recall | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._current: Link | None = None
        self._successor: Link | None = None
        self._waiting = self._closed = self._in_hand = False
        self._shown: State | None = None
        self._failures = self._latest_mark = 0
        self._oldest: str | None = None
        self._older: str | None = None
        self._opened = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._ledger = Ledger(self._load(), look_back=look_back * 1000, now=now() * 1000)

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("A PushClient is used once: make another.")
        if self._ledger.future:
            self._report_position()
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            # Left in good order: what was returned last has been handled. After an error it is returned again.
            self._in_hand = False
        await self.close()
        self._save_if_handled()

    async def __aiter__(self) -> AsyncIterator[Notification]:
        if self._runner is None:
            raise RuntimeError("A PushClient connects within `async with`.")
        while True:
            self._in_hand = False
            self._save_if_handled()
            notification = await self._queue.get()
            if notification is None:
                self._queue.put_nowait(None)  # For another that iterates.
                return
            if isinstance(notification, Recall):
                _call(self._on_recall, notification)
                continue
            self._in_hand = True
            yield notification

    @property
    def state(self) -> State:
        """What it is doing."""
        if self._closed:
            return "closed"
        if self._waiting or self._current is None:
            return "waiting"
        return "connecting" if self._current.phase == "ended" else self._current.phase

    @property
    def session(self) -> Frame | None:
        """What the server said about the connection; None where there is none."""
        return self._current.session if self._current is not None else None

    async def ready(self) -> None:
        """Wait until the state is "open".

        Raises
        ------
        PushError
            CLOSED.
        """
        while self.state not in ("open", "closed"):
            self._opened.clear()
            await self._opened.wait()
        if self._closed:
            raise PushError("CLOSED", "The client is closed.")

    async def push(self, user_id: str, content: object) -> Frame:
        """Push, where the module's input `client_push` allows it; return the report.

        Raises
        ------
        PushError
            The server's error, or NOT_CONNECTED, TIMEOUT, CONNECTION_LOST, FRAME_TOO_LARGE, INVALID_CONTENT.
        """
        receipt = await self._ask({"action": "push", "userId": user_id, "content": content})
        return {name: value for name, value in receipt.items() if name not in ("type", "requestId")}

    async def mark(
        self,
        *,
        seen_up_to: str | None = None,
        read_up_to: str | None = None,
        read: Sequence[str] = (),
        unread: Sequence[str] = (),
    ) -> Frame:
        """Mark notifications for all devices of the user, where the module has its input `inbox`; return the state.

        It waits for a connection, and repeats what was not answered, with the time at which it was marked first.

        Raises
        ------
        PushError
            What the server refuses it with, or CLOSED.
        """
        # Later than everything that is known here, whatever the clocks say.
        self._latest_mark = max(int(self._now() * 1000), self._latest_mark + 1)
        what = {"seenUpTo": seen_up_to, "readUpTo": read_up_to, "read": list(read), "unread": list(unread)}
        marked = {name: value for name, value in what.items() if value}
        message: Frame = {"action": "mark", "at": self._latest_mark, **marked}
        while True:
            try:
                state: Frame = (await self._ask(message))["state"]
            except PushError as problem:
                if problem.code not in _AGAIN:
                    raise
                if self.state == "open":
                    await asyncio.sleep(_AGAIN_DELAY)
                else:
                    await self.ready()
            else:
                return state

    async def load_older(self, *, before: str | None = None, limit: int = 50) -> tuple[list[Notification], bool]:
        """Return a page of history, oldest first, and whether there is another before it.

        It goes on from where the last one ended.

        Raises
        ------
        PushError
            As `push`.
        """
        before = before or self._older
        page = await self._ask({"action": "poll", "limit": limit} | ({"before": before} if before else {}))
        # What was replaced while the page was on its way is not in it any more.
        valid = [each for each in page["notifications"] if not self._ledger.outdated(each["id"], each.get("key"))]
        for each in valid:
            self._ledger.take(each["id"], self._now() * 1000)
        self._note_paged(page)
        return [_notification(each, "history") for each in valid], bool(page["more"])

    async def subscribe(self, topics: Sequence[str]) -> dict[str, str]:
        """Listen to topics, now and after every reconnect; return those that were refused, with the code.

        It waits for a connection, and asks again over the next one if this one is lost. What the server refused now is
        not asked for again. What a later connection is refused, because its token grants less, is reported as an error,
        and asked for again with the next token.

        Raises
        ------
        PushError
            The server's error, TIMEOUT or CLOSED; nothing is then asked for again.
        ValueError
            For what is no topic.
        """
        asked = dict.fromkeys(_checked(topics))
        self._wanted.append(asked)
        reply = None
        try:
            # Nothing is left of it where another call has unsubscribed meanwhile.
            while asked and reply is None:
                try:
                    await self.ready()
                    reply = await self._ask({"action": "subscribe", "topics": list(asked)}) if asked else None
                except PushError as problem:
                    if problem.code not in _BETWEEN:
                        raise
        finally:
            self._wanted = [each for each in self._wanted if each is not asked]
        if self._current is not None:
            # A push that came before the subscription did not reach this connection.
            await self._current.refresh()
        return {str(each["topic"]): str(each["code"]) for each in reply["refused"]} if reply is not None else {}

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Listen to topics no more. Without a connection, the next one does not listen to them.

        Raises
        ------
        PushError, ValueError
            As `subscribe`. The next connection does not listen to them in any case.
        """
        self._unwant(_checked(topics))
        try:
            await self._ask({"action": "unsubscribe", "topics": list(topics)})
        except PushError as problem:
            if problem.code not in _BETWEEN:
                raise
        finally:
            # The reply to a subscription may have come meanwhile.
            for topic in topics:
                self._lasting.pop(topic, None)

    async def close(self) -> None:
        """Stop: no task and no socket is left."""
        if not self._closed:
            self._stop()
        tasks = {*self._tasks} if self._runner is None else {*self._tasks, self._runner}
        # All of them before any is waited for: waiting may be cancelled as well.
        for task in tasks:
            task.cancel()
        # The token callback may have called this, and would wait for itself.
        others = tasks - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    # What a link reports.

    def moved(self) -> None:
        """Report the state, if it is another."""
        state = self.state
        if state in ("open", "closed"):
            self._opened.set()
        if state == self._shown and state != "waiting":
            return
        self._shown = state
        _call(self._on_state, state)

    def wanted(self) -> Sequence[str]:
        """Return what each connection is to listen to."""
        return list(dict.fromkeys(topic for each in self._wanted for topic in each))

    def subscribed(self, reply: Frame) -> None:
        """Take what a new connection listens to."""
        self.topics = reply["topics"]
        for each in reply["refused"]:
            self.failed(PushError(str(each["code"]), f"The server refused the topic {each['topic']}."))

    def page(self, page: Frame, *, newest: bool) -> None:
        """Take a page of history."""
        if page.get("reset"):
            self._ledger.reset()
            self._report_position()
            newest = True
        if newest:
            self._note_paged(page)
        for notification in [*page["notifications"], *page.get("recalls", ())]:
            self._show(notification, "history")
            self._ledger.advance(str(notification["id"]), self._now() * 1000)
        if isinstance(page.get("state"), dict):
            self.inbox(page["state"])
        if newest:
            # With nothing to begin with, all that ever comes is unseen.
            self._ledger.advance(BEGINNING, self._now() * 1000)

    def live(self, notification: Frame) -> None:
        """Take a live notification, or a recall."""
        self._show(notification, "live")

    def inbox(self, state: Frame) -> None:
        """Pass on what the user has seen and read."""
        times = (at for name in ("readUpTo", "read", "unread") for at in state.get(name, {}).values())
        self._latest_mark = max(self._latest_mark, *times, 0)
        _call(self._on_inbox, state)

    def failed(self, problem: PushError) -> None:
        """Pass on what went wrong."""
        _call(self._on_error, problem)

    async def _run(self) -> None:
        while True:
            self._waiting = False
            self._current = self._open()
            self.moved()
            self.ending = await self._hold()
            if self.ending.final:
                # The server has withdrawn the access: to come back by itself would only be to be refused.
                self._stop()
                return
            await self._wait(report=True)

    async def _hold(self) -> Ending:
        """Stay with a connection and its successors for as long as there is one; return how the last ended."""
        retiring: list[Link] = []
        while True:
            link = self._current
            assert link is not None  # noqa: S101 - for the type checker
            due = await self._first(link.task, self._due(link), *map(self._withdrawn, retiring))
            if (ending := _withdrawal(retiring)) is not None:
                link.task.cancel()
                return ending
            if not due:
                return self._result(link)
            successor = self._successor = self._open()
            opened = await self._first(successor.task, successor.resumed.wait(), self._withdrawn(link))
            self._successor = None
            if (ending := _withdrawal((link, successor))) is not None:
                successor.task.cancel()
                link.task.cancel()
                return ending
            if opened or link.task.done():
                # The old one stays until the index shows the new one: nothing falls between.
                self._current, retiring = successor, [link]
                self.moved()
                self._keep(asyncio.create_task(self._retire(link, successor)))
            else:
                self._result(successor)
                await self._first(link.task, self._wait(report=False))

    async def _withdrawn(self, link: Link) -> None:
        """Wait until the server has withdrawn the access over a connection, which may be never."""
        await asyncio.wait({link.task})
        if _withdrawal((link,)) is None:
            await asyncio.Event().wait()

    async def _retire(self, link: Link, successor: Link) -> None:
        await self._first(successor.task, successor.settled.wait())
        link.task.cancel()

    def _open(self) -> Link:
        link = Link(self._ledger, self._timing, self, self._now, self._random)
        link.task = self._keep(
            asyncio.create_task(link.run(self._token, lambda token: self._connect(self._url, token, self._token_in)))
        )
        return link

    def _keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Keep a task until it is done, so that it is not collected and `close` finds it."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _result(self, link: Link) -> Ending:
        if self._now() - link.resumed_at >= self._timing.min_uptime:
            self._failures = 0
        return link.task.result()

    async def _first(self, task: asyncio.Task[Ending], *others: Awaitable[Any]) -> bool:
        """Wait for a connection's end or for something else; return whether it was something else."""
        waiting = [asyncio.ensure_future(other) for other in others]
        try:
            await asyncio.wait({task, *waiting}, return_when=asyncio.FIRST_COMPLETED)
            return any(each.done() for each in waiting) and not task.done()
        finally:
            for each in waiting:
                each.cancel()

    async def _due(self, link: Link) -> None:
        """Wait until it is time to replace a connection."""
        await link.resumed.wait()
        share = self._random()
        while True:
            expires = _seconds((link.session or {}).get("expiresAt"))
            delay = replacement_delay(expires, link.opened_at, self._now(), share)
            if delay <= 0:
                return
            await asyncio.sleep(min(delay, 30.0))  # The session may change meanwhile.

    async def _wait(self, *, report: bool) -> None:
        low, high = self._timing.min_reconnect_delay, self._timing.max_reconnect_delay
        delay = retry_delay(self._failures, self._random(), low, high)
        self._failures += 1
        if report:
            self._waiting = True
            self.moved()
        await asyncio.sleep(delay)

    async def _token(self) -> str | None:
        token = self._get_token() if self._get_token is not None else None
        token = await token if inspect.isawaitable(token) else token
        if not isinstance(token, str | None):
            raise TypeError("get_token returned something that is no text.")
        return token

    async def _ask(self, message: Frame) -> Frame:
        if "topics" not in message:
            return (await self._send(message))[0]
        # One change after the other: the server handles messages that come together in any order.
        async with self._changing:
            # What one connection listens to, the one that is about to take its place must as well.
            reply = (await self._send(message, self._successor))[0]
            self.topics = reply["topics"]
            # What was refused is not asked for, and reported, with every connection.
            for topic in message["topics"]:
                if topic in self.topics:
                    self._lasting[topic] = None
                else:
                    self._lasting.pop(topic, None)
            return reply

    async def _send(self, message: Frame, successor: Link | None = None) -> list[Frame]:
        if self._closed:
            raise PushError("CLOSED", "The client is closed.")
        links = [each for each in (self._current, successor) if each is not None and each.phase in ("resuming", "open")]
        if self._current not in links:
            raise PushError("NOT_CONNECTED", "There is no connection at the moment.")
        return await asyncio.gather(*(each.ask_patiently(message) for each in links))

    def _show(self, notification: Frame, via: Literal["live", "history"]) -> None:
        now, identifier, key = self._now() * 1000, str(notification["id"]), notification.get("key")
        recalled = notification.get("recalls")
        gone = recalled or notification.get("replaces")
        late = self._ledger.outdated(identifier, key)
        news = self._ledger.drop(gone, key, recalled or identifier, now)
        fresh = self._ledger.take(identifier, now)
        if recalled is None and fresh and not late:
            self._queue.put_nowait(_notification(notification, via))
        elif (fresh or news) if recalled else (late and news):
            # What arrives too late to be shown is news all the same, if it replaces what is shown, by id or by key.
            self._queue.put_nowait(Recall(identifier, str(gone or identifier), key))

    def _unwant(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for each in self._wanted:
                each.pop(topic, None)

    def _note_paged(self, page: Frame) -> None:
        first = str(page["notifications"][0]["id"]) if page["notifications"] else None
        if first is not None and self._oldest is not None and first >= self._oldest:
            return
        self._oldest = first or self._oldest
        self._older = page.get("next", self._oldest)

    def _report_position(self) -> None:
        self.failed(PushError("POSITION", "The stored position lies in the future; another was taken."))

    def _stop(self) -> None:
        self._save_if_handled()
        self._closed = True
        self._queue.put_nowait(None)
        self.moved()

    def _load(self) -> str | None:
        try:
            return self._store.load() if self._store is not None else None
        except Exception as problem:
            self._store_failed(problem)
            return None

    def _save_if_handled(self) -> None:
        """Save once all that was returned has been handled: only then may a later run begin behind it."""
        # Once it is closed, what ends the loop is in the queue as well.
        if self._in_hand or self._queue.qsize() > self._closed:
            return
        if self._store is None or self._ledger.position is None:
            return
        try:
            self._store.save(str(self._ledger))
            self._store_works = True
        except Exception as problem:
            self._store_failed(problem)

    def _store_failed(self, problem: Exception) -> None:
        # Once, not with every notification.
        if self._store_works:
            self.failed(PushError("STORE", "The position could not be kept.", cause=problem))
        self._store_works = False


def _call(listener: Callable[[Any], None] | None, value: object) -> None:
    """Call the application. What it raises is its own fault, and must not end the connection."""
    if listener is None:
        return
    try:
        listener(value)
    except Exception:
        _log.exception("A callback failed.")


def _withdrawal(links: Iterable[Link]) -> Ending | None:
    """Return how the server withdrew the access over one of the connections, if it did.

    A connection that ends for the limit has made room for the one that takes its place.
    """
    for link in links:
        if link.task.done() and not link.task.cancelled():
            ending = link.task.result()
            if ending.final and ending.bye != "connection_limit":
                return ending
    return None


def _notification(frame: Frame, via: Literal["live", "history"]) -> Notification:
    return Notification(
        str(frame["id"]),
        str(frame.get("createdAt")),
        frame.get("content"),
        via,
        frame.get("topic"),
        frame.get("replaces"),
        frame.get("key"),
    )


def _checked(topics: Sequence[str]) -> Sequence[str]:
    for topic in [topics] if isinstance(topics, str) else topics:
        if isinstance(topics, str) or len(topic) > _TOPIC_CHARACTERS or not _TOPIC.fullmatch(topic):
            raise ValueError(f"Topics are a list of names such as org/7, and {topic!r} is none.")
    return topics


def _seconds(time_text: object) -> float | None:
    with contextlib.suppress(ValueError, TypeError):
        return datetime.fromisoformat(str(time_text)).timestamp()
    return None
