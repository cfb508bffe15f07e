"""The `$connect` route: registers the connection under its user."""

from typing import NamedTuple

from websocket_push.authorization import authorized_until, connecting_user, require_current
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import Response, accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.handshake import chosen_subprotocol, require_allowed_origin
from websocket_push.runtime.invocation import Event, Invocation, LambdaContext
from websocket_push.runtime.sequential import run
from websocket_push.settings import ConnectSettings, read_connect_settings
from websocket_push.tables.clients import Clients, Connection, row_expiry
from websocket_push.telemetry.explain import Failure


class Warm(NamedTuple):
    """What connect works with."""

    settings: ConnectSettings
    clients: Clients


def make(sender: Sender) -> Warm:
    """Make what connect works with."""
    settings = read_connect_settings(sender.environment)
    return Warm(settings, Clients(DynamoDB(sender), settings.clients_table))


def handler(event: Event, context: LambdaContext) -> Response:
    """Accept the connection (200) once its row is written, or refuse it (400, 401, 403, 500, 503)."""
    answer = run("connect", make, _connect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _connect(event: Event, invocation: Invocation[Warm]) -> Response:
    settings, clients = invocation.warm
    connection_id = require_event(event, "CONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    require_allowed_origin(event, settings.allowed_origins)
    user_id = connecting_user(event, allow_anonymous=settings.allow_anonymous)
    now, until = invocation.now_milliseconds(), authorized_until(event)
    require_current(until, now=now)
    await clients.add(Connection(connection_id, user_id, now, row_expiry(now, until)), deadline=invocation.deadline)
    return accepted(subprotocol=chosen_subprotocol(event))
