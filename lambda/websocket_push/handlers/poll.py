"""The `poll` route: returns a page of the history of the connection's user."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import messaging_user, session_end
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import error_reply, reply
from websocket_push.history import read_history
from websocket_push.http.blocking import together
from websocket_push.protocol.frames import Keepalive, history_frame, max_notification_bytes, session
from websocket_push.protocol.identifiers import rfc_3339
from websocket_push.protocol.poll_request import parse_poll
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.runtime.invocation import Invocation, LambdaContext
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_bytes, read_flag, read_optional, read_seconds, read_text
from websocket_push.tables.clients import Clients
from websocket_push.tables.stored import StoredNotifications
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.history import Log
    from websocket_push.protocol.events import Event, Response


class Settings(NamedTuple):
    """What the function poll is passed; `topics` is whether there are topics."""

    clients_table: str
    notifications_table: str
    allow_anonymous: bool
    max_frame_bytes: int
    keepalive_action: str
    keepalive_seconds: int
    revocable: bool
    topics: bool


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        notifications_table=read_text(environment, "NOTIFICATIONS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        max_frame_bytes=read_bytes(environment, "MAX_FRAME_BYTES"),
        keepalive_action=read_text(environment, "KEEPALIVE_ACTION"),
        keepalive_seconds=read_seconds(environment, "KEEPALIVE_SECONDS"),
        revocable=read_flag(environment, "REVOCABLE"),
        topics=bool(read_optional(environment, "TOPICS")),
    )


class Warm(NamedTuple):
    """What poll works with."""

    settings: Settings
    dynamodb: DynamoDB
    clients: Clients
    notifications: StoredNotifications


def make(sender: Sender) -> Warm:
    """Make what poll works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    clients = Clients(dynamodb, settings.clients_table)
    return Warm(settings, dynamodb, clients, StoredNotifications(dynamodb, settings.notifications_table))


def handler(event: "Event", context: LambdaContext) -> "Response":
    """Return a history frame or an error frame."""
    answer = run("poll", make, _poll, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


async def _poll(event: "Event", invocation: Invocation[Warm]) -> "Response":
    settings, dynamodb, clients, notifications = invocation.warm
    connection_id = event["requestContext"]["connectionId"]
    invocation.fields["connectionId"] = connection_id
    message = parse_message(event.get("body"))
    request_id, request = parse_request_id(message), parse_poll(message)
    user_id = await messaging_user(
        event,
        clients,
        allow_anonymous=settings.allow_anonymous,
        revocable=settings.revocable,
        now=invocation.now_milliseconds(),
        deadline=invocation.deadline,
    )
    log: Log = notifications
    if settings.topics:
        # Imported here, so that without topics the function starts as fast as if there were none.
        from websocket_push.handlers.listened import listened_logs

        log = await listened_logs(
            notifications, dynamodb, settings.clients_table, connection_id, deadline=invocation.deadline
        )
    page = await read_history(
        log,
        user_id,
        request,
        page_bytes=max_notification_bytes(settings.max_frame_bytes),
        now_milliseconds=invocation.now_milliseconds(),
        deadline=invocation.deadline,
        together=together,
    )
    invocation.fields.update(notifications=len(page.texts), more=page.next_position is not None)
    if page.reset:
        invocation.fields["reset"] = True
    about = session(
        user_id=user_id,
        connection_id=connection_id,
        expires_at=rfc_3339(session_end(event)),
        keepalive=Keepalive(action=settings.keepalive_action, seconds=settings.keepalive_seconds),
    )
    return reply(
        history_frame(
            page.texts, next_position=page.next_position, reset=page.reset, session=about, request_id=request_id
        )
    )
