import json
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables, redeploy
from tests.handlers.management_server import ManagementServer
from websocket_push.handlers.push import handler
from websocket_push.protocol.identifiers import milliseconds_of, new_notification_id
from websocket_push.push.posting import Clocks

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]


def push(**request: Any) -> dict[str, Any]:
    answer = handler(request, Context())
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


def frames(management: ManagementServer, connection_id: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in management.received[connection_id]]


def lifetime(row: dict[str, Any]) -> int:
    """Return the seconds from the time in the id to the expiry; a second may turn between the two."""
    return int(row["expiresAt"]) - milliseconds_of(row["notificationId"]) // 1000


def test_a_push_is_kept_and_reaches_every_connection_of_the_user_and_is_reported(
    tables: Tables, management: ManagementServer
) -> None:
    management.open("phone", "laptop", "other")
    for connection_id, user_id in (("phone", "alice"), ("laptop", "alice"), ("other", "bob")):
        tables.add_client(connection_id, user_id)

    report = push(userId="alice", content={"b": 1.5, "a": [None]})

    (row,) = tables.notifications()
    assert (row["userId"], row["notificationId"], row["content"]) == ("alice", report["id"], '{"b":1.5,"a":[null]}')
    assert row["createdAt"] == report["createdAt"]
    assert lifetime(row) in (3600, 3601)
    notification = {
        "type": "notification",
        "id": report["id"],
        "createdAt": report["createdAt"],
        "content": {"b": 1.5, "a": [None]},
    }
    assert frames(management, "phone") == frames(management, "laptop") == [notification]
    assert frames(management, "other") == []
    assert report["recipients"] == [
        {
            "userId": "alice",
            "id": report["id"],
            "persisted": True,
            "connections": 2,
            "delivered": 2,
            "gone": 0,
            "connecting": 0,
            "failed": 0,
            "unclosed": 0,
        }
    ]
    assert report["totals"] == {
        "recipients": 1,
        "persisted": 1,
        "connections": 2,
        "delivered": 2,
        "gone": 0,
        "connecting": 0,
        "failed": 0,
        "unclosed": 0,
        "errors": 0,
        "incomplete": 0,
    }


def test_many_users_get_one_notification_and_one_report(tables: Tables, management: ManagementServer) -> None:
    management.open("a", "b")
    tables.add_client("a", "alice")
    tables.add_client("b", "bob")
    report = push(userIds=["bob", "alice", "bob", "carol"], content="hi")
    assert [(each["userId"], each["delivered"]) for each in report["recipients"]] == [
        ("bob", 1),
        ("alice", 1),
        ("carol", 0),
    ]
    assert {row["userId"] for row in tables.notifications()} == {"alice", "bob", "carol"}
    assert {row["notificationId"] for row in tables.notifications()} == {report["id"]}


def test_a_connection_that_is_gone_is_forgotten_and_no_other(tables: Tables, management: ManagementServer) -> None:
    management.open("phone")
    tables.add_client("phone")
    tables.add_client("gone")
    tables.add_client("gone-too", "bob")
    report = push(userId="alice", content=1)
    assert (report["totals"]["delivered"], report["totals"]["gone"]) == (1, 1)
    assert sorted(row["connectionId"] for row in tables.clients()) == ["gone-too", "phone"]


def test_a_connection_that_cannot_take_it_is_closed_and_reported(tables: Tables, management: ManagementServer) -> None:
    management.open("busy", status=HTTPStatus.TOO_MANY_REQUESTS)
    tables.add_client("busy")
    report = json.loads(json.dumps(handler({"userId": "alice", "content": 1}, Context(1_500))))
    (recipient,) = report["recipients"]
    assert (recipient["persisted"], recipient["failed"], recipient["gone"]) == (True, 1, 0)
    assert recipient["error"]["code"] == "UNAVAILABLE"
    assert management.closed == ["busy"]
    assert len(tables.clients()) == 1


def test_persist_and_ttl_override_the_settings(tables: Tables, environment: pytest.MonkeyPatch) -> None:
    assert not push(userId="alice", content=1, persist=False)["recipients"][0]["persisted"]
    assert tables.notifications() == []
    environment.setenv("PERSIST_BY_DEFAULT", "false")
    redeploy()
    assert not push(userId="alice", content=1)["recipients"][0]["persisted"]
    assert tables.notifications() == []
    assert push(userId="alice", content=1, persist=True, ttl=60)["recipients"][0]["persisted"]
    (row,) = tables.notifications()
    assert lifetime(row) in (60, 61)


def test_the_same_id_pushed_twice_is_kept_once_and_sent_with_that_id(
    tables: Tables, management: ManagementServer
) -> None:
    management.open("phone")
    tables.add_client("phone")
    notification_id = new_notification_id(time.time_ns(), bytes(8))
    for _ in range(2):
        assert push(userId="alice", content=1, id=notification_id)["id"] == notification_id
    assert [row["notificationId"] for row in tables.notifications()] == [notification_id]
    assert [frame["id"] for frame in frames(management, "phone")] == [notification_id] * 2


def test_the_same_id_with_other_content_is_refused_and_history_and_screen_agree(
    tables: Tables, management: ManagementServer
) -> None:
    management.open("phone", "tv")
    tables.add_client("phone")
    tables.add_client("tv", "bob")
    notification_id = new_notification_id(time.time_ns(), bytes(8))
    push(userId="alice", content={"n": 1}, id=notification_id)

    with pytest.raises(Exception, match="other content") as raised:
        push(userId="alice", content={"n": 2}, id=notification_id)
    assert type(raised.value).__name__ == "INVALID_ID"
    alice, bob = push(userIds=["alice", "bob"], content={"n": 2}, id=notification_id)["recipients"]

    assert (alice["error"]["code"], alice["persisted"], alice["incomplete"]) == ("INVALID_ID", False, True)
    assert (bob["persisted"], bob["delivered"]) == (True, 1)
    assert [frame["content"] for frame in frames(management, "phone")] == [{"n": 1}]
    assert {row["userId"]: row["content"] for row in tables.notifications()} == {"alice": '{"n":1}', "bob": '{"n":2}'}


def test_a_time_to_live_of_what_is_not_kept_is_refused(
    tables: Tables, management: ManagementServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("PERSIST_BY_DEFAULT", "false")
    management.open("phone")
    tables.add_client("phone")
    with pytest.raises(Exception, match="persist: true") as raised:
        push(userId="alice", content=1, ttl=60)
    assert type(raised.value).__name__ == "INVALID_TTL"
    assert management.received == {}


def test_a_connection_that_can_be_neither_sent_to_nor_closed_makes_the_push_incomplete(
    tables: Tables, management: ManagementServer
) -> None:
    management.open("phone", status=HTTPStatus.SERVICE_UNAVAILABLE)
    management.closing = HTTPStatus.SERVICE_UNAVAILABLE
    tables.add_client("phone")
    report = json.loads(json.dumps(handler({"userId": "alice", "content": 1}, Context(1_500))))
    (recipient,) = report["recipients"]
    assert (recipient["persisted"], recipient["failed"], recipient["unclosed"]) == (True, 1, 1)
    assert recipient["incomplete"] is True
    assert report["totals"]["incomplete"] == report["totals"]["unclosed"] == 1
    with pytest.raises(Exception, match=report["id"][:8]) as raised:
        handler({"userId": "alice", "content": 1, "id": report["id"], "onFailure": "raise"}, Context(1_500))
    assert type(raised.value).__name__ == "INCOMPLETE"


def test_a_connection_that_is_being_established_keeps_its_row(tables: Tables, management: ManagementServer) -> None:
    tables.add_client("phone", connected_at=int(time.time() * 1000) - 2_350)
    (recipient,) = push(userId="alice", content=1, onFailure="raise")["recipients"]
    assert (recipient["connecting"], recipient["gone"], len(tables.clients())) == (1, 0, 1)


class TestTime:
    """How an invocation's time is divided; it is passed to the pusher, so no test has to wait."""

    @pytest.fixture
    def clocks(self, monkeypatch: pytest.MonkeyPatch) -> list[Clocks]:
        made: list[Clocks] = []

        class Noted(Clocks):
            def __new__(cls, **times: Any) -> "Noted":
                made.append(Clocks(**times))
                return super().__new__(cls, **times)

        monkeypatch.setattr("websocket_push.handlers.pushing.Clocks", Noted)
        return made

    @pytest.mark.parametrize(("seconds", "closing"), [(60, 6.0), (30, 3.0), (5, 1.0), (2, 0.9), (1, 0.375)])
    def test_a_part_is_kept_for_closing_and_for_the_answer(
        self, tables: Tables, clocks: list[Clocks], seconds: int, closing: float
    ) -> None:
        started = time.monotonic()
        handler({"userId": "alice", "content": 1}, Context(seconds * 1000))
        (times,) = clocks
        assert times.closes_until - times.posts_until == pytest.approx(closing, abs=0.1)
        # What is left is for the answer and the log line.
        assert started + seconds - 0.5 < times.closes_until < started + seconds - 0.1

    # 29 s from the client's frame to the answer, of which the function has not all.
    @pytest.mark.parametrize(("seconds", "least", "most"), [(60, 25, 28), (10, 9, 10)])
    def test_the_route_answers_before_api_gateway_gives_up_and_the_function_is_stopped(
        self, tables: Tables, clocks: list[Clocks], event: EventMaker, seconds: int, least: float, most: float
    ) -> None:
        started = time.monotonic()
        message = event(
            "message", body={"action": "push", "userId": "alice", "content": 1}, authorizer={"userId": "alice"}
        )
        receipt(message, Context(seconds * 1000))
        (times,) = clocks
        assert started + least < times.closes_until < started + most
        assert times.posts_until < times.closes_until - 0.9


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (None, "INVALID_REQUEST"),
        ([], "INVALID_REQUEST"),
        ("alice", "INVALID_REQUEST"),
        ({}, "INVALID_RECIPIENT"),
        ({"requestContext": {"http": {}}}, "UNKNOWN_FIELD"),
        ({"userId": "alice"}, "MISSING_CONTENT"),
        ({"userId": "", "content": 1}, "INVALID_USER_ID"),
        ({"userId": "alice", "content": "x" * 131_072}, "CONTENT_TOO_LARGE"),
        ({"userId": "alice", "content": 1, "persits": True}, "UNKNOWN_FIELD"),
        ({"userId": "alice", "content": 1, "ttl": 0}, "INVALID_TTL"),
    ],
)
def test_an_unsound_request_raises_under_its_code_and_nothing_is_written_or_sent(
    tables: Tables, management: ManagementServer, log_lines: LogLines, request_: Any, code: str
) -> None:
    management.open("phone")
    tables.add_client("phone")
    with pytest.raises(Exception, match=r"\w") as raised:
        handler(request_, Context())
    assert type(raised.value).__name__ == code
    assert raised.value.__cause__ is None
    assert tables.notifications() == []
    assert management.received == {}
    assert [line["outcome"] for line in log_lines()] == [code]


def test_what_the_lambda_runtime_makes_of_the_error_has_no_stack_trace(tables: Tables) -> None:
    with pytest.raises(Exception, match="userId") as raised:
        handler({}, Context())
    assert traceback.extract_tb(raised.value.__traceback__) == []


def test_storage_out_of_reach_raises_so_that_the_push_is_repeated(
    tables: Tables, management: ManagementServer, environment: pytest.MonkeyPatch
) -> None:
    management.open("phone")
    tables.add_client("phone")
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    with pytest.raises(Exception, match="Nothing was stored or sent") as raised:
        handler({"userId": "alice", "content": 1}, Context(600))
    assert type(raised.value).__name__ == "UNAVAILABLE"
    assert management.received == {}


def test_the_log_has_counts_and_neither_content_nor_users(
    tables: Tables, management: ManagementServer, log_lines: LogLines
) -> None:
    management.open("phone")
    tables.add_client("phone")
    report = push(userId="alice", content="secret")
    (line,) = log_lines()
    assert (line["outcome"], line["id"], line["totals"]) == ("OK", report["id"], report["totals"])
    assert "secret" not in json.dumps(line)
    assert "alice" not in json.dumps(line)


def receipt(message: Event, context: Context | None = None) -> dict[str, Any]:
    response: dict[str, Any] = dict(handler(message, context or Context()))
    assert response["statusCode"] == 200
    frame: dict[str, Any] = json.loads(response["body"])
    return frame


class TestRoute:
    def message(self, event: EventMaker, sender: str, **message: Any) -> Event:
        return event("message", body={"action": "push", **message}, authorizer={"userId": sender})

    def test_a_client_pushes_to_itself_and_gets_a_receipt(
        self, tables: Tables, management: ManagementServer, event: EventMaker
    ) -> None:
        management.open("phone")
        tables.add_client("phone")
        frame = receipt(self.message(event, "alice", userId="alice", content="note", requestId="r1"))
        assert (frame["type"], frame["requestId"], frame["totals"]["delivered"]) == ("receipt", "r1", 1)
        assert [each["content"] for each in frames(management, "phone")] == ["note"]
        assert [row["notificationId"] for row in tables.notifications()] == [frame["id"]]

    @pytest.mark.parametrize(
        ("client_push", "recipient", "allowed"),
        [
            ("none", "alice", False),
            ("self", "alice", True),
            ("self", "bob", False),
            ("any", "bob", True),
        ],
    )
    def test_the_setting_decides_who_may_push_to_whom(
        self,
        tables: Tables,
        event: EventMaker,
        environment: pytest.MonkeyPatch,
        client_push: str,
        recipient: str,
        allowed: bool,
    ) -> None:
        environment.setenv("CLIENT_PUSH", client_push)
        frame = receipt(self.message(event, "alice", userId=recipient, content=1))
        assert frame.get("code") == (None if allowed else "PUSH_NOT_ALLOWED")
        assert len(tables.notifications()) == allowed

    def test_an_anonymous_client_pushes_as_the_user_of_its_row(
        self, tables: Tables, event: EventMaker, management: ManagementServer
    ) -> None:
        tables.add_client("WKtlFcYLjoECFvg=", user_id="bob")
        management.open("WKtlFcYLjoECFvg=")
        anonymous = event("message", body={"action": "push", "userId": "bob", "content": 1})
        assert receipt(anonymous)["totals"]["delivered"] == 1
        other = event("message", body={"action": "push", "userId": "alice", "content": 1})
        assert receipt(other)["code"] == "PUSH_NOT_ALLOWED"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("nonsense", "INVALID_REQUEST"),
            ('{"action":"push","content":1}', "INVALID_RECIPIENT"),
            ('{"action":"push","userId":"alice","content":1,"ttl":5}', "UNKNOWN_FIELD"),
            ('{"action":"push","userId":"alice"}', "MISSING_CONTENT"),
        ],
    )
    def test_what_is_wrong_is_answered_with_an_error_frame(
        self, tables: Tables, event: EventMaker, body: str, code: str
    ) -> None:
        frame = receipt(event("message", body=body, authorizer={"userId": "alice"}))
        assert (frame["type"], frame["code"]) == ("error", code)
        assert tables.notifications() == []
