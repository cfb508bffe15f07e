"""Delivery: one notification to every open connection of its recipients, each outcome accounted for.

Per recipient the notification is stored and the connections are looked up side by side; when both are done, all
connections are posted to side by side. Nothing is sent to a user for whom it could not be stored.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from websocket_push.protocol.frames import bye_frame, notification_frame
from websocket_push.services.clients import Clients, Connection
from websocket_push.services.failures import Failure, explain
from websocket_push.services.lanes import Lanes, Window
from websocket_push.services.notifications import Notification, Notifications
from websocket_push.transport.calls import Attempt, Call
from websocket_push.transport.errors import AwsError
from websocket_push.transport.management import ConnectionGone, Management
from websocket_push.transport.requests import Payload

MAX_RECIPIENTS_AT_ONCE = 64
MAX_POSTS_AT_ONCE = 256

ESTABLISHING_MILLISECONDS = 2_000
"""How long after its row was written a connection may still be on its way.

The row is written while the $connect route runs, and until that has ended API Gateway answers 410 ("A message was
posted before the connection was established", AWS knowledge center, "410 GoneException"). Deleting the row then would
cut an open connection off for good.
"""

_FIRST_PAUSE_SECONDS = 0.05

_BYE = Payload(bye_frame("token_expired").encode())


@dataclass(slots=True)
class Outcome:
    """What became of a notification for one recipient; `connections` is `delivered` + `gone` + `failed`.

    Parameters
    ----------
    persisted
        Whether it is in the recipient's history.
    connections
        How many connections the index showed.
    delivered
        How many API Gateway took it for.
    gone
        How many turned out to be closed, or to be past their end; their rows are deleted.
    failed
        How many it could not be sent to.
    error
        Why something failed: the code and an explanation. None if nothing did.
    """

    user_id: str
    persisted: bool = False
    connections: int = 0
    delivered: int = 0
    gone: int = 0
    failed: int = 0
    error: Failure | None = None

    @property
    def nothing_done(self) -> bool:
        """Whether the recipient is as if the push had never been asked for."""
        return self.error is not None and not self.persisted and self.connections == 0


@dataclass(frozen=True, slots=True)
class Clocks:
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


class Delivery:
    """One notification on its way to its recipients.

    Parameters
    ----------
    clients, notifications, management
        The tables and the management API.
    notification
        What is sent.
    stored_until
        When the stored notification expires, in seconds since the epoch; None does not store it.
    clocks
        The times to keep to.
    random
        Gives a number from 0 to 1, for jitter.
    """

    def __init__(
        self,
        clients: Clients,
        notifications: Notifications,
        management: Management,
        *,
        notification: Notification,
        stored_until: int | None,
        clocks: Clocks,
        random: Callable[[], float],
    ) -> None:
        self._clients = clients
        self._notifications = notifications
        self._management = management
        self._notification = notification
        self._stored_until = stored_until
        self._clocks = clocks
        self._random = random
        frame = notification_frame(notification.notification_id, notification.created_at, notification.content)
        self._payload = Payload(frame.encode())

    async def run(self, recipients: Sequence[str]) -> list[Outcome]:
        """Deliver to users, each named once; give an outcome for each, in their order.

        Users flow through: the connections of the first are posted to while the later ones are looked up, and how
        many of both are under way at once is bounded.
        """
        outcomes = [Outcome(user_id) for user_id in recipients]
        async with asyncio.TaskGroup() as group:
            posts = Window(group, MAX_POSTS_AT_ONCE)
            try:
                async with asyncio.TaskGroup() as reaching:
                    lookups = Lanes(reaching, MAX_RECIPIENTS_AT_ONCE)
                    for outcome in outcomes:
                        await lookups.start(_guarded(self._reach(outcome, reaching, posts), outcome))
                await posts.drained()
            finally:
                posts.close()
        return outcomes

    async def _reach(self, outcome: Outcome, group: asyncio.TaskGroup, posts: Window) -> None:
        stored = group.create_task(self._store(outcome))
        try:
            pages = self._clients.pages_of(outcome.user_id, deadline=self._clocks.posts_until)
            async with contextlib.aclosing(pages):
                async for page in pages:
                    if not await stored:
                        return
                    outcome.connections += len(page)
                    for connection in page:
                        if posts.full:
                            await posts.room()
                        if self._is_over(connection):
                            posts.run(self._offer(connection, outcome))
                        else:
                            posts.begin(_Offer(self, connection, outcome))
                    posts.pass_on()
        finally:
            await stored

    async def _store(self, outcome: Outcome) -> bool:
        """Store the notification if it is to be stored; say whether it may be sent."""
        if self._stored_until is None:
            return True
        try:
            await self._notifications.store(
                outcome.user_id,
                self._notification,
                expires_at=self._stored_until,
                deadline=self._clocks.posts_until,
            )
        except Exception as error:
            outcome.error = explain(error)
            return False
        outcome.persisted = True
        return True

    def _begin_post(self, connection: Connection, done: Callable[[Call, Attempt | None], None]) -> Call:
        until = self._until(connection)
        return self._management.begin_post(connection.connection_id, self._payload, deadline=until, done=done)

    async def _offer(self, connection: Connection, outcome: Outcome, begun: Attempt | None = None) -> None:
        """Send to one connection and count what came of it, whatever comes of it."""
        try:
            await self._send(connection, begun)
        except ConnectionGone:
            outcome.gone += 1
            await self._forget(connection)
        except Exception as error:
            outcome.failed += 1
            outcome.error = outcome.error or explain(error)
            # Closed for what it missed, its client comes back and resumes.
            if outcome.persisted and isinstance(error, AwsError) and error.transient:
                await self._close(connection)
        else:
            outcome.delivered += 1

    async def _send(self, connection: Connection, begun: Attempt | None) -> None:
        """Post to a connection; while it may still be on its way, a 410 is asked again a little later."""
        if begun is None and self._is_over(connection):
            await self._dismiss(connection)
            raise ConnectionGone("ConnectionExpired")
        until = self._until(connection)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._management.post(connection.connection_id, self._payload, deadline=until, begun=begun)
                return
            except ConnectionGone:
                if not self._is_establishing(connection) or _loop_time() + pause > until:
                    raise
            begun = None
            await asyncio.sleep(pause * (0.5 + self._random() / 2))
            pause *= 2

    async def _dismiss(self, connection: Connection) -> None:
        """Tell a connection whose time is over why it is closed, and close it."""
        with contextlib.suppress(AwsError):
            await self._management.post(connection.connection_id, _BYE, deadline=self._clocks.posts_until)
        await self._close(connection)

    async def _forget(self, connection: Connection) -> None:
        if self._is_establishing(connection):
            return
        # If the row cannot be deleted now, the next push or the row's TTL will.
        with contextlib.suppress(AwsError):
            await self._clients.remove(connection.connection_id, deadline=self._clocks.closes_until)

    async def _close(self, connection: Connection) -> None:
        """Close a connection, if API Gateway still has it."""
        with contextlib.suppress(AwsError):
            await self._management.close(connection.connection_id, deadline=self._clocks.closes_until)

    def _until(self, connection: Connection) -> float:
        """Say when to stop sending to a connection: no retry may outlive the authorization."""
        left = connection.expires_at - self._clocks.now() / 1000
        return min(self._clocks.posts_until, _loop_time() + left)

    def _is_over(self, connection: Connection) -> bool:
        return connection.expires_at * 1000 <= self._clocks.now()

    def _is_establishing(self, connection: Connection) -> bool:
        return self._clocks.now() - connection.connected_at < ESTABLISHING_MILLISECONDS


class _Offer:
    """The notification for one connection; what does not succeed at once goes on in `Delivery._offer`."""

    __slots__ = ("_connection", "_delivery", "_outcome")

    def __init__(self, delivery: Delivery, connection: Connection, outcome: Outcome) -> None:
        self._delivery = delivery
        self._connection = connection
        self._outcome = outcome

    def begin(self, done: Callable[[Call, Attempt | None], None]) -> Call:
        return self._delivery._begin_post(self._connection, done)

    def succeed(self) -> None:
        self._outcome.delivered += 1

    def go_on(self, attempt: Attempt) -> Coroutine[None, None, None]:
        return self._delivery._offer(self._connection, self._outcome, attempt)


async def _guarded(work: Coroutine[None, None, None], outcome: Outcome) -> None:
    """Keep what is wrong with one recipient from ending the delivery to the others."""
    try:
        await work
    except Exception as error:
        outcome.error = outcome.error or explain(error)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
