"""The push: from a valid request to its report."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.push_request import PushRequest
from websocket_push.push.delivery import Delivery
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.push.report import Report, report
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notification
from websocket_push.tables.storing import Notifications

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.replacement import Replacement
    from websocket_push.push.undelivered import Undelivered
    from websocket_push.tables.replacements import Replacements


class Defaults(NamedTuple):
    """The defaults of a request: whether to persist, and for how many seconds."""

    persist: bool
    ttl: int


class Pusher(NamedTuple):
    """What a push needs.

    Parameters
    ----------
    dynamodb
        Where the tables are.
    clients, notifications, management
        The tables and the management API.
    defaults
        The defaults of a request.
    clocks
        The times to keep to.
    new_id
        Returns a new notification id for the current time.
    random
        Returns a number from 0 to 1, for jitter.
    refusals
        The results of the invocation's posts so far.
    undelivered
        Reports what was kept for users without a connection; None where there are no events.
    replacements
        How notifications replace others; None where none do.
    """

    dynamodb: PreparingDynamoDB
    clients: Clients
    notifications: Notifications
    management: Management
    defaults: Defaults
    clocks: Clocks
    new_id: Callable[[], str]
    random: Callable[[], float]
    refusals: Refusals
    undelivered: "Undelivered | None" = None
    replacements: "Replacements | None" = None

    async def push(self, request: PushRequest) -> Report:
        """Deliver a notification and return the report for each recipient.

        Raises
        ------
        RequestError
            If nothing was stored or sent for any recipient; the request can then be repeated unchanged. `INVALID_TTL`
            if it has a `ttl` but is not persisted.
        """
        stored_until = self.stored_until(request)
        notification = self.notification(request)
        if request.replacement is None:
            outcomes = await self._delivery(notification, stored_until).run(request.recipients)
        else:
            outcomes = await self._push_replacement(notification, request.replacement, request.recipients, stored_until)
        if self.undelivered is not None and stored_until is not None:
            await self.undelivered.report(
                notification,
                outcomes,
                now=self.clocks.now(),
                expires_at=stored_until,
                deadline=self.clocks.closes_until,
            )
        _require_something_done(outcomes)
        return report(notification, outcomes)

    def _delivery(self, notification: Notification, stored_until: int | None, frame: str = "") -> Delivery:
        replacements = self.replacements
        return Delivery(
            self.dynamodb,
            self.clients,
            self.notifications,
            self.management,
            notification=notification,
            stored_until=stored_until,
            clocks=self.clocks,
            random=self.random,
            refusals=self.refusals,
            frame=frame,
            is_buried=None if replacements is None else partial(replacements.is_buried, notification.notification_id),
        )

    async def _push_replacement(
        self,
        notification: Notification,
        replacement: "Replacement",
        recipients: Sequence[str],
        stored_until: int | None,
    ) -> list[Outcome]:
        if self.replacements is None:
            raise RequestError("INBOX_DISABLED", "Nothing is replaced here: set the module's input inbox.")
        if stored_until is None:
            raise RequestError(
                "INVALID_REPLACEMENT",
                "Only what is persisted replaces or recalls, which is not the default here: add persist: true.",
            )
        # Imported here, because most pushes replace nothing.
        from websocket_push.push.replacing import Replacing

        async def send(frame: str, users: Sequence[str]) -> list[Outcome]:
            return await self._delivery(notification, None, frame).run(users, persisted=True)

        replacing = Replacing(
            replacements=self.replacements,
            stored_until=stored_until,
            now=self.clocks.now() // 1000,
            deadline=self.clocks.posts_until,
        )
        about = notification._replace(replaces=replacement.replaces, key=replacement.key)
        return await replacing.push(about, replacement, recipients, send)

    def notification(self, request: PushRequest) -> Notification:
        """Return the notification of a request, with an id made for now if it gives none."""
        return Notification(request.notification_id or self.new_id(), request.content)

    def stored_until(self, request: PushRequest) -> int | None:
        """Return when the stored notification expires, in seconds since the epoch; None if it is not stored.

        Raises
        ------
        RequestError
            `INVALID_TTL`, see `push`.
        """
        persist = self.defaults.persist if request.persist is None else request.persist
        if not persist:
            if request.ttl is not None:
                raise RequestError(
                    "INVALID_TTL",
                    "ttl is only for what is persisted, which is not the default here: add persist: true.",
                )
            return None
        return self.clocks.now() // 1000 + (request.ttl or self.defaults.ttl)


def _require_something_done(outcomes: Sequence[Outcome]) -> None:
    failures = [outcome.error for outcome in outcomes if outcome.error is not None and outcome.nothing_done]
    if len(failures) == len(outcomes):
        raise RequestError(failures[0].code, f"Nothing was stored or sent. {failures[0].message}")
