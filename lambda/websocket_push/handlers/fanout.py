"""The fanout function: sends a topic's notification to a segment of its connections, and passes on the rest of it."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.queue import Queue
from websocket_push.protocol.batch import QueuedMessage, parse_batch
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import milliseconds_of
from websocket_push.protocol.segment import MAX_ONLY, Remaining, Segment, finished_text, parse_segment, segment_text
from websocket_push.push.fan_out import Means, Position, send_to_each, spread
from websocket_push.push.intake import batch_response, intake_fields, take_in
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.push.report import Report, connection_totals
from websocket_push.push.schedule import Schedule
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Invocation
from websocket_push.settings import read_count, read_optional, read_text
from websocket_push.tables.audience import Audience, Share
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.counts import count_deliveries, count_segment
from websocket_push.telemetry.explain import Failure, lambda_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import BatchResponse, Event, LambdaContext

BEGINNING_SHARE = 0.7
"""The part of the time in which connections are started. If all goes well, nothing is in progress a moment later."""

POSTING_SHARE = 0.85
"""The part of the time in which they are tried."""

CLOSING_SHARE = 0.95
"""The part of the time in which those that cannot be sent to are closed; the rest is for passing on."""

AGAIN_SECONDS = 5
"""After how long those that could be neither sent to nor closed are tried again."""


class Settings(NamedTuple):
    """What the function fanout is passed."""

    clients_table: str
    subscriptions_table: str
    connections_url: str
    queue_url: str
    posts_per_second: int
    events_queue_url: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        subscriptions_table=read_text(environment, "SUBSCRIPTIONS_TABLE"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        queue_url=read_text(environment, "FANOUT_QUEUE_URL"),
        posts_per_second=read_count(environment, "POSTS_PER_SECOND"),
        events_queue_url=read_optional(environment, "EVENTS_QUEUE_URL"),
    )


class Warm(NamedTuple):
    """What fanout works with."""

    settings: Settings
    audience: Audience
    clients: Clients
    management: Management
    queue: Queue
    events_queue: Queue | None


def make(sender: ConcurrentSender) -> Warm:
    """Make what fanout works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    return Warm(
        settings,
        Audience(dynamodb, subscriptions=settings.subscriptions_table, clients=settings.clients_table),
        Clients(dynamodb, settings.clients_table, subscriptions=settings.subscriptions_table),
        Management(sender, settings.connections_url),
        Queue(sender, settings.queue_url),
        Queue(sender, settings.events_queue_url) if settings.events_queue_url else None,
    )


def handler(event: "Event", context: "LambdaContext") -> "BatchResponse":
    """Answer a batch of segments with those that failed, which are received again.

    Raises
    ------
    Exception
        For a batch that cannot be taken apart. Its class is named after the code.
    """
    answer = run("fanout", make, _fan_out, event, context)
    if isinstance(answer, Failure):
        raise lambda_error(answer.code, answer.message)
    return answer


async def _fan_out(event: "Event", invocation: Invocation[Warm]) -> "BatchResponse":
    messages, warm = parse_batch(event), invocation.warm
    seconds = invocation.deadline - invocation.started
    means = Means(
        audience=warm.audience,
        clients=warm.clients,
        management=warm.management,
        clocks=Clocks(
            now=invocation.now_milliseconds,
            posts_until=invocation.started + POSTING_SHARE * seconds,
            closes_until=invocation.started + CLOSING_SHARE * seconds,
        ),
        random=invocation.random,
        refusals=Refusals(),
    )
    schedule = Schedule(warm.settings.posts_per_second)
    until = invocation.started + BEGINNING_SHARE * seconds

    async def send(message: QueuedMessage) -> Report:
        segment = parse_segment(message.body)
        invocation.fields.update(id=segment.notification_id, segment=segment.part, of=segment.of)
        if segment.only:
            return {"totals": await _send_again(segment, means, invocation)}
        outcome, position = await _spread(segment, means, schedule, until)
        totals = connection_totals(outcome)
        count_deliveries(invocation.fields, totals)
        if outcome.left:
            only = tuple(Remaining(each.connection_id, each.connected_at, each.expires_at) for each in outcome.left)
            body = segment_text(segment._replace(after="", only=only))
            await warm.queue.send(body, deadline=invocation.deadline, delay=AGAIN_SECONDS)
        rest = segment._replace(after=position.after)
        if not position.finished or not await _report_finished(rest, invocation, can_wait=rest != segment):
            await warm.queue.send(segment_text(rest), deadline=invocation.deadline)
        _note(segment, outcome, invocation, finished=position.finished)
        return {"totals": totals}

    intakes = await take_in(messages, send, starts_until=until)
    invocation.fields.update(intake_fields(intakes))
    return batch_response(intakes)


async def _report_finished(segment: Segment, invocation: Invocation[Warm], *, can_wait: bool) -> bool:
    """Report that a segment is finished, where there are events; return False if the report is still to be sent.

    Parameters
    ----------
    can_wait
        Whether it can be passed on. If the segment were redelivered instead, all of its connections would be sent to
        again.

    Raises
    ------
    AwsError
        If it cannot be reported and cannot wait.
    """
    queue = invocation.warm.events_queue
    if queue is None:
        return True
    try:
        await queue.send(finished_text(segment, at=invocation.now_milliseconds()), deadline=invocation.deadline)
    except AwsError:
        if not can_wait:
            raise
        return False
    return True


async def _spread(segment: Segment, means: Means, schedule: Schedule, until: float) -> tuple[Outcome, Position]:
    """Send to a segment; return the outcome, and where to continue.

    Raises
    ------
    RequestError
        If it has to be redelivered unchanged: nothing of it could be started, or API Gateway accepted none of it.
    """
    outcome, position = await spread(
        means,
        Share(segment.topic, segment.part, segment.of, segment.until),
        Notification(segment.notification_id, segment.content),
        after=segment.after,
        persisted=segment.persisted,
        schedule=schedule,
        until=until,
    )
    stuck = not position.finished and position.after == segment.after
    # Going on would only refuse, or close, one after the other.
    refused = outcome.failed > 0 and not outcome.delivered and (outcome.incomplete or not position.finished)
    if stuck or refused:
        raise _failed(outcome, "Nothing of the segment could be sent.")
    if outcome.unclosed > MAX_ONLY:
        raise _failed(outcome, f"{outcome.unclosed} connections could be neither sent to nor closed.")
    return outcome, position


async def _send_again(segment: Segment, means: Means, invocation: Invocation[Warm]) -> dict[str, int]:
    """Send to the connections that were neither sent to nor closed before; return the outcome.

    Raises
    ------
    RequestError
        If some are neither sent to nor closed this time. The message is then redelivered, or becomes a dead letter.
    """
    outcome = await send_to_each(
        means,
        segment.topic,
        Notification(segment.notification_id, segment.content),
        [Connection(each.connection_id, "", each.connected_at, each.expires_at) for each in segment.only],
        persisted=segment.persisted,
    )
    totals = connection_totals(outcome)
    count_deliveries(invocation.fields, totals)
    if outcome.incomplete:
        invocation.fields["incomplete"] = True
        raise _failed(outcome, f"{outcome.unclosed} connections could be neither sent to nor closed.")
    return totals


def _failed(outcome: Outcome, what: str) -> RequestError:
    if outcome.error is None:
        return RequestError("UNAVAILABLE", f"{what} There was no time to start.")
    return RequestError(outcome.error.code, f"{what} {outcome.error.message}")


def _note(segment: Segment, outcome: Outcome, invocation: Invocation[Warm], *, finished: bool) -> None:
    invocation.fields["finished"] = finished
    if outcome.incomplete:
        invocation.fields["incomplete"] = True
    if finished:
        milliseconds = invocation.now_milliseconds() - milliseconds_of(segment.notification_id)
        count_segment(invocation.fields, milliseconds=max(milliseconds, 0))
