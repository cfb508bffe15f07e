"""examples/offline-mail: what happens is on the event bus, and what users were not there for is at the topic."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stack import Stack, new_user
from tests.e2e.test_intake import Queue
from tests.unit.contracts import contract
from tools.aws import wait_until

OFFLINE_SECONDS = 90.0
"""How long to wait for user.offline, which comes 30 s after the last connection."""


@pytest.fixture(scope="module")
def everything(mailing: Stack) -> Iterator[Queue]:
    """Return a queue that gets all events of the bus."""
    sqs, events = mailing.client("sqs"), mailing.client("events")
    queue = sqs.create_queue(QueueName="all-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = mailing.outputs["event_bus_name"]
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["push-offline-mail"]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    yield queue_of(mailing, queue)
    events.remove_targets(Rule="all", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="all", EventBusName=bus)
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture(scope="module")
def mails(mailing: Stack) -> Iterator[Queue]:
    """Return a queue that gets what is mailed."""
    sqs, sns = mailing.client("sqs"), mailing.client("sns")
    queue = sqs.create_queue(QueueName="mails")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(
        TopicArn=mailing.outputs["topic_arn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    yield queue_of(mailing, queue)
    sqs.delete_queue(QueueUrl=queue)


def queue_of(stack: Stack, url: str) -> Queue:
    """Return a queue that does not belong to the module."""
    return Queue(Stack(stack.emulator, {"queue": url}, stack.backend), "queue")


class Seen:
    """The events about a user, in the order in which they came."""

    def __init__(self, queue: Queue, user_id: str) -> None:
        self._queue = queue
        self._user_id = user_id
        self.events: list[dict[str, Any]] = []

    def kinds(self) -> list[str]:
        for message in self._queue.take():
            event = json.loads(message["Body"])
            assert contract.problems("event", event["detail"]) == [], event
            assert (event["source"], event["detail-type"]) == (event["detail"]["source"], event["detail"]["type"])
            if event["detail"]["subject"] == self._user_id:
                self.events.append(event["detail"])
        return [each["type"] for each in self.events]

    def wait_for(self, *kinds: str, seconds: float = 30.0) -> None:
        wait_until(lambda: sorted(self.kinds()) == sorted(kinds), f"{kinds}, not {self.kinds()}", seconds=seconds)


async def test_a_user_comes_and_goes(mailing: Stack, everything: Queue) -> None:
    alice = new_user("alice")
    seen = Seen(everything, alice)
    come = ("connection.opened", "user.online")
    async with mailing.connect(alice) as device:
        connection_id = await device.connection_id()
        seen.wait_for(*come)
    seen.wait_for(*come, "connection.closed", "user.offline", seconds=OFFLINE_SECONDS)
    closed = next(each for each in seen.events if each["type"] == "connection.closed")
    assert (closed["data"]["connectionId"], closed["data"]["cause"]) == (connection_id, "disconnected")


async def test_what_a_user_was_not_there_for_is_mailed(mailing: Stack, mails: Queue, everything: Queue) -> None:
    alice, bob = new_user("alice"), new_user("bob")
    async with mailing.connect(alice) as device:
        await device.connection_id()
        wait_until(lambda: len(mailing.backend.connection_ids(alice)) == 1, "the index to follow")
        report = mailing.backend.push({"userIds": [alice, bob], "content": {"text": "shipped"}}).payload
        assert (await device.next_notification())["content"] == {"text": "shipped"}
    mail = json.loads(mails.wait_for(bob)["Body"])
    assert mail == {"user": bob, "at": report["createdAt"], "content": '{"text":"shipped"}'}
    seen = Seen(everything, alice)
    assert "notification.undelivered" not in seen.kinds()


def test_nothing_failed(mailing: Stack) -> None:
    letters = mailing.client("sqs").get_queue_attributes(
        QueueUrl=mailing.outputs["events_dead_letter_queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert letters["Attributes"]["ApproximateNumberOfMessages"] == "0"
