"""A push to a topic: kept once, sent at once to a few connections, and passed to the fan-out workers for many."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.dynamodb import decode_object
from websocket_push.aws.errors import AwsError
from websocket_push.aws.prepared import VARIED, PreparingDynamoDB
from websocket_push.aws.queue import Queue
from websocket_push.protocol.segment import Segment, segment_text
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.push.delivery import id_taken
from websocket_push.push.outcome import Outcome
from websocket_push.push.report import Report, connection_totals, error_member
from websocket_push.push.spread import Means, send_to_each
from websocket_push.tables.audience import Share
from websocket_push.tables.clients import Connection
from websocket_push.tables.notifications import TAKEN, Notification, Notifications, topic_key
from websocket_push.telemetry.explain import explain


class FanOut(NamedTuple):
    """When and how a notification is passed to the fan-out workers.

    Parameters
    ----------
    queue
        Where they get their segments.
    segments
        Into how many a notification's connections are cut.
    immediate
        Up to how many connections of a topic are sent to at once, without them.
    """

    queue: Queue
    segments: int
    immediate: int


async def push_to_topic(
    topic: str,
    notification: Notification,
    *,
    stored_until: int | None,
    dynamodb: PreparingDynamoDB,
    notifications: Notifications,
    means: Means,
    fan_out: FanOut,
) -> Report:
    """Keep a notification of a topic, send it or pass it on, and report which.

    Parameters
    ----------
    topic
        The topic, or `EVERYBODY`.
    notification
        What is sent.
    stored_until
        When the stored notification expires, in seconds since the epoch; None does not store it.
    dynamodb, notifications
        Where it is stored.
    means, fan_out
        See there.

    Raises
    ------
    RequestError, AwsError
        If nothing was stored or sent; the request can then be repeated as it is.
    """
    until = means.clocks.posts_until
    if stored_until is not None:
        await _store(topic, notification, stored_until, dynamodb, notifications, until)
    persisted = stored_until is not None
    few = await _few(topic, means, fan_out.immediate)
    if few is not None:
        connections, unreadable = few
        outcome = await send_to_each(means, topic, notification, connections, persisted=persisted)
        outcome.unreadable = unreadable
        return _report(topic, notification, persisted, _sent(outcome))
    try:
        await _pass_on(topic, notification, fan_out, persisted=persisted, deadline=means.clocks.closes_until)
    except AwsError as error:
        if not persisted:
            raise
        return _report(topic, notification, persisted, {"error": error_member(explain(error)), "incomplete": True})
    return _report(topic, notification, persisted, {"accepted": True})


async def _store(
    topic: str,
    notification: Notification,
    stored_until: int,
    dynamodb: PreparingDynamoDB,
    notifications: Notifications,
    deadline: float,
) -> None:
    request = notifications.storing(VARIED, notification, expires_at=stored_until, topic=topic)
    storing = dynamodb.prepare("PutItem", request)
    try:
        await storing.send(topic_key(topic), decode_object, deadline=deadline)
    except AwsError as error:
        if error.code == TAKEN:
            raise id_taken() from None
        raise


async def _few(topic: str, means: Means, immediate: int) -> tuple[list[Connection], int] | None:
    """Return the connections of a topic and how many rows cannot be read; None where they are many, or not known."""
    if topic == EVERYBODY or not immediate:
        return None
    try:
        # Consistent: a subscription made before is there, and one that is made later is followed by a poll.
        page = await means.audience.page(
            Share(topic), "", rows=immediate + 1, deadline=means.clocks.posts_until, consistent=True
        )
    except AwsError:
        return None
    if page.last is not None or len(page.connections) > immediate:
        return None
    return page.connections, page.unreadable


async def _pass_on(
    topic: str, notification: Notification, fan_out: FanOut, *, persisted: bool, deadline: float
) -> None:
    """Pass every segment to the workers; where one was not taken, all may be passed on again."""
    first = Segment(
        topic=topic,
        notification_id=notification.notification_id,
        content=notification.content,
        persisted=persisted,
        part=0,
        of=fan_out.segments,
    )
    bodies = [segment_text(first._replace(part=part)) for part in range(fan_out.segments)]
    answers = await asyncio.gather(
        *(fan_out.queue.send(body, deadline=deadline) for body in bodies), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


def _sent(outcome: Outcome) -> dict[str, object]:
    sent: dict[str, object] = {"totals": connection_totals(outcome)}
    if outcome.error is not None:
        sent["error"] = error_member(outcome.error, outcome)
    if outcome.incomplete:
        sent["incomplete"] = True
    return sent


def _report(topic: str, notification: Notification, persisted: bool, result: Mapping[str, object]) -> Report:
    return {
        "id": notification.notification_id,
        "createdAt": notification.created_at,
        "topic": topic,
        "persisted": persisted,
        **result,
    }
