"""Who a connection belongs to, and whom it may push to."""

from collections.abc import Mapping
from typing import Any

from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.protocol.values import require_user_id
from websocket_push.services.clients import CONNECTION_LIFE_SECONDS, Clients
from websocket_push.settings import ClientPush

Event = Mapping[str, Any]


def connecting_user(event: Event, *, allow_anonymous: bool) -> str:
    """Say who a `$connect` event connects as.

    What the authorizer found out always wins. Only where anonymous connections are allowed, and no authorizer stands
    before them, is the query parameter `userId` believed.

    Raises
    ------
    RequestError
        `MISSING_USER_ID` or `INVALID_USER_ID`.
    """
    authorizer = event["requestContext"].get("authorizer")
    if authorizer is not None:
        return _authorized_user(authorizer)
    if not allow_anonymous:
        raise RequestError(ErrorCode.MISSING_USER_ID, "This connection was not authorized.")
    # Multi-value parameters show a repeated one; the plain map silently keeps the last.
    values = (event.get("multiValueQueryStringParameters") or {}).get("userId")
    if values is None:
        value = (event.get("queryStringParameters") or {}).get("userId")
        values = [] if value is None else [value]
    if not values:
        raise RequestError(ErrorCode.MISSING_USER_ID, "Connect with ?userId=<the user's id>.")
    if len(values) > 1:
        raise RequestError(ErrorCode.INVALID_USER_ID, "userId must be given once.")
    return require_user_id(values[0], "userId")


async def messaging_user(event: Event, clients: Clients, *, allow_anonymous: bool, deadline: float) -> str:
    """Say whose connection a message came over; what the message says about it is not asked.

    API Gateway hands the authorizer's context to every message of the connection. An anonymous connection is known
    by its row alone.

    Raises
    ------
    RequestError
        `UNKNOWN_CONNECTION` if the row is gone, `MISSING_USER_ID` if nothing authorized the connection.
    """
    authorizer = event["requestContext"].get("authorizer")
    if authorizer is not None:
        return _authorized_user(authorizer)
    if not allow_anonymous:
        raise RequestError(ErrorCode.MISSING_USER_ID, "This connection was not authorized.")
    connection = await clients.find(event["requestContext"]["connectionId"], deadline=deadline)
    if connection is None:
        raise RequestError(ErrorCode.UNKNOWN_CONNECTION, "This connection is not registered any more. Connect anew.")
    return connection.user_id


def require_push_allowed(client_push: ClientPush, *, sender: str, recipient: str) -> None:
    """Raise `PUSH_NOT_ALLOWED` unless the setting lets this user push to that one."""
    if client_push is ClientPush.ANY or (client_push is ClientPush.SELF and sender == recipient):
        return
    message = (
        "Clients may push only to their own user."
        if client_push is ClientPush.SELF
        else "Clients may not push here; push from a backend."
    )
    raise RequestError(ErrorCode.PUSH_NOT_ALLOWED, message)


def session_end(event: Event) -> int:
    """Say when API Gateway will end the connection that a message came over, in milliseconds since the epoch."""
    connected_at: int = event["requestContext"]["connectedAt"]
    return connected_at + CONNECTION_LIFE_SECONDS * 1000


def _authorized_user(authorizer: Mapping[str, object]) -> str:
    if not authorizer.get("userId"):
        raise RequestError(ErrorCode.MISSING_USER_ID, "The authorizer's context holds no userId.")
    return require_user_id(authorizer["userId"], "The authorizer's userId")
