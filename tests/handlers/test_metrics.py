"""Each handler's line carries the metrics of what it did, and nothing that leads to a user."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from tests.emf import taken_from, values_of
from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from websocket_push.handlers import connect, disconnect, poll, push, verify_jwt
from websocket_push.protocol.identifiers import earliest_id_at

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

ALICE = {"userId": "alice"}


@pytest.fixture(autouse=True)
def metrics(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    environment.setenv("METRICS_NAMESPACE", "WebSocketPush")
    environment.setenv("METRICS_NAME", "events")
    return environment


@pytest.fixture
def carried(log_lines: LogLines) -> Callable[[], dict[str, Any]]:
    """Return the metrics of the one line that was logged, which identify no user and no content."""

    def of_the_line() -> dict[str, Any]:
        (line,) = log_lines()
        assert not [secret for secret in ("alice", "hello") if secret in json.dumps(line)]
        dimensions = {each for metric in taken_from(line) for each in metric.dimensions}
        assert ("Name", "events") in dimensions
        assert {metric.namespace for metric in taken_from(line)} == {"WebSocketPush"}
        return values_of(line)

    return of_the_line


Carried = Callable[[], dict[str, Any]]


def test_connections_that_open_and_close(tables: Tables, event: EventMaker, carried: Carried) -> None:
    connect.handler(event("connect"), Context())
    assert carried() == {"ConnectionsOpened": 1}
    disconnect.handler(event("disconnect"), Context())
    assert carried() == {"ConnectionsClosed": 1}


def test_a_connection_that_is_refused(tables: Tables, event: EventMaker, carried: Carried) -> None:
    connect.handler(event("connect", queryStringParameters=None, multiValueQueryStringParameters=None), Context())
    assert carried() == {"ConnectionsRefused": 1}


@pytest.mark.parametrize(
    ("module", "name"), [(connect, "connect"), (disconnect, "disconnect"), (poll, "message")], ids=["c", "d", "p"]
)
def test_a_fault_is_one_whatever_the_function(module: Any, name: str, event: EventMaker, carried: Carried) -> None:
    body = {"body": {"action": "poll"}, "authorizer": ALICE} if module is poll else {}
    module.handler(event(name, **body), Context())  # There are no tables.
    assert carried() == {"Faults": 1}


def test_a_page_of_history(tables: Tables, event: EventMaker, carried: Carried) -> None:
    for second in range(3):
        tables.add_notification(earliest_id_at(1_769_860_800_000 + second))
    poll.handler(event("message", body={"action": "poll"}, authorizer=ALICE), Context())
    assert carried() == {"HistoryPages": 1, "NotificationsServed": 3}


def test_a_poll_that_is_refused(tables: Tables, event: EventMaker, carried: Carried) -> None:
    poll.handler(event("message", body={"action": "poll", "limit": 0}, authorizer=ALICE), Context())
    assert carried() == {"RequestsRefused/INVALID_LIMIT": 1}


def test_a_push_with_every_outcome(tables: Tables, management: ManagementServer, carried: Carried) -> None:
    management.open("phone")
    management.open("stuck", status=HTTPStatus.INTERNAL_SERVER_ERROR)
    for connection_id in ("phone", "stuck", "gone"):
        tables.add_client(connection_id)
    push.handler({"userIds": ["alice", "bob"], "content": "hello"}, Context(milliseconds=2_000))
    metrics = carried()
    latency = metrics.pop("PushLatency")
    assert 0 < latency < 2_000
    assert metrics == {
        "NotificationsAccepted": 2,
        "DeliveriesSucceeded": 1,
        "DeliveriesGone": 1,
        "DeliveriesFailed": 1,
        "FanOut": 3,
    }


def test_a_push_that_is_not_to_be_kept_is_not_missed(
    tables: Tables, management: ManagementServer, carried: Carried
) -> None:
    push.handler({"userId": "alice", "content": "hello", "persist": False}, Context())
    metrics = carried()
    assert metrics.pop("PushLatency") > 0
    assert metrics == {"NotificationsAccepted": 1, "FanOut": 0}


def test_a_push_that_is_refused(tables: Tables, event: EventMaker, carried: Carried) -> None:
    with pytest.raises(Exception, match="content"):
        push.handler({"userId": "alice"}, Context())
    assert carried() == {"RequestsRefused/MISSING_CONTENT": 1}
    push.handler(event("message", body={"action": "push", "userId": "bob", "content": 1}, authorizer=ALICE), Context())
    assert carried() == {"RequestsRefused/PUSH_NOT_ALLOWED": 1}


def test_a_push_that_came_to_nothing_is_a_fault(carried: Carried) -> None:
    with pytest.raises(Exception, match="Nothing was stored or sent"):
        push.handler({"userId": "alice", "content": "hello"}, Context())
    assert carried() == {"Faults": 1}


def test_a_token_that_is_refused_counts_by_reason(
    event: EventMaker, metrics: pytest.MonkeyPatch, carried: Carried
) -> None:
    settings = {"jwksUri": "http://127.0.0.1:9/", "algorithms": ["RS256"], "allowInsecureLoopback": True}
    metrics.setenv("JWT", json.dumps(settings))
    verify_jwt.handler(event("authorizer", multiValueHeaders={"Authorization": ["Bearer alice"]}), Context())
    assert carried() == {"ConnectionsRefused": 1, "TokensRefused/MALFORMED_TOKEN": 1}
    with pytest.raises(Exception, match="Unauthorized"):
        verify_jwt.handler(event("authorizer"), Context())
    assert carried() == {"ConnectionsRefused": 1, "TokensRefused/MISSING_TOKEN": 1}


def test_a_batch_adds_up_its_pushes_and_counts_what_failed(
    tables: Tables, management: ManagementServer, carried: Carried
) -> None:
    management.open("phone")
    tables.add_client("phone")
    records = [
        {
            "eventSource": "aws:sqs",
            "messageId": str(number),
            "body": body,
            "attributes": {"SentTimestamp": str(time.time_ns() // 1_000_000)},
        }
        for number, body in enumerate(['{"userId":"alice","content":1}', '{"userId":"bob","content":1}', "{}"])
    ]
    push.handler({"Records": records}, Context())
    metrics = carried()
    assert len(metrics.pop("PushLatency")) == 2
    assert sorted(metrics.pop("FanOut")) == [0, 1]
    (refused,) = (name for name in metrics if name.startswith("RequestsRefused/"))
    assert metrics == {"NotificationsAccepted": 2, "DeliveriesSucceeded": 1, "MessagesFailed": 1, refused: 1}
