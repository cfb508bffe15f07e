"""A push to a topic: kept once, sent at once to a few connections, and passed to the fan-out workers for many."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.errors import AwsError
from websocket_push.aws.prepared import VARIED
from websocket_push.aws.queue import Queue
from websocket_push.aws.requests import decode_object
from websocket_push.protocol.push_request import PushRequest
from websocket_push.protocol.segment import Segment, segment_text
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.push.delivery import id_taken
from websocket_push.push.fan_out import Means, send_to_each
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import Clocks
from websocket_push.push.pusher import Pusher
from websocket_push.push.report import Report, connection_totals, error_member
from websocket_push.settings import read_bound, read_count, read_text
from websocket_push.tables.audience import Audience, Share
from websocket_push.tables.clients import Connection
from websocket_push.tables.notifications import TAKEN, Notification, topic_key
from websocket_push.telemetry.explain import explain


class TopicsSettings(NamedTuple):
    """What the function push is passed about topics.

    Up to `immediate_connections` of a topic are sent to in the invocation; more are passed on in `segments`.
    """

    subscriptions_table: str
    queue_url: str
    segments: int
    immediate_connections: int


def read_topics_settings(environment: Mapping[str, str]) -> TopicsSettings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return TopicsSettings(
        subscriptions_table=read_text(environment, "SUBSCRIPTIONS_TABLE"),
        queue_url=read_text(environment, "FANOUT_QUEUE_URL"),
        segments=read_count(environment, "FANOUT_SEGMENTS"),
        immediate_connections=read_bound(environment, "IMMEDIATE_CONNECTIONS"),
    )


class Topics(NamedTuple):
    """How pushes to topics are carried out.

    Parameters
    ----------
    audience
        Who listens.
    queue
        Where the fan-out workers get their segments.
    segments
        Into how many a notification's connections are cut.
    immediate
        Up to how many connections of a topic are sent to at once, without the workers.
    """

    audience: Audience
    queue: Queue
    segments: int
    immediate: int

    async def push(self, topic: str, request: PushRequest, pusher: Pusher) -> Report:
        """Keep a notification of a topic, send it or pass it on, and report which.

        Raises
        ------
        RequestError, AwsError
            If nothing was stored or sent; the request can then be repeated as it is.
        """
        stored_until, notification = pusher.stored_until(request), pusher.notification(request)
        persisted = stored_until is not None
        if stored_until is not None:
            await _store(topic, notification, stored_until, pusher)
        few = await self._few(topic, deadline=pusher.clocks.posts_until)
        if few is not None:
            connections, unreadable = few
            outcome = await send_to_each(self._means(pusher), topic, notification, connections, persisted=persisted)
            outcome.unreadable = unreadable
            return _report(topic, notification, persisted, _sent(outcome))
        try:
            await self._pass_on(topic, notification, persisted=persisted, clocks=pusher.clocks)
        except AwsError as error:
            if not persisted:
                raise
            return _report(topic, notification, persisted, {"error": error_member(explain(error)), "incomplete": True})
        return _report(topic, notification, persisted, {"accepted": True})

    async def _few(self, topic: str, *, deadline: float) -> tuple[list[Connection], int] | None:
        """Return the connections of a topic and how many rows cannot be read; None where they are many or unknown."""
        if topic == EVERYBODY or not self.immediate:
            return None
        try:
            page = await self.audience.page(Share(topic), "", rows=self.immediate + 1, deadline=deadline)
        except AwsError:
            return None
        if page.last is not None or len(page.connections) > self.immediate:
            return None
        return page.connections, page.unreadable

    async def _pass_on(self, topic: str, notification: Notification, *, persisted: bool, clocks: Clocks) -> None:
        """Pass every segment to the workers; where one was not taken, all may be passed on again."""
        parts = await self._parts(topic, deadline=clocks.posts_until)
        whole = Segment(topic, notification.notification_id, notification.content, persisted, part=0, of=len(parts))
        bodies = [
            segment_text(whole._replace(part=part, after=after, until=until))
            for part, (after, until) in enumerate(parts)
        ]
        answers = await asyncio.gather(
            *(self.queue.send(body, deadline=clocks.closes_until) for body in bodies), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _parts(self, topic: str, *, deadline: float) -> list[tuple[str, str]]:
        """Return after which connection each segment begins, and with which it ends; empty where the table divides."""
        if topic == EVERYBODY:
            return [("", "")] * self.segments
        try:
            ends = await self.audience.ends(topic, self.segments, deadline=deadline)
        except AwsError:
            ends = []  # One worker then sends to all of them.
        return list(zip(["", *ends], [*ends, ""], strict=True))

    def _means(self, pusher: Pusher) -> Means:
        return Means(
            audience=self.audience,
            clients=pusher.clients,
            management=pusher.management,
            clocks=pusher.clocks,
            random=pusher.random,
            refusals=pusher.refusals,
        )


def make_topics(sender: ConcurrentSender, dynamodb: DynamoDB, settings: TopicsSettings) -> Topics:
    """Make what pushes to topics need."""
    return Topics(
        audience=Audience(dynamodb, subscriptions=settings.subscriptions_table),
        queue=Queue(sender, settings.queue_url),
        segments=settings.segments,
        immediate=settings.immediate_connections,
    )


async def _store(topic: str, notification: Notification, stored_until: int, pusher: Pusher) -> None:
    for storing in (pusher.notifications.storing, pusher.notifications.storing_again):
        request = storing(VARIED, notification, expires_at=stored_until, topic=topic)
        prepared = pusher.dynamodb.prepare("PutItem", request)
        try:
            await prepared.send(topic_key(topic), decode_object, deadline=pusher.clocks.posts_until)
        except AwsError as error:
            if error.code != TAKEN:
                raise
        else:
            return
    raise id_taken()


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
