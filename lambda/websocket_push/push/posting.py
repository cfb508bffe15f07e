"""Posting: sends one notification to the connections that were found; each is sent to, closed, or counted as neither.

Nearly every post succeeds at once, so the first attempt of each is driven by callbacks. Only a post that failed gets a
task (`retrying`). Such tasks have a limit of their own, so that waiting for a retry does not delay other posts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from websocket_push.aws.calls import Call
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.retry import is_transient
from websocket_push.aws.sender import Attempt
from websocket_push.push.outcome import Outcome
from websocket_push.push.refusals import Refusals
from websocket_push.push.window import Window, Work, loop_time
from websocket_push.tables.clients import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.push.retrying import Retrying, Rows

MAX_POSTS_AT_ONCE = 256

MAX_RETRIES_AT_ONCE = 1024
"""How many connections may be retried or closed at once; a task takes a few kilobytes. Beyond that, posts wait."""

MAX_WAITING = 10_000
"""How many found connections may be waiting before lookups pause; each takes some 300 bytes."""


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
        clients: "Rows",
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
        self._retrying: Retrying | None = None

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
        now = loop_time()
        if left > 0 and now < self._clocks.posts_until:
            ended = partial(self._end, connection, outcome)
            until = min(self._clocks.posts_until, now + left)
            self._work.keep(
                self._management.begin_post(connection.connection_id, self._payload, deadline=until, done=ended)
            )
        elif left > 0 and now >= self._clocks.closes_until:
            outcome.fail(out_of_time())
            outcome.leave(connection)
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
        retrying = self._retrying or self._make_retrying()
        self._work.run(retrying.finish(connection, outcome, attempt), self._retries.leave)
        self._posts.leave()
        yield

    def _make_retrying(self) -> "Retrying":
        # Imported where it is needed: in most invocations every post succeeds at once.
        from websocket_push.push.retrying import Retrying

        self._retrying = Retrying(
            self._management,
            self._clients,
            self._payload,
            now=self._clocks.now,
            posts_until=self._clocks.posts_until,
            closes_until=self._clocks.closes_until,
            random=self._random,
            refusals=self._refusals,
        )
        return self._retrying


def out_of_time() -> AwsError:
    """Return the error for a post that was not started because time ran out."""
    return AwsError("DeadlineExceeded", transient=True, detail="no time was left to start")


def _is_refusal(attempt: Attempt) -> bool:
    """Return whether the failure of a first attempt is temporary; for posts, the code in the response adds nothing."""
    return attempt.failure is not None or (attempt.response is not None and is_transient(attempt.response.status, ""))
