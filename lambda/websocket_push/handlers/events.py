"""The events function: reports on an event bus what happens to connections, users and notifications."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.event_bus import Entry, EventBus
from websocket_push.aws.queue import Queue
from websocket_push.events.changes import Follower
from websocket_push.events.messages import Reporter
from websocket_push.protocol.batch import QueuedMessage, parse_batch
from websocket_push.protocol.cloud_events import Event as CloudEvent
from websocket_push.protocol.stream import is_stream, parse_stream
from websocket_push.protocol.values import parse_message
from websocket_push.push.intake import batch_response, intake_fields, take_in
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Invocation
from websocket_push.settings import read_seconds, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.tracking import Tracking
from websocket_push.telemetry.explain import Failure, lambda_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import BatchResponse, Event, LambdaContext

STARTING_SHARE = 0.7
"""The part of the time in which messages of a batch are started."""


class Settings(NamedTuple):
    """What the function events is passed; `offline_after` is in seconds."""

    clients_table: str
    clients_index: str
    bus_arn: str
    source: str
    queue_url: str
    offline_after: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        bus_arn=read_text(environment, "EVENT_BUS_ARN"),
        source=read_text(environment, "EVENT_SOURCE"),
        queue_url=read_text(environment, "EVENTS_QUEUE_URL"),
        offline_after=read_seconds(environment, "OFFLINE_AFTER"),
    )


class Warm(NamedTuple):
    """What events works with."""

    settings: Settings
    tracking: Tracking
    queue: Queue
    bus: EventBus


def make(sender: ConcurrentSender) -> Warm:
    """Make what events works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    clients = Clients(dynamodb, settings.clients_table, settings.clients_index)
    return Warm(
        settings,
        Tracking(dynamodb, settings.clients_table, clients),
        Queue(sender, settings.queue_url),
        EventBus(sender, settings.bus_arn, settings.source),
    )


def handler(event: "Event", context: "LambdaContext") -> "BatchResponse":
    """Send the events of a batch of the stream, or of messages; for messages, return those that failed.

    Raises
    ------
    Exception
        For a batch that could not be carried out. Its class is named after the code. Lambda then redelivers it.
    """
    answer = run("events", make, _follow if is_stream(event) else _take, event, context)
    if isinstance(answer, Failure):
        raise lambda_error(answer.code, answer.message)
    return answer


async def _follow(event: "Event", invocation: Invocation[Warm]) -> "BatchResponse":
    settings, tracking, queue, _ = invocation.warm
    changes = parse_stream(event)
    follower = Follower(tracking, queue, settings.offline_after, invocation.deadline)
    followed = await follower.follow(changes)
    invocation.fields.update(changes=len(changes))
    if followed.unreadable:
        invocation.fields["RowsUnreadable"] = followed.unreadable
    await _send(followed.events, invocation)
    return batch_response([])


async def _take(event: "Event", invocation: Invocation[Warm]) -> "BatchResponse":
    messages = parse_batch(event)
    reporter = Reporter(invocation.warm.tracking, invocation.now_milliseconds() // 1000, invocation.deadline)

    async def take(message: QueuedMessage) -> None:
        await _send(await reporter.events(parse_message(message.body)), invocation)

    starts_until = invocation.started + STARTING_SHARE * (invocation.deadline - invocation.started)
    intakes = await take_in(messages, take, starts_until=starts_until)
    invocation.fields.update(intake_fields(intakes))
    return batch_response(intakes)


async def _send(events: list[CloudEvent], invocation: Invocation[Warm]) -> None:
    settings, *_, bus = invocation.warm
    entries = [Entry(each.kind, each.detail(settings.source)) for each in events]
    await bus.put(entries, deadline=invocation.deadline)
    if events:
        sent = invocation.fields.get("EventsSent", 0)
        invocation.fields["EventsSent"] = len(events) + (sent if isinstance(sent, int) else 0)
