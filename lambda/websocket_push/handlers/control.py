"""The control function: says who is connected, disconnects, revokes and marks, for a backend that invokes it."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.management import Management
from websocket_push.aws.queue import Queue
from websocket_push.control.closing import Closer, Reply, Tally
from websocket_push.control.disconnecting import Disconnecting
from websocket_push.control.presence import connections, online
from websocket_push.control.revoking import Revoking, parse_sweep
from websocket_push.protocol.batch import is_batch, parse_batch
from websocket_push.protocol.control_request import (
    FIELDS,
    ConnectionsRequest,
    DisconnectRequest,
    MarkRequest,
    OnlineRequest,
    RevokeRequest,
    parse_control,
)
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.values import parse_message
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Invocation
from websocket_push.settings import read_optional, read_seconds, read_switch, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.endings import Endings
from websocket_push.tables.registry import Registry
from websocket_push.telemetry.explain import Failure, lambda_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext

CLOSING_SHARE = 0.9
"""The part of the time in which connections are closed; the rest is for passing on those that could not be."""


class Settings(NamedTuple):
    """The settings of control; times to live are in seconds.

    `subscriptions_table` is empty without topics; `notifications_table` is empty and `inbox_ttl` 0 without inboxes.
    """

    clients_table: str
    clients_index: str
    connections_url: str
    queue_url: str
    revocation_ttl: int
    subscriptions_table: str
    events: bool = False
    notifications_table: str = ""
    inbox_ttl: int = 0


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        queue_url=read_text(environment, "CONTROL_QUEUE_URL"),
        revocation_ttl=read_seconds(environment, "REVOCATION_TTL"),
        subscriptions_table=read_optional(environment, "SUBSCRIPTIONS_TABLE"),
        events=read_switch(environment, "EVENTS"),
        notifications_table=read_optional(environment, "NOTIFICATIONS_TABLE"),
        inbox_ttl=read_seconds(environment, "INBOX_TTL") if read_optional(environment, "INBOX_TTL") else 0,
    )


class Warm(NamedTuple):
    """What control works with."""

    settings: Settings
    dynamodb: DynamoDB
    clients: Clients
    registry: Registry
    management: Management
    queue: Queue
    endings: Endings | None


def make(sender: ConcurrentSender) -> Warm:
    """Make what control works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    clients = Clients(dynamodb, settings.clients_table, settings.clients_index, settings.subscriptions_table)
    return Warm(
        settings,
        dynamodb,
        clients,
        Registry(dynamodb, settings.clients_table, clients),
        Management(sender, settings.connections_url),
        Queue(sender, settings.queue_url),
        Endings(dynamodb, settings.clients_table) if settings.events else None,
    )


def handler(event: "Event", context: "LambdaContext") -> Reply:
    """Return the reply to a request, or the outcome of a message that the function sent to itself by its queue.

    Raises
    ------
    Exception
        For what is refused or could not be carried out. Its class is named after the code, so the caller reads the code
        as `errorType` and the explanation as `errorMessage`.
    """
    answer = run("control", make, _go_on if is_batch(event) else _answer, event, context)
    if isinstance(answer, Failure):
        raise lambda_error(answer.code, answer.message)
    return answer


async def _answer(event: "Event", invocation: Invocation[Warm]) -> Reply:
    now = invocation.now_milliseconds() // 1000
    request = parse_control(event, now=now)
    invocation.fields["action"] = event["action"]
    registry, deadline = invocation.warm.registry, invocation.deadline
    if isinstance(request, ConnectionsRequest):
        return await connections(request, registry, now=now, deadline=deadline)
    if isinstance(request, OnlineRequest):
        return await online(request, registry, now=now, deadline=deadline)
    if isinstance(request, MarkRequest):
        return await _mark(request, invocation)
    if isinstance(request, DisconnectRequest):
        reply = await _disconnecting(invocation).disconnect(request)
    elif isinstance(request, RevokeRequest):
        reply = await _revoking(invocation).revoke(request)
    else:
        reply = await _revoking(invocation).unrevoke(request)
    _note(reply, invocation)
    return reply


async def _mark(request: MarkRequest, invocation: Invocation[Warm]) -> Reply:
    warm = invocation.warm
    settings = warm.settings
    if not settings.inbox_ttl:
        raise RequestError("INBOX_DISABLED", "There are no inboxes here: set the module's input inbox.")
    # Imported here, so that without inboxes the function starts as fast as if there were none.
    from websocket_push.marking import Marking
    from websocket_push.protocol.inbox import parse_mark
    from websocket_push.tables.inboxes import Inboxes

    mark = parse_mark(request.marked, FIELDS["mark"], now=invocation.now_milliseconds())
    marking = Marking(
        inboxes=Inboxes(warm.dynamodb, settings.notifications_table),
        clients=warm.clients,
        management=warm.management,
        ttl=settings.inbox_ttl,
        now=invocation.now_milliseconds,
        deadline=invocation.deadline,
    )
    return {"userId": request.user_id, "state": json.loads(await marking.mark(request.user_id, mark))}


async def _go_on(event: "Event", invocation: Invocation[Warm]) -> Reply:
    """Handle the messages by which the function continues unfinished work; the queue delivers one at a time."""
    reply: Reply = {}
    for each in parse_batch(event):
        message = parse_message(each.body)
        invocation.fields["action"] = "sweep" if "sweep" in message else "close"
        if "sweep" in message:
            reply = await _revoking(invocation).sweep(parse_sweep(message))
        else:
            reply = await _disconnecting(invocation).again(message)
        _note(reply, invocation)
    return reply


def _disconnecting(invocation: Invocation[Warm]) -> Disconnecting:
    return Disconnecting(
        registry=invocation.warm.registry,
        closer=_closer(invocation),
        queue=invocation.warm.queue,
        deadline=invocation.deadline,
    )


def _closer(invocation: Invocation[Warm]) -> Closer:
    return Closer(
        clients=invocation.warm.clients,
        management=invocation.warm.management,
        now=invocation.now_milliseconds,
        deadline=invocation.started + CLOSING_SHARE * (invocation.deadline - invocation.started),
        endings=invocation.warm.endings,
    )


def _revoking(invocation: Invocation[Warm]) -> Revoking:
    return Revoking(
        registry=invocation.warm.registry,
        clients=invocation.warm.clients,
        closer=_closer(invocation),
        queue=invocation.warm.queue,
        ttl=invocation.warm.settings.revocation_ttl,
        now=invocation.now_milliseconds,
        deadline=invocation.deadline,
    )


def _note(reply: Reply, invocation: Invocation[Warm]) -> None:
    """Log the number of connections by outcome, and nothing about whose they are."""
    for name in ("connections", *Tally._fields):
        if name in reply:
            invocation.fields[name] = reply[name]
    if reply.get("closed"):
        invocation.fields["ConnectionsEnded"] = reply["closed"]
