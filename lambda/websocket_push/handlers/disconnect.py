"""The `$disconnect` route: removes the connection's row."""

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import Response, accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.runtime.invocation import Event, Invocation, LambdaContext
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_disconnect_settings
from websocket_push.tables.clients import Clients
from websocket_push.telemetry.explain import Failure


def make(sender: Sender) -> Clients:
    """Make the table that disconnect works with."""
    return Clients(DynamoDB(sender), read_disconnect_settings(sender.environment).clients_table)


def handler(event: Event, context: LambdaContext) -> Response:
    """Remove the row; API Gateway sends the event at best effort and ignores the answer, so the row's TTL backs it."""
    answer = run("disconnect", make, _disconnect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _disconnect(event: Event, invocation: Invocation[Clients]) -> Response:
    connection_id = require_event(event, "DISCONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    await invocation.warm.remove(connection_id, deadline=invocation.deadline)
    return accepted()
