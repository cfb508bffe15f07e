"""The `$disconnect` route: removes the connection's row."""

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.handlers.replies import Response, accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.runtime.invocation import Event, LambdaContext
from websocket_push.runtime.sequential import Invocation, run
from websocket_push.settings import read_optional, read_text
from websocket_push.tables.clients import Clients
from websocket_push.telemetry.explain import Failure


def handler(event: Event, context: LambdaContext) -> Response:
    """Remove the row; API Gateway sends the event at best effort and ignores the answer, so the row's TTL backs it."""
    answer = run("disconnect", _disconnect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _disconnect(event: Event, invocation: Invocation) -> Response:
    connection_id = require_event(event, "DISCONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    clients = Clients(
        DynamoDB(invocation.transport),
        read_text(invocation.environment, "CLIENTS_TABLE"),
        subscriptions=read_optional(invocation.environment, "SUBSCRIPTIONS_TABLE"),
    )
    await clients.remove(connection_id, deadline=invocation.deadline)
    return accepted()
