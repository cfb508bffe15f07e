"""Who is connected: a user's connections, and which of many users have any."""

from websocket_push.control.closing import Reply, each_of
from websocket_push.protocol.control_request import ConnectionsRequest, OnlineRequest
from websocket_push.protocol.identifiers import LATEST_MILLISECONDS, rfc_3339
from websocket_push.tables.registry import Registry, Row


async def connections(request: ConnectionsRequest, registry: Registry, *, now: int, deadline: float) -> Reply:
    """Answer with a page of a user's connections; `now` is in seconds since the epoch."""
    found, after = await registry.page(request.user_id, limit=request.limit, after=request.after, deadline=deadline)
    rows = await each_of([registry.find(each.connection_id, deadline=deadline) for each in found])
    reply: Reply = {
        "userId": request.user_id,
        "connections": [_described(row) for row in rows if row is not None and row.connection.expires_at > now],
        "more": after is not None,
    }
    return reply if after is None else {**reply, "next": after}


async def online(request: OnlineRequest, registry: Registry, *, now: int, deadline: float) -> Reply:
    """Answer which users have a connection, and since when; `now` is in seconds since the epoch."""

    async def presence(user_id: str) -> Reply:
        times = [
            each.connected_at
            async for each in registry.connections(user_id, deadline=deadline)
            if each.expires_at > now
        ]
        return {"userId": user_id, "online": bool(times), **({"since": _time(min(times))} if times else {})}

    return {"users": await each_of([presence(user_id) for user_id in request.user_ids])}


def _described(row: Row) -> Reply:
    connection = row.connection
    return {
        "connectionId": connection.connection_id,
        "connectedAt": _time(connection.connected_at),
        "expiresAt": _time(connection.expires_at * 1000),
        "topics": list(row.topics),
    }


def _time(milliseconds: int) -> str:
    """Return a time of a row, or the nearest that RFC 3339 has: a damaged row must not hide other connections."""
    return rfc_3339(max(0, min(milliseconds, LATEST_MILLISECONDS)))
