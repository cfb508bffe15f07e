"""The `$connect` route: registers the connection under its user."""

from websocket_push.authorization import authorized_until, connecting_user, require_current
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.handlers.replies import Response, accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.handshake import chosen_subprotocol, require_allowed_origin
from websocket_push.runtime.invocation import Event, LambdaContext
from websocket_push.runtime.sequential import Invocation, run
from websocket_push.settings import read_flag, read_text, read_texts
from websocket_push.tables.clients import Clients, Connection, row_expiry
from websocket_push.telemetry.explain import Failure


def handler(event: Event, context: LambdaContext) -> Response:
    """Accept the connection (200) after writing its row, or refuse it (400, 401, 403, 500, 503)."""
    answer = run("connect", _connect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _connect(event: Event, invocation: Invocation) -> Response:
    environment = invocation.environment
    connection_id = require_event(event, "CONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    require_allowed_origin(event, read_texts(environment, "ALLOWED_ORIGINS"))
    user_id = connecting_user(event, allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"))
    now, until = invocation.now_milliseconds(), authorized_until(event)
    require_current(until, now=now)
    clients = Clients(DynamoDB(invocation.transport), read_text(environment, "CLIENTS_TABLE"))
    await clients.add(Connection(connection_id, user_id, now, row_expiry(now, until)), deadline=invocation.deadline)
    return accepted(subprotocol=chosen_subprotocol(event))
