"""The push function, invoked for a batch of messages from an SQS queue."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from websocket_push.handlers import push_queue
from websocket_push.handlers.push import handler
from websocket_push.protocol.identifiers import milliseconds_of, new_notification_id
from websocket_push.push.intake import Intake

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def batch(event: EventMaker) -> EventMaker:
    """Make the recorded event with these bodies, a record for each."""
    (recorded,) = event("queue")["Records"]

    def make(*bodies: object) -> Event:
        return {
            "Records": [
                recorded
                | {"messageId": f"message-{number}", "body": body if isinstance(body, str) else json.dumps(body)}
                for number, body in enumerate(bodies)
            ]
        }

    return make


def failed(answer: object) -> list[int]:
    """Return the numbers of the messages that an answer names as failed, after a way through JSON as in Lambda."""
    told: dict[str, Any] = json.loads(json.dumps(answer))
    assert told.keys() == {"batchItemFailures"}
    assert all(each.keys() == {"itemIdentifier"} for each in told["batchItemFailures"])
    return [int(each["itemIdentifier"].removeprefix("message-")) for each in told["batchItemFailures"]]


def frames(management: ManagementServer, connection_id: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in management.received[connection_id]]


def test_no_message_is_started_in_the_last_third_of_the_time(
    batch: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    async def take_none(messages: object, push: object, *, starts_until: float) -> list[Intake]:
        starts.append(starts_until)
        return []

    environment.setattr(push_queue, "take_in", take_none)
    began = time.monotonic()
    assert failed(handler(batch({"userId": "alice", "content": 1}), Context(60_000))) == []
    (until,) = starts
    assert until - began == pytest.approx(42, abs=0.5)


def test_a_recorded_message_is_pushed_like_a_direct_request(
    tables: Tables, management: ManagementServer, event: EventMaker
) -> None:
    management.open("phone")
    tables.add_client("phone")
    assert failed(handler(event("queue"), Context())) == []
    (row,) = tables.notifications()
    (frame,) = frames(management, "phone")
    assert frame["id"] == row["notificationId"]
    assert frame["content"] == {"text": "hello"}
    assert milliseconds_of(row["notificationId"]) == 1_769_860_800_000


def test_a_batch_with_bad_messages_loses_none_of_the_others(
    tables: Tables, management: ManagementServer, batch: EventMaker, log_lines: LogLines
) -> None:
    management.open("phone")
    tables.add_client("phone")
    bad = [
        "nonsense",
        "[1]",
        {"userId": "alice"},
        {"userId": "alice", "content": "x" * 131_072},
        "[" * 100_000,
        {"userId": "alice", "content": 1, "persits": True},
    ]
    sound = [{"userId": "alice", "content": number} for number in range(6)]
    mixed = [each for pair in zip(bad, sound, strict=True) for each in pair]

    assert failed(handler(batch(*mixed), Context())) == [0, 2, 4, 6, 8, 10]

    assert sorted(frame["content"] for frame in frames(management, "phone")) == list(range(6))
    assert len(tables.notifications()) == 6
    (line,) = log_lines()
    assert (line["level"], line["outcome"], line["messages"], line["failedMessages"]) == (
        "WARN",
        "INVALID_REQUEST",
        12,
        6,
    )
    assert [each["outcome"] for each in line["failures"]] == [
        "INVALID_REQUEST",
        "INVALID_REQUEST",
        "MISSING_CONTENT",
        "CONTENT_TOO_LARGE",
        "INVALID_REQUEST",
        "UNKNOWN_FIELD",
    ]
    assert line["failures"][0]["messageId"] == "message-0"
    assert (line["totals"]["recipients"], line["totals"]["delivered"]) == (6, 6)
    assert "alice" not in json.dumps(line)


def test_a_redelivery_is_not_a_second_notification(
    tables: Tables, management: ManagementServer, batch: EventMaker
) -> None:
    management.open("phone")
    tables.add_client("phone")
    event = batch({"userId": "alice", "content": 1}, {"userId": "alice", "content": 2})
    for _ in range(2):
        assert failed(handler(event, Context())) == []
    assert len(tables.notifications()) == 2
    assert {frame["id"] for frame in frames(management, "phone")} == {
        row["notificationId"] for row in tables.notifications()
    }
    assert len(frames(management, "phone")) == 4


def test_the_requests_own_id_wins(tables: Tables, batch: EventMaker) -> None:
    notification_id = new_notification_id(time.time_ns(), bytes(8))
    handler(batch({"userId": "alice", "content": 1, "id": notification_id}), Context())
    assert [row["notificationId"] for row in tables.notifications()] == [notification_id]


def test_what_could_not_be_sent_and_is_not_kept_comes_again_with_the_same_id(
    tables: Tables, management: ManagementServer, batch: EventMaker, log_lines: LogLines
) -> None:
    management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
    management.open("phone")
    tables.add_client("busy")
    tables.add_client("phone")
    event = batch({"userId": "alice", "content": 1, "persist": False}, {"userId": "bob", "content": 2})

    assert failed(handler(event, Context(1_500))) == [0]
    (line,) = log_lines()
    assert (line["level"], line["outcome"]) == ("ERROR", "INCOMPLETE")
    assert (line["totals"]["recipients"], line["totals"]["delivered"], line["totals"]["failed"]) == (2, 1, 1)
    assert management.closed == []

    management.open("busy")
    assert failed(handler(event, Context())) == []
    assert [frame["id"] for frame in frames(management, "busy")] == [
        frame["id"] for frame in frames(management, "phone")[:1]
    ]


def test_what_could_not_be_sent_but_is_kept_is_done_with(
    tables: Tables, management: ManagementServer, batch: EventMaker
) -> None:
    management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
    tables.add_client("busy")
    assert failed(handler(batch({"userId": "alice", "content": 1}), Context(1_500))) == []
    assert len(tables.notifications()) == 1
    assert management.closed == ["busy"]


def test_storage_out_of_reach_fails_every_message(
    tables: Tables, batch: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    bodies = [{"userId": "alice", "content": number} for number in range(3)]
    assert failed(handler(batch(*bodies), Context(700))) == [0, 1, 2]


def test_an_invocation_without_time_fails_every_message_and_does_nothing(
    tables: Tables, management: ManagementServer, batch: EventMaker
) -> None:
    management.open("phone")
    tables.add_client("phone")
    assert failed(handler(batch({"userId": "alice", "content": 1}), Context(0))) == [0]
    assert tables.notifications() == []
    assert management.received == {}


@pytest.mark.parametrize("change", [{"messageId": ""}, {"eventSource": "aws:s3"}])
def test_a_batch_that_cannot_be_answered_raises_so_that_all_of_it_comes_again(
    tables: Tables, batch: EventMaker, change: dict[str, Any]
) -> None:
    event = batch({"userId": "alice", "content": 1}, {"userId": "alice", "content": 2})
    event["Records"][1] |= change
    with pytest.raises(Exception, match="messageId") as raised:
        handler(event, Context())
    assert type(raised.value).__name__ == "INVALID_REQUEST"
    assert tables.notifications() == []


class TestOnFailure:
    """The same of a direct invocation, which has to ask for it."""

    def test_an_incomplete_push_raises_if_it_is_asked_to(
        self, tables: Tables, management: ManagementServer, log_lines: LogLines
    ) -> None:
        management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
        tables.add_client("busy")
        request = {"userId": "alice", "content": 1, "persist": False}

        reported: Any = handler(request, Context(1_500))
        assert reported["totals"]["failed"] == 1
        with pytest.raises(Exception, match="1 of 1 recipients") as raised:
            handler(request | {"onFailure": "raise"}, Context(1_500))

        assert type(raised.value).__name__ == "INCOMPLETE"
        first, second = log_lines()
        assert (first["level"], first["outcome"]) == ("INFO", "OK")
        assert (second["level"], second["outcome"], second["totals"]["failed"]) == ("ERROR", "INCOMPLETE", 1)
        assert second["id"] in str(raised.value)

    def test_a_complete_push_is_reported_whatever_it_asked_for(
        self, tables: Tables, management: ManagementServer
    ) -> None:
        management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
        tables.add_client("busy")
        report: Any = handler({"userId": "alice", "content": 1, "onFailure": "raise"}, Context(1_500))
        assert (report["totals"]["persisted"], report["totals"]["failed"]) == (1, 1)

    @pytest.mark.parametrize("value", ["throw", "", True, 1, []])
    def test_another_value_is_refused(self, tables: Tables, value: object) -> None:
        with pytest.raises(Exception, match="onFailure") as raised:
            handler({"userId": "alice", "content": 1, "onFailure": value}, Context())
        assert type(raised.value).__name__ == "INVALID_ON_FAILURE"
        assert tables.notifications() == []
