"""The push: from a sound request to the report of what became of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.push_request import PushRequest
from websocket_push.push.delivery import Clocks, Delivery, Outcome
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notification, Notifications

Report = Mapping[str, object]

_COUNTS = ("connections", "delivered", "gone", "failed")


class Defaults(NamedTuple):
    """What applies where a request says nothing: whether to persist, and for how many seconds."""

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
        What applies where a request says nothing.
    clocks
        The times to keep to.
    new_id
        Makes a notification id for now.
    random
        Gives a number from 0 to 1, for jitter.
    """

    dynamodb: PreparingDynamoDB
    clients: Clients
    notifications: Notifications
    management: Management
    defaults: Defaults
    clocks: Clocks
    new_id: Callable[[], str]
    random: Callable[[], float]

    async def push(self, request: PushRequest) -> Report:
        """Deliver a notification and report, by recipient, what became of it.

        Raises
        ------
        RequestError
            If nothing was stored or sent for anybody; the request can then be repeated as it is.
        """
        notification = Notification(request.notification_id or self.new_id(), request.content)
        delivery = Delivery(
            self.dynamodb,
            self.clients,
            self.notifications,
            self.management,
            notification=notification,
            stored_until=self._stored_until(request),
            clocks=self.clocks,
            random=self.random,
        )
        outcomes = await delivery.run(request.recipients)
        _require_something_done(outcomes)
        return report(notification, outcomes)

    def _stored_until(self, request: PushRequest) -> int | None:
        persist = self.defaults.persist if request.persist is None else request.persist
        if not persist:
            return None
        return self.clocks.now() // 1000 + (request.ttl or self.defaults.ttl)


def report(notification: Notification, outcomes: Sequence[Outcome]) -> Report:
    """Write the report of a push, for one recipient or many, as docs/protocol.md has it."""
    return {
        "id": notification.notification_id,
        "createdAt": notification.created_at,
        "totals": totals(outcomes),
        "recipients": [_recipient(notification, outcome) for outcome in outcomes],
    }


def totals(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Add up outcomes: recipients, how many of them were persisted and had errors, and their connections."""
    return {
        "recipients": len(outcomes),
        "persisted": sum(outcome.persisted for outcome in outcomes),
        **{count: sum(getattr(outcome, count) for outcome in outcomes) for count in _COUNTS},
        "errors": sum(outcome.error is not None for outcome in outcomes),
    }


def _recipient(notification: Notification, outcome: Outcome) -> dict[str, object]:
    recipient: dict[str, object] = {
        "userId": outcome.user_id,
        "id": notification.notification_id,
        "persisted": outcome.persisted,
        **{count: getattr(outcome, count) for count in _COUNTS},
    }
    if outcome.error is not None:
        message = outcome.error.message
        if outcome.untried:
            message += f" {outcome.untried} of {outcome.connections} connections were not tried."
        recipient["error"] = {"code": outcome.error.code, "message": message}
    return recipient


def _require_something_done(outcomes: Sequence[Outcome]) -> None:
    failures = [outcome.error for outcome in outcomes if outcome.error is not None and outcome.nothing_done]
    if len(failures) == len(outcomes):
        raise RequestError(failures[0].code, f"Nothing was stored or sent. {failures[0].message}")
