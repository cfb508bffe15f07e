"""Topics with an authorizer of one's own, by every way that a push can come, with limits and events."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from examples.backend.notifications import Push, push_later
from tests.e2e.stack import Stack, Workshop, new_user
from tests.e2e.test_events import Seen, queue_of
from tests.e2e.test_intake import Queue
from tests.e2e.test_topics import push, subscriptions
from tools.aws import backend, wait_until
from tools.terraform import Terraform
from tools.websocket import Device

SOURCE = "together"
"""What the events name as their source: the module's name."""

AUTHORIZER = """
def handler(event, context):
    query = event["queryStringParameters"]
    effect = "Allow" if query.get("word") == "sesame" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {
        "principalId": query["user"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"userId": query["user"], "topics": query.get("topics", "")},
    }
"""


@pytest.fixture(scope="module")
def together(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = workshop.checkout / "tests" / "e2e" / "together"
    with zipfile.ZipFile(root / "authorizer.zip", "w") as package:
        package.writestr("authorizer.py", AUTHORIZER)
    terraform = Terraform(workshop.program, root, tmp_path_factory.mktemp("together"), workshop.environment)
    terraform.init()
    terraform.apply()
    outputs = terraform.outputs()
    yield Stack(workshop.emulator, outputs, backend(workshop.emulator, outputs))
    terraform.destroy()


@pytest.fixture(scope="module")
def happened(together: Stack) -> Iterator[Queue]:
    """Return a queue that gets all events of the bus."""
    sqs, events, bus = together.client("sqs"), together.client("events"), together.outputs["event_bus_name"]
    queue = sqs.create_queue(QueueName="together-seen")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="together", EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule="together", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    yield queue_of(together, queue)
    events.remove_targets(Rule="together", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="together", EventBusName=bus)
    sqs.delete_queue(QueueUrl=queue)


@asynccontextmanager
async def listening(stack: Stack, user: str, topic: str) -> AsyncIterator[Device]:
    async with stack.connect_with(user=user, topics=f"{topic} {topic}/*", word="sesame") as device:
        reply = await device.ask({"action": "subscribe", "topics": [topic]})
        assert reply["topics"] == [topic]
        yield device


def by_sns(stack: Stack, topic: str, content: str) -> None:
    message = json.dumps({"topic": topic, "content": content})
    stack.client("sns").publish(TopicArn=stack.outputs["topic_arn"], Message=message)


def by_the_bus(stack: Stack, topic: str, content: str) -> None:
    detail = json.dumps({"topic": topic, "text": content})
    entry = {"Source": "shop.news", "DetailType": "News", "Detail": detail}
    assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def by_the_queue(stack: Stack, topic: str, content: str) -> None:
    Queue(stack, "push_queue_url").send({"topic": topic, "content": content})


def asynchronously(stack: Stack, topic: str, content: str) -> None:
    push_later(stack.client("lambda"), stack.outputs["push_function_arn"], Push((), content, topic=topic))


async def test_an_authorizer_of_ones_own_says_who_gets_in_and_what_they_may_listen_to(together: Stack) -> None:
    alice, topic = new_user("alice"), f"org/{new_user()}"
    with pytest.raises(InvalidStatus):
        async with together.connect_with(user=alice, topics=topic, word="please"):
            pass
    async with listening(together, alice, topic) as device:
        reply = await device.ask({"action": "subscribe", "topics": [f"{topic}/news", "org/other", topic]})
        assert reply["topics"] == [topic, f"{topic}/news"]
        assert reply["refused"] == [{"topic": "org/other", "code": "TOPIC_NOT_ALLOWED"}]
    async with together.connect_with(user=alice, word="sesame") as device:
        reply = await device.ask({"action": "subscribe", "topics": [topic]})
        assert (reply["topics"], reply["refused"]) == ([], [{"topic": topic, "code": "TOPIC_NOT_ALLOWED"}])


@pytest.mark.parametrize("way", [by_sns, by_the_bus, by_the_queue, asynchronously])
@pytest.mark.parametrize("count", [1, 3], ids=["at once", "by the workers"])
async def test_a_push_to_a_topic_arrives_whichever_way_it_came(
    together: Stack, way: Callable[[Stack, str, str], None], count: int
) -> None:
    topic, content = f"org/{new_user()}", way.__name__
    async with AsyncExitStack() as opened, listening(together, new_user(), f"other/{new_user()}") as stranger:
        devices = [await opened.enter_async_context(listening(together, new_user(), topic)) for _ in range(count)]
        await asyncio.to_thread(way, together, topic, content)
        frames = [await device.next_notification() for device in devices]
        assert {(frame["topic"], frame["content"]) for frame in frames} == {(topic, content)}
        assert len({frame["id"] for frame in frames}) == 1
        for device in devices:
            page = await device.ask({"action": "poll"})
            kept = [each["id"] for each in page["notifications"] if each.get("topic") == topic]
            assert kept == [frames[0]["id"]]
        page = await stranger.ask({"action": "poll"})
        assert frames[0]["id"] not in [each["id"] for each in page["notifications"]]


async def test_the_oldest_connection_of_a_user_is_closed_with_what_it_listened_to(together: Stack) -> None:
    alice, topic = new_user("alice"), f"org/{new_user()}"
    async with AsyncExitStack() as opened:
        oldest = await opened.enter_async_context(listening(together, alice, topic))
        others = [await opened.enter_async_context(listening(together, alice, topic)) for _ in range(2)]
        assert await oldest.next_frame() == {"type": "bye", "reason": "connection_limit", "reconnect": False}
        await oldest.closed()
        ids = {await device.connection_id() for device in others}
        await asyncio.to_thread(
            wait_until, lambda: set(subscriptions(together, topic)) == ids, "the subscriptions of the others"
        )
        report = await push(together, topic, "to those that are left")
        for device in others:
            assert (await device.next_notification())["id"] == report["id"]


@pytest.mark.parametrize("everybody", [False, True], ids=["topic", "broadcast"])
async def test_a_broadcast_that_is_over_is_an_event(together: Stack, happened: Queue, everybody: bool) -> None:
    listened = f"org/{new_user()}"
    topic = "*" if everybody else listened
    seen = Seen(happened, topic)
    async with (
        listening(together, new_user(), listened) as one,
        listening(together, new_user(), listened) as other,
    ):
        report = await push(together, topic, "news")
        assert report["accepted"] is True
        for device in (one, other):
            assert (await device.next_notification())["id"] == report["id"]

        def completed() -> list[dict[str, Any]]:
            seen.kinds()
            return [each for each in seen.events if each["data"].get("notificationId") == report["id"]]

        await asyncio.to_thread(wait_until, lambda: bool(completed()), "broadcast.completed")
    (event,) = completed()
    assert (event["type"], event["source"], event["subject"]) == ("broadcast.completed", SOURCE, topic)
    assert event["data"] == {"topic": topic, "notificationId": report["id"], "createdAt": report["createdAt"]}


def test_no_segment_failed(together: Stack) -> None:
    letters = together.client("sqs").get_queue_attributes(
        QueueUrl=together.outputs["fanout_queue_dead_letter_queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert letters["Attributes"]["ApproximateNumberOfMessages"] == "0"
