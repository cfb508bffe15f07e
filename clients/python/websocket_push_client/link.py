"""One connection, from the token to the end: connects, resumes, polls again and again, tells replies apart."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

from websocket_push_client.errors import PushError
from websocket_push_client.ledger import Ledger
from websocket_push_client.schedule import keepalive, retry_delay

Frame = dict[str, Any]
Phase = Literal["connecting", "resuming", "open", "ended"]

_PAGE = 100
_ATTEMPTS = 5
_LONGEST_RETRY_AFTER = 300.0
_MAX_FRAME_BYTES = 32 * 1024
"""How large a frame from a client may be, by API Gateway's quotas."""

_TOPICS_AT_ONCE = 100
_NO_TOPICS = ("UNKNOWN_ACTION", "INVALID_TOPIC")
"""What says that subscribing will not succeed however often it is tried."""

_UNREAD = (PushError, LookupError, TypeError, AttributeError)
"""What a poll raises that failed, or whose reply lacks something."""

_FRAME_ERRORS = {1003: "FRAME_REFUSED", 1009: "FRAME_TOO_LARGE"}
_ENDED_BY = {"TOKEN_EXPIRED": "expired", "UNKNOWN_CONNECTION": "unregistered"}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is no connection.

    Attributes
    ----------
    reason
        "unopened", "dropped", "silent", "stalled", "bye", "expired", "unregistered" or "token".
    code
        The close code, where there was one.
    bye
        What the server gave as the reason of its bye.
    final
        Whether the server said to stay away.
    """

    reason: str
    code: int | None = None
    bye: str | None = None
    final: bool = False


class Closed(Exception):  # noqa: N818 - it is how a socket ends, not an error
    """Raised by a socket that is closed."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Socket(Protocol):
    """What a link sends and receives by."""

    async def send(self, text: str) -> None:
        """Send a frame; raise Closed."""

    async def receive(self) -> str | bytes:
        """Return the next frame; raise Closed."""

    async def close(self) -> None:
        """Close it."""


class Owner(Protocol):
    """What a link reports to."""

    def moved(self) -> None:
        """Note that the phase or the session has changed."""

    def wanted(self) -> Sequence[str]:
        """Return the topics to subscribe to before the history is read."""

    def subscribed(self, reply: Frame) -> None:
        """Take the reply to that."""

    def page(self, page: Frame, *, newest: bool) -> None:
        """Take a page of history that continues what was there before, or begins with the newest."""

    def live(self, notification: Frame) -> None:
        """Take a live notification, or a recall."""

    def inbox(self, state: Frame) -> None:
        """Take what the user has seen and read."""

    def failed(self, problem: PushError) -> None:
        """Take note of something that went wrong."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long each thing may take or has to last, in seconds."""

    connection_timeout: float = 15.0
    timeout: float = 15.0
    pong_timeout: float = 10.0
    settle_delay: float = 3.0
    min_uptime: float = 30.0
    min_reconnect_delay: float = 2.0
    max_reconnect_delay: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        for each in fields(self):
            if not getattr(self, each.name) >= 0:
                raise ValueError(f"{each.name} is a number of seconds.")


class _End(Exception):  # noqa: N818
    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class Link:
    """A connection.

    Parameters
    ----------
    ledger
        Says from where to resume.
    owner
        What it reports to.
    now, random
        The clock, in seconds since the epoch, and a number from 0 up to 1.
    """

    def __init__(
        self, ledger: Ledger, timing: Timing, owner: Owner, now: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self.task: asyncio.Task[Ending]
        self.phase: Phase = "connecting"
        self.session: Frame | None = None
        self.opened_at = self.resumed_at = float("inf")
        self.resumed = asyncio.Event()
        self.settled = asyncio.Event()
        self._ledger, self._timing, self._owner, self._now, self._random = ledger, timing, owner, now, random
        self._socket: Socket | None = None
        self._held: list[Frame] | None = []
        self._asked: dict[str, asyncio.Future[Frame]] = {}
        self._questions = 0
        self._alive = asyncio.Event()

    async def run(
        self, get_token: Callable[[], Awaitable[str | None]], connect: Callable[[str | None], Awaitable[Socket]]
    ) -> Ending:
        """Connect, and stay until the connection ends; return why it ended."""
        ending = Ending("closed")
        try:
            ending = await self._run(get_token, connect)
        finally:
            self._finish(ending)
            if self._socket is not None:
                with contextlib.suppress(Closed, OSError):
                    await self._socket.close()
        return ending

    async def ask(self, message: Frame) -> Frame:
        """Ask something, and return the reply's frame.

        Raises
        ------
        PushError
            The server's error, or TIMEOUT, CONNECTION_LOST, CLOSED, FRAME_TOO_LARGE, INVALID_CONTENT.
        """
        if self.phase not in ("resuming", "open"):
            raise PushError("CONNECTION_LOST", "The connection has ended.")
        self._questions += 1
        request = str(self._questions)
        text = _frame(message | {"requestId": request})
        reply: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._asked[request] = reply
        try:
            async with asyncio.timeout(self._timing.timeout):
                await self._send(text)
                return await reply
        except TimeoutError:
            raise PushError("TIMEOUT", f"{message['action']} was not answered in time.") from None
        finally:
            self._asked.pop(request, None)

    async def ask_patiently(self, message: Frame) -> Frame:
        """Ask, and ask again after RATE_LIMITED, as nothing has been done then; see `ask`."""
        for failures in range(_ATTEMPTS - 1):
            try:
                return await self.ask(message)
            except PushError as problem:
                if problem.code != "RATE_LIMITED":
                    raise
                delay = self._delay(problem, failures)
            await asyncio.sleep(delay)
        return await self.ask(message)

    async def _run(
        self, get_token: Callable[[], Awaitable[str | None]], connect: Callable[[str | None], Awaitable[Socket]]
    ) -> Ending:
        try:
            async with asyncio.timeout(self._timing.connection_timeout):
                token = await get_token()
        except (Exception, asyncio.CancelledError) as problem:
            if _is_being_cancelled():
                raise
            self._owner.failed(PushError("TOKEN", "The token callback failed.", cause=problem))
            return Ending("token")
        try:
            async with asyncio.timeout(self._timing.connection_timeout):
                self._socket = await connect(token)
        except PushError as problem:
            self._owner.failed(problem)
            return Ending("unopened")
        except (OSError, TimeoutError, Closed):
            return Ending("unopened")
        except Exception as problem:
            self._owner.failed(PushError("SOCKET", "The WebSocket could not be made.", cause=problem))
            return Ending("unopened")
        self.opened_at = self._now()
        self._move("resuming")
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._stay())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended = next(iter(done)).exception()
            if isinstance(ended, _End):
                return ended.ending
            # A frame that was not thought of. The next connection may do better, and no connection never does.
            self._owner.failed(PushError("UNREADABLE_FRAME", "A frame could not be dealt with.", cause=ended))
            return Ending("stalled")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, ending: Ending) -> None:
        self.phase = "ended"
        blamed = _FRAME_ERRORS.get(ending.code or 0)
        code = blamed or ("CLOSED" if ending.reason == "closed" else "CONNECTION_LOST")
        problem = PushError(code, "The connection ended before the reply.")
        for reply in self._asked.values():
            if not reply.done():
                reply.set_exception(problem)
        if blamed:
            self._owner.failed(problem)
        if ending.reason != "closed":
            # What is not persisted comes only once. The position stays where it is.
            self._release()

    def _move(self, phase: Phase) -> None:
        self.phase = phase
        self._owner.moved()

    async def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 - for the type checker
        while True:
            try:
                text = await self._socket.receive()
            except Closed as closed:
                raise _End(Ending("dropped", code=closed.code)) from None
            self._alive.set()
            try:
                self._receive(text)
            except (LookupError, TypeError, AttributeError) as problem:
                self._owner.failed(PushError("UNREADABLE_FRAME", "A frame that lacks something.", cause=problem))

    def _receive(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError) as problem:
            self._owner.failed(PushError("UNREADABLE_FRAME", "A frame that is not JSON.", cause=problem))
            return
        if not isinstance(frame, dict):
            self._owner.failed(PushError("GATEWAY", "A frame without a type."))
            return
        match frame.get("type"):
            case "notification" | "recall" if _is_notification(frame):
                self._live({name: value for name, value in frame.items() if name != "type"})
            case "notification" | "recall":
                self._owner.failed(PushError("UNREADABLE_FRAME", "A notification that lacks something."))
            case "state":
                if isinstance(frame.get("state"), dict):
                    self._owner.inbox(frame["state"])
                if "requestId" in frame:
                    self._answer(frame["requestId"], frame)
            case "history" | "receipt" | "subscribed":
                self._answer(frame.get("requestId"), frame)
            case "error":
                self._refused(_refusal(frame), frame.get("requestId"))
            case "bye":
                reconnect, reason = frame.get("reconnect"), str(frame.get("reason", ""))
                final = reconnect is False or (reason == "revoked" and reconnect is not True)
                raise _End(Ending("bye", bye=reason, final=final))
            case None:
                # What API Gateway says by itself has no type, and a requestId of its own.
                self._refused(PushError("GATEWAY", str(frame.get("message", "A frame without a type."))), None)

    def _live(self, notification: Frame) -> None:
        if self._held is None:
            self._owner.live(notification)
        else:
            self._held.append(notification)

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for notification in held:
            self._owner.live(notification)

    def _answer(self, request: object, outcome: Frame | PushError) -> bool:
        # An error without our requestId answers what has waited longest.
        key = next(iter(self._asked), None) if request is None else str(request)
        reply = self._asked.pop(key, None) if key is not None else None
        if reply is None or reply.done():
            return False
        if isinstance(outcome, PushError):
            reply.set_exception(outcome)
        else:
            reply.set_result(outcome)
        return True

    def _refused(self, problem: PushError, request: object) -> None:
        if not self._answer(request, problem):
            self._owner.failed(problem)
        if problem.code in _ENDED_BY:
            # At once: who asked is not to ask the same connection again.
            self.phase = "ended"
            raise _End(Ending(_ENDED_BY[problem.code]))

    async def _stay(self) -> None:
        await self._repeatedly(lambda: self._ledger.resume_after, first=self._subscribe)
        after = self._ledger.resume_after
        self.resumed_at = self._now()
        self._release()
        self._move("open")
        self.resumed.set()
        await asyncio.sleep(self._timing.settle_delay)
        # Once more: a push may not have seen this connection in the index yet.
        await self._repeatedly(lambda: after)
        self.settled.set()
        while True:
            action, delay = keepalive(self.session, self._random())
            await asyncio.sleep(delay)
            if action == "poll":
                await self._repeatedly(lambda: self._ledger.resume_after)
            else:
                await self._ping()

    async def _ping(self) -> None:
        self._alive.clear()
        await self._send(_frame({"action": "ping"}))
        try:
            await asyncio.wait_for(self._alive.wait(), self._timing.pong_timeout)
        except TimeoutError:
            raise _End(Ending("silent")) from None

    async def refresh(self) -> None:
        """Poll now: what came before a subscription, no push has brought.

        It is tried again, as other polls are. In the end, or without the connection, the next poll brings it.
        """
        for failures in range(_ATTEMPTS):
            try:
                await self._catch_up(self._ledger.resume_after)
            except _UNREAD as cause:
                if self.phase == "ended":
                    return
                await asyncio.sleep(self._delay(self._reported(cause), failures))
            else:
                return

    async def _subscribe(self) -> None:
        topics = self._owner.wanted()
        for start in range(0, len(topics), _TOPICS_AT_ONCE):
            try:
                reply = await self.ask({"action": "subscribe", "topics": list(topics[start : start + _TOPICS_AT_ONCE])})
            except PushError as problem:
                if problem.code not in _NO_TOPICS:
                    raise
                self._owner.failed(problem)
            else:
                self._owner.subscribed(reply)

    async def _repeatedly(
        self, after: Callable[[], str | None], *, first: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Poll until it succeeds, each time later; give up the connection in the end."""
        failures = 0
        while True:
            try:
                if first is not None:
                    # A page from before a subscription would move the position past what its topic has.
                    await first()
                await self._catch_up(after())
                return
            except _UNREAD as cause:
                problem = self._reported(cause)
                # The history is not in, and may not be for a while. What is live need not wait for it.
                self._release()
                failures += 1
                # To give up a connection because of the rate would only add to it.
                limited = problem.code == "RATE_LIMITED"
                if problem.code == "TIMEOUT" or (failures >= _ATTEMPTS and not limited):
                    raise _End(Ending("stalled")) from None
                delay = self._delay(problem, failures - 1)
            await asyncio.sleep(delay)

    def _reported(self, cause: Exception) -> PushError:
        unreadable = PushError("UNREADABLE_FRAME", "A reply that lacks something.", cause=cause)
        problem = cause if isinstance(cause, PushError) else unreadable
        self._owner.failed(problem)
        return problem

    def _delay(self, problem: PushError, failures: int) -> float:
        return (problem.retry_after or 0) + retry_delay(failures, self._random(), 1.0, 10.0)

    async def _catch_up(self, after: str | None) -> None:
        cursor = after
        while True:
            where = {} if cursor is None else {"after": cursor, "limit": _PAGE}
            page = await self.ask({"action": "poll", **where})
            notifications, session = page.get("notifications"), page.get("session")
            if not isinstance(notifications, list):
                raise PushError("UNREADABLE_FRAME", "A history page without a list.")
            if not all(map(_is_notification, [*notifications, *page.get("recalls", ())])):
                raise PushError("UNREADABLE_FRAME", "A notification that lacks something.")
            self.session = session if isinstance(session, dict) else None
            self._owner.page(page, newest=after is None)
            self._owner.moved()
            if after is None or not page.get("more"):
                return
            # An older server has no `next`: then it is the last id, which has to lead on.
            last = notifications[-1]["id"] if notifications else ""
            following = page.get("next", last)
            if following == cursor or ("next" not in page and last <= (cursor or "")):
                raise PushError("UNREADABLE_FRAME", "A history page that leads nowhere.")
            cursor = following

    async def _send(self, text: str) -> None:
        # On a socket that is closing, the reply will not come and the close will.
        with contextlib.suppress(Closed):
            if self._socket is not None:
                await self._socket.send(text)


def _frame(message: Frame) -> str:
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as problem:
        raise PushError("INVALID_CONTENT", "The content cannot be written as JSON.") from problem
    if size > _MAX_FRAME_BYTES:
        raise PushError("FRAME_TOO_LARGE", f"A frame has at most {_MAX_FRAME_BYTES} bytes, this one {size}.")
    return text


def _is_notification(frame: object) -> bool:
    """Tell whether this is a notification or a recall as far as it is read here."""
    if not isinstance(frame, dict) or not isinstance(frame.get("id"), str):
        return False
    return all(isinstance(frame.get(name), str | None) for name in ("key", "replaces", "recalls", "topic"))


def _is_being_cancelled() -> bool:
    """Tell whether the task that runs is to end, or has only met the end of another."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _refusal(frame: Frame) -> PushError:
    seconds = frame.get("retryAfter")
    usable = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    retry_after = float(min(seconds, _LONGEST_RETRY_AFTER)) if usable and seconds is not None else None
    return PushError(str(frame.get("code")), str(frame.get("message")), retry_after=retry_after)
