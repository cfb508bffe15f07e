"""The `$disconnect` route: deletes the connection's row."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.runtime.invocation import Invocation
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_optional, read_switch, read_text
from websocket_push.tables.clients import Clients
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Response
    from websocket_push.tables.endings import Endings


class Settings(NamedTuple):
    """What the function disconnect is passed; `subscriptions_table` is empty without topics."""

    clients_table: str
    subscriptions_table: str
    events: bool = False


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        subscriptions_table=read_optional(environment, "SUBSCRIPTIONS_TABLE"),
        events=read_switch(environment, "EVENTS"),
    )


class Warm(NamedTuple):
    """What disconnect works with; `endings` is None where there are no events."""

    clients: Clients
    endings: "Endings | None"


def make(sender: Sender) -> Warm:
    """Make what disconnect works with."""
    settings, dynamodb = read_settings(sender.environment), DynamoDB(sender)
    clients = Clients(dynamodb, settings.clients_table, subscriptions=settings.subscriptions_table)
    if not settings.events:
        return Warm(clients, None)
    # Imported here, so that without events the function starts as fast as if there were none.
    from websocket_push.tables.endings import Endings

    return Warm(clients, Endings(dynamodb, settings.clients_table))


def handler(event: "Event", context: "LambdaContext") -> "Response":
    """Delete the row. The event is best effort and API Gateway ignores the response; the row's TTL is the fallback."""
    answer = run("disconnect", make, _disconnect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _disconnect(event: "Event", invocation: Invocation[Warm]) -> "Response":
    context = require_event(event, "DISCONNECT")
    connection_id = context["connectionId"]
    invocation.fields["connectionId"] = connection_id
    clients, endings = invocation.warm
    try:
        if endings is not None:
            code = context.get("disconnectStatusCode")
            code = code if isinstance(code, int) else None
            # Half of the time: removing the row matters more than an event that says why.
            half = (invocation.started + invocation.deadline) / 2
            await endings.note(connection_id, "disconnected", code=code, deadline=half)
    finally:
        await clients.remove(connection_id, deadline=invocation.deadline)
    return accepted()
