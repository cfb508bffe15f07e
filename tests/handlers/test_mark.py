import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.handlers import control, poll
from websocket_push.handlers.mark import handler
from websocket_push.marking import ATTEMPTS, POST_SECONDS
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import MAX_COUNT
from websocket_push.tables.inboxes import Inboxes
from websocket_push.tables.notifications import inbox_key

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]
Send = Callable[..., dict[str, Any]]

ME, PHONE = "WKtlFcYLjoECFvg=", "phone="
START = 1_769_860_800_000
ALICE = {"userId": "alice"}
IDS = [earliest_id_at(START + n * 1000) for n in range(8)]


@pytest.fixture(autouse=True)
def inbox(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INBOX_TTL", "31622400")
    environment.setenv("INBOX", "true")
    environment.setenv("CONTROL_QUEUE_URL", "https://queue.example/control")


@pytest.fixture
def send(event: EventMaker) -> Send:
    def send(authorizer: Event | None = ALICE, action: str = "mark", **members: Any) -> dict[str, Any]:
        response = (poll.handler if action == "poll" else handler)(
            event("message", body={"action": action, **members}, authorizer=authorizer), Context()
        )
        assert response["statusCode"] == 200
        frame: dict[str, Any] = json.loads(str(response["body"]))
        return frame

    return send


def refused(request: Event) -> str:
    """Return the code by which the control function refuses a request."""
    try:
        control.handler(request, Context())
    except Exception as refusal:
        return type(refusal).__name__
    return ""


def states(management: ManagementServer, connection_id: str) -> list[Any]:
    frames = [json.loads(frame) for frame in management.received[connection_id]]
    assert all(frame["type"] == "state" for frame in frames)
    return [frame["state"] for frame in frames]


class TestMarking:
    def test_a_client_marks_and_the_users_other_devices_get_it(
        self, tables: Tables, management: ManagementServer, send: Send, log_lines: LogLines
    ) -> None:
        for connection in (ME, PHONE, "tab="):
            tables.add_client(connection)
        tables.add_client("bobs=", "bob")
        management.open(ME, PHONE, "tab=", "bobs=")
        for each in IDS:
            tables.add_notification(each)
        frame = send(seenUpTo=IDS[7], readUpTo=IDS[3], read=[IDS[5]], unread=[IDS[1]], at=START, requestId=7)
        state = {
            "version": 1,
            "seenUpTo": IDS[7],
            "readUpTo": {IDS[3]: START},
            "read": {IDS[5]: START},
            "unread": {IDS[1]: START},
            "unreadCount": 4,
            "countedTo": IDS[7],
        }
        assert frame == {"type": "state", "requestId": 7, "state": state}
        assert states(management, PHONE) == states(management, "tab=") == [state]
        assert not management.received[ME]
        assert not management.received["bobs="]
        assert [line["outcome"] for line in log_lines()] == ["OK"]

    def test_a_poll_says_the_same(self, tables: Tables, send: Send) -> None:
        for each in IDS[:3]:
            tables.add_notification(each)
        assert send(action="poll")["state"] == {
            "version": 0,
            "readUpTo": {},
            "read": {},
            "unread": {},
            "unreadCount": 3,
            "countedTo": IDS[2],
        }
        marked = send(read=[IDS[1]])["state"]
        assert marked["unreadCount"] == 2
        assert send(action="poll")["state"] == send()["state"] == marked

    def test_what_changes_nothing_is_not_written_or_sent(
        self, tables: Tables, management: ManagementServer, send: Send
    ) -> None:
        tables.add_client(PHONE)
        management.open(PHONE)
        first = send(read=[IDS[1]], at=START)
        assert send(read=[IDS[1]], at=START) == send() == first
        assert len(states(management, PHONE)) == 1

    def test_a_device_that_is_gone_or_does_not_answer_keeps_no_other_from_it(
        self, tables: Tables, management: ManagementServer, send: Send
    ) -> None:
        for connection in ("gone=", PHONE):
            tables.add_client(connection)
        management.open(PHONE)
        assert send(readUpTo=IDS[0])["type"] == "state"
        assert len(states(management, PHONE)) == 1
        assert {row["connectionId"] for row in tables.clients()} == {"gone=", PHONE}

    def test_marks_at_the_same_time_are_all_kept(
        self, tables: Tables, management: ManagementServer, send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, others = Inboxes.write, iter([IDS[1], IDS[2]])

        async def meanwhile(inboxes: Inboxes, user_id: str, state: Any, **about: Any) -> bool:
            for other in others:
                read = {each: at for each, at in state.read.items() if each != IDS[0]}
                assert await write(inboxes, user_id, state._replace(read={**read, other: START}), **about)
                break
            return await write(inboxes, user_id, state, **about)

        monkeypatch.setattr(Inboxes, "write", meanwhile)
        state = send(read=[IDS[0]])["state"]
        assert state["read"].keys() == {IDS[0], IDS[1], IDS[2]}
        assert state["version"] == 3

    def test_marks_that_never_get_their_turn_are_answered_so(
        self, tables: Tables, send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried = []

        async def refuse(inboxes: Inboxes, user_id: str, state: Any, **about: Any) -> bool:
            tried.append(user_id)
            return False

        monkeypatch.setattr(Inboxes, "write", refuse)
        assert send(read=[IDS[0]])["code"] == "UNAVAILABLE"
        assert len(tried) == ATTEMPTS

    def test_the_item_is_the_users_alone_and_ends(self, tables: Tables, send: Send) -> None:
        send(readUpTo=IDS[0])
        (item,) = tables.notifications()
        assert (item["userId"], item["notificationId"]) == (" alice", "state")
        assert item["expiresAt"] > START // 1000 + 31_622_400
        # No user is called so, and no history shows it.
        assert send({"userId": " alice"}, action="poll")["code"] == "INVALID_USER_ID"
        assert send(action="poll")["notifications"] == []


class TestCounting:
    def test_up_to_99_and_one_more_for_all_above(self, tables: Tables, send: Send) -> None:
        many = [earliest_id_at(START + n) for n in range(MAX_COUNT + 21)]
        for each in many:
            tables.add_notification(each)
        assert send()["state"]["unreadCount"] == MAX_COUNT + 1
        assert send(readUpTo=many[20])["state"]["unreadCount"] == MAX_COUNT
        assert send(readUpTo=many[19], unread=[many[0]])["state"]["unreadCount"] == MAX_COUNT + 1
        # Read ones among the newest do not keep others from being counted.
        assert send(read=many[-50:])["state"]["unreadCount"] == MAX_COUNT - 50 + 1
        assert send(readUpTo=many[-1])["state"] == send()["state"]
        assert send()["state"]["unreadCount"] == 0
        assert send()["state"]["countedTo"] == many[-1]

    def test_what_is_over_or_was_never_there_does_not_count(self, tables: Tables, send: Send) -> None:
        tables.add_notification(IDS[0], expiresAt=1)
        tables.add_notification(IDS[1])
        tables.add_notification(IDS[2], expiresAt=1)
        send(readUpTo=IDS[1], at=START)
        assert send(unread=[IDS[0], IDS[1], IDS[7]])["state"]["unreadCount"] == 1

    def test_what_was_pushed_to_a_topic_is_not_in_the_inbox(self, tables: Tables, send: Send) -> None:
        tables.add_notification(IDS[0], "topic#org/7", topic="org/7")
        assert send()["state"]["unreadCount"] == 0

    def test_a_user_that_is_called_like_a_topic_has_an_inbox_too(self, tables: Tables, send: Send) -> None:
        tables.add_notification(IDS[0], "user#topic#x")
        assert send({"userId": "topic#x"})["state"]["unreadCount"] == 1
        send({"userId": "topic#x"}, readUpTo=IDS[0])
        assert send({"userId": "topic#x"})["state"]["unreadCount"] == 0
        assert send()["state"]["version"] == 0


class TestPage:
    def test_a_page_leaves_room_for_the_state(self, tables: Tables, send: Send, event: EventMaker) -> None:
        for each in IDS:
            tables.add_notification(each, content=json.dumps("x" * 6_000))
        for start in range(0, 200, 100):
            send(read=[earliest_id_at(START + 10_000 + start + n) for n in range(100)])
        message = event("message", body={"action": "poll"}, authorizer=ALICE)
        body = str(poll.handler(message, Context())["body"])
        frame = json.loads(body)
        assert len(frame["state"]["read"]) == 200
        assert len(body.encode()) <= 32 * 1024
        assert frame["more"]
        assert len(frame["notifications"]) == 3

    def test_one_that_leaves_none_comes_without_it(self, tables: Tables, send: Send, event: EventMaker) -> None:
        tables.add_notification(IDS[0], content=json.dumps("x" * 31_000))
        for start in range(0, 200, 100):
            send(read=[earliest_id_at(START + 10_000 + start + n) for n in range(100)])
        message = event("message", body={"action": "poll"}, authorizer=ALICE)
        body = str(poll.handler(message, Context())["body"])
        assert "state" not in json.loads(body)
        assert len(json.loads(body)["notifications"]) == 1
        assert len(body.encode()) <= 32 * 1024

    def test_without_inboxes_nothing_of_them_is_read(
        self, tables: Tables, send: Send, environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environment.delenv("INBOX")
        monkeypatch.setattr(Inboxes, "find", None)
        assert "state" not in send(action="poll")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"read": []}, "INVALID_MARK"),
        ({"readUpTo": "yesterday"}, "INVALID_ID"),
        ({"userId": "bob", "readUpTo": IDS[0]}, "UNKNOWN_FIELD"),
        ({"authorizer": ALICE | {"expiresAt": "1"}, "readUpTo": IDS[0]}, "TOKEN_EXPIRED"),
    ],
)
def test_an_unsound_message_changes_nothing(tables: Tables, send: Send, members: Any, code: str) -> None:
    assert send(**members)["code"] == code
    assert tables.notifications() == []


def test_the_reply_waits_for_the_other_devices_for_a_few_seconds_at_most(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    async def post(_: Management, connection_id: str, payload: Payload, *, deadline: float, attempts: int) -> None:
        left.append(deadline - asyncio.get_running_loop().time())
        raise AwsError("Throttled", status=429, transient=True)

    environment.setattr(Management, "post", post)
    for name in ("phone", "tablet"):
        tables.add_client(name)
    message = event("message", body={"action": "mark", "readUpTo": IDS[0]}, authorizer=ALICE)
    for seconds, most in ((60, POST_SECONDS), (2, 2)):
        message["body"] = json.dumps({"action": "mark", "readUpTo": IDS[len(left)]})
        assert '"type":"state"' in str(handler(message, Context(seconds * 1000))["body"])
        assert [0 < each <= most for each in left[-2:]] == [True, True]
    assert len(left) == 4


def state_of(**members: Any) -> str:
    return json.dumps({"readUpTo": {}, "read": {}, "unread": {}, **members})


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"inboxState": 5},
        {"inboxState": ""},
        {"inboxState": "[]"},
        {"inboxState": "{}"},
        {"inboxState": '{"readUpTo":5,"read":{},"unread":{}}'},
        {"inboxState": '{"readUpTo":{"x":"y"},"read":{},"unread":{}}'},
        {"inboxState": state_of(readUpTo={IDS[0]: True})},
        {"inboxState": state_of(readUpTo={IDS[2]: 1}, unread={"": 1})},
        {"inboxState": state_of(readUpTo={IDS[2]: 1}, unread={"\ud800": 1})},
        {"inboxState": '{"seenUpTo":1,"readUpTo":{},"read":{},"unread":{}}'},
        {"inboxState": '{"seenUpTo":"x","readUpTo":{},"read":{},"unread":{}}'},
        {"inboxState": "[" * 100_000},
    ],
)
def test_a_state_that_cannot_be_read_counts_as_empty_and_is_written_over(
    tables: Tables, send: Send, damage: dict[str, Any]
) -> None:
    for each in IDS[:3]:
        tables.add_notification(each)
    tables.add_inbox_item(inbox_key("alice"), inboxVersion=4, **damage)
    assert send(action="poll")["state"]["unreadCount"] == 3
    assert send(readUpTo=IDS[1])["state"]["version"] == 5
    assert send(action="poll")["state"]["unreadCount"] == 1


@pytest.mark.parametrize("version", ["4", -4, 0, True, []])
def test_a_version_that_cannot_be_read_is_written_over(tables: Tables, send: Send, version: Any) -> None:
    tables.add_inbox_item(inbox_key("alice"), inboxVersion=version, inboxState=state_of())
    assert [send(readUpTo=each)["state"]["version"] for each in IDS[:2]] == [1, 2]


def test_a_row_without_a_time_to_live_is_not_counted(tables: Tables, send: Send) -> None:
    for each in IDS[:3]:
        tables.add_notification(each)
    tables.add_notification(IDS[0], expiresAt="never")
    assert send(readUpTo=IDS[2], unread=[IDS[0], IDS[1]])["state"]["unreadCount"] == 1


def test_an_anonymous_user_is_read_from_the_row(tables: Tables, send: Send) -> None:
    assert send(None, readUpTo=IDS[0])["code"] == "UNKNOWN_CONNECTION"
    tables.add_client(ME, "bob")
    assert send(None, readUpTo=IDS[0])["type"] == "state"
    assert [item["userId"] for item in tables.notifications()] == [inbox_key("bob")]


def test_one_that_was_not_authorized_marks_nothing(tables: Tables, send: Send, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALLOW_ANONYMOUS", "false")
    tables.add_client(ME, "bob")
    assert send(None, readUpTo=IDS[0])["code"] == "MISSING_USER_ID"
    assert tables.notifications() == []


def test_a_revoked_token_marks_nothing(tables: Tables, send: Send, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REVOCABLE", "true")
    tables.add_client("revoked#alice", issuedBefore=100)
    assert send(ALICE | {"issuedAt": "99"}, readUpTo=IDS[0])["code"] == "TOKEN_REVOKED"
    assert tables.notifications() == []


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_an_event_of_another_route_changes_nothing(tables: Tables, event: EventMaker, name: str) -> None:
    message = event(name, body={"action": "mark", "readUpTo": IDS[0]}, authorizer=ALICE)
    assert json.loads(str(handler(message, Context())["body"]))["code"] == "INVALID_REQUEST"
    assert tables.notifications() == []


class TestBackend:
    def test_a_backend_marks_by_the_control_function(
        self, tables: Tables, management: ManagementServer, send: Send
    ) -> None:
        tables.add_client(PHONE)
        management.open(PHONE)
        for each in IDS[:3]:
            tables.add_notification(each)
        answer = control.handler({"action": "mark", "userId": "alice", "readUpTo": IDS[1]}, Context())
        assert answer["userId"] == "alice"
        assert answer["state"] == send()["state"] == states(management, PHONE)[0]
        assert send()["state"]["unreadCount"] == 1
        # It is kept for as long as a client's mark keeps it.
        (kept_until,) = [item["expiresAt"] for item in tables.notifications() if item["notificationId"] == "state"]
        send(readUpTo=IDS[2])
        (until,) = [item["expiresAt"] for item in tables.notifications() if item["notificationId"] == "state"]
        assert 0 <= until - kept_until < 3_600

    def test_what_is_wrong_is_refused(self, tables: Tables) -> None:
        for request, code in (
            ({"action": "mark", "userId": "alice", "read": IDS[0]}, "INVALID_MARK"),
            ({"action": "mark", "userId": "", "read": [IDS[0]]}, "INVALID_USER_ID"),
            ({"action": "mark", "userId": "alice", "reads": [IDS[0]]}, "UNKNOWN_FIELD"),
        ):
            assert refused(request) == code
        assert tables.notifications() == []

    def test_without_inboxes_it_is_refused(self, tables: Tables, environment: pytest.MonkeyPatch) -> None:
        environment.delenv("INBOX_TTL")
        assert refused({"action": "mark", "userId": "alice", "readUpTo": IDS[1]}) == "INBOX_DISABLED"
