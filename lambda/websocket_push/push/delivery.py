"""Delivery: one notification to every open connection of its recipients, each outcome accounted for.

Per recipient the notification is stored and the connections are looked up side by side; when both are done, all
connections are posted to side by side. Nothing is sent to a user for whom it could not be stored.

Nearly every request succeeds at once, so all of this is driven by callbacks: one answer begins the next request. Only
what did not succeed gets a task, which goes on with the retries.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from websocket_push.aws.calls import Attempt, Call
from websocket_push.aws.dynamodb import Item, QueryPage, decode_object, decode_page
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.prepared import VARIED, PreparingDynamoDB, decoded
from websocket_push.aws.requests import Payload
from websocket_push.protocol.frames import bye_frame, notification_frame
from websocket_push.push.window import Window, Work
from websocket_push.tables.clients import Clients, Connection, read_connection
from websocket_push.tables.notifications import Notification, Notifications
from websocket_push.telemetry.explain import Failure, explain

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
    untried
        How many of these there was no time to send to even once.
    error
        Why something failed: the code and an explanation. None if nothing did.
    """

    __slots__ = ("connections", "delivered", "error", "failed", "gone", "persisted", "untried", "user_id")

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.persisted = False
        self.connections = self.delivered = self.gone = self.failed = self.untried = 0
        self.error: Failure | None = None

    @property
    def nothing_done(self) -> bool:
        """Whether the recipient is as if the push had never been asked for."""
        return self.error is not None and not self.persisted and self.connections == 0


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


class Delivery:
    """One notification on its way to its recipients.

    Parameters
    ----------
    dynamodb
        Where the tables are.
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
        dynamodb: PreparingDynamoDB,
        clients: Clients,
        notifications: Notifications,
        management: Management,
        *,
        notification: Notification,
        stored_until: int | None,
        clocks: Clocks,
        random: Callable[[], float],
    ) -> None:
        self.clients = clients
        self._management = management
        self.clocks = clocks
        self._random = random
        frame = notification_frame(notification.notification_id, notification.created_at, notification.content)
        self._payload = Payload(frame.encode())
        self.looking_up = dynamodb.prepare("Query", clients.looking_up(VARIED))
        self.storing = None
        if stored_until is not None:
            request = notifications.storing(VARIED, notification, expires_at=stored_until)
            self.storing = dynamodb.prepare("PutItem", request)
        self.recipients = Window(MAX_RECIPIENTS_AT_ONCE)
        self.posts = Window(MAX_POSTS_AT_ONCE)

    async def run(self, recipients: Sequence[str]) -> list[Outcome]:
        """Deliver to users, each named once; give an outcome for each, in their order. To be called once.

        Users flow through: the connections of the first are posted to while the later ones are looked up, and how
        many of both are under way at once is bounded. Connections of different users take turns.
        """
        outcomes = [Outcome(user_id) for user_id in recipients]
        async with asyncio.TaskGroup() as group:
            self.work = Work(group)
            try:
                self.recipients.add(self._reach(outcomes))
                await self.recipients.drained()
                await self.posts.drained()
            finally:
                self.work.close()
        return outcomes

    def offer(self, connection: Connection, outcome: Outcome) -> None:
        """Begin to send to one connection, in a place among the posts."""
        left = connection.expires_at - self.clocks.now() / 1000
        now = _loop_time()
        until = min(self.clocks.posts_until, now + left)
        if left > 0 and now < until:
            offer = _Offer(self, connection, outcome)
            self.work.begin(
                self._management.begin_post(connection.connection_id, self._payload, deadline=until, done=offer.told)
            )
        elif left > 0 and now >= self.clocks.closes_until:
            self._give_up(outcome)
            self.posts.leave()
        else:
            self.go_on(connection, outcome, None)

    def go_on(self, connection: Connection, outcome: Outcome, attempt: Attempt | None) -> None:
        """Send to one connection by a task; `attempt` is what the first attempt came to."""
        self.work.run(self._offer(connection, outcome, attempt), self.posts.leave)

    def _reach(self, outcomes: Sequence[Outcome]) -> Iterator[None]:
        for outcome in outcomes:
            if _loop_time() >= self.clocks.posts_until:
                outcome.error = explain(_out_of_time())
                continue
            _Recipient(self, outcome).begin()
            yield

    def _give_up(self, outcome: Outcome) -> None:
        outcome.failed += 1
        outcome.untried += 1
        outcome.error = outcome.error or explain(_out_of_time())

    async def _offer(self, connection: Connection, outcome: Outcome, begun: Attempt | None = None) -> None:
        """Send to one connection and count what came of it, whatever comes of it."""
        try:
            await self._send(connection, begun)
        except ConnectionGone:
            outcome.gone += 1
            await self._forget(connection)
        except Exception as error:
            outcome.failed += 1
            outcome.untried += isinstance(error, AwsError) and error.code == "DeadlineExceeded" and not error.attempts
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
            await self._management.post(connection.connection_id, _BYE, deadline=self.clocks.posts_until)
        await self._close(connection)

    async def _forget(self, connection: Connection) -> None:
        if self._is_establishing(connection):
            return
        # If the row cannot be deleted now, the next push or the row's TTL will.
        with contextlib.suppress(AwsError):
            await self.clients.remove(connection.connection_id, deadline=self.clocks.closes_until)

    async def _close(self, connection: Connection) -> None:
        """Close a connection, if API Gateway still has it."""
        with contextlib.suppress(AwsError):
            await self._management.close(connection.connection_id, deadline=self.clocks.closes_until)

    def _until(self, connection: Connection) -> float:
        """Say when to stop sending to a connection: no retry may outlive the authorization."""
        left = connection.expires_at - self.clocks.now() / 1000
        return min(self.clocks.posts_until, _loop_time() + left)

    def _is_over(self, connection: Connection) -> bool:
        return connection.expires_at * 1000 <= self.clocks.now()

    def _is_establishing(self, connection: Connection) -> bool:
        return self.clocks.now() - connection.connected_at < ESTABLISHING_MILLISECONDS


class _Recipient:
    """A recipient on the way: what is known so far of the two answers that the posts need."""

    __slots__ = ("_delivery", "_found", "_outcome", "_start", "_stored")

    def __init__(self, delivery: Delivery, outcome: Outcome) -> None:
        self._delivery = delivery
        self._outcome = outcome
        self._stored: bool | None = None
        self._found: list[Connection] | None = None
        self._start: Item | None = None

    def begin(self) -> None:
        """Store and look up side by side."""
        delivery, user_id = self._delivery, self._outcome.user_id
        until = delivery.clocks.posts_until
        if delivery.storing is None:
            self._stored = True
        else:
            delivery.work.begin(delivery.storing.begin(user_id, deadline=until, done=self._told_stored))
        delivery.work.begin(delivery.looking_up.begin(user_id, deadline=until, done=self._told_found))

    def _told_stored(self, call: Call, attempt: Attempt | None) -> None:
        if not self._delivery.work.end(call):
            return
        if attempt is None:
            answer = decoded(call, decode_object)
            if not isinstance(answer, Attempt):
                self._outcome.persisted = self._stored = True
                self._advance()
                return
            attempt = answer
        self._delivery.work.run(self._store(attempt), self._advance)

    def _told_found(self, call: Call, attempt: Attempt | None) -> None:
        if not self._delivery.work.end(call):
            return
        if attempt is None:
            answer = decoded(call, decode_page)
            if not isinstance(answer, Attempt):
                self._take(answer)
                self._advance()
                return
            attempt = answer
        self._delivery.work.run(self._look_up(attempt), self._advance)

    async def _store(self, attempt: Attempt) -> None:
        delivery = self._delivery
        assert delivery.storing is not None  # noqa: S101 - for the type checker: it has been begun
        try:
            await delivery.storing.send(
                self._outcome.user_id, decode_object, deadline=delivery.clocks.posts_until, begun=attempt
            )
        except Exception as error:
            self._outcome.error = explain(error)
            self._stored = False
        else:
            self._outcome.persisted = self._stored = True

    async def _look_up(self, attempt: Attempt) -> None:
        delivery = self._delivery
        try:
            page = await delivery.looking_up.send(
                self._outcome.user_id, decode_page, deadline=delivery.clocks.posts_until, begun=attempt
            )
        except Exception as error:
            self._miss(error)
        else:
            self._take(page)

    async def _look_up_more(self, start: Item) -> None:
        delivery = self._delivery
        try:
            page = await delivery.clients.next_page(self._outcome.user_id, start, deadline=delivery.clocks.posts_until)
        except Exception as error:
            self._miss(error)
        else:
            self._take(page)

    def _take(self, page: QueryPage) -> None:
        try:
            self._found = [read_connection(item, self._outcome.user_id) for item in page.items]
        except Exception as error:
            # What is wrong with one recipient's rows must not end the delivery to the others.
            self._miss(error)
        else:
            self._start = page.last_evaluated_key

    def _miss(self, error: Exception) -> None:
        self._outcome.error = self._outcome.error or explain(error)
        self._found, self._start = [], None

    def _advance(self) -> None:
        """Go on where both answers are there."""
        found = self._found
        if self._stored is None or found is None:
            return
        self._found = None
        if not self._stored:
            self._delivery.recipients.leave()
            return
        self._outcome.connections += len(found)
        self._delivery.posts.add(self._offers(found))

    def _offers(self, found: Sequence[Connection]) -> Iterator[None]:
        for connection in found:
            self._delivery.offer(connection, self._outcome)
            yield
        if self._start is None:
            self._delivery.recipients.leave()
        else:
            self._delivery.work.run(self._look_up_more(self._start), self._advance)


class _Offer:
    """The notification for one connection, until it is taken or a task goes on."""

    __slots__ = ("_connection", "_delivery", "_outcome")

    def __init__(self, delivery: Delivery, connection: Connection, outcome: Outcome) -> None:
        self._delivery = delivery
        self._connection = connection
        self._outcome = outcome

    def told(self, call: Call, attempt: Attempt | None) -> None:
        """Take the end of the call."""
        delivery = self._delivery
        if not delivery.work.end(call):
            return
        if attempt is None:
            self._outcome.delivered += 1
            delivery.posts.leave()
        else:
            delivery.go_on(self._connection, self._outcome, attempt)


def _out_of_time() -> AwsError:
    return AwsError("DeadlineExceeded", transient=True, detail="no time was left to begin")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
