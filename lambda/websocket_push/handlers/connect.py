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
from websocket_push.runtime.invocation import Invocation, LambdaContext
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_flag, read_text, read_texts
from websocket_push.tables.clients import Clients, Connection, row_expiry
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.events import Event, Response
    from websocket_push.tables.revocations import Token


class Settings(NamedTuple):
    """What the function connect is passed."""

    clients_table: str
    allow_anonymous: bool
    allowed_origins: tuple[str, ...]
    revocable: bool


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        allowed_origins=read_texts(environment, "ALLOWED_ORIGINS"),
        revocable=read_flag(environment, "REVOCABLE"),
    )


class Warm(NamedTuple):
    """What connect works with."""

    settings: Settings
    clients: Clients


def make(sender: Sender) -> Warm:
    """Make what connect works with."""
    settings = read_settings(sender.environment)
    return Warm(settings, Clients(DynamoDB(sender), settings.clients_table))


def handler(event: "Event", context: LambdaContext) -> "Response":
    """Accept the connection (200) after writing its row, or refuse it (400, 401, 403, 500, 503)."""
    answer = run("connect", make, _connect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _connect(event: "Event", invocation: Invocation[Warm]) -> "Response":
    settings, clients = invocation.warm
    connection_id = require_event(event, "CONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    require_allowed_origin(event, settings.allowed_origins)
    user_id = connecting_user(event, allow_anonymous=settings.allow_anonymous)
    now, until = invocation.now_milliseconds(), authorized_until(event)
    require_current(until, now=now)
    connection = Connection(connection_id, user_id, now, row_expiry(now, until))
    if settings.revocable:
        await _add_unless_revoked(connection, token_of(event), clients, deadline=invocation.deadline)
    else:
        await clients.add(connection, deadline=invocation.deadline)
    return accepted(subprotocol=chosen_subprotocol(event))


async def _add_unless_revoked(connection: Connection, token: "Token", clients: Clients, *, deadline: float) -> None:
    # The row first: a revocation that is not seen here was written after it, and finds the row when it closes.
    await clients.add(connection, token=token, deadline=deadline)
    try:
        await require_not_revoked(token, connection.user_id, clients, deadline=deadline)
    except RequestError:
        # A row that stays is that of a connection which never opened: the next push, or its TTL, removes it.
        with contextlib.suppress(AwsError):
            await clients.remove(connection.connection_id, deadline=deadline)
        raise
