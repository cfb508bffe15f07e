"""What the functions really answer and send keeps to docs/asyncapi.yaml and docs/schemas."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from tests.unit.contracts import contract
from websocket_push.handlers import poll, push
from websocket_push.protocol.frames import (
    bye_frame,
    error_frame,
    history_frame,
    notification_text,
    receipt_frame,
    session,
)
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.poll_request import continued_position

EventMaker = Callable[..., Event]

ALICE = {"userId": "alice"}
START = 1_769_860_800_000


def check(kind: str, value: object) -> None:
    assert contract.problems(kind, json.loads(json.dumps(value))) == [], value


def answer(handler: Callable[[Event, Any], Any], message: Event) -> dict[str, Any]:
    response = handler(message, Context())
    frame: dict[str, Any] = json.loads(response["body"])
    return frame


@pytest.mark.parametrize(
    "body", [{}, {"requestId": 5}, {"after": earliest_id_at(START)}, {"before": earliest_id_at(START + 5)}]
)
def test_a_page_of_history(tables: Tables, event: EventMaker, body: dict[str, object]) -> None:
    for number in range(3):
        tables.add_notification(earliest_id_at(START + number), content='{"n":1.50}')
    message = {"action": "poll", **body}
    check("poll", message)
    frame = answer(poll.handler, event("message", body=message, authorizer=ALICE))
    assert frame["notifications"]
    check("history", frame)


@pytest.mark.parametrize(
    "message", [{"limit": 0}, {"requestId": "r", "after": "x"}, {"requestId": []}, {"x": 1}], ids=json.dumps
)
def test_a_refused_message(tables: Tables, event: EventMaker, message: dict[str, object]) -> None:
    for action, handler in (("poll", poll.handler), ("push", push.handler)):
        refused = {"action": action, **message}
        assert contract.problems(action, refused)
        check("error", answer(handler, event("message", body=refused, authorizer=ALICE)))


def test_a_receipt_and_the_notification(tables: Tables, management: ManagementServer, event: EventMaker) -> None:
    management.open("phone")
    tables.add_client("phone")
    message = {"action": "push", "userId": "alice", "content": None, "requestId": "n1"}
    check("push", message)
    check("receipt", answer(push.handler, event("message", body=message, authorizer=ALICE)))
    (frame,) = management.received["phone"]
    check("notification", json.loads(frame))


def test_a_report_of_every_outcome(tables: Tables, management: ManagementServer) -> None:
    management.open("phone")
    management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
    for connection_id, user_id in (("phone", "alice"), ("gone", "alice"), ("busy", "bob")):
        tables.add_client(connection_id, user_id)
    request = {"userIds": ["alice", "bob", "carol"], "content": {"a": [1]}}
    check("push-request", request)
    report = json.loads(json.dumps(push.handler(request, Context(1_500))))
    assert {"delivered": 1, "gone": 1, "failed": 1, "errors": 1}.items() <= report["totals"].items()
    check("push-report", report)
    # What the schema says in words.
    for part in (report["totals"], *report["recipients"]):
        assert part["connections"] == part["delivered"] + part["gone"] + part["connecting"] + part["failed"]
        assert part["unclosed"] <= part["failed"]
    for count in ("connections", "delivered", "gone", "connecting", "failed", "unclosed"):
        assert report["totals"][count] == sum(each[count] for each in report["recipients"])
    assert {each["id"] for each in report["recipients"]} == {report["id"]}
    assert [each["userId"] for each in report["recipients"]] == request["userIds"]


@pytest.mark.parametrize("request_", [{}, {"userId": "alice", "content": 1, "ttl": 0}, [], "x"], ids=json.dumps)
def test_a_refused_request(tables: Tables, request_: Any) -> None:
    assert contract.problems("push-request", request_)
    with pytest.raises(Exception, match=r"\w") as raised:
        push.handler(request_, Context())
    # What the Lambda runtime makes of it.
    check("push-failure", {"errorType": type(raised.value).__name__, "errorMessage": str(raised.value)})


def test_every_frame_that_can_be_written() -> None:
    about = session(
        user_id="alice",
        connection_id="c=",
        expires_at="2026-01-31T14:00:00.000Z",
        keepalive_action="poll",
        keepalive_seconds=240,
    )
    note = notification_text(earliest_id_at(START), "2026-01-31T12:00:00.000Z", "null")
    (report, *_) = contract.schema("push-report")["examples"]
    for request_id in (None, 0, "", "r1"):
        for kind, frame in {
            "history": history_frame(
                [note],
                next_position=continued_position(earliest_id_at(START)),
                reset=True,
                session=about,
                request_id=request_id,
            ),
            "receipt": receipt_frame(report, request_id),
        }.items():
            check(kind, json.loads(frame))
    for code in contract.schema("push-report")["$defs"]["errorCode"]["enum"]:
        check("error", json.loads(error_frame(code, "Say what to change.", 7)))
    check("bye", json.loads(bye_frame("token_expired")))
    for reconnect in (True, False):
        check("bye", json.loads(bye_frame("signed_out", reconnect=reconnect)))
