"""What a poll reads where there are topics: the user's log together with those that the connection listens to."""

import time
from functools import cache

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.http.blocking import together
from websocket_push.logs import Logs, Tails
from websocket_push.protocol.errors import unknown_connection
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.tables.stored import StoredNotifications
from websocket_push.tables.subscriptions import find_listener


@cache
def tails() -> Tails:
    """Return what invocations of this environment have just read of topics."""
    return Tails(lambda: time.time_ns() // 1_000_000)


async def listened_logs(
    notifications: StoredNotifications, dynamodb: DynamoDB, clients_table: str, connection_id: str, *, deadline: float
) -> Logs:
    """Return the logs of a connection.

    Raises
    ------
    RequestError
        `UNKNOWN_CONNECTION` if its row is gone: its topics are then unknown, and a page without them would tell the
        client that there is nothing new in them.
    """
    listener = await find_listener(dynamodb, clients_table, connection_id, deadline=deadline)
    if listener is None:
        raise unknown_connection()
    topics = (EVERYBODY, *sorted(listener.topics))
    return Logs(notifications, topics, since=listener.since, tails=tails(), together=together)
