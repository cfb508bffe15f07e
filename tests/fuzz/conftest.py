"""The functions as they run in Lambda, with a fake of AWS at the other end of their sockets."""

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fuzz.aws import Aws
from tests.fuzz.support import Invoke, Outcome
from tests.handlers.conftest import Context, cold_start

__all__ = ["cold_start"]

ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "CLIENTS_TABLE": "clients",
    "CLIENTS_INDEX": "userId-index",
    "NOTIFICATIONS_TABLE": "notifications",
    "ALLOW_ANONYMOUS": "true",
    "ALLOWED_ORIGINS": '["https://app.example.org"]',
    "CLIENT_PUSH": "self",
    "PERSIST_BY_DEFAULT": "true",
    "REVOCABLE": "false",
    "NOTIFICATION_TTL": "3600",
    "MAX_FRAME_BYTES": "32768",
    "KEEPALIVE_ACTION": "poll",
    "KEEPALIVE_SECONDS": "240",
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "FANOUT_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/fanout",
    "FANOUT_SEGMENTS": "2",
    "IMMEDIATE_CONNECTIONS": "1",
    "POSTS_PER_SECOND": "5000",
    "MAX_TOPICS_PER_CONNECTION": "2",
    "CONTROL_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/control",
    "REVOCATION_TTL": "3600",
    "EVENT_BUS_ARN": "arn:aws:events:eu-west-1:123456789012:event-bus/push",
    "EVENT_SOURCE": "websocket-push",
    "OFFLINE_AFTER": "30",
    "LOG_LEVEL": "INFO",
}


@pytest.fixture(scope="session")
def fake() -> Iterator[Aws]:
    aws = Aws()
    aws.start()
    yield aws
    aws.stop()


@pytest.fixture(autouse=True)
def environment(fake: Aws, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of the functions; nothing in it depends on the example."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", fake.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", fake.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", fake.url)
    monkeypatch.setenv("CONNECTIONS_URL", f"{fake.url}/live")
    # A handler that raises changes it, as Lambda's runtime prints what it leaves.
    monkeypatch.setattr(sys, "tracebacklimit", 100, raising=False)
    return monkeypatch


@pytest.fixture
def invoke(fake: Aws) -> Invoke:
    """Return what invokes a handler with an event and checks all of its effects."""

    def invoked(handler: Callable[[Any, Any], Any], event: Any, *, milliseconds: int = 5_000, **state: Any) -> Outcome:
        fake.written = []
        fake.owner = state.get("owner", "alice")
        fake.connections = state.get("connections", [])
        fake.history = state.get("history", [])
        fake.inbox = state.get("inbox")
        fake.refuse = state.get("refuse", {})
        answer, error, message = None, None, ""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                answer = handler(event, Context(milliseconds))
            except Exception as problem:
                error, message = type(problem).__name__, str(problem)
        lines = printed.getvalue().splitlines()
        assert len(lines) == 1, lines
        return Outcome(answer, error, message, json.loads(lines[0]), fake.written)

    return invoked
