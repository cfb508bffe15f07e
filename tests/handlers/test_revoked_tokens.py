"""Messages of connections whose tokens were revoked, on every route."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Subscriptions, Tables
from tests.handlers.management_server import ManagementServer
from websocket_push.handlers import mark, poll, push, subscriptions

EventMaker = Callable[..., Event]

ME = "WKtlFcYLjoECFvg="
MESSAGES: dict[str, tuple[Callable[[Any, Any], Any], dict[str, Any], str]] = {
    "poll": (poll.handler, {"action": "poll"}, "history"),
    "push": (push.handler, {"action": "push", "userId": "alice", "content": 1}, "receipt"),
    "subscribe": (subscriptions.handler, {"action": "subscribe", "topics": ["org/7"]}, "subscribed"),
    "mark": (mark.handler, {"action": "mark", "seenUpTo": "019c13a0-9c00-7000-8000-000000000000"}, "state"),
}


@pytest.fixture(autouse=True)
def revocable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REVOCABLE", "true")
    environment.setenv("INBOX_TTL", "86400")


@pytest.mark.parametrize("allow_anonymous", ["true", "false"])
@pytest.mark.parametrize("action", MESSAGES)
def test_a_revoked_token_is_refused_and_a_newer_one_is_not(
    tables: Tables,
    subscriptions: Subscriptions,
    event: EventMaker,
    environment: pytest.MonkeyPatch,
    action: str,
    allow_anonymous: str,
) -> None:
    handler, body, kind = MESSAGES[action]
    environment.setenv("ALLOW_ANONYMOUS", allow_anonymous)
    tables.add_client(ME)
    tables.add_client("revoked#alice", issuedBefore=100)

    def answer(issued_at: str) -> dict[str, Any]:
        authorizer = {"userId": "alice", "topics": "org/*", "issuedAt": issued_at}
        frame: dict[str, Any] = json.loads(
            handler(event("message", body=body, authorizer=authorizer), Context())["body"]
        )
        return frame

    assert answer("99")["code"] == "TOKEN_REVOKED"
    assert tables.notifications() == subscriptions.rows() == []
    assert answer("100")["type"] == kind


@pytest.mark.parametrize("action", MESSAGES)
def test_an_anonymous_connection_of_a_revoked_user_is_refused(
    tables: Tables, subscriptions: Subscriptions, management: ManagementServer, event: EventMaker, action: str
) -> None:
    handler, body, _ = MESSAGES[action]
    management.open(ME)
    tables.add_client(ME)
    tables.add_client("revoked#alice", issuedBefore=100)
    frame = json.loads(handler(event("message", body=body), Context())["body"])
    assert frame["code"] == "TOKEN_REVOKED"
    assert tables.notifications() == subscriptions.rows() == []
    assert not management.received
