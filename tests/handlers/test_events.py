"""The events function, on recorded batches of the stream and of its queue."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from tests.handlers.conftest import Context, Event, Subscriptions, Tables
from tests.handlers.event_bus_server import EventBusServer
from tests.handlers.management_server import ManagementServer
from tests.handlers.queue_server import QueueServer
from tests.unit.contracts import contract
from websocket_push.handlers import connect, control, disconnect, events, push
from websocket_push.handlers.events import handler
from websocket_push.push.intake import Intake
from websocket_push.runtime.invocation import Invocation

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

ALICE = {"userId": "alice"}
ME = "WKtlFcYLjoECFvg="
OPENED, NOTED, DISCONNECTED, EXPIRED, GONE, REVOCATION = range(6)
"""The records of the recorded batch."""


@pytest.fixture(autouse=True)
def bus(environment: pytest.MonkeyPatch) -> Iterator[EventBusServer]:
    server = EventBusServer()
    environment.setenv("EVENT_BUS_ARN", server.bus_arn)
    environment.setenv("EVENT_SOURCE", "websocket-push")
    environment.setenv("OFFLINE_AFTER", "30")
    environment.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", server.url)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def queue(environment: pytest.MonkeyPatch) -> Iterator[QueueServer]:
    server = QueueServer()
    environment.setenv("EVENTS_QUEUE_URL", server.queue_url)
    environment.setenv("EVENTS_INCLUDE_CONTENT", "false")
    environment.setenv("EVENTS", "true")
    environment.setenv("AWS_ENDPOINT_URL_SQS", server.url)
    yield server
    server.stop()


@pytest.fixture
def follow(event: EventMaker, bus: EventBusServer) -> Callable[..., list[dict[str, Any]]]:
    """Have the function receive records of the recorded batch; return the events."""

    def follow(*numbers: int) -> list[dict[str, Any]]:
        batch = event("stream")
        batch["Records"] = [batch["Records"][number] for number in numbers]
        assert handler(batch, Context()) == {"batchItemFailures": []}
        return checked(bus)

    return follow


@pytest.fixture
def deliver(event: EventMaker, bus: EventBusServer, queue: QueueServer) -> Callable[..., list[dict[str, Any]]]:
    """Have the function receive what was sent to its queue, or other bodies; return the events."""

    def deliver(*bodies: str, failed: int = 0, milliseconds: int = 5_000) -> list[dict[str, Any]]:
        batch = event("queue")
        (record,) = batch["Records"]
        batch["Records"] = [
            {**record, "messageId": f"m{number}", "body": body} for number, body in enumerate(bodies or queue.take())
        ]
        answer: Any = handler(batch, Context(milliseconds))
        assert len(answer["batchItemFailures"]) == failed
        return checked(bus)

    return deliver


Follow = Callable[..., list[dict[str, Any]]]


def checked(bus: EventBusServer) -> list[dict[str, Any]]:
    events = bus.take()
    for each in events:
        assert contract.problems("event", each) == [], each
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


def record(connection_id: str, user_id: str = "alice", *, name: str = "INSERT", at: int = 1_769_860_800) -> Event:
    image = {
        "connectionId": {"S": connection_id},
        "userId": {"S": user_id},
        "connectedAt": {"N": str(at * 1000)},
        "expiresAt": {"N": "4000000000"},
    }
    images = {"NewImage": image} if name == "INSERT" else {"OldImage": image}
    return {
        "eventName": name,
        "eventSource": "aws:dynamodb",
        "dynamodb": {"ApproximateCreationDateTime": at, "Keys": {"connectionId": image["connectionId"]}, **images},
    }


# --- The stream


def test_a_connection_opens_and_its_user_is_online(tables: Tables, follow: Follow, log_lines: LogLines) -> None:
    opened, online = follow(OPENED)
    assert opened | {"id": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": "websocket-push",
        "type": "connection.opened",
        "subject": "alice",
        "time": "2026-01-31T12:00:00.000Z",
        "datacontenttype": "application/json",
        "data": {
            "userId": "alice",
            "connectionId": ME,
            "connectedAt": "2026-01-31T12:00:00.000Z",
            "expiresAt": "2026-01-31T14:01:00.000Z",
        },
    }
    assert (online["type"], online["data"]) == ("user.online", {"userId": "alice", "connectionId": ME})
    (line,) = log_lines()
    assert (line["changes"], line["EventsSent"]) == (1, 2)


def test_a_batch_that_is_passed_again_has_the_same_ids(tables: Tables, follow: Follow) -> None:
    assert follow(OPENED) == follow(OPENED)


def test_another_connection_brings_nobody_online(tables: Tables, event: EventMaker, bus: EventBusServer) -> None:
    batch = {"Records": [record("phone"), record("tablet"), record("hers", "bob")]}
    handler(batch, Context())
    events = checked(bus)
    assert sorted(kinds(events)) == ["connection.opened"] * 3 + ["user.online"] * 2
    handler({"Records": [record("laptop")]}, Context())
    assert kinds(checked(bus)) == ["connection.opened"]


@pytest.mark.parametrize(
    ("number", "at", "ending"),
    [
        (DISCONNECTED, "2026-01-31T13:00:00.000Z", {"cause": "disconnected", "code": 1001}),
        # The time is when it had to be over, not when DynamoDB came to it.
        (EXPIRED, "2026-01-31T14:01:00.000Z", {"cause": "expired"}),
        (GONE, "2026-01-31T13:00:01.000Z", {"cause": "gone"}),
    ],
)
def test_a_connection_is_closed_by_a_cause(
    tables: Tables, follow: Follow, queue: QueueServer, number: int, at: str, ending: dict[str, object]
) -> None:
    (closed,) = follow(number)
    assert (closed["type"], closed["time"]) == ("connection.closed", at)
    assert {name: closed["data"].get(name) for name in ending} == ending
    assert "reason" not in closed["data"]
    assert (len(queue.bodies), queue.delays) == (1, [30])


def test_what_is_no_connection_is_no_event(tables: Tables, follow: Follow, queue: QueueServer) -> None:
    assert follow(NOTED, REVOCATION) == []
    assert queue.bodies == []


@pytest.mark.parametrize(
    ("image", "attribute", "value"),
    [
        ("NewImage", "connectedAt", {"S": "yesterday"}),
        ("NewImage", "connectedAt", {"N": "1E20"}),
        ("NewImage", "connectedAt", {"N": str(10**20)}),
        ("NewImage", "expiresAt", {"N": str(10**15)}),
        ("NewImage", "userId", {"S": "a" * 2000}),
        ("OldImage", "connectedAt", {"N": str(10**20)}),
        ("OldImage", "endCause", {"N": "1"}),
        ("OldImage", "endCode", {"S": "1001"}),
    ],
)
def test_a_damaged_row_is_passed_over_and_counted(
    tables: Tables,
    bus: EventBusServer,
    environment: pytest.MonkeyPatch,
    log_lines: LogLines,
    image: str,
    attribute: str,
    value: dict[str, str],
) -> None:
    """A batch of the stream that fails is passed again, and what comes after it waits."""
    environment.setenv("METRICS_NAMESPACE", "Push")
    damaged = record("phone")
    damaged["dynamodb"][image] = {**damaged["dynamodb"].pop("NewImage"), "endCause": {"S": "gone"}, attribute: value}
    handler({"Records": [damaged, record("tablet")]}, Context())
    assert kinds(checked(bus)) == ["connection.opened", "user.online"]
    (line,) = log_lines()
    assert line["RowsUnreadable"] == 1


def test_more_events_than_a_request_takes(tables: Tables, bus: EventBusServer) -> None:
    handler({"Records": [record(f"c{number}", f"u{number}") for number in range(13)]}, Context())
    assert [len(each) for each in bus.requests] == [10, 10, 6]
    assert len({each["id"] for each in checked(bus)}) == 26


def test_events_that_the_bus_did_not_take_are_sent_again(tables: Tables, follow: Follow, bus: EventBusServer) -> None:
    bus.failing = [1]
    events = follow(OPENED)
    assert kinds(events) == ["connection.opened", "user.online"] * 2
    assert events[:2] == events[2:]


def test_a_batch_that_cannot_be_sent_fails_and_loses_nothing(
    tables: Tables, follow: Follow, event: EventMaker, environment: pytest.MonkeyPatch, bus: EventBusServer
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9")
    batch = event("stream")
    batch["Records"] = batch["Records"][:1]
    with pytest.raises(Exception, match="AWS did not do it in time") as raised:
        handler(batch, Context(600))
    assert type(raised.value).__name__ == "UNAVAILABLE"
    from websocket_push.runtime import concurrent

    concurrent.made.cache_clear()
    concurrent.sender.cache_clear()
    environment.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", bus.url)
    assert kinds(follow(OPENED)) == ["connection.opened", "user.online"]


# --- Offline


def test_a_user_without_a_connection_is_offline(tables: Tables, follow: Follow, deliver: Follow) -> None:
    follow(OPENED, DISCONNECTED)
    (offline,) = deliver()
    assert (offline["type"], offline["subject"], offline["time"]) == (
        "user.offline",
        "alice",
        "2026-01-31T13:00:00.000Z",
    )
    # And online once more.
    assert kinds(follow(OPENED)) == ["connection.opened", "user.online"]


def test_a_reload_makes_no_flap(tables: Tables, bus: EventBusServer, deliver: Follow, queue: QueueServer) -> None:
    handler({"Records": [record("before"), record("before", name="REMOVE"), record("after")]}, Context())
    assert kinds(checked(bus)) == ["connection.opened", "user.online", "connection.closed", "connection.opened"]
    tables.add_client("after")
    assert deliver() == []


def test_a_row_that_has_expired_keeps_nobody_online(tables: Tables, follow: Follow, deliver: Follow) -> None:
    follow(OPENED, DISCONNECTED)
    tables.add_client("old", expiresAt=int(time.time()) - 1)
    assert kinds(deliver()) == ["user.offline"]


def test_a_row_that_expires_soon_keeps_its_user_online(tables: Tables, follow: Follow, deliver: Follow) -> None:
    follow(OPENED, DISCONNECTED)
    tables.add_client("old", expiresAt=int(time.time()) + 3_600)
    assert deliver() == []


def test_of_two_connections_that_end_together_one_is_reported_and_again_with_the_same_id(
    tables: Tables, bus: EventBusServer, deliver: Follow, queue: QueueServer
) -> None:
    both = [record("phone"), record("tablet")]
    handler({"Records": both + [record(each, name="REMOVE") for each in ("phone", "tablet")]}, Context())
    checked(bus)
    bodies = queue.take()
    # One after the other: moto checks a condition and writes in two steps.
    (first,) = [event for body in bodies for event in deliver(body)]
    assert first["type"] == "user.offline"
    # Both messages once more: the one that was reported has the same id, the other says nothing.
    assert [event for body in bodies for event in deliver(body)] == [first]


def test_a_departure_whose_answer_was_lost_is_reported_when_it_is_sent_again(
    tables: Tables, follow: Follow, deliver: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websocket_push.aws.dynamodb import DynamoDB

    follow(OPENED, DISCONNECTED)
    update = DynamoDB.update_item

    async def send_twice(self: DynamoDB, *arguments: Any, **options: Any) -> Any:
        await update(self, *arguments, **options)
        return await update(self, *arguments, **options)

    monkeypatch.setattr(DynamoDB, "update_item", send_twice)
    assert kinds(deliver()) == ["user.offline"]


def test_a_connection_that_opens_while_offline_is_decided_wins(
    tables: Tables, follow: Follow, deliver: Follow, event: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websocket_push.tables.tracking import Tracking

    follow(OPENED, DISCONNECTED)
    looked = Tracking._is_connected

    async def then_another_opens(self: Tracking, user_id: str, ended: str, *, now: int, deadline: float) -> bool:
        connected = await looked(self, user_id, ended, now=now, deadline=deadline)
        assert not await self.arrive(user_id, "new", now=now, deadline=deadline)
        return connected

    monkeypatch.setattr(Tracking, "_is_connected", then_another_opens)
    assert deliver() == []


def test_a_user_who_was_online_before_there_were_events_is_not_reported_offline(
    tables: Tables, follow: Follow, deliver: Follow
) -> None:
    assert kinds(follow(GONE)) == ["connection.closed"]
    assert deliver() == []


# --- What push and fanout report


def test_what_was_kept_for_users_without_a_connection_is_undelivered(
    tables: Tables, management: ManagementServer, queue: QueueServer, deliver: Follow
) -> None:
    management.open("phone")
    tables.add_client("phone")
    tables.add_client("closed", "bob")
    report: Any = push.handler({"userIds": ["alice", "bob", "carol"], "content": {"a": 1}}, Context())
    assert len(queue.bodies) == 1
    bodies = queue.take()
    events = deliver(*bodies)
    assert [(each["type"], each["subject"]) for each in events] == [
        ("notification.undelivered", "bob"),
        ("notification.undelivered", "carol"),
    ]
    assert {each["data"]["notificationId"] for each in events} == {report["id"]}
    assert "content" not in events[0]["data"]
    # Pushed again with the same id, it is the same event.
    push.handler({"userIds": ["bob"], "content": {"a": 1}, "id": report["id"]}, Context())
    assert [each["id"] for each in deliver()] == [events[0]["id"]]


@pytest.mark.parametrize(
    ("request_", "connection"),
    [
        ({"persist": False}, False),
        ({}, True),
    ],
)
def test_what_was_not_kept_or_was_sent_is_not(
    tables: Tables, management: ManagementServer, queue: QueueServer, request_: dict[str, object], connection: bool
) -> None:
    if connection:
        management.open("phone")
        tables.add_client("phone")
    push.handler({"userId": "alice", "content": 1, **request_}, Context())
    assert queue.bodies == []


def test_a_recall_and_what_was_recalled_or_replaced_before_it_came_are_not(
    tables: Tables, environment: pytest.MonkeyPatch, queue: QueueServer, deliver: Follow
) -> None:
    environment.setenv("INBOX", "true")
    environment.setenv("EVENTS_INCLUDE_CONTENT", "true")
    old, new, newer = (f"019c13a0-9c00-7000-8000-00000000000{number}" for number in range(3))
    push.handler({"userId": "alice", "recall": old}, Context())
    for late in ({"content": 1}, {"content": 1, "replaces": new}):
        report: Any = push.handler({"userId": "alice", "id": old, **late}, Context())
        assert report["recipients"][0]["superseded"] is True
    assert queue.bodies == []
    push.handler({"userId": "alice", "id": newer, "content": 2, "key": "k"}, Context())
    assert [each["data"]["notificationId"] for each in deliver()] == [newer]
    push.handler({"userId": "alice", "id": new, "content": 1, "key": "k"}, Context())
    assert queue.bodies == []


def test_the_content_is_in_the_event_where_that_is_asked_for(
    tables: Tables, environment: pytest.MonkeyPatch, deliver: Follow
) -> None:
    environment.setenv("EVENTS_INCLUDE_CONTENT", "true")
    push.handler({"userId": "alice", "content": {"text": "\ud83d\ude00 \uffff"}}, Context())
    (event,) = deliver()
    assert json.loads(event["data"]["content"]) == {"text": "\U0001f600 \uffff"}


def test_content_that_is_too_large_for_a_message_is_left_out(
    tables: Tables, environment: pytest.MonkeyPatch, deliver: Follow, queue: QueueServer
) -> None:
    environment.setenv("EVENTS_INCLUDE_CONTENT", "true")
    environment.setenv("MAX_FRAME_BYTES", str(128 * 1024))
    push.handler({"userId": "alice", "content": "x" * 70_000}, Context())
    (event,) = deliver()
    assert "content" not in event["data"]


def test_many_users_are_more_than_one_message_each_below_the_limit(
    tables: Tables, environment: pytest.MonkeyPatch, queue: QueueServer, deliver: Follow
) -> None:
    environment.setenv("EVENTS_INCLUDE_CONTENT", "true")
    environment.setenv("MAX_FRAME_BYTES", str(128 * 1024))
    users = [f"{number:03}" + "\u00e9" * 126 for number in range(201)]
    report: Any = push.handler({"userIds": users, "content": "x" * 60_000}, Context(120_000))
    assert report["totals"]["persisted"] == 201
    assert len(queue.bodies) == 2
    assert max(len(body.encode()) for body in queue.bodies) < 256 * 1024
    # Twelve megabytes of events: a busy machine may take more than the usual time of an invocation.
    assert {each["subject"] for each in deliver(milliseconds=120_000)} == set(users)


def test_a_push_whose_event_cannot_be_queued_is_incomplete_and_reports_it_when_it_is_repeated(
    tables: Tables, queue: QueueServer, deliver: Follow
) -> None:
    queue.refusing = (403, "AccessDenied")
    report: Any = push.handler({"userId": "alice", "content": 1}, Context())
    assert report["recipients"][0]["persisted"] is True
    assert (report["totals"]["incomplete"], report["recipients"][0]["error"]["code"]) == (1, "AWS_REFUSED")
    assert contract.problems("push-report", json.loads(json.dumps(report))) == []
    queue.refusing = None
    again: Any = push.handler({"userId": "alice", "content": 1, "id": report["id"]}, Context())
    assert again["totals"]["incomplete"] == 0
    assert kinds(deliver()) == ["notification.undelivered"]


def finished(part: int, of: int = 2, topic: str = "org/7") -> str:
    return json.dumps(
        {
            "finished": "019c13a0-9c00-7000-8000-000000000000",
            "topic": topic,
            "part": part,
            "of": of,
            "at": 1_769_860_801_000,
        }
    )


def test_a_broadcast_is_completed_when_all_its_parts_are(tables: Tables, deliver: Follow) -> None:
    assert deliver(finished(1), finished(1)) == []
    (event,) = deliver(finished(0))
    assert (event["type"], event["subject"], event["time"]) == (
        "broadcast.completed",
        "org/7",
        "2026-01-31T12:00:01.000Z",
    )
    assert [each["id"] for each in deliver(finished(0))] == [event["id"]]
    # The same notification for all is another one.
    assert deliver(finished(0, topic="*")) == []


def test_the_events_of_every_message_of_a_batch_are_counted(
    tables: Tables, deliver: Follow, log_lines: LogLines
) -> None:
    assert len(deliver(finished(0, of=1), finished(0, of=1, topic="*"), finished(0))) == 2
    assert [line["EventsSent"] for line in log_lines()] == [2]


def test_of_a_batch_only_what_failed_is_received_again(tables: Tables, deliver: Follow, log_lines: LogLines) -> None:
    assert kinds(deliver("{}", finished(0, of=1), "x", '{"left":"alice"}', failed=3)) == ["broadcast.completed"]
    (line,) = log_lines()
    assert (line["outcome"], line["messages"], line["failedMessages"]) == ("INVALID_REQUEST", 4, 3)


def test_no_message_is_started_in_the_last_third_of_the_time(
    environment: pytest.MonkeyPatch, event: EventMaker
) -> None:
    starts: list[float] = []

    async def take_none(messages: object, take: object, *, starts_until: float) -> list[Intake]:
        starts.append(starts_until)
        return []

    environment.setattr(events, "take_in", take_none)
    warm = events.Warm(*cast(Any, [None] * 4))
    asyncio.run(events._take(event("queue"), Invocation(warm, started=100.0, deadline=200.0, fields={})))
    assert starts == [170.0]


# --- Why connections end


def test_the_row_says_why_before_it_is_removed(
    tables: Tables, management: ManagementServer, event: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websocket_push.tables.clients import Clients

    noted: dict[str, dict[str, Any]] = {}
    remove = Clients.remove

    async def look(self: Clients, connection_id: str, *, deadline: float) -> None:
        noted.update({row["connectionId"]: row for row in tables.clients() if row["connectionId"] == connection_id})
        await remove(self, connection_id, deadline=deadline)

    monkeypatch.setattr(Clients, "remove", look)
    monkeypatch.setenv("CONTROL_QUEUE_URL", QueueServer.queue_url)
    monkeypatch.setenv("CONNECTIONS_PER_USER", "1")
    monkeypatch.setenv("CLOSE_OLDEST", "true")
    tables.add_client(ME)
    left = event("disconnect")
    left["requestContext"]["disconnectStatusCode"] = 1001
    assert disconnect.handler(left, Context()) == {"statusCode": 200}
    management.open("out", "revoked", "oldest")
    tables.add_client("out", "bob")
    control.handler({"action": "disconnect", "userId": "bob", "reason": "signed_out"}, Context())
    tables.add_client("revoked", "carol")
    control.handler({"action": "revoke", "userId": "carol"}, Context())
    tables.add_client("oldest")
    connect.handler(event("connect", authorizer=ALICE), Context())
    assert {
        name: {member: row[member] for member in row if member.startswith("end")} for name, row in noted.items()
    } == {
        ME: {"endCause": "disconnected", "endCode": 1001},
        "out": {"endCause": "control", "endReason": "signed_out"},
        "revoked": {"endCause": "revoked"},
        "oldest": {"endCause": "connection_limit"},
    }


def test_the_first_cause_stays_and_no_row_is_made(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    assert disconnect.handler(event("disconnect"), Context()) == {"statusCode": 200}
    assert tables.clients() == []


def test_without_events_nothing_is_noted(
    tables: Tables,
    subscriptions: Subscriptions,
    event: EventMaker,
    environment: pytest.MonkeyPatch,
    queue: QueueServer,
) -> None:
    environment.delenv("EVENTS")
    environment.delenv("EVENTS_QUEUE_URL")
    assert disconnect.handler(event("disconnect"), Context()) == {"statusCode": 200}
    push.handler({"userId": "alice", "content": 1}, Context())
    assert queue.bodies == []
