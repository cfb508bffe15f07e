"""The `subscribe` and `unsubscribe` routes: which topics a connection listens to."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import authorized_until, messaging_user, require_current
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import error_reply, reply
from websocket_push.listening import granted, subscribe, unsubscribe
from websocket_push.protocol.frames import subscribed_frame
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.topics import parse_subscription
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.runtime.invocation import Invocation, read_rate
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_count, read_flag, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.subscriptions import Subscriptions
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Response
    from websocket_push.runtime.message_limit import MessageLimit, Rate


class Settings(NamedTuple):
    """What the function subscriptions is passed."""

    clients_table: str
    subscriptions_table: str
    allow_anonymous: bool
    max_topics: int
    revocable: bool
    rate: "Rate | None" = None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        subscriptions_table=read_text(environment, "SUBSCRIPTIONS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        max_topics=read_count(environment, "MAX_TOPICS_PER_CONNECTION"),
        revocable=read_flag(environment, "REVOCABLE"),
        rate=read_rate(environment),
    )


class Warm(NamedTuple):
    """What subscriptions works with."""

    settings: Settings
    clients: Clients
    subscriptions: Subscriptions
    limit: "MessageLimit | None"


def make(sender: Sender) -> Warm:
    """Make what subscriptions works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    return Warm(
        settings,
        Clients(dynamodb, settings.clients_table),
        Subscriptions(dynamodb, settings.subscriptions_table, settings.clients_table),
        None if settings.rate is None else settings.rate.limit(),
    )


def handler(event: "Event", context: "LambdaContext") -> "Response":
    """Answer with what the connection listens to now and what was refused, or with an error frame."""
    answer = run("subscriptions", make, _answer, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


async def _answer(event: "Event", invocation: Invocation[Warm]) -> "Response":
    (settings, clients, subscriptions, limit), deadline = invocation.warm, invocation.deadline
    connection_id = require_event(event, "MESSAGE")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    if limit is not None:
        limit.require(connection_id, invocation.started)
    message = parse_message(event.get("body"))
    request_id, topics = parse_request_id(message), parse_subscription(message)
    if settings.revocable:
        await messaging_user(
            event,
            lambda: clients,
            allow_anonymous=settings.allow_anonymous,
            revocable=True,
            now=invocation.now_milliseconds(),
            deadline=deadline,
        )
    else:
        require_current(authorized_until(event), now=invocation.now_milliseconds())
    if message.get("action") == "unsubscribe":
        outcome = await unsubscribe(subscriptions, connection_id, topics, deadline=deadline)
    else:
        outcome = await subscribe(
            subscriptions,
            connection_id,
            topics,
            granted(event, allow_anonymous=settings.allow_anonymous),
            most=settings.max_topics,
            now_milliseconds=invocation.now_milliseconds,
            deadline=deadline,
        )
    invocation.fields.update(topics=len(outcome.topics), refused=len(outcome.refused))
    return reply(subscribed_frame(sorted(outcome.topics), outcome.refused, request_id))
