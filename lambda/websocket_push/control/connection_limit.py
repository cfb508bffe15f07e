"""How many connections a user may have: counted by the index of the clients table when another one is opened.

The index lags slightly behind the table, so connections that are opened at the same time may not see one another. The
next one that is opened sees them all.
"""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.management import Connections
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Sender
from websocket_push.control.ending import Cause, end
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import bye_frame
from websocket_push.settings import read_count, read_flag, read_optional, read_switch, read_text
from websocket_push.tables.clients import Clients, Connection, read_connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.tables.endings import Endings

OVERDUE_ROWS = 100
"""How many rows are read above the limit, because DynamoDB deletes those that have expired days later."""

MAX_CLOSED = 5
"""How many connections one `$connect` closes: there are more only after the limit was lowered."""

_BYE = Payload(bye_frame("connection_limit", reconnect=False).encode())


class LimitSettings(NamedTuple):
    """How many connections a user may have; `connections_url` is empty where the newest is refused."""

    most: int
    clients_index: str
    connections_url: str
    subscriptions_table: str
    events: bool = False


class ConnectionLimit(NamedTuple):
    """How many connections a user may have, and what happens to one above the limit.

    Parameters
    ----------
    most
        How many.
    dynamodb, clients
        The clients table, with its index.
    management
        By which the oldest is closed; None to refuse the newest.
    endings
        Where to note why; None where there are no events.
    """

    most: int
    dynamodb: DynamoDB
    clients: Clients
    management: Connections | None
    endings: "Endings | None" = None

    async def require_room(self, connection: Connection, *, deadline: float) -> None:
        """Raise `CONNECTION_LIMIT` if the user of a connection that is not registered yet has enough of them.

        Where the oldest is closed for it, there is always room.
        """
        if self.management is None and len(await self._others(connection, deadline)) >= self.most:
            raise self._refusal()

    async def close_oldest(self, connection: Connection, *, deadline: float) -> int:
        """Close the excess connections of a registered connection's user, the oldest first; return how many.

        Where the newest is refused, none.

        Of connections that are opened at the same time, none of the others closes the last by `connectedAt`, then by
        id.

        Raises
        ------
        RequestError
            `CONNECTION_LIMIT` if this connection is itself among the oldest.
        """
        if self.management is None:
            return 0
        known = [*await self._others(connection, deadline), connection]
        excess = sorted(known, key=lambda each: (each.connected_at, each.connection_id))[: -self.most]
        if connection in excess:
            raise self._refusal()
        ends = [
            await end(
                each,
                _BYE,
                clients=self.clients,
                management=self.management,
                endings=self.endings,
                cause=Cause("connection_limit"),
                now=connection.connected_at,
                deadline=deadline,
            )
            for each in excess[:MAX_CLOSED]
        ]
        # One that could not be closed is still among those that the next connection finds.
        return ends.count("closed")

    async def _others(self, connection: Connection, deadline: float) -> list[Connection]:
        request = {**self.clients.looking_up(connection.user_id), "Limit": self.most + OVERDUE_ROWS}
        page = await self.dynamodb.query(request, deadline=deadline)
        return [
            each
            for each in read_connections(page.items, connection.user_id)
            if each.connection_id != connection.connection_id and each.expires_at * 1000 > connection.connected_at
        ]

    def _refusal(self) -> RequestError:
        return RequestError("CONNECTION_LIMIT", f"This user has {self.most} connections: close one first.")


def read_limit_settings(environment: Mapping[str, str]) -> LimitSettings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    close_oldest = read_flag(environment, "CLOSE_OLDEST")
    return LimitSettings(
        most=read_count(environment, "CONNECTIONS_PER_USER"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        connections_url=read_text(environment, "CONNECTIONS_URL") if close_oldest else "",
        subscriptions_table=read_optional(environment, "SUBSCRIPTIONS_TABLE"),
        events=read_switch(environment, "EVENTS"),
    )


def make_connection_limit(sender: Sender, clients_table: str, settings: LimitSettings) -> ConnectionLimit:
    """Create the limiter of connections."""
    dynamodb = DynamoDB(sender)
    limit = ConnectionLimit(
        settings.most,
        dynamodb,
        Clients(dynamodb, clients_table, settings.clients_index, settings.subscriptions_table),
        Connections(sender, settings.connections_url) if settings.connections_url else None,
    )
    if not settings.events:
        return limit
    from websocket_push.tables.endings import Endings

    return limit._replace(endings=Endings(dynamodb, clients_table))
