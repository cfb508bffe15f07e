"""What push works with, and a push of one request, whichever way it came in."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.push_request import PushRequest
from websocket_push.push.posting import Clocks
from websocket_push.push.pusher import Defaults, Pusher
from websocket_push.push.refusals import Refusals
from websocket_push.push.report import Report
from websocket_push.runtime.invocation import Invocation, read_rate
from websocket_push.settings import (
    read_bytes,
    read_client_push,
    read_flag,
    read_optional,
    read_seconds,
    read_switch,
    read_text,
)
from websocket_push.tables.clients import Clients
from websocket_push.tables.storing import Notifications
from websocket_push.telemetry.counts import count_push, count_topic_push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.push.topic_push import Topics, TopicsSettings
    from websocket_push.push.undelivered import Undelivered, UndeliveredSettings
    from websocket_push.runtime.message_limit import MessageLimit, Rate
    from websocket_push.settings import ClientPush
    from websocket_push.tables.replacements import Replacements

CLOSING_SHARE = 0.1
"""The part of the time that is reserved for closing connections to which it could not be sent."""

CLOSING_SECONDS = 1.0
"""The minimum of that reserve, if there is twice as much time: enough to close thousands."""


class Settings(NamedTuple):
    """What the function push is passed; `notification_ttl` is in seconds, and what is off is None."""

    clients_table: str
    clients_index: str
    notifications_table: str
    connections_url: str
    allow_anonymous: bool
    client_push: "ClientPush"
    persist_by_default: bool
    notification_ttl: int
    max_frame_bytes: int
    revocable: bool
    topics: "TopicsSettings | None"
    rate: "Rate | None" = None
    undelivered: "UndeliveredSettings | None" = None
    inbox: bool = False


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        notifications_table=read_text(environment, "NOTIFICATIONS_TABLE"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        client_push=read_client_push(environment),
        persist_by_default=read_flag(environment, "PERSIST_BY_DEFAULT"),
        notification_ttl=read_seconds(environment, "NOTIFICATION_TTL"),
        max_frame_bytes=read_bytes(environment, "MAX_FRAME_BYTES"),
        revocable=read_flag(environment, "REVOCABLE"),
        topics=_read_topics_settings(environment) if read_optional(environment, "FANOUT_QUEUE_URL") else None,
        rate=read_rate(environment),
        undelivered=_read_undelivered_settings(environment) if read_optional(environment, "EVENTS_QUEUE_URL") else None,
        inbox=read_switch(environment, "INBOX"),
    )


def _read_topics_settings(environment: Mapping[str, str]) -> "TopicsSettings":
    # Imported here, so that without topics the function starts as fast as if there were none.
    from websocket_push.push.topic_push import read_topics_settings

    return read_topics_settings(environment)


def _read_undelivered_settings(environment: Mapping[str, str]) -> "UndeliveredSettings":
    from websocket_push.push.undelivered import read_undelivered_settings

    return read_undelivered_settings(environment)


class Warm(NamedTuple):
    """What push works with."""

    settings: Settings
    dynamodb: PreparingDynamoDB
    clients: Clients
    notifications: Notifications
    management: Management
    topics: "Topics | None"
    limit: "MessageLimit | None"
    undelivered: "Undelivered | None"
    replacements: "Replacements | None"


def make(sender: ConcurrentSender) -> Warm:
    """Make what push works with."""
    settings, dynamodb = read_settings(sender.environment), PreparingDynamoDB(sender)
    topics = settings.topics
    subscriptions = "" if topics is None else topics.subscriptions_table
    return Warm(
        settings,
        dynamodb,
        Clients(dynamodb, settings.clients_table, settings.clients_index, subscriptions),
        Notifications(settings.notifications_table),
        Management(sender, settings.connections_url),
        None if topics is None else _make_topics(sender, dynamodb, topics),
        None if settings.rate is None else settings.rate.limit(),
        None if settings.undelivered is None else _make_undelivered(sender, settings.undelivered),
        _make_replacements(dynamodb, settings.notifications_table) if settings.inbox else None,
    )


def _make_topics(sender: ConcurrentSender, dynamodb: PreparingDynamoDB, settings: "TopicsSettings") -> "Topics":
    from websocket_push.push.topic_push import make_topics

    return make_topics(sender, dynamodb, settings)


def _make_undelivered(sender: ConcurrentSender, settings: "UndeliveredSettings") -> "Undelivered":
    from websocket_push.push.undelivered import make_undelivered

    return make_undelivered(sender, settings)


def _make_replacements(dynamodb: PreparingDynamoDB, table: str) -> "Replacements":
    from websocket_push.tables.replacements import Replacements

    return Replacements(dynamodb, table)


async def push_one(request: PushRequest, invocation: Invocation[Warm], *, until: float) -> Report:
    """Push one request and log its id and result; raise `RequestError` if nothing was stored or sent."""
    report = await counted_push(pusher_until(invocation, until=until), request, invocation)
    logged = ("id", "totals", "accepted")
    invocation.fields.update({name: report[name] for name in logged if name in report})
    return report


async def counted_push(pusher: Pusher, request: PushRequest, invocation: Invocation[Warm]) -> Report:
    """Push one request, and count it in the metrics of the invocation."""
    if request.topic is not None:
        return await _push_to_topic(pusher, request, request.topic, invocation)
    report = await pusher.push(request)
    to_persist = pusher.defaults.persist if request.persist is None else request.persist
    # asyncio's clock is time.monotonic.
    milliseconds = (time.monotonic() - invocation.started) * 1000
    count_push(invocation.fields, report, to_persist=to_persist, milliseconds=milliseconds)
    return report


async def _push_to_topic(pusher: Pusher, request: PushRequest, topic: str, invocation: Invocation[Warm]) -> Report:
    topics = invocation.warm.topics
    if topics is None:
        raise RequestError("TOPICS_DISABLED", "There are no topics here: set the module's input topics.")
    report = await topics.push(topic, request, pusher)
    milliseconds = (time.monotonic() - invocation.started) * 1000
    count_topic_push(invocation.fields, report, milliseconds=milliseconds)
    return report


def pusher_until(invocation: Invocation[Warm], *, until: float) -> Pusher:
    """Return what pushes until a time on the monotonic clock, a share of which is kept for closing."""
    settings, dynamodb, clients, notifications, management, *_ = invocation.warm
    seconds = until - invocation.started
    return Pusher(
        dynamodb=dynamodb,
        clients=clients,
        notifications=notifications,
        management=management,
        defaults=Defaults(persist=settings.persist_by_default, ttl=settings.notification_ttl),
        clocks=Clocks(
            now=invocation.now_milliseconds,
            posts_until=until - max(CLOSING_SHARE * seconds, min(CLOSING_SECONDS, seconds / 2)),
            closes_until=until,
        ),
        new_id=invocation.new_id,
        random=invocation.random,
        refusals=Refusals(),
        undelivered=invocation.warm.undelivered,
        replacements=invocation.warm.replacements,
    )
