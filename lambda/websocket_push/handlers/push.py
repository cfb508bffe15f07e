"""The push function: delivers notifications for a backend that invokes it, a queue, or a client on the `push` route."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import messaging_user, require_push_allowed
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.handlers.replies import Response, error_reply, reply
from websocket_push.protocol.batch import QueuedMessage, is_batch, parse_batch, parse_queued_push
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import receipt_frame
from websocket_push.protocol.push_request import PushRequest, parse_client_push, parse_push
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.push.intake import batch_response, incompleteness, intake_fields, take_in
from websocket_push.push.posting import Clocks
from websocket_push.push.pusher import Defaults, Pusher
from websocket_push.push.refusals import Refusals
from websocket_push.push.report import Report
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Answer, Event, Invocation, LambdaContext
from websocket_push.settings import PushSettings, read_push_settings
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notifications
from websocket_push.telemetry.explain import Failure, lambda_error
from websocket_push.telemetry.metrics import count_push

ROUTE_SECONDS = 27.0
"""How long a push on the route may take: API Gateway waits 29 s for an integration ("Integration timeout")."""

CLOSING_SHARE = 0.1
"""The part of the time that is kept for closing connections that could not be sent to."""

CLOSING_SECONDS = 1.0
"""How much that is at least, where there is twice as much: time to close thousands."""

FINISHING_SHARE = 0.3
"""The part of the time in which no further message of a batch is begun, so that those that were can be finished."""


class Warm(NamedTuple):
    """What push works with."""

    settings: PushSettings
    dynamodb: PreparingDynamoDB
    clients: Clients
    notifications: Notifications
    management: Management


def make(sender: ConcurrentSender) -> Warm:
    """Make what push works with."""
    settings, dynamodb = read_push_settings(sender.environment), PreparingDynamoDB(sender)
    return Warm(
        settings,
        dynamodb,
        Clients(dynamodb, settings.clients_table, settings.clients_index),
        Notifications(dynamodb, settings.notifications_table),
        Management(sender, settings.connections_url),
    )


def handler(event: Event, context: LambdaContext) -> Report | Response:
    """Answer a direct invocation with the report, a message on the route with a receipt or an error frame.

    A batch from a queue is answered with the messages that failed, which are received again.

    Raises
    ------
    Exception
        For a direct invocation that is refused or came to nothing, or, if it asked for that, is incomplete; and for a
        batch that cannot be taken apart. Its class is named after the code, so the caller reads the code as `errorType`
        and the explanation as `errorMessage`.
    """
    if _is_message(event):
        answer = run("push", make, _push_from_client, event, context)
        return error_reply(event, answer) if isinstance(answer, Failure) else answer
    if is_batch(event):
        return _raising(run("push", make, _push_from_queue, event, context))
    return _raising(run("push", make, _push_from_backend, event, context))


def _raising(answer: Answer | Failure) -> Answer:
    if isinstance(answer, Failure):
        raise lambda_error(answer.code, answer.message)
    return answer


async def _push_from_backend(event: Event, invocation: Invocation[Warm]) -> Report:
    request = parse_push(
        event, now_milliseconds=invocation.now_milliseconds(), max_frame_bytes=invocation.warm.settings.max_frame_bytes
    )
    report = await _push(request, invocation, until=invocation.deadline)
    incomplete = incompleteness(report) if request.raises_incomplete else None
    if incomplete is not None:
        raise RequestError(incomplete.code, incomplete.message)
    return report


async def _push_from_queue(event: Event, invocation: Invocation[Warm]) -> Response:
    messages = parse_batch(event)
    pusher = _pusher(invocation, until=invocation.deadline)
    max_frame_bytes = invocation.warm.settings.max_frame_bytes

    async def push(message: QueuedMessage) -> Report:
        request = parse_queued_push(
            message, now_milliseconds=invocation.now_milliseconds(), max_frame_bytes=max_frame_bytes
        )
        return await _counted_push(pusher, request, invocation)

    starts_until = invocation.deadline - FINISHING_SHARE * (invocation.deadline - invocation.started)
    intakes = await take_in(messages, push, starts_until=starts_until)
    invocation.fields.update(intake_fields(intakes))
    return batch_response(intakes)


async def _push_from_client(event: Event, invocation: Invocation[Warm]) -> Response:
    invocation.fields["connectionId"] = event["requestContext"]["connectionId"]
    settings, clients = invocation.warm.settings, invocation.warm.clients
    message = parse_message(event.get("body"))
    request_id = parse_request_id(message)
    request = parse_client_push(message, max_frame_bytes=settings.max_frame_bytes)
    sender = await messaging_user(
        event,
        clients,
        allow_anonymous=settings.allow_anonymous,
        revocable=settings.revocable,
        now=invocation.now_milliseconds(),
        deadline=invocation.deadline,
    )
    require_push_allowed(settings.client_push, sender=sender, recipient=request.recipients[0])
    report = await _push(request, invocation, until=min(invocation.deadline, invocation.started + ROUTE_SECONDS))
    return reply(receipt_frame(report, request_id))


async def _push(request: PushRequest, invocation: Invocation[Warm], *, until: float) -> Report:
    report = await _counted_push(_pusher(invocation, until=until), request, invocation)
    invocation.fields.update(id=report["id"], totals=report["totals"])
    return report


async def _counted_push(pusher: Pusher, request: PushRequest, invocation: Invocation[Warm]) -> Report:
    report = await pusher.push(request)
    to_persist = pusher.defaults.persist if request.persist is None else request.persist
    # asyncio's clock is time.monotonic.
    milliseconds = (time.monotonic() - invocation.started) * 1000
    count_push(invocation.fields, report, to_persist=to_persist, milliseconds=milliseconds)
    return report


def _pusher(invocation: Invocation[Warm], *, until: float) -> Pusher:
    settings, dynamodb, clients, notifications, management = invocation.warm
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
    )


def _is_message(event: object) -> bool:
    """Tell an event of the WebSocket API from a request: only the former has a context with a connection."""
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return isinstance(context, Mapping) and "connectionId" in context
