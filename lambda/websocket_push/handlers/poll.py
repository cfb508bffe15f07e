"""The `poll` route: returns a page of the history of the connection's user."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import messaging_user, session_end
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import error_reply, reply
from websocket_push.history import read_history
from websocket_push.http.blocking import together
from websocket_push.protocol.frames import history_frame, max_notification_bytes, session
from websocket_push.protocol.identifiers import rfc_3339
from websocket_push.protocol.poll_request import parse_poll
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.runtime.invocation import Invocation, read_rate
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_bytes, read_flag, read_seconds, read_switch, read_text
from websocket_push.tables.stored import StoredNotifications
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from websocket_push.history import Log, Page
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Response
    from websocket_push.protocol.poll_request import PollRequest
    from websocket_push.runtime.message_limit import MessageLimit, Rate
    from websocket_push.tables.clients import Clients

    Warm: TypeAlias = tuple["Settings", DynamoDB, StoredNotifications, MessageLimit | None]
    """What poll works with."""


class Settings(NamedTuple):
    """What the function poll is passed; `topics` and `inbox` are whether there are topics, and inboxes."""

    clients_table: str
    notifications_table: str
    allow_anonymous: bool
    max_frame_bytes: int
    keepalive_action: str
    keepalive_seconds: int
    revocable: bool
    topics: bool
    rate: "Rate | None" = None
    inbox: bool = False


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
        topics=read_switch(environment, "TOPICS"),
        rate=read_rate(environment),
        inbox=read_switch(environment, "INBOX"),
    )


def make(sender: Sender) -> "Warm":
    """Make what poll works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    notifications = StoredNotifications(dynamodb, settings.notifications_table, recalls=settings.inbox)
    limit = None if settings.rate is None else settings.rate.limit()
    return settings, dynamodb, notifications, limit


def handler(event: "Event", context: "LambdaContext") -> "Response":
    """Return a history frame or an error frame."""
    answer = run("poll", make, _poll, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


def _clients(dynamodb: DynamoDB, table: str) -> "Clients":
    # Imported here, so that poll starts faster where it reads no rows of connections.
    from websocket_push.tables.clients import Clients

    return Clients(dynamodb, table)


async def _poll(event: "Event", invocation: "Invocation[Warm]") -> "Response":
    settings, dynamodb, _, limit = invocation.warm
    connection_id = event["requestContext"]["connectionId"]
    invocation.fields["connectionId"] = connection_id
    if limit is not None:
        limit.require(connection_id, invocation.started)
    message = parse_message(event.get("body"))
    request_id, request = parse_request_id(message), parse_poll(message)
    user_id = await messaging_user(
        event,
        lambda: _clients(dynamodb, settings.clients_table),
        allow_anonymous=settings.allow_anonymous,
        revocable=settings.revocable,
        now=invocation.now_milliseconds(),
        deadline=invocation.deadline,
    )
    log = await _log(connection_id, invocation)
    page, state = await _read(log, user_id, request, invocation)
    _note(page, invocation)
    about = session(
        user_id=user_id,
        connection_id=connection_id,
        expires_at=rfc_3339(session_end(event)),
        keepalive_action=settings.keepalive_action,
        keepalive_seconds=settings.keepalive_seconds,
    )
    return reply(
        history_frame(
            page.texts,
            next_position=page.next_position,
            reset=page.reset,
            session=about,
            request_id=request_id,
            state=state,
            recalls=page.recalls,
        )
    )


async def _log(connection_id: str, invocation: "Invocation[Warm]") -> "Log":
    """Return what a connection reads: its user's log, with those of its topics where there are topics."""
    settings, dynamodb, notifications, _ = invocation.warm
    if not settings.topics:
        return notifications
    # Imported here, so that without topics the function starts as fast as if there were none.
    from websocket_push.handlers.poll_topics import listened_logs

    return await listened_logs(
        notifications, dynamodb, settings.clients_table, connection_id, deadline=invocation.deadline
    )


async def _read(log: "Log", user_id: str, request: "PollRequest", invocation: "Invocation[Warm]") -> "tuple[Page, str]":
    """Return a page, and the state of the user's inbox as JSON text; empty where there are no inboxes."""
    settings, dynamodb, *_ = invocation.warm
    now, page_bytes = invocation.now_milliseconds(), max_notification_bytes(settings.max_frame_bytes)

    async def read_page(page_bytes: int) -> "Page":
        return await read_history(
            log,
            user_id,
            request,
            page_bytes=page_bytes,
            now_milliseconds=now,
            deadline=invocation.deadline,
            together=together,
        )

    if not settings.inbox:
        return await read_page(page_bytes), ""
    from websocket_push.handlers.poll_inbox import read_with_inbox

    return await read_with_inbox(
        read_page,
        dynamodb,
        settings.notifications_table,
        user_id,
        page_bytes=page_bytes,
        now=now // 1000,
        deadline=invocation.deadline,
    )


def _note(page: "Page", invocation: "Invocation[Warm]") -> None:
    invocation.fields.update(notifications=len(page.texts), more=page.next_position is not None)
    if page.reset:
        invocation.fields["reset"] = True
    if page.unreadable:
        invocation.fields["RowsUnreadable"] = page.unreadable
