"""Limits for each user and connection: how many connections, and how many messages."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Subscriptions, Tables
from tests.handlers.management_server import ManagementServer
from tests.unit.aws.support import Server, reply
from tests.unit.contracts import contract
from websocket_push.aws.errors import AwsError
from websocket_push.handlers import connect, mark, poll, push, subscriptions
from websocket_push.tables.clients import Clients

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

ALICE = {"userId": "alice"}
BYE = b'{"type":"bye","reason":"connection_limit","reconnect":false}'


@pytest.fixture
def two_connections(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    environment.setenv("CONNECTIONS_PER_USER", "2")
    environment.setenv("CLOSE_OLDEST", "false")
    return environment


@pytest.fixture
def one_message(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    environment.setenv("MESSAGES_PER_SECOND", "1")
    environment.setenv("MESSAGE_BURST", "1")
    return environment


def opening(event: EventMaker) -> Any:
    return connect.handler(event("connect", authorizer=ALICE), Context())


def ids(tables: Tables) -> set[str]:
    return {row["connectionId"] for row in tables.clients()}


def test_one_connection_too_many_is_refused(
    tables: Tables, event: EventMaker, two_connections: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    tables.add_client("phone")
    tables.add_client("hers", "bob")
    assert opening(event) == {"statusCode": 200}
    # Again, as API Gateway repeats a call whose answer was lost: it does not count itself.
    assert opening(event) == {"statusCode": 200}
    tables.add_client("tablet")
    assert opening(event) == {"statusCode": 429}
    assert ids(tables) == {"phone", "hers", "tablet", "WKtlFcYLjoECFvg="}
    assert [line["outcome"] for line in log_lines()] == ["OK", "OK", "CONNECTION_LIMIT"]


def test_rows_that_have_expired_do_not_count(
    tables: Tables, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    for name in ("phone", "tablet", "laptop"):
        tables.add_client(name, expiresAt=int(time.time()) - 1)
    assert opening(event) == {"statusCode": 200}


def test_the_oldest_is_closed(
    tables: Tables,
    management: ManagementServer,
    event: EventMaker,
    two_connections: pytest.MonkeyPatch,
    log_lines: LogLines,
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    management.open("first", "second", "hers")
    tables.add_client("second", connected_at=2)
    tables.add_client("first", connected_at=1)
    tables.add_client("hers", "bob", connected_at=0)
    assert opening(event) == {"statusCode": 200}
    assert management.received == {"first": [BYE]}
    assert contract.problems("bye", json.loads(BYE)) == []
    assert management.closed == ["first"]
    assert ids(tables) == {"second", "hers", "WKtlFcYLjoECFvg="}
    assert [line["ConnectionsEnded"] for line in log_lines()] == [1]


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND])
def test_one_that_cannot_be_closed_is_not_counted_and_found_by_the_next(
    tables: Tables,
    management: ManagementServer,
    event: EventMaker,
    two_connections: pytest.MonkeyPatch,
    log_lines: LogLines,
    status: HTTPStatus,
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    management.open("first", "second")
    management.closing = status
    tables.add_client("first", connected_at=1)
    tables.add_client("second", connected_at=2)
    assert opening(event) == {"statusCode": 200}
    assert ids(tables) == {"first", "second", "WKtlFcYLjoECFvg="}
    (line,) = log_lines()
    assert "ConnectionsEnded" not in line


def test_the_subscriptions_of_the_oldest_go_too(
    tables: Tables,
    subscriptions: Subscriptions,
    management: ManagementServer,
    event: EventMaker,
    two_connections: pytest.MonkeyPatch,
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    two_connections.setenv("CONNECTIONS_PER_USER", "1")
    tables.add_client("gone", connected_at=1, topics={"news"})
    subscriptions.add("news", "gone")
    assert opening(event) == {"statusCode": 200}
    assert ids(tables) == {"WKtlFcYLjoECFvg="}
    assert subscriptions.rows() == []


def test_where_newer_ones_are_enough_a_connection_is_refused(
    tables: Tables, management: ManagementServer, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    later = int(time.time() * 1000) + 60_000
    for name in ("phone", "tablet"):
        tables.add_client(name, connected_at=later)
    assert opening(event) == {"statusCode": 429}
    assert ids(tables) == {"phone", "tablet"}
    assert management.closed == []


def test_one_that_cannot_be_closed_keeps_nobody_out(
    tables: Tables, management: ManagementServer, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    management.open("first", "second", status=HTTPStatus.FORBIDDEN)
    management.closing = HTTPStatus.FORBIDDEN
    tables.add_client("first", connected_at=1)
    tables.add_client("second", connected_at=2)
    assert opening(event) == {"statusCode": 200}
    assert len(ids(tables)) == 3


def test_one_whose_handshake_is_running_keeps_its_row(
    tables: Tables, management: ManagementServer, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    two_connections.setenv("CONNECTIONS_PER_USER", "1")
    tables.add_client("opening", connected_at=int(time.time() * 1000) - 1_000)
    assert opening(event) == {"statusCode": 200}
    assert ids(tables) == {"opening", "WKtlFcYLjoECFvg="}


def test_a_revoked_token_closes_no_connection(
    tables: Tables, management: ManagementServer, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    two_connections.setenv("CLOSE_OLDEST", "true")
    two_connections.setenv("CONNECTIONS_PER_USER", "1")
    two_connections.setenv("REVOCABLE", "true")
    management.open("first")
    tables.add_client("first")
    tables.add_client("revoked#alice", "x", issuedBefore=4_000_000_000)
    assert opening(event) == {"statusCode": 403}
    assert management.closed == []


def test_a_row_that_cannot_be_removed_changes_no_refusal(
    tables: Tables, event: EventMaker, two_connections: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise AwsError("AccessDeniedException", status=400)

    two_connections.setenv("REVOCABLE", "true")
    two_connections.setattr(Clients, "remove", fail)
    tables.add_client("revoked#alice", "x", issuedBefore=4_000_000_000)
    assert opening(event) == {"statusCode": 403}


MESSAGES: dict[str, tuple[Callable[[Any, Any], Any], dict[str, Any], str]] = {
    "poll": (poll.handler, {"action": "poll"}, "history"),
    "push": (push.handler, {"action": "push", "userId": "alice", "content": 1}, "receipt"),
    "subscribe": (subscriptions.handler, {"action": "subscribe", "topics": ["news"]}, "subscribed"),
    "mark": (mark.handler, {"action": "mark", "seenUpTo": "019c13a0-9c00-7000-8000-000000000000"}, "state"),
    "unsubscribe": (subscriptions.handler, {"action": "unsubscribe", "topics": ["news"]}, "subscribed"),
}


@pytest.mark.parametrize("action", MESSAGES)
def test_one_message_too_many_is_refused_with_when_to_try_again(
    tables: Tables,
    subscriptions: Subscriptions,
    event: EventMaker,
    one_message: pytest.MonkeyPatch,
    log_lines: LogLines,
    action: str,
) -> None:
    handler, body, kind = MESSAGES[action]
    tables.add_client("WKtlFcYLjoECFvg=")
    authorizer = {**ALICE, "topics": "news"}
    one_message.setenv("METRICS_NAMESPACE", "Push")
    one_message.setenv("INBOX_TTL", "86400")
    message = event("message", body={**body, "requestId": "r1"}, authorizer=authorizer)
    frames = [json.loads(handler(message, Context())["body"]) for _ in range(2)]
    assert frames[0]["type"] == kind
    assert frames[1] == {
        "type": "error",
        "code": "RATE_LIMITED",
        "message": "Too many messages: try again after 1 s.",
        "retryAfter": 1,
        "requestId": "r1",
    }
    assert contract.problems("error", frames[1]) == []
    lines = log_lines()
    assert [line["outcome"] for line in lines] == ["OK", "RATE_LIMITED"]
    assert lines[1]["RequestsRefused"] == 1
    # Another connection of the same user has a bucket of its own.
    message["requestContext"] = {**message["requestContext"], "connectionId": "other="}
    tables.add_client("other=")
    assert json.loads(handler(message, Context())["body"])["type"] == kind


def test_what_is_refused_reads_nothing(event: EventMaker, one_message: pytest.MonkeyPatch, tables: Tables) -> None:
    message = event("message", body={"action": "poll"}, authorizer=ALICE)
    assert json.loads(str(poll.handler(message, Context())["body"]))["type"] == "history"
    one_message.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    assert json.loads(str(poll.handler(message, Context())["body"]))["code"] == "RATE_LIMITED"


LIMITS = {
    "none": {},
    "the newest refused": {"CONNECTIONS_PER_USER": "2", "CLOSE_OLDEST": "false"},
    "the oldest closed": {"CONNECTIONS_PER_USER": "2", "CLOSE_OLDEST": "true"},
    "messages": {"MESSAGES_PER_SECOND": "10", "MESSAGE_BURST": "20"},
}


@pytest.mark.parametrize("limits", LIMITS)
def test_a_limit_costs_a_connect_one_call_at_most_and_a_message_none(
    environment: pytest.MonkeyPatch, event: EventMaker, limits: str
) -> None:
    for name, value in LIMITS[limits].items():
        environment.setenv(name, value)
    handshake = event("connect", authorizer=ALICE)
    messages = [
        event("message", body=body, authorizer=ALICE)
        for body in ({"action": "poll"}, {"action": "push", "userId": "alice", "content": 1})
    ]
    calls = []
    with Server(reply(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"Items":[]}')) as server:
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{server.port}")
        for handle, message in zip((connect.handler, poll.handler, push.handler), (handshake, *messages), strict=True):
            answer: Any = handle(message, Context())
            assert answer["statusCode"] == 200
            assert '"type":"error"' not in answer.get("body", "")
            calls.append(sorted(each.headers["x-amz-target"].rpartition(".")[2] for each in server.requests))
            server.requests.clear()
    limited = ["Query"] if "CONNECTIONS_PER_USER" in LIMITS[limits] else []
    assert calls == [["PutItem", *limited], ["Query"], ["PutItem", "Query"]]


def test_backends_are_not_limited(tables: Tables, one_message: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        report: Any = push.handler({"userId": "alice", "content": 1}, Context())
        assert report["totals"]["persisted"] == 1
