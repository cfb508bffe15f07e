"""Spreading: one notification to the connections of a topic, or to all, read page by page and never gathered.

Like a push to a user, it is sent by `Posting`; only the source of the connections differs.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.protocol.frames import notification_frame
from websocket_push.protocol.segment import MAX_ONLY
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import Clocks, Posting
from websocket_push.push.refusals import Refusals
from websocket_push.push.schedule import Schedule
from websocket_push.push.window import Work, nothing
from websocket_push.tables.audience import Audience, AudiencePage, Share
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import explain

ROWS = 1_000
"""How many rows are read at once: some hundred kilobytes, and a thousandth of a request for each connection."""

Result = TypeVar("Result")


class Means(NamedTuple):
    """What spreading needs.

    Parameters
    ----------
    audience, clients, management
        The tables and the management API.
    clocks
        The times to keep to.
    random
        Returns a number from 0 to 1, for jitter.
    refusals
        The outcomes of the invocation's posts.
    """

    audience: Audience
    clients: Clients
    management: Management
    clocks: Clocks
    random: Callable[[], float]
    refusals: Refusals


class Position(NamedTuple):
    """How far spreading got.

    Parameters
    ----------
    after
        The id of the last connection that was begun; where it started, if none was.
    finished
        Whether there were no more.
    """

    after: str
    finished: bool


async def send_to_each(
    means: Means, topic: str, notification: Notification, connections: Sequence[Connection], *, persisted: bool
) -> Outcome:
    """Send a notification to known connections, all concurrently; return the outcome."""
    outcome = Outcome(topic, persisted=persisted)

    async def feed(posting: Posting) -> None:
        outcome.connections = len(connections)
        posting.add(connections, outcome, nothing)

    await _posting(means, topic, notification, feed)
    return outcome


async def spread(
    means: Means,
    share: Share,
    notification: Notification,
    *,
    after: str,
    persisted: bool,
    schedule: Schedule,
    until: float,
) -> tuple[Outcome, Position]:
    """Send a notification to a share of a topic's connections, as fast as the schedule lets it.

    Parameters
    ----------
    means, notification
        See there.
    share
        The part of the topic's connections.
    after
        The id of the connection to go on after; empty to begin.
    persisted
        Whether the notification is kept, so that a connection that cannot be sent to is closed.
    schedule
        When the next may be begun.
    until
        When to begin no more, on the event loop's clock.

    Returns
    -------
    tuple
        The outcome so far, and where to continue. A failure to read the connections stops it there, and is the
        outcome's error.
    """
    outcome = Outcome(share.topic, persisted=persisted)
    outcome.left = deque(maxlen=MAX_ONLY)

    async def feed(posting: Posting) -> Position:
        return await _feed(posting, means, share, outcome, after, schedule, until)

    return outcome, await _posting(means, share.topic, notification, feed)


async def _feed(
    posting: Posting, means: Means, share: Share, outcome: Outcome, after: str, schedule: Schedule, until: float
) -> Position:
    clock = asyncio.get_running_loop()

    def read(start: str) -> "asyncio.Task[AudiencePage]":
        return clock.create_task(means.audience.page(share, start, rows=ROWS, deadline=until))

    following: asyncio.Task[AudiencePage] | None = read(after)
    try:
        while following is not None:
            try:
                page = await following
            except Exception as error:
                outcome.missed, outcome.error = True, outcome.error or explain(error)
                return Position(after, finished=False)
            # The next page is read while this one is sent to.
            following = None if page.last is None else read(page.last)
            outcome.unreadable += page.unreadable
            for index in range(0, len(page.connections), schedule.slice):
                part = page.connections[index : index + schedule.slice]
                begins = schedule.reserve(len(part), clock.time())
                if begins >= until:
                    return Position(after, finished=False)
                await asyncio.sleep(begins - clock.time())
                await _begin(posting, part, outcome)
                after = part[-1].connection_id
            after = page.last or after
        return Position(after, finished=True)
    finally:
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError, AwsError):
                await following


async def _begin(posting: Posting, connections: list[Connection], outcome: Outcome) -> None:
    """Post to connections; return when all have been begun."""
    outcome.connections += len(connections)
    begun = asyncio.get_running_loop().create_future()
    posting.add(connections, outcome, lambda: begun.set_result(None))
    await begun


async def _posting(
    means: Means, topic: str, notification: Notification, feed: Callable[[Posting], Awaitable[Result]]
) -> Result:
    """Post what `feed` adds, until nothing is under way."""
    frame = notification_frame(notification.notification_id, notification.created_at, notification.content, topic)
    async with asyncio.TaskGroup() as group:
        work = Work(group)
        posting = Posting(
            means.management,
            _Rows(means, topic),
            Payload(frame.encode()),
            clocks=means.clocks,
            random=means.random,
            refusals=means.refusals,
            work=work,
        )
        try:
            result = await feed(posting)
            await posting.drained()
        finally:
            work.close()
    return result


class _Rows:
    """The rows of a topic's connection: its own, and its subscription."""

    __slots__ = ("_means", "_topic")

    def __init__(self, means: Means, topic: str) -> None:
        self._means = means
        self._topic = topic

    async def remove(self, connection_id: str, *, deadline: float) -> None:
        await self._means.clients.remove(connection_id, deadline=deadline)
        await self._means.audience.remove(self._topic, connection_id, deadline=deadline)
