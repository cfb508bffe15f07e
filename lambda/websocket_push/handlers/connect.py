"""The `$connect` route: registers the connection under its user."""

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.authorization import (
    authorized_until,
    connecting_user,
    require_current,
    require_not_revoked,
    token_of,
)
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.errors import AwsError
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import accepted, refused
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.handshake import chosen_subprotocol, require_allowed_origin
from websocket_push.runtime.invocation import Invocation
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_flag, read_optional, read_text, read_texts
from websocket_push.tables.clients import Clients, Connection, row_expiry
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.control.connection_limit import ConnectionLimit, LimitSettings
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Response


class Settings(NamedTuple):
    """What the function connect is passed; `limit` is None where users may have any number of connections."""

    clients_table: str
    allow_anonymous: bool
    allowed_origins: tuple[str, ...]
    revocable: bool
    limit: "LimitSettings | None" = None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        allowed_origins=read_texts(environment, "ALLOWED_ORIGINS"),
        revocable=read_flag(environment, "REVOCABLE"),
        limit=_read_limit_settings(environment) if read_optional(environment, "CONNECTIONS_PER_USER") else None,
    )


def _read_limit_settings(environment: Mapping[str, str]) -> "LimitSettings":
    # Imported here, so that without a limit the function starts as fast as if there were none.
    from websocket_push.control.connection_limit import read_limit_settings

    return read_limit_settings(environment)


class Warm(NamedTuple):
    """What connect works with."""

    settings: Settings
    clients: Clients
    limit: "ConnectionLimit | None" = None


def make(sender: Sender) -> Warm:
    """Make what connect works with."""
    settings = read_settings(sender.environment)
    limit = None if settings.limit is None else _make_limit(sender, settings.clients_table, settings.limit)
    return Warm(settings, Clients(DynamoDB(sender), settings.clients_table), limit)


def _make_limit(sender: Sender, clients_table: str, settings: "LimitSettings") -> "ConnectionLimit":
    from websocket_push.control.connection_limit import make_connection_limit

    return make_connection_limit(sender, clients_table, settings)


def handler(event: "Event", context: "LambdaContext") -> "Response":
    """Accept the connection (200) after writing its row, or refuse it (400, 401, 403, 429, 500, 503)."""
    answer = run("connect", make, _connect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _connect(event: "Event", invocation: Invocation[Warm]) -> "Response":
    settings, clients, limit = invocation.warm
    connection_id = require_event(event, "CONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    require_allowed_origin(event, settings.allowed_origins)
    user_id = connecting_user(event, allow_anonymous=settings.allow_anonymous)
    now, until = invocation.now_milliseconds(), authorized_until(event)
    require_current(until, now=now)
    connection = Connection(connection_id, user_id, now, row_expiry(now, until))
    if limit is not None:
        await limit.require_room(connection, deadline=invocation.deadline)
    token = token_of(event) if settings.revocable else None
    await clients.add(connection, token=token, deadline=invocation.deadline)
    try:
        # After the row: a revocation that is not seen here was written after it, and finds the row when it closes.
        if token is not None:
            await require_not_revoked(token, user_id, clients, now=now, deadline=invocation.deadline)
        if limit is not None:
            closed = await limit.close_oldest(connection, deadline=invocation.deadline)
            # Like all counts, left out where it is 0.
            invocation.fields.update({"ConnectionsEnded": closed} if closed else {})
    except RequestError:
        # A row that stays is that of a connection which never opened: the next push, or its TTL, removes it.
        with contextlib.suppress(AwsError):
            await clients.remove(connection_id, deadline=invocation.deadline)
        raise
    return accepted(subprotocol=chosen_subprotocol(event))
