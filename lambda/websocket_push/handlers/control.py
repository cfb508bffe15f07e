"""The control function: says who is connected, disconnects and revokes, for a backend that invokes it."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.management import Management
from websocket_push.aws.queue import Queue
from websocket_push.control.closing import Closer
from websocket_push.control.disconnecting import Disconnecting
from websocket_push.control.presence import connections, online
from websocket_push.control.revoking import Revoking, parse_sweep
from websocket_push.protocol.batch import is_batch, parse_batch
from websocket_push.protocol.control_request import (
    ConnectionsRequest,
    DisconnectRequest,
    OnlineRequest,
    RevokeRequest,
    parse_control,
)
from websocket_push.protocol.values import parse_message
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Invocation, LambdaContext
from websocket_push.settings import read_optional, read_seconds, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.registry import Registry
from websocket_push.telemetry.explain import Failure, lambda_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.events import Event

Reply = dict[str, object]


class Settings(NamedTuple):
    """What the function control is passed: `revocation_ttl` in seconds, `subscriptions_table` empty without topics."""

    clients_table: str
    clients_index: str
    connections_url: str
    queue_url: str
    revocation_ttl: int
    subscriptions_table: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        queue_url=read_text(environment, "CONTROL_QUEUE_URL"),
        revocation_ttl=read_seconds(environment, "REVOCATION_TTL"),
        subscriptions_table=read_optional(environment, "SUBSCRIPTIONS_TABLE"),
    )


class Warm(NamedTuple):
    """What control works with."""

    settings: Settings
    clients: Clients
    registry: Registry
    management: Management
    queue: Queue


def make(sender: ConcurrentSender) -> Warm:
    """Make what control works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    clients = Clients(dynamodb, settings.clients_table, settings.clients_index, settings.subscriptions_table)
    return Warm(
        settings,
        clients,
        Registry(dynamodb, settings.clients_table, clients),
        Management(sender, settings.connections_url),
        Queue(sender, settings.queue_url),
    )


def handler(event: "Event", context: LambdaContext) -> Reply:
    """Answer a request with its reply; a message of the function to itself, from its queue, with what came of it.

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
    if isinstance(request, DisconnectRequest):
        reply = await _disconnecting(invocation).disconnect(request)
    elif isinstance(request, RevokeRequest):
        reply = await _revoking(invocation).revoke(request)
    else:
        reply = await _revoking(invocation).unrevoke(request)
    _note(reply, invocation)
    return reply


async def _go_on(event: "Event", invocation: Invocation[Warm]) -> Reply:
    """Take the messages by which the function goes on with what it could not finish; the queue brings one at a time."""
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
    return Disconnecting(invocation.warm.registry, _closer(invocation), invocation.warm.queue)


def _closer(invocation: Invocation[Warm]) -> Closer:
    return Closer(
        clients=invocation.warm.clients,
        management=invocation.warm.management,
        now=invocation.now_milliseconds,
        deadline=invocation.deadline,
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
    """Have the log line say how many connections became of what, and nothing of whose they are."""
    for name, value in reply.items():
        if isinstance(value, int) and name not in ("issuedBefore", "revoked"):
            invocation.fields[name] = value
