"""Ending one connection from outside: a last frame, the close, and its row."""

import time
from typing import NamedTuple

from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Connections
from websocket_push.aws.requests import Payload
from websocket_push.tables.clients import ESTABLISHING_MILLISECONDS, Clients, Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.tables.endings import Endings

BYE_SECONDS = 1.0
"""How long the last frame may take. A client that does not read it is closed all the same."""


class Cause(NamedTuple):
    """Why connections are ended: the cause and the reason of the event `connection.closed`."""

    name: str
    reason: str = ""


async def end(
    connection: Connection,
    bye: Payload,
    *,
    clients: Clients,
    management: Connections,
    endings: "Endings | None",
    cause: Cause,
    now: int,
    deadline: float,
) -> str:
    """End a connection, and return the outcome: the name of a member of `Tally`.

    Parameters
    ----------
    bye
        The last frame.
    clients, management
        The table and the management API.
    endings, cause
        Where to note why, before it is closed; None where there are no events.
    now
        Milliseconds since the epoch.
    deadline
        When the invocation must be done, on the monotonic clock, which asyncio uses too.
    """
    came = "closed"
    try:
        until = min(deadline, time.monotonic() + BYE_SECONDS)
        await management.post(connection.connection_id, bye, deadline=until, attempts=1)
    except ConnectionGone:
        # API Gateway answers so while $connect is still running: without its row it could not be found later.
        if now - connection.connected_at < ESTABLISHING_MILLISECONDS:
            return "connecting"
        came = "gone"
    except AwsError:
        pass
    try:
        if came == "closed" and endings is not None:
            await endings.note(connection.connection_id, cause.name, reason=cause.reason, deadline=deadline)
        if came == "closed":
            await management.close(connection.connection_id, deadline=deadline)
        await clients.remove(connection.connection_id, deadline=deadline)
    except AwsError:
        return "failed"
    return came
