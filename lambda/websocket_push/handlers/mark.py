"""The `mark` route: what a client's user has seen and read, for all of the user's devices."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import messaging_user
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.management import Management
from websocket_push.handlers.replies import error_reply, reply
from websocket_push.marking import Marking
from websocket_push.protocol.frames import state_frame
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.inbox import FIELDS, parse_mark
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Invocation, read_rate
from websocket_push.settings import read_flag, read_seconds, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.inboxes import Inboxes
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Response
    from websocket_push.runtime.message_limit import MessageLimit, Rate


class Settings(NamedTuple):
    """What the function mark is passed; `inbox_ttl` is in seconds."""

    clients_table: str
    clients_index: str
    notifications_table: str
    connections_url: str
    allow_anonymous: bool
    revocable: bool
    inbox_ttl: int
    rate: "Rate | None" = None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        notifications_table=read_text(environment, "NOTIFICATIONS_TABLE"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        revocable=read_flag(environment, "REVOCABLE"),
        inbox_ttl=read_seconds(environment, "INBOX_TTL"),
        rate=read_rate(environment),
    )


class Warm(NamedTuple):
    """What mark works with."""

    settings: Settings
    clients: Clients
    inboxes: Inboxes
    management: Management
    limit: "MessageLimit | None"


def make(sender: ConcurrentSender) -> Warm:
    """Make what mark works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    return Warm(
        settings,
        Clients(dynamodb, settings.clients_table, settings.clients_index),
        Inboxes(dynamodb, settings.notifications_table),
        Management(sender, settings.connections_url),
        None if settings.rate is None else settings.rate.limit(),
    )


def handler(event: "Event", context: "LambdaContext") -> "Response":
    """Answer with the state after the mark, or with an error frame."""
    answer = run("mark", make, _answer, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


async def _answer(event: "Event", invocation: Invocation[Warm]) -> "Response":
    settings, clients, inboxes, management, limit = invocation.warm
    connection_id = require_event(event, "MESSAGE")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    if limit is not None:
        limit.require(connection_id, invocation.started)
    message = parse_message(event.get("body"))
    request_id = parse_request_id(message)
    mark = parse_mark(message, ("action", "requestId", *FIELDS), now=invocation.now_milliseconds())
    user_id = await messaging_user(
        event,
        lambda: clients,
        allow_anonymous=settings.allow_anonymous,
        revocable=settings.revocable,
        now=invocation.now_milliseconds(),
        deadline=invocation.deadline,
    )
    marking = Marking(
        inboxes=inboxes,
        clients=clients,
        management=management,
        ttl=settings.inbox_ttl,
        now=invocation.now_milliseconds,
        deadline=invocation.deadline,
    )
    return reply(state_frame(await marking.mark(user_id, mark, sender=connection_id), request_id))
