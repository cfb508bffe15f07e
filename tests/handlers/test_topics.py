"""Pushes to topics, and the fan-out workers, over DynamoDB as moto serves it."""

import json
import math
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import boto3
import pytest

from tests.handlers.conftest import CLIENTS, Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from tests.handlers.queue_server import QueueServer
from websocket_push.aws.dynamodb import DynamoDB, QueryPage
from websocket_push.aws.errors import AwsError
from websocket_push.aws.queue import Queue
from websocket_push.handlers import connect, fanout, poll, push, subscriptions
from websocket_push.protocol.identifiers import new_notification_id
from websocket_push.protocol.segment import MAX_ONLY, parse_segment
from websocket_push.push import topic_push
from websocket_push.push.fan_out import Means, Position
from websocket_push.push.outcome import Outcome
from websocket_push.push.schedule import Schedule
from websocket_push.tables import audience
from websocket_push.tables.audience import Audience
from websocket_push.tables.clients import Clients

LogLines = Callable[[], list[dict[str, Any]]]
EventMaker = Callable[..., Event]

SUBSCRIPTIONS = "subscriptions"
LONG = Context(60_000)
"""The context of a worker, which has as long as the module gives it."""

ID = new_notification_id(1_769_860_800_000_000_000, bytes(8))


@pytest.fixture
def queue() -> Iterator[QueueServer]:
    server = QueueServer()
    yield server
    server.stop()


@pytest.fixture
def world(
    tables: Tables, aws_url: str, management: ManagementServer, queue: QueueServer, environment: pytest.MonkeyPatch
) -> Iterator["World"]:
    for name, value in {
        "AWS_ENDPOINT_URL_SQS": queue.url,
        "SUBSCRIPTIONS_TABLE": SUBSCRIPTIONS,
        "FANOUT_QUEUE_URL": queue.queue_url,
        "FANOUT_SEGMENTS": "3",
        "IMMEDIATE_CONNECTIONS": "4",
        "POSTS_PER_SECOND": "10000",
        "TOPICS": "true",
        "MAX_TOPICS_PER_CONNECTION": "3",
    }.items():
        environment.setenv(name, value)
    dynamodb = boto3.resource("dynamodb", endpoint_url=aws_url, region_name="eu-west-1")
    subscriptions = dynamodb.create_table(
        TableName=SUBSCRIPTIONS,
        KeySchema=[
            {"AttributeName": "topic", "KeyType": "HASH"},
            {"AttributeName": "connectionId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "topic", "AttributeType": "S"},
            {"AttributeName": "connectionId", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield World(tables, management, queue, subscriptions, dynamodb.Table(CLIENTS))
    subscriptions.delete()


class World:
    """Connections that listen to topics, and what reaches them."""

    def __init__(
        self, tables: Tables, management: ManagementServer, queue: QueueServer, subscriptions: Any, clients: Any
    ) -> None:
        self.tables = tables
        self.management = management
        self.queue = queue
        self.subscriptions = subscriptions
        self.clients = clients
        self.batches = 0

    def connect(self, *connection_ids: str, topic: str | None = "org/7", **row: Any) -> None:
        """Open connections and, with a topic, subscribe them."""
        self.management.open(*connection_ids)
        for connection_id in connection_ids:
            self.tables.add_client(connection_id, f"user of {connection_id}", **row)
            if topic is not None:
                self.subscribe(connection_id, topic)

    def subscribe(self, connection_id: str, topic: str) -> None:
        self.subscriptions.put_item(
            Item={
                "topic": topic,
                "connectionId": connection_id,
                "userId": f"user of {connection_id}",
                "connectedAt": 1,
                "expiresAt": 4_000_000_000,
            }
        )

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.management.received[connection_id]]

    def reached(self) -> dict[str, int]:
        """Return how many frames each connection got, of those that got some."""
        return {connection_id: len(frames) for connection_id, frames in self.management.received.items() if frames}

    def work(self, body: str, context: Context | None = None) -> list[str]:
        """Have a worker receive a message; return the ids of those that failed."""
        self.batches += 1
        record = {"messageId": f"message-{self.batches}", "eventSource": "aws:sqs", "body": body, "attributes": {}}
        answer: Any = json.loads(json.dumps(fanout.handler({"Records": [record]}, context or LONG)))
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def talk(self, message: Event, body: dict[str, Any]) -> dict[str, Any]:
        """Send a message of a client; return the frame that answers it."""
        route = poll.handler if body["action"] == "poll" else subscriptions.handler
        frame: dict[str, Any] = json.loads(str(route({**message, "body": json.dumps(body)}, Context())["body"]))
        return frame

    def drain(self) -> int:
        """Have workers receive all messages, those included that they send; return how many there were."""
        received = 0
        while bodies := self.queue.take():
            for body in bodies:
                received += 1
                assert self.work(body) == []
        return received


def pushed(**request: Any) -> dict[str, Any]:
    answer = push.handler(request, Context())
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


def many(count: int) -> list[str]:
    """Make connection ids that begin with all the characters that such ids begin with."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return [f"{alphabet[number % 64]}{number:06d}xyzAE=" for number in range(count)]


def test_a_small_topic_is_sent_to_at_once_and_its_notification_written_once(world: World) -> None:
    world.connect("phone", "laptop")
    world.connect("other", topic="org/8")

    report = pushed(topic="org/7", content={"text": "hello"})

    assert report == {
        "id": report["id"],
        "createdAt": report["createdAt"],
        "topic": "org/7",
        "persisted": True,
        "totals": {"connections": 2, "delivered": 2, "gone": 0, "connecting": 0, "failed": 0, "unclosed": 0},
    }
    (row,) = world.tables.notifications()
    assert (row["userId"], row["notificationId"], row["topic"]) == ("topic#org/7", report["id"], "org/7")
    expected = {
        "type": "notification",
        "id": report["id"],
        "createdAt": report["createdAt"],
        "topic": "org/7",
        "content": {"text": "hello"},
    }
    assert world.frames("phone") == world.frames("laptop") == [expected]
    assert world.frames("other") == []
    assert world.queue.bodies == []


def test_a_topic_without_subscriptions_is_kept(world: World) -> None:
    report = pushed(topic="nowhere", content=1)
    assert report["totals"]["connections"] == 0
    assert len(world.tables.notifications()) == 1


@pytest.mark.parametrize(("count", "at_once"), [(4, True), (5, False)])
def test_a_topic_with_more_connections_than_the_bound_is_passed_on(world: World, count: int, at_once: bool) -> None:
    connections = many(count)
    world.connect(*connections)
    report = pushed(topic="org/7", content=1, id=ID)
    assert ("accepted" not in report) is at_once
    assert world.drain() == (0 if at_once else 1)
    assert world.reached() == dict.fromkeys(connections, 1)
    assert len(world.tables.notifications()) == 1


def test_a_broadcast_is_passed_on_and_reaches_every_connection_once(world: World, log_lines: LogLines) -> None:
    connections = many(130)
    world.connect(*connections, topic=None)

    report = pushed(topic="*", content="all")

    assert report == {
        "id": report["id"],
        "createdAt": report["createdAt"],
        "topic": "*",
        "persisted": True,
        "accepted": True,
    }
    assert [row["userId"] for row in world.tables.notifications()] == ["topic#*"]
    assert world.reached() == {}
    (line,) = log_lines()
    assert (line["outcome"], line["id"], line["accepted"]) == ("OK", report["id"], True)

    assert world.drain() == 3

    assert world.reached() == dict.fromkeys(connections, 1)
    assert world.frames(connections[0])[0]["topic"] == "*"
    lines = log_lines()
    assert [(line["message"], line["outcome"], line["id"], line["of"]) for line in lines] == [
        ("fanout", "OK", report["id"], 3)
    ] * 3
    assert sorted(line["segment"] for line in lines) == [0, 1, 2]
    assert all(line["finished"] for line in lines)
    assert sum(line["totals"]["delivered"] for line in lines) == 130


def test_what_is_not_kept_is_passed_on_as_such(world: World) -> None:
    world.connect("phone", topic=None)
    assert pushed(topic="*", content=1, persist=False)["persisted"] is False
    assert world.tables.notifications() == []
    assert world.drain() == 3
    assert world.reached() == {"phone": 1}


def test_content_reaches_the_clients_of_a_fan_out_as_it_was_written(world: World, event: EventMaker) -> None:
    world.connect("phone", topic=None)
    content = '{"n": 10000000000000000.01, "twice":1,"twice":2, "s":"\\ud800 \ufffe\uffff \U0001f600 \\""}'
    (record,) = event("queue")["Records"]
    answer: Any = push.handler({"Records": [record | {"body": f'{{"topic":"*","content":{content}}}'}]}, Context())
    assert answer == {"batchItemFailures": []}
    assert not any(forbidden in body for body in world.queue.bodies for forbidden in "\ufffe\uffff")
    world.drain()
    (frame,) = world.management.received["phone"]
    sent = content.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    assert frame.decode().endswith(f',"content":{sent}}}')


def test_the_same_push_repeated_is_the_same_notification(world: World) -> None:
    world.connect("phone")
    assert pushed(topic="org/7", content=1, id=ID)["id"] == ID
    assert pushed(topic="org/7", content=1, id=ID)["id"] == ID
    assert [frame["id"] for frame in world.frames("phone")] == [ID, ID]
    assert len(world.tables.notifications()) == 1
    with pytest.raises(Exception, match="other content") as raised:
        pushed(topic="org/7", content=2, id=ID)
    assert type(raised.value).__name__ == "INVALID_ID"
    assert len(world.frames("phone")) == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"topic": "org/7", "userId": "alice"}, "INVALID_RECIPIENT"),
        ({"topic": "*", "userIds": ["alice"]}, "INVALID_RECIPIENT"),
        ({"topic": None}, "INVALID_RECIPIENT"),
        ({"topic": ""}, "INVALID_TOPIC"),
        ({"topic": "org/*"}, "INVALID_TOPIC"),
        ({"topic": "/org"}, "INVALID_TOPIC"),
        ({"topic": "org//7"}, "INVALID_TOPIC"),
        ({"topic": "org 7"}, "INVALID_TOPIC"),
        ({"topic": "topic#7"}, "INVALID_TOPIC"),
        ({"topic": "x" * 129}, "INVALID_TOPIC"),
        ({"topic": ["org/7"]}, "INVALID_TOPIC"),
        ({"topic": "org/7", "ttl": 0}, "INVALID_TTL"),
        ({"topic": "org/7", "persist": False, "ttl": 5}, "INVALID_TTL"),
        ({"topic": "org/7", "onFailure": "no"}, "INVALID_ON_FAILURE"),
    ],
)
def test_a_request_that_is_refused_writes_and_sends_nothing(world: World, request_: dict[str, Any], code: str) -> None:
    world.connect("phone")
    with pytest.raises(Exception, match=r".") as raised:
        pushed(content=1, **request_)
    assert type(raised.value).__name__ == code
    assert world.tables.notifications() == []
    assert world.reached() == {}
    assert world.queue.bodies == []


def test_without_the_input_a_topic_is_refused(world: World, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("FANOUT_QUEUE_URL")
    with pytest.raises(Exception, match="topics") as raised:
        pushed(topic="org/7", content=1)
    assert type(raised.value).__name__ == "TOPICS_DISABLED"
    assert world.tables.notifications() == []


def test_a_notification_with_its_topic_must_fit_into_a_page(world: World) -> None:
    topic = "x" * 128
    world.connect("phone", topic=topic)
    empty = {"type": "notification", "id": ID, "createdAt": "2026-01-31T12:00:00.000Z", "topic": topic, "content": ""}
    most = 32_768 - 1024
    fitting = "x" * (most - len(json.dumps(empty, separators=(",", ":"))))
    pushed(topic=topic, content=fitting)
    (frame,) = world.management.received["phone"]
    assert len(frame) == most
    with pytest.raises(Exception, match="frame") as raised:
        pushed(topic=topic, content=fitting + "x")
    assert type(raised.value).__name__ == "CONTENT_TOO_LARGE"


def test_where_passing_on_fails_the_caller_hears_of_it(world: World) -> None:
    world.queue.refusing = (403, "AccessDenied")
    with pytest.raises(Exception, match=r".") as raised:
        pushed(topic="*", content=1, persist=False)
    assert type(raised.value).__name__ == "AWS_REFUSED"

    report = pushed(topic="*", content=1)
    assert (report["persisted"], report["incomplete"], report["error"]["code"]) == (True, True, "AWS_REFUSED")
    assert "accepted" not in report

    with pytest.raises(Exception, match=report_id(report)) as raised:
        pushed(topic="*", content=1, id=report["id"], onFailure="raise")
    assert type(raised.value).__name__ == "INCOMPLETE"


def report_id(report: dict[str, Any]) -> str:
    return str(report["id"])


def test_the_few_connections_of_a_topic_are_read_consistently(world: World, environment: pytest.MonkeyPatch) -> None:
    """A subscription that was made before the push may not be in what DynamoDB reads otherwise."""
    asked: list[dict[str, Any]] = []

    async def query(_: DynamoDB, request: dict[str, Any], *, deadline: float) -> QueryPage:
        asked.append(request)
        return QueryPage([], None)

    environment.setattr(DynamoDB, "query", query)
    pushed(topic="org/7", content=1)
    assert [each["ConsistentRead"] for each in asked] == [True]


def test_a_message_of_the_push_queue_that_cannot_be_passed_on_is_received_again(
    world: World, event: EventMaker
) -> None:
    (record,) = event("queue")["Records"]
    batch = {"Records": [record | {"body": json.dumps({"topic": "*", "content": 1})}]}
    world.queue.refusing = (403, "AccessDenied")
    assert push.handler(batch, Context()) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    world.queue.refusing = None
    assert push.handler(batch, Context()) == {"batchItemFailures": []}
    (row,) = world.tables.notifications()
    assert {json.loads(body)["id"] for body in world.queue.bodies} == {row["notificationId"]}


def test_a_segment_that_is_received_twice_sends_the_same_notification_again(world: World) -> None:
    connections = many(10)
    world.connect(*connections, topic=None)
    report = pushed(topic="*", content=1)
    for body in world.queue.take():
        assert world.work(body) == world.work(body) == []
    assert world.reached() == dict.fromkeys(connections, 2)
    assert {frame["id"] for each in connections for frame in world.frames(each)} == {report["id"]}


class Ending(Schedule):
    """A schedule for which the time of the invocation is over after some connections."""

    most, slice = 10, 5

    def reserve(self, count: int, now: float) -> float:
        self.begun = getattr(self, "begun", 0) + count
        return now if self.begun <= self.most else math.inf


@pytest.mark.parametrize("topic", ["*", "org/7"])
def test_what_there_is_no_time_for_goes_on_after_the_last_that_was_begun(
    world: World, environment: pytest.MonkeyPatch, topic: str
) -> None:
    connections = many(60)
    world.connect(*connections)
    environment.setattr(fanout, "Schedule", Ending)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic=topic, content=1)
    (body,) = world.queue.take()
    assert world.work(body) == []
    (rest,) = world.queue.take()
    members = json.loads(rest)
    begun = world.reached()
    assert len(begun) == Ending.most
    assert members["after"] in begun
    assert {**members, "after": ""} == {**json.loads(body), "after": ""}

    environment.setattr(fanout, "Schedule", Schedule)
    assert world.work(rest) == []
    assert world.queue.bodies == []
    assert world.reached() == dict.fromkeys(connections, 1)


def test_a_segment_whose_rest_cannot_be_passed_on_is_received_again(
    world: World, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    connections = many(60)
    world.connect(*connections, topic=None)
    environment.setattr(fanout, "Schedule", Ending)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    log_lines()
    world.queue.refusing = (403, "AccessDenied")
    assert world.work(body) == ["message-1"]
    (line,) = log_lines()
    assert (line["outcome"], line["failedMessages"]) == ("AWS_REFUSED", 1)


def test_a_segment_whose_end_cannot_be_reported_sends_to_no_connection_again(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("FANOUT_SEGMENTS", "1")
    connections = many(10)
    world.connect(*connections, topic=None)
    pushed(topic="*", content=1)
    environment.setenv("EVENTS_QUEUE_URL", world.queue.queue_url)
    (body,) = world.queue.take()
    sent = Queue.send

    async def refusing(queue: Queue, message: str, **named: Any) -> None:
        if "finished" in json.loads(message):
            raise AwsError("AccessDenied", status=403)
        await sent(queue, message, **named)

    with environment.context() as patched:
        patched.setattr(Queue, "send", refusing)
        assert world.work(body) == []
        (rest,) = world.queue.take()
        # From there it is received again as it is, and moved to the dead-letter queue in the end.
        assert world.work(rest) == ["message-2"]
        assert world.queue.bodies == []
    assert world.work(rest) == []
    (finished,) = world.queue.take()
    assert json.loads(finished)["finished"] == json.loads(body)["id"]
    assert world.reached() == dict.fromkeys(connections, 1)


def test_a_segment_goes_on_after_connections_that_are_all_gone(world: World, environment: pytest.MonkeyPatch) -> None:
    connections = many(60)
    world.connect(*connections, topic=None)
    world.management.statuses.clear()
    environment.setattr(fanout, "Schedule", Ending)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    assert world.work(body) == []
    (rest,) = world.queue.take()
    assert json.loads(rest)["after"] in connections
    assert len(world.tables.clients()) == len(connections) - Ending.most


def test_a_worker_keeps_time_for_what_it_has_begun_for_closing_and_for_passing_on(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    times: list[tuple[float, ...]] = []

    async def spread(means: Means, *_: Any, until: float, **__: Any) -> tuple[Outcome, Position]:
        times.append((until, means.clocks.posts_until, means.clocks.closes_until))
        return Outcome("*"), Position("", finished=True)

    environment.setattr(fanout, "spread", spread)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    began = time.monotonic()
    assert world.work(body, Context(100_000)) == []
    assert [each - began for each in times[0]] == pytest.approx([70, 85, 95], abs=1)


def test_a_segment_of_which_nothing_could_be_begun_is_received_again_and_not_passed_on(
    world: World, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    """Passed on, it would go round for ever; received again, it ends as a dead letter."""

    class Never(Ending):
        most = 0

    world.connect(*many(5), topic=None)
    environment.setattr(fanout, "Schedule", Never)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    log_lines()
    assert world.work(body) == ["message-1"]
    assert (world.queue.bodies, world.reached()) == ([], {})
    assert [line["outcome"] for line in log_lines()] == ["UNAVAILABLE"]


def test_where_api_gateway_takes_nothing_the_rest_of_a_segment_is_not_closed_either(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    connections = many(60)
    world.connect(*connections, topic=None)
    world.management.open(*connections, status=HTTPStatus.FORBIDDEN)
    environment.setattr(fanout, "Schedule", Ending)
    environment.setenv("FANOUT_SEGMENTS", "1")
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    assert world.work(body) == ["message-1"]
    assert world.queue.bodies == []
    assert len(world.management.closed) == Ending.most


@pytest.mark.parametrize("persist", [True, False])
def test_a_segment_of_which_nothing_is_taken_is_received_again_as_it_is(world: World, persist: bool) -> None:
    world.management.closing = HTTPStatus.SERVICE_UNAVAILABLE
    connections = many(40)
    world.connect(*connections, topic=None)
    world.management.open(*connections, status=HTTPStatus.SERVICE_UNAVAILABLE)
    pushed(topic="*", content=1, persist=persist)
    (body, *_) = world.queue.take()
    assert world.work(body, Context(1_500)) == ["message-1"]
    assert world.queue.bodies == []


@pytest.mark.parametrize("topic", ["*", "org/7"])
def test_what_is_neither_sent_to_nor_closed_is_tried_again_without_the_others(
    world: World, environment: pytest.MonkeyPatch, log_lines: LogLines, topic: str
) -> None:
    environment.setenv("FANOUT_SEGMENTS", "1")
    environment.setenv("IMMEDIATE_CONNECTIONS", "0")
    connections = many(20)
    world.connect(*connections, "stuck")
    world.management.open("stuck", status=HTTPStatus.FORBIDDEN)
    world.management.closing = HTTPStatus.FORBIDDEN
    report = pushed(topic=topic, content=1)
    (body,) = world.queue.take()
    assert world.work(body) == []
    (rest,) = world.queue.take()
    assert json.loads(rest) == {**json.loads(body), "only": [["stuck", 1, 4_000_000_000]]}
    assert world.queue.delays[-1] == fanout.AGAIN_SECONDS

    log_lines()
    assert world.work(rest) == ["message-2"]
    (line,) = log_lines()
    assert (line["outcome"], line["incomplete"], line["DeliveriesUnclosed"]) == ("AWS_REFUSED", True, 1)
    assert "SegmentsFinished" not in line

    world.management.open("stuck")
    assert world.work(rest) == []
    assert world.queue.bodies == []
    assert world.reached() == dict.fromkeys([*connections, "stuck"], 1)
    (frame,) = world.frames("stuck")
    assert (frame["id"], frame["topic"], frame["content"]) == (report["id"], topic, 1)


def test_what_is_not_kept_is_tried_once(world: World) -> None:
    world.connect(*many(20), "stuck")
    world.management.open("stuck", status=HTTPStatus.FORBIDDEN)
    world.management.closing = HTTPStatus.FORBIDDEN
    pushed(topic="*", content=1, persist=False)
    assert world.drain() == 3


def test_more_than_a_message_names_has_the_whole_segment_received_again(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("FANOUT_SEGMENTS", "1")
    environment.setattr(fanout, "MAX_ONLY", 1)
    world.connect(*many(20), "stuck", "stuck too")
    world.management.open("stuck", "stuck too", status=HTTPStatus.FORBIDDEN)
    world.management.closing = HTTPStatus.FORBIDDEN
    pushed(topic="*", content=1)
    (body,) = world.queue.take()
    assert world.work(body) == ["message-1"]
    assert world.queue.bodies == []


def test_a_gone_connection_is_forgotten_with_its_subscription_and_a_slow_one_is_closed(world: World) -> None:
    world.connect("open", "gone", "slow")
    world.subscribe("lost", "org/7")
    world.subscribe("gone", "org/8")
    del world.management.statuses["gone"]
    world.management.open("slow", status=HTTPStatus.TOO_MANY_REQUESTS)

    report = pushed(topic="org/7", content=1)

    totals = report["totals"]
    assert (totals["connections"], totals["delivered"], totals["gone"], totals["failed"]) == (4, 1, 2, 1)
    assert report["error"]["code"] == "UNAVAILABLE"
    assert "incomplete" not in report
    assert world.management.closed == ["slow"]
    assert {row["connectionId"] for row in world.tables.clients()} == {"open", "slow"}
    left = {(row["topic"], row["connectionId"]) for row in world.subscriptions.scan()["Items"]}
    assert left - {("org/8", "gone")} == {("org/7", "open"), ("org/7", "slow")}


@pytest.mark.parametrize(("topic", "at_once"), [("org/7", 4), ("org/7", 0), ("*", 4)])
def test_a_connection_that_is_gone_listens_to_no_topic_any_more(
    world: World, environment: pytest.MonkeyPatch, topic: str, at_once: int
) -> None:
    environment.setenv("IMMEDIATE_CONNECTIONS", str(at_once))
    world.connect("open", topics={"org/7"})
    world.connect("gone", topics={"org/7", "org/8", "news/a"})
    for other in ("org/8", "news/a"):
        world.subscribe("gone", other)
    del world.management.statuses["gone"]
    pushed(topic=topic, content=1)
    world.drain()
    assert [row["connectionId"] for row in world.tables.clients()] == ["open"]
    assert {(row["topic"], row["connectionId"]) for row in world.subscriptions.scan()["Items"]} == {("org/7", "open")}


class Meanwhile:
    """Does something once, at one of the moments before and after each step of a push.

    Parameters
    ----------
    moment
        At which, from 0.
    act
        What is done.
    """

    def __init__(self, environment: pytest.MonkeyPatch, moment: int, act: Callable[[], None]) -> None:
        self._left = moment
        self._act = act
        for owner, step in ((topic_push, "_store"), (Audience, "page"), (Queue, "send")):
            environment.setattr(owner, step, self._around(getattr(owner, step)))

    @property
    def acted(self) -> bool:
        return self._left < 0

    def _pass(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._act()

    def _around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        async def around(*arguments: Any, **named: Any) -> Any:
            self._pass()
            answer = await step(*arguments, **named)
            self._pass()
            return answer

        return around


@pytest.mark.parametrize(("topic", "at_once", "moments"), [("org/7", 20, 4), ("org/7", 0, 6), ("*", 20, 10)])
def test_a_client_that_comes_while_a_push_runs_gets_it_live_or_by_its_poll(
    world: World, environment: pytest.MonkeyPatch, event: EventMaker, topic: str, at_once: int, moments: int
) -> None:
    """It connects, subscribes and polls before and after each step: storing, reading connections, passing on."""
    environment.setenv("IMMEDIATE_CONNECTIONS", str(at_once))
    environment.setenv("FANOUT_SEGMENTS", "2")

    def message(connection_id: str) -> Event:
        made = event("message", authorizer={"userId": "zoe", "topics": "org/7"})
        made["requestContext"]["connectionId"] = connection_id
        return made

    ways = set()
    for moment in range(moments):
        me, other = f"new{moment}=", f"old{moment}="
        world.connect(other, topics={"org/7"})
        # The end of the topic's log has been read a moment ago.
        world.talk(message(other), {"action": "poll"})
        polled: list[str] = []

        def come(me: str = me, polled: list[str] = polled) -> None:
            handshake = event("connect", authorizer={"userId": "zoe", "topics": "org/7"})
            handshake["requestContext"]["connectionId"] = me
            assert connect.handler(handshake, Context())["statusCode"] == 200
            world.management.open(me)
            if topic != "*":
                reply = world.talk(message(me), {"action": "subscribe", "topics": [topic]})
                assert reply["topics"] == [topic]
            polled.extend(each["id"] for each in world.talk(message(me), {"action": "poll"})["notifications"])

        with environment.context() as patched:
            meanwhile = Meanwhile(patched, moment, come)
            report = pushed(topic=topic, content=moment)
            world.drain()
        assert meanwhile.acted
        live = report["id"] in {frame["id"] for frame in world.frames(me)}
        assert live or report["id"] in polled
        ways.add((live, report["id"] in polled))
    # Each way is taken, and so are both.
    assert ways == {(True, False), (True, True), (False, True)}


def test_a_client_whose_row_is_being_written_while_a_broadcast_runs_gets_it_by_its_poll(
    world: World, environment: pytest.MonkeyPatch, event: EventMaker
) -> None:
    """What was read of the broadcasts after `connectedAt`, and before the row was there, does not serve it."""
    world.connect("other", topic=None)
    reports = []
    add = Clients.add

    async def adding(*arguments: Any, **named: Any) -> None:
        message = event("message", authorizer={"userId": "other"})
        message["requestContext"]["connectionId"] = "other"
        world.talk(message, {"action": "poll"})
        reports.append(pushed(topic="*", content=1))
        world.drain()
        await add(*arguments, **named)

    environment.setattr(Clients, "add", adding)
    me = {"userId": "zoe"}
    assert connect.handler(event("connect", authorizer=me), Context())["statusCode"] == 200
    frame = world.talk(event("message", authorizer=me), {"action": "poll"})
    assert [each["id"] for each in frame["notifications"]] == [report["id"] for report in reports]


@pytest.mark.parametrize("topic", ["org/7", "*"])
@pytest.mark.parametrize("segments", [1, 2, 7, 100])
def test_segments_hold_every_connection_once_whatever_its_id(
    world: World, environment: pytest.MonkeyPatch, segments: int, topic: str
) -> None:
    connections = [*many(70), "!", "~tilde", "=", "\u00e9", "a", "z" * 40, "-", "A"]
    world.connect(*connections)
    environment.setenv("FANOUT_SEGMENTS", str(segments))
    environment.setattr(audience, "_FIRST_ROWS", 5)
    pushed(topic=topic, content=1)
    # Of a topic there are no more than it has connections.
    assert world.drain() == (segments if topic == "*" else min(segments, -(-len(connections) // 5)))
    assert world.reached() == dict.fromkeys(connections, 1)


def test_workers_share_a_topic_whose_connections_were_opened_one_after_the_other(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    """Their ids begin with the time, in steps of 0.1 s: in two hours only the third character changes much."""
    connections = [f"Ti8{number // 64:03d}{number % 64:02d}_GEowCETQ=" for number in range(300)]
    world.connect(*connections)
    environment.setenv("FANOUT_SEGMENTS", "3")
    environment.setattr(audience, "_FIRST_ROWS", 10)
    pushed(topic="org/7", content=1)
    # They are sent at the same time, and again on a slow machine, so neither their order nor their number is known.
    bodies = sorted(set(world.queue.take()), key=lambda body: parse_segment(body).after)
    segments = [parse_segment(body) for body in bodies]
    # Each begins where the one before ends.
    assert ["", *(each.until for each in segments)] == [*(each.after for each in segments), ""]
    reached = []
    for body in bodies:
        before = len(world.reached())
        assert world.work(body) == []
        reached.append(len(world.reached()) - before)
    assert reached == pytest.approx([100, 100, 100], rel=0.2)
    assert world.reached().keys() == set(connections)


def test_a_topic_that_cannot_be_counted_is_one_segment(world: World, environment: pytest.MonkeyPatch) -> None:
    world.connect(*many(20))

    async def ends(*_: object, **__: object) -> list[str]:
        raise AwsError("ProvisionedThroughputExceededException", transient=True)

    environment.setattr(Audience, "ends", ends)
    assert pushed(topic="org/7", content=1)["accepted"] is True
    assert world.drain() == 1
    assert world.reached() == dict.fromkeys(many(20), 1)


NO_TARGETS: list[Any] = [{}, ["a"], [["a"]], [["a", 1, "b"]], [["a", 1, True]], [["a", 1, 2]] * (MAX_ONLY + 1)]


@pytest.mark.parametrize(
    "body",
    [
        "nonsense",
        "{}",
        '{"topic":"org/7","content":1}',
        json.dumps({"segment": 0, "of": 1, "topic": "*", "id": "x", "persisted": True, "content": 1}),
        json.dumps({"segment": 1, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1}),
        json.dumps({"segment": 0, "of": 101, "topic": "*", "id": ID, "persisted": True, "content": 1}),
        json.dumps({"segment": True, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1}),
        json.dumps({"segment": 0, "of": 1, "topic": "a//b", "id": ID, "persisted": True, "content": 1}),
        json.dumps({"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": 1, "content": 1}),
        json.dumps({"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True}),
        json.dumps({"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1, "after": 5}),
        json.dumps({"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1, "userId": "a"}),
        *(
            json.dumps({"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1, "only": only})
            for only in NO_TARGETS
        ),
    ],
)
def test_a_message_that_is_no_segment_fails_and_sends_nothing(world: World, body: str, log_lines: LogLines) -> None:
    world.connect("phone")
    assert world.work(body) == ["message-1"]
    assert world.reached() == {}
    (line,) = log_lines()
    assert line["outcome"] in ("INVALID_REQUEST", "UNKNOWN_FIELD")


def test_damaged_rows_hide_no_other_connection(world: World) -> None:
    world.connect("phone")
    world.subscriptions.put_item(Item={"topic": "org/7", "connectionId": "damaged", "connectedAt": "yesterday"})
    report = pushed(topic="org/7", content=1)
    assert (report["totals"]["connections"], report["totals"]["unreadable"]) == (1, 1)
    world.clients.put_item(Item={"connectionId": "damaged"})
    pushed(topic="*", content=1)
    world.drain()
    assert world.reached() == {"phone": 2}
