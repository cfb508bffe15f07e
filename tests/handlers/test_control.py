import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Subscriptions, Tables, redeploy
from tests.handlers.management_server import ManagementServer
from tests.handlers.queue_server import QueueServer
from tests.unit.contracts import contract
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.handlers import connect, control, poll, push
from websocket_push.handlers.control import handler
from websocket_push.protocol.identifiers import rfc_3339
from websocket_push.runtime import concurrent
from websocket_push.runtime.invocation import Invocation

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

AT = 1_769_860_800_000
TIME = "2026-01-31T12:00:00.000Z"


@pytest.fixture(autouse=True)
def queue(environment: pytest.MonkeyPatch) -> Iterator[QueueServer]:
    server = QueueServer()
    environment.setenv("CONTROL_QUEUE_URL", server.queue_url)
    environment.setenv("AWS_ENDPOINT_URL_SQS", server.url)
    environment.setenv("REVOCABLE", "true")
    yield server
    server.stop()


def ask(action: str, **members: Any) -> Any:
    request = {"action": action, **members}
    assert contract.problems("control-request", request) == []
    reply = json.loads(json.dumps(handler(request, Context())))
    assert contract.problems("control-reply", reply) == [], reply
    return reply


def deliver(queue: QueueServer, event: EventMaker) -> list[Any]:
    """Have the function receive what it sent itself."""
    replies = []
    for body in queue.take():
        received = event("queue")
        received["Records"][0]["body"] = body
        replies.append(handler(received, Context()))
    return replies


def refusal(request: Any) -> tuple[str, str]:
    with pytest.raises(Exception, match=r"\w") as raised:
        handler(request, Context())
    return type(raised.value).__name__, str(raised.value)


def tally(**counts: int) -> dict[str, int]:
    return {"connections": sum(counts.values()), "closed": 0, "gone": 0, "connecting": 0, "failed": 0, **counts}


def test_a_users_connections_page_by_page(tables: Tables) -> None:
    tables.add_client("phone", connected_at=AT, topics={"news", "chat"})
    tables.add_client("tablet", connected_at=AT)
    tables.add_client("old", connected_at=AT, expiresAt=1)
    tables.add_client("hers", "bob")
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = ask("connections", userId="alice", limit=1, **after)
        found += page["connections"]
        if not page["more"]:
            break
        after = {"next": page["next"]}
    assert sorted(found, key=lambda each: each["connectionId"]) == [
        {
            "connectionId": "phone",
            "connectedAt": TIME,
            "expiresAt": "2096-10-02T07:06:40.000Z",
            "topics": ["chat", "news"],
        },
        {"connectionId": "tablet", "connectedAt": TIME, "expiresAt": "2096-10-02T07:06:40.000Z", "topics": []},
    ]


def test_who_is_online(tables: Tables) -> None:
    tables.add_client("phone", connected_at=AT + 5)
    tables.add_client("tablet", connected_at=AT)
    tables.add_client("old", "bob", expiresAt=1)
    assert ask("online", userIds=["carol", "alice", "bob"])["users"] == [
        {"userId": "carol", "online": False},
        {"userId": "alice", "online": True, "since": TIME},
        {"userId": "bob", "online": False},
    ]


def test_a_table_that_is_out_of_reach_is_said_to_be(environment: pytest.MonkeyPatch, log_lines: LogLines) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    for request in ({"action": "online", "userIds": ["alice", "bob"]}, {"action": "revoke", "userId": "alice"}):
        with pytest.raises(Exception, match="in time") as raised:
            handler(request, Context(milliseconds=600))
        assert type(raised.value).__name__ == "UNAVAILABLE"
    assert [line["level"] for line in log_lines()] == ["ERROR", "ERROR"]


def test_a_damaged_row_hides_no_other(tables: Tables) -> None:
    tables.add_client("damaged", connected_at=AT, issuedAt="x")
    tables.add_client("phone", connected_at=AT)
    found = ask("connections", userId="alice")["connections"]
    assert [each["connectionId"] for each in found] == ["phone"]


@pytest.mark.parametrize(
    ("time", "written"), [(10**35, "9999-12-31T23:59:59.999Z"), (-(10**30), "1970-01-01T00:00:00.000Z")]
)
def test_a_time_that_no_calendar_has_hides_no_connection(tables: Tables, time: int, written: str) -> None:
    tables.add_client("odd", connected_at=time, expiresAt=10**35)
    tables.add_client("phone", connected_at=AT)
    phone, odd = sorted(
        ask("connections", userId="alice")["connections"], key=lambda each: each["connectionId"] == "odd"
    )
    assert (odd["connectedAt"], odd["expiresAt"]) == (written, "9999-12-31T23:59:59.999Z")
    assert phone["connectedAt"] == TIME
    assert ask("online", userIds=["alice"])["users"][0]["online"] is True


def test_a_user_is_disconnected_with_a_reason(
    tables: Tables, management: ManagementServer, queue: QueueServer, log_lines: LogLines
) -> None:
    management.open("phone", "tablet", "hers")
    for connection_id, user_id in (("phone", "alice"), ("tablet", "alice"), ("gone", "alice"), ("hers", "bob")):
        tables.add_client(connection_id, user_id)
    reply = ask("disconnect", userId="alice", reason="signed_out", reconnect=True, **{"except": "tablet"})
    assert reply == {"userId": "alice", **tally(closed=1, gone=1)}
    assert management.received == {"phone": [b'{"type":"bye","reason":"signed_out","reconnect":true}']}
    assert management.closed == ["phone"]
    assert {row["connectionId"] for row in tables.clients()} == {"tablet", "hers"}
    assert queue.bodies == []
    (line,) = log_lines()
    assert {"outcome": "OK", "action": "disconnect", "closed": 1, "gone": 1}.items() <= line.items()
    assert "alice" not in json.dumps(line)


def test_one_connection_is_disconnected(tables: Tables, management: ManagementServer) -> None:
    management.open("phone", "tablet")
    tables.add_client("phone")
    tables.add_client("tablet")
    assert ask("disconnect", connectionId="phone") == {"connectionId": "phone", **tally(closed=1)}
    assert management.received == {"phone": [b'{"type":"bye","reason":"disconnected","reconnect":false}']}
    assert ask("disconnect", connectionId="phone") == {"connectionId": "phone", **tally()}


def test_a_connection_that_is_disconnected_is_subscribed_to_nothing(
    tables: Tables, subscriptions: Subscriptions, management: ManagementServer
) -> None:
    management.open("phone")
    tables.add_client("phone", topics={"org/7", "org/8"})
    for connection_id, topic in (("phone", "org/7"), ("phone", "org/8"), ("tablet", "org/7")):
        subscriptions.add(topic, connection_id)
    ask("disconnect", userId="alice")
    assert [row["connectionId"] for row in subscriptions.rows()] == ["tablet"]


def test_connections_that_are_closed_are_counted(
    tables: Tables, management: ManagementServer, log_lines: LogLines
) -> None:
    management.open("phone", "tablet")
    for name in ("phone", "tablet", "gone"):
        tables.add_client(name)
    ask("disconnect", userId="alice")
    ask("disconnect", userId="alice")
    assert [line.get("ConnectionsEnded") for line in log_lines()] == [2, None]


def test_a_connection_whose_handshake_is_running_is_closed_a_little_later(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker, log_lines: LogLines
) -> None:
    tables.add_client("phone", connected_at=time.time_ns() // 1_000_000)
    assert ask("disconnect", userId="alice") == {"userId": "alice", **tally(connecting=1)}
    assert [row["connectionId"] for row in tables.clients()] == ["phone"]
    assert queue.delays == [5]
    management.open("phone")
    assert deliver(queue, event) == [tally(closed=1)]
    assert tables.clients() == []
    assert queue.bodies == []
    assert [line["action"] for line in log_lines()] == ["disconnect", "close"]


def test_a_connection_that_cannot_be_closed_is_tried_again(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker
) -> None:
    management.open("phone")
    management.closing = HTTPStatus.FORBIDDEN
    tables.add_client("phone")
    assert ask("disconnect", userId="alice") == {"userId": "alice", **tally(failed=1)}
    management.closing = HTTPStatus.NO_CONTENT
    assert deliver(queue, event) == [tally(closed=1)]


def test_a_tenth_of_the_time_is_kept_for_passing_on_what_cannot_be_closed(tables: Tables) -> None:
    ask("online", userIds=["alice"])
    warm = concurrent.made(control.make)
    invocation = Invocation(warm, started=100.0, deadline=200.0, fields={})
    for each in (control._disconnecting(invocation), control._revoking(invocation)):
        assert (each.closer.deadline, each.deadline) == (190.0, 200.0)


def test_revoked_tokens_open_no_connection_and_send_no_message(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker, log_lines: LogLines
) -> None:
    now = int(time.time())
    old = {"userId": "alice", "issuedAt": str(now - 60), "tokenId": "t1"}
    new = {"userId": "alice", "issuedAt": str(now + 5)}
    assert connect.handler(event("connect", authorizer=old), Context()) == {"statusCode": 200}
    (row,) = tables.clients()
    assert (row["issuedAt"], row["tokenId"]) == (now - 60, "t1")
    management.open(row["connectionId"], "newer")
    tables.add_client("newer", issuedAt=now + 5)

    reply = ask("revoke", userId="alice")
    assert {"userId": "alice", **tally(closed=1)}.items() <= reply.items()
    assert now < reply["issuedBefore"] <= int(time.time()) + 1
    assert management.received[row["connectionId"]] == [b'{"type":"bye","reason":"revoked","reconnect":false}']
    assert queue.delays == [5]

    log_lines()
    assert connect.handler(event("connect", authorizer=old), Context()) == {"statusCode": 403}
    for handle, body in (
        (poll.handler, {"action": "poll"}),
        (push.handler, {"action": "push", "userId": "alice", "content": 1}),
    ):
        answer: Any = handle(event("message", body=body, authorizer=old), Context())
        assert json.loads(answer["body"])["code"] == "TOKEN_REVOKED"
    assert [line["outcome"] for line in log_lines()] == ["TOKEN_REVOKED"] * 3
    assert {each["connectionId"] for each in tables.clients()} == {"newer", "revoked#alice"}
    answer = poll.handler(event("message", body={"action": "poll"}, authorizer=new), Context())
    assert json.loads(answer["body"])["type"] == "history"
    assert connect.handler(event("connect", authorizer=new), Context()) == {"statusCode": 200}

    assert deliver(queue, event) == [{"userId": "alice", **tally()}]
    assert ask("unrevoke", userId="alice") == {"userId": "alice", "revoked": False}
    assert connect.handler(event("connect", authorizer=old), Context()) == {"statusCode": 200}


class Interrupted(dict[str, HTTPStatus]):
    """Statuses of connections, of which the first post to any does something and is answered by 503."""

    def __init__(self, statuses: dict[str, HTTPStatus], act: Callable[[], object]) -> None:
        super().__init__(statuses)
        self._act: Callable[[], object] | None = act

    def get(self, key: str, default: Any = None) -> Any:
        act, self._act = self._act, None
        if act is None:
            return super().get(key, default)
        act()
        return HTTPStatus.SERVICE_UNAVAILABLE


def test_a_push_that_is_retrying_sends_nothing_to_a_connection_that_is_revoked_meanwhile(
    tables: Tables, management: ManagementServer
) -> None:
    management.open("phone")
    tables.add_client("phone", issuedAt=5)

    async def revoke() -> dict[str, Any]:
        # Another function has a loop and connections of its own.
        sender, now = ConcurrentSender(os.environ), time.monotonic()
        try:
            request = {"action": "revoke", "userId": "alice", "issuedBefore": 6}
            return dict(await control._answer(request, Invocation(control.make(sender), now, now + 5, {})))
        finally:
            await sender.close()

    replies: list[dict[str, Any]] = []
    management.statuses = Interrupted(management.statuses, lambda: replies.append(asyncio.run(revoke())))
    report: Any = push.handler({"userId": "alice", "content": 1}, Context())

    (reply,) = replies
    assert tally(closed=1).items() <= reply.items()
    assert management.received["phone"] == [b'{"type":"bye","reason":"revoked","reconnect":false}']
    totals = report["totals"]
    assert (totals["persisted"], totals["delivered"], totals["gone"], totals["failed"]) == (1, 0, 1, 0)
    assert [each["connectionId"] for each in tables.clients()] == ["revoked#alice"]


def test_the_second_time_closes_what_was_connecting(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker, log_lines: LogLines
) -> None:
    tables.add_client("phone", connected_at=time.time_ns() // 1_000_000, issuedAt=5)
    reply = ask("revoke", userId="alice", issuedBefore=6)
    assert tally(connecting=1).items() <= reply.items()
    assert deliver(queue, event) == [{"userId": "alice", **tally(connecting=1)}]
    management.open("phone")
    assert deliver(queue, event) == [{"userId": "alice", **tally(closed=1)}]
    assert queue.bodies == []
    assert [(line["action"], line["connecting"], line["closed"]) for line in log_lines()] == [
        ("revoke", 1, 0),
        ("sweep", 1, 0),
        ("sweep", 0, 1),
    ]


def test_what_stays_open_for_too_long_is_an_error(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker
) -> None:
    management.open("phone")
    management.closing = HTTPStatus.FORBIDDEN
    tables.add_client("phone", issuedAt=5)
    ask("revoke", userId="alice", issuedBefore=6)
    queue.bodies = ['{"sweep":"alice","revokedAt":1}']
    with pytest.raises(Exception, match="could not be closed") as raised:
        deliver(queue, event)
    assert type(raised.value).__name__ == "INCOMPLETE"


def test_one_token_is_revoked_by_its_id(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker
) -> None:
    management.open("phone", "tablet", "unknown")
    tables.add_client("phone", tokenId="t1")
    tables.add_client("tablet", tokenId="t2")
    tables.add_client("unknown")
    reply = ask("revoke", userId="alice", tokenId="t1")
    assert reply["tokenId"] == "t1"
    assert tally(closed=1).items() <= reply.items()
    assert management.closed == ["phone"]
    ask("revoke", userId="alice", tokenId="t3")
    refused = {"userId": "alice", "tokenId": "t1"}
    assert connect.handler(event("connect", authorizer=refused), Context()) == {"statusCode": 403}
    assert connect.handler(event("connect", authorizer={**refused, "tokenId": "t2"}), Context()) == {"statusCode": 200}
    assert ask("unrevoke", userId="alice", tokenId="t1") == {"userId": "alice", "tokenId": "t1", "revoked": False}
    assert ask("unrevoke", userId="alice", tokenId="t1") == {"userId": "alice", "tokenId": "t1", "revoked": False}
    assert connect.handler(event("connect", authorizer=refused), Context()) == {"statusCode": 200}
    assert connect.handler(event("connect", authorizer={**refused, "tokenId": "t3"}), Context()) == {"statusCode": 403}


def test_an_earlier_time_takes_nothing_back(tables: Tables, event: EventMaker) -> None:
    ask("revoke", userId="alice", issuedBefore=100)
    ask("revoke", userId="alice", issuedBefore=50)
    authorizer = {"userId": "alice", "issuedAt": "99"}
    assert connect.handler(event("connect", authorizer=authorizer), Context()) == {"statusCode": 403}
    (row,) = tables.clients()
    assert time.time() < row["expiresAt"] <= time.time() + 3601


def test_a_later_time_that_stays_is_kept_as_long_as_the_reply_says(
    tables: Tables, environment: pytest.MonkeyPatch
) -> None:
    ask("revoke", userId="alice", issuedBefore=100)
    environment.setenv("REVOCATION_TTL", "7200")
    redeploy()
    revoked_until = ask("revoke", userId="alice", issuedBefore=50)["revokedUntil"]
    (row,) = tables.clients()
    assert (row["issuedBefore"], rfc_3339(int(row["expiresAt"]) * 1000)) == (100, revoked_until)
    environment.setenv("REVOCATION_TTL", "60")
    redeploy()
    ask("revoke", userId="alice", issuedBefore=50)
    assert tables.clients() == [row]


@pytest.mark.parametrize("later", [{"tokenId": "t1"}, {"issuedBefore": 200}])
def test_what_is_revoked_later_does_not_end_a_revocation_earlier(
    tables: Tables, environment: pytest.MonkeyPatch, later: dict[str, object]
) -> None:
    ask("revoke", userId="alice", issuedBefore=100)
    (before,) = tables.clients()
    environment.setenv("REVOCATION_TTL", "60")
    redeploy()
    ask("revoke", userId="alice", **later)
    (row,) = tables.clients()
    assert row["expiresAt"] == before["expiresAt"]
    assert row["issuedBefore"] == later.get("issuedBefore", 100)
    assert row.get("tokenIds") == ({"t1"} if "tokenId" in later else None)


def test_a_revocation_lasts_as_long_as_a_token_that_is_issued_just_before_its_time(tables: Tables) -> None:
    ahead = int(time.time()) + 50
    ask("revoke", userId="alice", issuedBefore=ahead)
    assert [row["expiresAt"] for row in tables.clients()] == [ahead + 3600]


def test_a_revocation_that_is_over_refuses_nothing_although_its_item_is_there(
    tables: Tables, management: ManagementServer, queue: QueueServer, event: EventMaker
) -> None:
    ask("revoke", userId="alice")
    tables.end_revocation("alice")
    # Without a time of issue, a token counts as issued before any time.
    assert connect.handler(event("connect", authorizer={"userId": "alice"}), Context()) == {"statusCode": 200}
    message = event("message", body={"action": "poll"}, authorizer={"userId": "alice"})
    assert json.loads(str(poll.handler(message, Context())["body"]))["type"] == "history"
    assert deliver(queue, event) == [{"userId": "alice", **tally()}]


def test_too_many_single_tokens_are_refused(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("websocket_push.tables.registry.MAX_TOKEN_IDS", 2)
    for token_id in ("t1", "t2", "t1"):
        ask("revoke", userId="alice", tokenId=token_id)
    code, message = refusal({"action": "revoke", "userId": "alice", "tokenId": "t3"})
    assert code == "INVALID_TOKEN_ID"
    assert "issuedBefore" in message


def test_a_revocation_whose_second_time_cannot_be_asked_for_is_an_error_and_holds(
    tables: Tables, queue: QueueServer, event: EventMaker
) -> None:
    queue.refusing = (403, "AccessDenied")
    assert refusal({"action": "revoke", "userId": "alice"})[0] == "AWS_REFUSED"
    assert connect.handler(event("connect", authorizer={"userId": "alice"}), Context()) == {"statusCode": 403}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "UNKNOWN_ACTION"),
        ({"action": "online", "userIds": ["alice"], "user": "x"}, "UNKNOWN_FIELD"),
        ({"action": "disconnect"}, "INVALID_RECIPIENT"),
        ([], "INVALID_REQUEST"),
    ],
)
def test_a_refused_request(tables: Tables, request_: Any, code: str, log_lines: LogLines) -> None:
    assert contract.problems("control-request", request_)
    refused, message = refusal(request_)
    assert refused == code
    assert contract.problems("push-failure", {"errorType": refused, "errorMessage": message}) == []
    assert [line["outcome"] for line in log_lines()] == [code]


@pytest.mark.parametrize("body", ["{}", "x", "[]", '{"sweep":"alice"}', '{"sweep":7,"revokedAt":1}', '{"close":[1]}'])
def test_a_message_that_the_function_did_not_write_is_refused(
    tables: Tables, queue: QueueServer, event: EventMaker, body: str
) -> None:
    queue.bodies = [body]
    with pytest.raises(Exception, match=r"\w") as raised:
        deliver(queue, event)
    assert type(raised.value).__name__ in ("INVALID_REQUEST", "INVALID_USER_ID")
