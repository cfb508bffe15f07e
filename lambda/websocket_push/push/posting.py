"""Posting: sends one notification to the connections that were found; each is sent to, closed, or counted as neither.

Nearly every post succeeds at once, so the first attempt of each is driven by callbacks. Only a post that failed gets a
task, which does the retries and closes the connection if they fail. Such tasks have a limit of their own, so that
waiting for a retry does not delay other posts.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from websocket_push.aws.calls import Call
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.retry import is_transient
from websocket_push.aws.sender import Attempt
from websocket_push.protocol.frames import bye_frame
from websocket_push.push.outcome import Outcome
from websocket_push.push.refusals import ALONE_SECONDS, Refusals
from websocket_push.push.window import Window, Work
from websocket_push.tables.clients import ESTABLISHING_MILLISECONDS, Connection
from websocket_push.telemetry.explain import explain

MAX_POSTS_AT_ONCE = 256

MAX_RETRIES_AT_ONCE = 1024
"""How many connections may be retried or closed at once; a task takes a few kilobytes. Beyond that, posts wait."""

MAX_WAITING = 10_000
"""How many found connections may be waiting before lookups pause; each takes some 300 bytes."""

ATTEMPTS = 3
"""How often a connection is tried before the cause of its refusals is judged: as often as the SDKs try ("Retry
behavior")."""

SILENT_SECONDS = 3.0
"""How long these attempts may take in total if one got no response: the time limit of one attempt."""

REFUSED_SECONDS = 0.25
"""The same if they got responses, which takes milliseconds: enough for their pauses."""

ASKING_MILLISECONDS = 2_000
"""For how much of that time posts are retried: nearly every handshake is over by then."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0

_BYE = Payload(bye_frame("token_expired").encode())


class Clocks(NamedTuple):
    """The times of a delivery.

    Parameters
    ----------
    now
        Milliseconds since the epoch, as a function.
    posts_until
        When to stop sending, on the event loop's clock.
    closes_until
        When to stop closing connections that could not be sent to; later than `posts_until`.
    """

    now: Callable[[], int]
    posts_until: float
    closes_until: float


class Rows(Protocol):
    """Where the rows of connections are."""

    async def remove(self, connection_id: str, *, deadline: float) -> None:
        """Delete what is kept of a connection."""


class Posting:
    """Sends one notification to connections; if it is persisted, closes those to which it cannot be sent.

    Parameters
    ----------
    management
        The management API.
    clients
        The table with the rows of connections, for those that are gone.
    payload
        What is sent.
    clocks
        The times to keep to.
    random
        Returns a number from 0 to 1, for jitter.
    refusals
        The results of other posts of the invocation.
    work
        Holds the calls and tasks in progress.
    """

    def __init__(
        self,
        management: Management,
        clients: Rows,
        payload: Payload,
        *,
        clocks: Clocks,
        random: Callable[[], float],
        refusals: Refusals,
        work: Work,
    ) -> None:
        self._management = management
        self._clients = clients
        self._payload = payload
        self._clocks = clocks
        self._random = random
        self._refusals = refusals
        self._work = work
        self._waiting = 0
        self._posts = Window(MAX_POSTS_AT_ONCE)
        self._retries = Window(MAX_RETRIES_AT_ONCE)

    @property
    def crowded(self) -> bool:
        """Whether so many connections are waiting that no more should be looked up."""
        return self._waiting >= MAX_WAITING

    def add(self, found: Sequence[Connection], outcome: Outcome, then: Callable[[], None]) -> None:
        """Post to a recipient's connections, in turn with those of others; call back when all have been started."""
        self._waiting += len(found)
        self._posts.add(self._begin_each(found, outcome, then))

    async def drained(self) -> None:
        """Wait until nothing is in progress; nothing may be added after this call."""
        await self._posts.drained()
        await self._retries.drained()

    def _begin_each(self, found: Sequence[Connection], outcome: Outcome, then: Callable[[], None]) -> Iterator[None]:
        for connection in found:
            self._waiting -= 1
            self._begin(connection, outcome)
            yield
        then()

    def _begin(self, connection: Connection, outcome: Outcome) -> None:
        """Start to send to one connection, within the limit for posts."""
        left = connection.expires_at - self._clocks.now() / 1000
        now = _loop_time()
        if left > 0 and now < self._clocks.posts_until:
            ended = partial(self._end, connection, outcome)
            until = min(self._clocks.posts_until, now + left)
            self._work.keep(
                self._management.begin_post(connection.connection_id, self._payload, deadline=until, done=ended)
            )
        elif left > 0 and now >= self._clocks.closes_until:
            self._fail(outcome, out_of_time())
            outcome.unclosed += outcome.persisted
            self._posts.leave()
        else:
            self._go_on(connection, outcome, None)

    def _end(self, connection: Connection, outcome: Outcome, call: Call, attempt: Attempt | None) -> None:
        """Handle the result of the first attempt of a post."""
        if not self._work.end(call):
            return
        if attempt is None:
            outcome.delivered += 1
            self._refusals.note_taken()
            self._posts.leave()
            return
        if _is_refusal(attempt):
            self._refusals.note_refused()
        self._go_on(connection, outcome, attempt)

    def _go_on(self, connection: Connection, outcome: Outcome, attempt: Attempt | None) -> None:
        self._retries.add(self._move(connection, outcome, attempt))

    def _move(self, connection: Connection, outcome: Outcome, attempt: Attempt | None) -> Iterator[None]:
        """Move a connection from the posts to the retries, as soon as their limit allows."""
        self._work.run(self._finish(connection, outcome, attempt), self._retries.leave)
        self._posts.leave()
        yield

    async def _finish(self, connection: Connection, outcome: Outcome, begun: Attempt | None) -> None:
        """Send to a connection, or close it, and count the outcome in every case."""
        if begun is None and connection.expires_at * 1000 <= self._clocks.now():
            await self._dismiss(connection, outcome)
            return
        try:
            await self._send(connection, begun)
        except ConnectionGone:
            await self._miss(connection, outcome)
        except Exception as error:
            self._fail(outcome, error)
            # Once it is closed, its client reconnects and resumes.
            if outcome.persisted and await self._close(connection) is not None:
                outcome.unclosed += 1
        else:
            outcome.delivered += 1
            self._refusals.note_taken()

    async def _send(self, connection: Connection, begun: Attempt | None) -> None:
        """Post to a connection, with retries for as long as they are worthwhile."""
        since = _loop_time()
        # No retry may outlive the authorization.
        until = min(self._clocks.posts_until, since + connection.expires_at - self._clocks.now() / 1000)
        pause = _FIRST_PAUSE_SECONDS
        seconds = REFUSED_SECONDS if begun is not None and begun.response is not None else SILENT_SECONDS
        while True:
            try:
                await self._management.post(
                    connection.connection_id,
                    self._payload,
                    deadline=min(until, _loop_time() + seconds),
                    attempts=ATTEMPTS,
                    begun=begun,
                )
                return
            except AwsError as error:
                if not self._may_pass(connection, error, since) or _loop_time() + pause > until:
                    raise
            begun = None
            await asyncio.sleep(pause * (0.5 + self._random() / 2))
            pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)

    def _may_pass(self, connection: Connection, error: AwsError, since: float) -> bool:
        if isinstance(error, ConnectionGone):
            return self._age(connection) < ASKING_MILLISECONDS
        return error.transient and _loop_time() - since < self._refusals.patience()

    async def _dismiss(self, connection: Connection, outcome: Outcome) -> None:
        """Send an expired connection the reason for closing it, and close it."""
        try:
            await self._management.post(connection.connection_id, _BYE, deadline=self._closing_end(), attempts=1)
        except ConnectionGone:
            await self._miss(connection, outcome)
            return
        except AwsError:
            pass  # it is closed anyway
        failure = await self._close(connection)
        if failure is None:
            outcome.gone += 1
            await self._forget(connection)
            return
        # Its row stays, so that the next push tries again.
        self._fail(outcome, failure)
        outcome.unclosed += outcome.persisted

    async def _miss(self, connection: Connection, outcome: Outcome) -> None:
        """Count a connection that API Gateway does not know."""
        if self._age(connection) < ESTABLISHING_MILLISECONDS:
            outcome.connecting += 1
            return
        outcome.gone += 1
        await self._forget(connection)

    async def _forget(self, connection: Connection) -> None:
        if self._age(connection) < ESTABLISHING_MILLISECONDS:
            return
        # If the row cannot be deleted now, the next push or the row's TTL will.
        with contextlib.suppress(AwsError):
            await self._clients.remove(connection.connection_id, deadline=self._closing_end())

    async def _close(self, connection: Connection) -> Exception | None:
        """Close a connection; return why it may still be open, or None if it is closed."""
        try:
            await self._management.close(connection.connection_id, deadline=self._closing_end())
        except AwsError as error:
            return None if error.status == 404 or error.code == "GoneException" else error
        except Exception as error:
            return error
        return None

    def _closing_end(self) -> float:
        return min(self._clocks.closes_until, _loop_time() + ALONE_SECONDS)

    def _age(self, connection: Connection) -> int:
        return self._clocks.now() - connection.connected_at

    def _fail(self, outcome: Outcome, error: Exception) -> None:
        outcome.failed += 1
        outcome.untried += isinstance(error, AwsError) and error.code == "DeadlineExceeded" and not error.attempts
        outcome.error = outcome.error or explain(error)


def out_of_time() -> AwsError:
    """Return the error for a post that was not started because time ran out."""
    return AwsError("DeadlineExceeded", transient=True, detail="no time was left to begin")


def _is_refusal(attempt: Attempt) -> bool:
    """Return whether the failure of a first attempt is temporary; for posts, the code in the response adds nothing."""
    return attempt.failure is not None or (attempt.response is not None and is_transient(attempt.response.status, ""))


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
