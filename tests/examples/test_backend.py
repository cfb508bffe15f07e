"""The backend that users are given as an example."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from examples.backend.notifications import (
    MAX_BATCH_BYTES,
    Action,
    Patience,
    Push,
    PushError,
    action_for,
    new_notification_id,
    push_by_queue,
    push_later,
    push_now,
    unserved,
)
from websocket_push.protocol.error_codes import ERROR_CODES
from websocket_push.protocol.identifiers import milliseconds_of, parse_notification_id
from websocket_push.protocol.push_request import parse_push
from websocket_push.push.outcome import Outcome
from websocket_push.push.report import incompleteness, report
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import Failure

NOW = 1_769_860_800_000
AT_ONCE = Patience(attempts=3, sleep=lambda _: None)
LATER = Failure("UNAVAILABLE", "later")
REFUSED = Failure("AWS_REFUSED", "no")


def outcome_of(user_id: str, **values: Any) -> Outcome:
    outcome = Outcome(user_id)
    for name, value in values.items():
        setattr(outcome, name, value)
    return outcome


SERVED = outcome_of("alice", persisted=True, connections=1, failed=1, error=LATER)
UNSERVED = outcome_of("bob", error=LATER)
DENIED = outcome_of("carol", error=REFUSED)


class Lambda:
    """Plays boto3's client: returns the given responses in turn."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> Any:
        self.calls.append(call)
        return self._answers.pop(0)

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(call["Payload"]) for call in self.calls]


def reported(*outcomes: Outcome) -> dict[str, Any]:
    written = report(Notification(new_notification_id(NOW), "1"), outcomes)
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(written).encode())}


@pytest.mark.parametrize(
    "outcome",
    [
        SERVED,
        UNSERVED,
        DENIED,
        outcome_of("a"),
        outcome_of("a", persisted=True, connections=2, delivered=1, gone=1),
        outcome_of("a", persisted=True, connections=1, connecting=1),
        # Its connections could not be looked up, none of them or the second page.
        outcome_of("a", persisted=True, missed=True, error=LATER),
        outcome_of("a", persisted=True, missed=True, connections=1, failed=1, error=LATER),
        # One could be neither sent to nor closed.
        outcome_of("a", persisted=True, connections=1, failed=1, unclosed=1, error=LATER),
        outcome_of("a", connections=2, delivered=1, failed=1, error=LATER),
    ],
)
def test_who_is_served_is_what_the_module_says(outcome: Outcome) -> None:
    written: Any = report(Notification(new_notification_id(NOW), "1"), [outcome])
    assert bool(unserved(written)) is (incompleteness(written) is not None)


def test_users_that_a_report_leaves_out_are_pushed_to_again() -> None:
    outcomes = [outcome_of(f"{number}".zfill(256), error=REFUSED) for number in range(100)]
    short = report(Notification(new_notification_id(NOW), "1"), outcomes, limit=20_000)
    assert "omitted" in short
    answer = {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(short).encode())}
    client = Lambda(answer, reported(SERVED))
    assert unserved(push_now(client, "arn", Push(("alice",), 1), AT_ONCE)) == {}


def failed(code: str) -> dict[str, Any]:
    payload = {"errorType": code, "errorMessage": "why"}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(payload).encode())}


def test_an_id_is_one_of_the_protocols() -> None:
    notification_id = new_notification_id(NOW)
    assert parse_notification_id(notification_id) == notification_id
    assert milliseconds_of(notification_id) == NOW
    assert len({new_notification_id(NOW) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "push",
    [
        Push(("alice",), None),
        Push(("alice", "bob"), {"text": "é"}, persist=True, ttl=60),
        Push(("alice",), 1, persist=False),
    ],
)
def test_a_request_is_one_of_the_protocols(push: Push) -> None:
    parsed = parse_push(json.loads(push.request(on_failure="raise")), now_milliseconds=2**48, max_frame_bytes=32 * 1024)
    assert (parsed.recipients, parsed.notification_id) == (push.user_ids, push.id)
    assert (parsed.persist, parsed.ttl, parsed.raises_incomplete) == (push.persist, push.ttl, True)
    assert json.loads(parsed.content) == push.content


def test_a_long_list_is_divided_into_pushes_of_one_notification() -> None:
    push = Push(tuple(map(str, range(25))), "hi", persist=True, ttl=5)
    parts = list(push.split(10))
    assert [len(part.user_ids) for part in parts] == [10, 10, 5]
    assert tuple(user for part in parts for user in part.user_ids) == push.user_ids
    assert {(part.id, part.content, part.persist, part.ttl) for part in parts} == {(push.id, "hi", True, 5)}


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("UNAVAILABLE", Action.RETRY),
        ("INCOMPLETE", Action.RETRY),
        ("AWS_REFUSED", Action.ALERT),
        ("INTERNAL", Action.ALERT),
        ("Sandbox.Timedout", Action.RETRY),
        ("Runtime.ExitError", Action.RETRY),
        ("Unhandled", Action.RETRY),
        *((code, Action.FIX_REQUEST) for code in ERROR_CODES if code.startswith("INVALID_")),
        ("UNKNOWN_FIELD", Action.FIX_REQUEST),
        ("MISSING_CONTENT", Action.FIX_REQUEST),
        ("CONTENT_TOO_LARGE", Action.FIX_REQUEST),
    ],
)
def test_every_error_says_what_to_do(code: str, action: Action) -> None:
    assert action_for(code) is action


def test_a_push_to_a_topic_is_one_of_the_protocols() -> None:
    push = Push((), {"text": "hello"}, topic="org/7")
    request = parse_push(
        json.loads(push.request(on_failure="raise")),
        now_milliseconds=milliseconds_of(push.id),
        max_frame_bytes=32 * 1024,
    )
    assert (request.topic, request.notification_id) == ("org/7", push.id)
    assert list(push.split()) == [push]


@pytest.mark.parametrize(
    ("result", "calls"),
    [
        ({"accepted": True}, 1),
        ({"totals": {"connections": 1, "delivered": 1}}, 1),
        ({"error": {"code": "UNAVAILABLE", "message": "later"}, "incomplete": True}, 3),
        ({"error": {"code": "AWS_REFUSED", "message": "no"}, "incomplete": True}, 1),
        ({"totals": {"connections": 1, "unclosed": 1}, "incomplete": True}, 3),
    ],
)
def test_a_push_to_a_topic_is_repeated_while_it_is_incomplete(result: dict[str, Any], calls: int) -> None:
    written = {"id": "019c13a0-9c00-7000-8000-000000000000", "topic": "org/7", "persisted": True, **result}
    answers = [{"StatusCode": 200, "Payload": io.BytesIO(json.dumps(written).encode())} for _ in range(3)]
    client = Lambda(*answers)
    assert push_now(client, "arn", Push((), 1, topic="org/7"), AT_ONCE) == written
    assert len(client.calls) == calls
    assert unserved(written) == {}


def test_a_push_gives_its_report() -> None:
    client = Lambda(reported(SERVED))
    assert unserved(push_now(client, "arn", Push(("alice",), 1), AT_ONCE)) == {}
    assert client.calls[0]["FunctionName"] == "arn"
    assert client.calls[0]["InvocationType"] == "RequestResponse"


def test_what_passes_is_repeated_with_the_same_id() -> None:
    client = Lambda(failed("UNAVAILABLE"), reported(SERVED, UNSERVED), reported(SERVED))
    push = Push(("alice", "bob"), 1)
    assert unserved(push_now(client, "arn", push, AT_ONCE)) == {}
    assert [request["id"] for request in client.requests] == [push.id] * 3


def test_what_does_not_pass_is_told_after_some_attempts() -> None:
    client = Lambda(*(reported(UNSERVED, DENIED) for _ in range(3)))
    assert unserved(push_now(client, "arn", Push(("bob", "carol"), 1), AT_ONCE)) == {
        "bob": "UNAVAILABLE",
        "carol": "AWS_REFUSED",
    }
    client = Lambda(*(failed("Sandbox.Timedout") for _ in range(3)))
    with pytest.raises(PushError) as error:
        push_now(client, "arn", Push(("bob",), 1), AT_ONCE)
    assert (error.value.code, len(client.calls)) == ("Sandbox.Timedout", 3)


@pytest.mark.parametrize("code", ["MISSING_CONTENT", "AWS_REFUSED"])
def test_what_repeating_does_not_help_is_not_repeated(code: str) -> None:
    client = Lambda(failed(code))
    with pytest.raises(PushError, match="why") as error:
        push_now(client, "arn", Push(("alice",), 1), AT_ONCE)
    assert (error.value.code, len(client.calls)) == (code, 1)
    client = Lambda(reported(DENIED))
    assert unserved(push_now(client, "arn", Push(("carol",), 1), AT_ONCE)) == {"carol": "AWS_REFUSED"}


def test_pauses_grow_and_are_random() -> None:
    pauses: list[float] = []
    assert list(Patience(attempts=4, sleep=pauses.append)) == [False, False, False, True]
    assert len(pauses) == 3
    assert all(0 <= pause <= bound for pause, bound in zip(pauses, (0.8, 1.6, 3.2), strict=True))


def test_a_push_for_later_asks_to_be_tried_again_as_long_as_anybody_lacks_it() -> None:
    client = Lambda({"StatusCode": 202})
    push_later(client, "arn", Push(("alice",), 1))
    assert client.calls[0]["InvocationType"] == "Event"
    assert client.requests[0]["onFailure"] == "raise"


class Sqs:
    """Plays boto3's client: accepts every message except those to refuse, once each."""

    def __init__(self, **refusals: bool) -> None:
        self._refusals = refusals
        self.batches: list[list[str]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
        contents = {each["Id"]: json.loads(each["MessageBody"])["content"] for each in Entries}
        self.batches.append(list(contents.values()))
        refused = {
            number: self._refusals.pop(content) for number, content in contents.items() if content in self._refusals
        }
        return {"Failed": [{"Id": number, "SenderFault": fault, "Code": "No"} for number, fault in refused.items()]}


def pushes(*contents: str) -> list[Push]:
    return [Push(("alice",), content) for content in contents]


def test_messages_go_by_ten_and_by_256_kilobytes() -> None:
    sqs = Sqs()
    large = "x" * 100_000
    assert push_by_queue(sqs, "url", [*pushes(*"abcdefghijkl"), *pushes(large, large, large)], AT_ONCE) == []
    assert [len(batch) for batch in sqs.batches] == [10, 4, 1]


def test_what_the_queue_could_not_take_is_sent_again_and_nothing_else() -> None:
    sqs = Sqs(b=False)
    assert push_by_queue(sqs, "url", pushes("a", "b", "c"), AT_ONCE) == []
    assert sqs.batches == [["a", "b", "c"], ["b"]]


def test_what_the_queue_refuses_is_given_back() -> None:
    sqs = Sqs(b=True)
    sent = pushes("a", "b", "c")
    (unsent,) = push_by_queue(sqs, "url", sent, AT_ONCE)
    assert (unsent.push, unsent.code, unsent.action) == (sent[1], "No", Action.FIX_REQUEST)
    assert sqs.batches == [["a", "b", "c"]]


def test_what_the_queue_cannot_take_in_the_end_is_given_back() -> None:
    sqs = Sqs(b=False)
    sent = pushes("a", "b")
    (unsent,) = push_by_queue(sqs, "url", sent, Patience(attempts=1))
    assert (unsent.push, unsent.action) == (sent[1], Action.RETRY)


def test_what_is_too_large_for_any_message_keeps_no_other_from_being_sent() -> None:
    sqs = Sqs()
    (unsent,) = push_by_queue(sqs, "url", pushes("a", "x" * MAX_BATCH_BYTES, "b"), AT_ONCE)
    assert (unsent.code, unsent.action) == ("TOO_LARGE", Action.FIX_REQUEST)
    assert sqs.batches == [["a", "b"]]


@pytest.fixture
def queue_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-west-1").create_queue(QueueName="push")["QueueUrl"]


def test_boto3_sends_them(queue_url: str) -> None:
    sqs: Any = boto3.client("sqs", region_name="eu-west-1")
    sent = pushes(*"abcdefghijkl")
    assert push_by_queue(sqs, queue_url, sent) == []
    arrived = [
        message["Body"]
        for _ in range(4)
        for message in sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    assert sorted(arrived) == sorted(push.request() for push in sent)
