"""Asynchronous pushes: through the queue, by what sends to it, and by asynchronous invocation."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from examples.backend.notifications import Push, PushError, push_by_queue, push_later, push_now, unserved
from tests.e2e.stack import Stack, new_user
from tools.aws import wait_until
from tools.redrive import queued_again, redrive, sending_to_queue
from websocket_push.protocol.identifiers import (
    derived_notification_id,
    milliseconds_of,
    new_notification_id,
    parse_notification_id,
)


class Queue:
    """A queue, seen from outside."""

    def __init__(self, stack: Stack, output: str) -> None:
        self._sqs = stack.client("sqs")
        self.url = stack.outputs[output]

    def send(self, *bodies: object) -> list[str]:
        """Send messages, as many as there may be at once, and give their ids."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        sent = []
        for start in range(0, len(texts), 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[start : start + 10])]
            answer = self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed")
            sent += [each["MessageId"] for each in answer["Successful"]]
        return sent

    def take(self) -> list[dict[str, Any]]:
        """Take what is there."""
        answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        for each in messages:
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return messages

    def wait_for(self, text: str) -> dict[str, Any]:
        """Receive messages until one contains a text, and return it; the others are discarded."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found.extend(each for each in self.take() if text in each["Body"])
            return bool(found)

        wait_until(arrived, f"a message with {text}")
        return found[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in it and nothing is being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return all(counts[name] == "0" for name in names)


@pytest.fixture(scope="module")
def push_queue(queued: Stack) -> Queue:
    """Return the push queue. What failed is received again after seconds here, and not after three minutes."""
    queued.client("sqs").set_queue_attributes(
        QueueUrl=queued.outputs["push_queue_url"], Attributes={"VisibilityTimeout": "2"}
    )
    return Queue(queued, "push_queue_url")


@contextlib.contextmanager
def denied(stack: Stack, action: str) -> Iterator[None]:
    """Deny an action to the push function for as long as the block lasts."""
    function = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs["push_function_arn"])
    policy = {"RoleName": function["Role"].rpartition("/")[2], "PolicyName": "fault"}
    statement = {"Effect": "Deny", "Action": [action], "Resource": ["*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stack.client("iam").put_role_policy(**policy, PolicyDocument=document)
    try:
        yield
    finally:
        stack.client("iam").delete_role_policy(**policy)


def outcomes_of(stack: Stack, message_id: str) -> list[str]:
    """Return the codes under which the log says that a message failed."""
    name = stack.outputs["push_function_arn"].rpartition(":")[2]
    events = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [json.loads(each["message"]) for each in events if message_id in each["message"]]
    return [each["outcome"] for line in lines for each in line["failures"] if each["messageId"] == message_id]


def stored_ids(stack: Stack, user: str) -> list[str]:
    return [row["notificationId"]["S"] for row in stack.backend.notifications(user)]


async def test_a_burst_arrives_and_a_bad_message_in_it_ends_in_the_dead_letter_queue(
    queued: Stack, push_queue: Queue
) -> None:
    alice = new_user("alice")
    requests: list[object] = [{"userId": alice, "content": number} for number in range(50)]
    bad = f'{{"userId":"{alice}","content":'
    before = time.time_ns() // 1_000_000
    async with queued.connect(alice) as device:
        await device.connection_id()
        push_queue.send(*requests[:25], bad, *requests[25:])
        # A message that is received twice is delivered twice, under one id.
        received: dict[str, Any] = {}
        while len(received) < len(requests):
            frame = await device.next_notification()
            received[frame["id"]] = frame["content"]
    assert sorted(received.values()) == list(range(50))
    assert stored_ids(queued, alice) == sorted(received)
    assert all(before - 1000 <= milliseconds_of(each) <= time.time_ns() // 1_000_000 for each in received)

    dead = Queue(queued, "push_queue_dead_letter_queue_url").wait_for(alice)
    assert dead["Body"] == bad
    wait_until(lambda: push_queue.is_empty, "the queue to be empty")
    assert len(stored_ids(queued, alice)) == 50


async def test_what_failed_comes_again_under_the_id_of_its_message(queued: Stack, push_queue: Queue) -> None:
    alice = new_user("alice")
    async with queued.connect(alice) as device:
        await device.connection_id()
        with denied(queued, "dynamodb:PutItem"):
            [message_id] = push_queue.send({"userId": alice, "content": "late"})
            wait_until(lambda: "AWS_REFUSED" in outcomes_of(queued, message_id), "a first attempt, told in the log")
        frame = await device.next_notification()
    assert frame["content"] == "late"
    digest = hashlib.sha256(message_id.encode()).digest()
    assert frame["id"] == derived_notification_id(milliseconds_of(frame["id"]), digest)
    assert stored_ids(queued, alice) == [frame["id"]]


async def test_a_redriven_dead_letter_is_the_notification_that_it_was(queued: Stack, push_queue: Queue) -> None:
    alice, bob = new_user("alice"), new_user("bob")
    dead = Queue(queued, "push_queue_dead_letter_queue_url")
    sqs = queued.client("sqs")
    async with queued.connect(alice) as device:
        await device.connection_id()
        # Both have it in their history then, and alice's connection is neither sent to nor closed.
        with denied(queued, "execute-api:ManageConnections"):
            push_queue.send({"userIds": [alice, bob], "content": "once"})
            wait_until(lambda: push_queue.is_empty and not dead.is_empty, "a dead letter", seconds=60)
        (before,) = stored_ids(queued, bob)
        again = partial(queued_again, now_milliseconds=time.time_ns() // 1_000_000)
        redrive(sqs, dead.url, again, sending_to_queue(sqs, push_queue.url))
        frame = await device.next_notification()
    assert (frame["id"], frame["content"]) == (before, "once")
    assert stored_ids(queued, alice) == stored_ids(queued, bob) == [before]


async def test_an_event_of_the_bus_becomes_a_notification(queued: Stack) -> None:
    alice = new_user("alice")
    async with queued.connect(alice) as device:
        await device.connection_id()
        entry = {
            "Source": "shop.orders",
            "DetailType": "OrderShipped",
            "Detail": json.dumps({"customerId": alice, "orderId": 4711}),
        }
        assert queued.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
        content = (await device.next_notification())["content"]
    assert (content["type"], content["order"]) == ("order_shipped", 4711)
    assert content["at"]


async def test_a_message_of_the_topic_is_a_push_request(queued: Stack) -> None:
    alice, notification_id = new_user("alice"), new_notification_id(time.time_ns(), bytes(8))
    request = {"userId": alice, "content": "We moved", "id": notification_id}
    async with queued.connect(alice) as device:
        await device.connection_id()
        queued.client("sns").publish(TopicArn=queued.outputs["topic_arn"], Message=json.dumps(request))
        frame = await device.next_notification()
    assert (frame["id"], frame["content"]) == (notification_id, "We moved")


async def test_the_example_of_a_backend_pushes_in_all_three_ways(queued: Stack) -> None:
    alice, function = new_user("alice"), queued.outputs["push_function_arn"]
    now, later, *many = (Push((alice,), number) for number in range(14))
    async with queued.connect(alice) as device:
        await device.connection_id()
        assert unserved(push_now(queued.client("lambda"), function, now)) == {}
        push_later(queued.client("lambda"), function, later)
        assert push_by_queue(queued.client("sqs"), queued.outputs["push_queue_url"], many) == []
        received: dict[str, Any] = {}
        while len(received) < 14:
            frame = await device.next_notification()
            received[frame["id"]] = frame["content"]
    assert received == {push.id: push.content for push in (now, later, *many)}
    with pytest.raises(PushError) as refusal:
        push_now(queued.client("lambda"), function, Push((), "no recipient"))
    assert refusal.value.code == "INVALID_RECIPIENT"


async def test_an_asynchronous_push_arrives_under_its_id(queued: Stack) -> None:
    alice, notification_id = new_user("alice"), new_notification_id(time.time_ns(), bytes(8))
    async with queued.connect(alice) as device:
        await device.connection_id()
        for _ in range(2):
            status = invoke_later(queued, {"userId": alice, "content": 1, "id": notification_id, "onFailure": "raise"})
            assert status == 202
        assert [(await device.next_notification())["id"] for _ in range(2)] == [notification_id] * 2
    assert stored_ids(queued, alice) == [notification_id]


def test_an_invalid_asynchronous_push_ends_in_the_dead_letter_queue_with_the_reason(queued: Stack) -> None:
    alice = new_user("alice")
    request = {"userId": alice, "contents": "hello"}
    assert invoke_later(queued, request) == 202

    record = json.loads(Queue(queued, "dead_letter_queue_url").wait_for(alice)["Body"])

    assert record["requestPayload"] == request
    assert record["responsePayload"]["errorType"] == "UNKNOWN_FIELD"
    assert "'contents'" in record["responsePayload"]["errorMessage"]
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert stored_ids(queued, alice) == []


def test_an_asynchronous_push_that_nobody_could_be_given_ends_there_whole(queued: Stack) -> None:
    alice = new_user("alice")
    notification_id = new_notification_id(time.time_ns(), bytes(8))
    request = {"userId": alice, "content": "kept", "id": notification_id}
    dead = Queue(queued, "dead_letter_queue_url")
    with denied(queued, "dynamodb:PutItem"):
        invoke_later(queued, request)
        record = json.loads(dead.wait_for(alice)["Body"])
    assert record["responsePayload"]["errorType"] == "AWS_REFUSED"

    # What is in the record can be pushed as it is.
    answer = queued.backend.push(record["requestPayload"])
    assert (answer.function_error, answer.payload["id"]) == (None, parse_notification_id(notification_id))
    assert stored_ids(queued, alice) == [notification_id]


def invoke_later(stack: Stack, request: object) -> int:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["push_function_arn"], InvocationType="Event", Payload=json.dumps(request)
    )
    return int(answer["StatusCode"])
