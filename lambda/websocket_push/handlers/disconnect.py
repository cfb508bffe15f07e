"""The `$disconnect` route: deletes the connection's row."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender
from websocket_push.handlers.replies import accepted, refused
from websocket_push.protocol.gateway import require_event
from websocket_push.runtime.invocation import Invocation, LambdaContext
from websocket_push.runtime.sequential import run
from websocket_push.settings import read_optional, read_text
from websocket_push.tables.clients import Clients
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.events import Event, Response


class Settings(NamedTuple):
    """What the function disconnect is passed; `subscriptions_table` is empty without topics."""

    clients_table: str
    subscriptions_table: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Settings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        subscriptions_table=read_optional(environment, "SUBSCRIPTIONS_TABLE"),
    )


def make(sender: Sender) -> Clients:
    """Make the table that disconnect works with."""
    settings = read_settings(sender.environment)
    return Clients(DynamoDB(sender), settings.clients_table, subscriptions=settings.subscriptions_table)


def handler(event: "Event", context: LambdaContext) -> "Response":
    """Delete the row. The event is best effort and API Gateway ignores the response; the row's TTL is the fallback."""
    answer = run("disconnect", make, _disconnect, event, context)
    return refused(answer) if isinstance(answer, Failure) else answer


async def _disconnect(event: "Event", invocation: Invocation[Clients]) -> "Response":
    connection_id = require_event(event, "DISCONNECT")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    await invocation.warm.remove(connection_id, deadline=invocation.deadline)
    return accepted()
