"""Delivery: sends one notification to every open connection of its recipients, and accounts for each outcome.

For each recipient the notification is stored while the connections are looked up; when both are done, it is posted to
all connections concurrently. Nothing is sent to a user for whom it could not be stored. Storing and looking up do not
wait for posts, however slow: found connections wait in a queue, up to a bound.

Nearly every request succeeds at once, so callbacks drive all of this: one response starts the next request. Only a
request that failed gets a task, which does the retries.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from websocket_push.aws.calls import Call
from websocket_push.aws.dynamodb import Item, QueryPage, decode_page
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import VARIED, Prepared, PreparingDynamoDB, decoded
from websocket_push.aws.requests import Payload, decode_object
from websocket_push.aws.sender import Attempt
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import notification_frame
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import Clocks, Posting, out_of_time
from websocket_push.push.refusals import Refusals
from websocket_push.push.window import Window, Work, loop_time, nothing
from websocket_push.tables.clients import Clients, Connection, read_connections
from websocket_push.tables.notifications import TAKEN, Notification, key_of
from websocket_push.tables.storing import Notifications
from websocket_push.telemetry.explain import explain

IsBuried = Callable[..., Awaitable[bool]]

MAX_RECIPIENTS_AT_ONCE = 64
"""For how many recipients at the same time a notification is stored, and connections are looked up."""


class Delivery:
    """The delivery of one notification to its recipients.

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
    frame
        What is sent, if it is not the notification's own frame.
    is_buried
        Tells whether a user's notification was replaced before it came; None where nothing is ever replaced.
    clocks
        The times to keep to.
    random
        Returns a number from 0 to 1, for jitter.
    refusals
        The outcomes of the invocation's posts, of other deliveries as well.
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
        refusals: Refusals,
        frame: str = "",
        is_buried: "IsBuried | None" = None,
    ) -> None:
        self._is_buried = is_buried
        self._clients = clients
        self._management = management
        self._clocks = clocks
        self._random = random
        self._refusals = refusals
        frame = frame or notification_frame(notification.notification_id, notification.created_at, notification.content)
        self._payload = Payload(frame.encode())
        self._looking_up = dynamodb.prepare("Query", clients.looking_up(VARIED))
        self._storing: Prepared | None = None
        if stored_until is not None:
            request = notifications.storing(VARIED, notification, expires_at=stored_until)
            self._storing = dynamodb.prepare("PutItem", request)

        @cache
        def storing_again() -> Prepared:
            request = notifications.storing_again(VARIED, notification, expires_at=stored_until or 0)
            return dynamodb.prepare("PutItem", request)

        self._storing_again = storing_again

    async def run(self, recipients: Sequence[str], *, persisted: bool = False) -> list[Outcome]:
        """Deliver to users, each listed once; return an outcome for each, in their order. Call it once only.

        With `persisted`, it is in their histories already.

        Users are processed as a stream: posts to the first users' connections run while later users are looked up, and
        both are bounded. Connections of different users take turns.
        """
        outcomes = [Outcome(user_id, persisted=persisted) for user_id in recipients]
        async with asyncio.TaskGroup() as group:
            common = self._common(Work(group))
            try:
                reached = [_Recipient(common, outcome) for outcome in outcomes]
                if common.storing is not None:
                    common.stores.add(_each(reached, _Recipient.begin_storing))
                common.lookups.add(_each(reached, _Recipient.begin_looking_up))
                await common.stores.drained()
                await common.lookups.drained()
                await common.posting.drained()
            finally:
                common.work.close()
        return outcomes

    def _common(self, work: Work) -> "_Common":
        posting = Posting(
            self._management,
            self._clients,
            self._payload,
            clocks=self._clocks,
            random=self._random,
            refusals=self._refusals,
            work=work,
        )
        return _Common(
            clients=self._clients,
            storing=self._storing,
            storing_again=self._storing_again,
            looking_up=self._looking_up,
            stores=Window(MAX_RECIPIENTS_AT_ONCE),
            lookups=Window(MAX_RECIPIENTS_AT_ONCE),
            posting=posting,
            work=work,
            until=self._clocks.posts_until,
            is_buried=self._is_buried,
        )


class _Common(NamedTuple):
    """What the recipients of a delivery share."""

    clients: Clients
    storing: Prepared | None
    storing_again: Callable[[], Prepared]
    looking_up: Prepared
    stores: Window
    lookups: Window
    posting: Posting
    work: Work
    until: float
    is_buried: "IsBuried | None"


class _Recipient:
    """The state of a recipient: the results so far of the two requests that must end before the posts."""

    __slots__ = ("_common", "_found", "_outcome", "_start", "_stored")

    def __init__(self, common: _Common, outcome: Outcome) -> None:
        self._common = common
        self._outcome = outcome
        self._stored: bool | None = None if common.storing is not None else True
        self._found: list[Connection] | None = None
        self._start: Item | None = None

    def begin_storing(self) -> None:
        """Store, in a place among those that store."""
        common = self._common
        assert common.storing is not None  # noqa: S101 - for the type checker: there is something to store
        until = common.until
        if loop_time() >= until:
            self._outcome.error = self._outcome.error or explain(out_of_time())
            self._end_storing(stored=False)
            return
        common.work.keep(common.storing.begin(key_of(self._outcome.user_id), deadline=until, done=self._on_stored))

    def begin_looking_up(self) -> None:
        """Look up, in a place among those that do."""
        common = self._common
        until = common.until
        if self._stored is False:
            common.lookups.leave()
        elif loop_time() >= until:
            self._miss(out_of_time())
            self._advance()
        else:
            common.work.keep(common.looking_up.begin(self._outcome.user_id, deadline=until, done=self._on_found))

    def _on_stored(self, call: Call, attempt: Attempt | None) -> None:
        if not self._common.work.end(call):
            return
        if attempt is None:
            answer = decoded(call, decode_object)
            if not isinstance(answer, Attempt):
                self._end_storing(stored=True)
                return
            attempt = answer
        self._common.work.run(self._store(attempt), lambda: self._end_storing(stored=self._outcome.persisted))

    def _end_storing(self, *, stored: bool) -> None:
        self._outcome.persisted = stored
        self._stored = stored and not self._outcome.superseded
        self._common.stores.leave()
        self._advance()

    def _on_found(self, call: Call, attempt: Attempt | None) -> None:
        if not self._common.work.end(call):
            return
        if attempt is None:
            answer = decoded(call, decode_page)
            if not isinstance(answer, Attempt):
                self._take(answer)
                self._advance()
                return
            attempt = answer
        self._common.work.run(self._look_up(attempt), self._advance)

    async def _store(self, attempt: Attempt) -> None:
        try:
            await self._store_new_or_again(attempt)
        except Exception as error:
            taken = isinstance(error, AwsError) and error.code == TAKEN
            self._outcome.error = explain(id_taken() if taken else error)
        else:
            self._outcome.persisted = True

    async def _store_new_or_again(self, attempt: Attempt) -> None:
        common, key = self._common, key_of(self._outcome.user_id)
        assert common.storing is not None  # noqa: S101 - for the type checker: it has been begun
        try:
            await common.storing.send(key, decode_object, deadline=common.until, begun=attempt)
        except AwsError as error:
            if error.code != TAKEN:
                raise
            try:
                await common.storing_again().send(key, decode_object, deadline=common.until)
            except AwsError as other:
                if other.code != TAKEN or common.is_buried is None:
                    raise
                if not await common.is_buried(self._outcome.user_id, deadline=common.until):
                    raise
                self._outcome.superseded = True

    async def _look_up(self, attempt: Attempt) -> None:
        common = self._common
        try:
            page = await common.looking_up.send(
                self._outcome.user_id, decode_page, deadline=common.until, begun=attempt
            )
        except Exception as error:
            self._miss(error)
        else:
            self._take(page)

    async def _look_up_more(self, start: Item) -> None:
        common = self._common
        try:
            page = await common.clients.page(self._outcome.user_id, start, deadline=common.until)
        except Exception as error:
            self._miss(error)
        else:
            self._take(page)

    def _take(self, page: QueryPage) -> None:
        self._found = read_connections(page.items, self._outcome.user_id)
        self._outcome.unreadable += len(page.items) - len(self._found)
        self._start = page.last_evaluated_key

    def _miss(self, error: Exception) -> None:
        self._outcome.missed = True
        self._outcome.error = self._outcome.error or explain(error)
        self._found, self._start = [], None

    def _advance(self) -> None:
        """Continue once both results are known."""
        found, lookups = self._found, self._common.lookups
        if self._stored is None or found is None:
            return
        self._found = None
        if not self._stored:
            lookups.leave()
            return
        self._outcome.connections += len(found)
        posting = self._common.posting
        if self._start is not None:
            posting.add(found, self._outcome, self._turn_page)
        elif posting.crowded:
            posting.add(found, self._outcome, lookups.leave)
        else:
            posting.add(found, self._outcome, nothing)
            lookups.leave()

    def _turn_page(self) -> None:
        assert self._start is not None  # noqa: S101 - for the type checker: there is another page
        self._common.work.run(self._look_up_more(self._start), self._advance)


def _each(recipients: Sequence[_Recipient], begin: Callable[[_Recipient], None]) -> Iterator[None]:
    for recipient in recipients:
        begin(recipient)
        yield


def id_taken() -> RequestError:
    """Return the error for an id under which other content is stored."""
    return RequestError(
        "INVALID_ID", "The id belongs to a notification with other content. Give this one an id of its own."
    )
