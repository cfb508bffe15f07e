"""The user of a connection, and the users that it may push to."""

from collections.abc import Mapping

from websocket_push.protocol import CONNECTION_LIFE_SECONDS
from websocket_push.protocol.errors import RequestError, unknown_connection
from websocket_push.protocol.values import require_user_id
from websocket_push.settings import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from websocket_push.protocol.lambda_events import Event
    from websocket_push.settings import ClientPush
    from websocket_push.tables.clients import Clients
    from websocket_push.tables.revocations import Token

_MAX_TIME_DIGITS = 15


def connecting_user(event: "Event", *, allow_anonymous: bool) -> str:
    """Return the user that a `$connect` event connects as.

    The authorizer's result takes precedence. The query parameter `userId` counts only if anonymous connections are
    allowed and there is no authorizer.

    Raises
    ------
    RequestError
        `MISSING_USER_ID` or `INVALID_USER_ID`.
    """
    authorizer = event["requestContext"].get("authorizer")
    if authorizer is not None:
        return _authorized_user(authorizer)
    if not allow_anonymous:
        raise RequestError("MISSING_USER_ID", "This connection was not authorized.")
    # Imported where it is needed: messages have no query.
    from websocket_push.protocol.handshake import query_values

    values = query_values(event, "userId")
    if not values:
        raise RequestError("MISSING_USER_ID", "Connect with ?userId=<the user's id>.")
    if len(values) > 1:
        raise RequestError("INVALID_USER_ID", "userId must be given once.")
    return require_user_id(values[0], "userId")


async def messaging_user(
    event: "Event",
    clients: "Callable[[], Clients]",
    *,
    allow_anonymous: bool,
    revocable: bool,
    now: int,
    deadline: float,
) -> str:
    """Return the user of the connection that a message came over; the message itself is not consulted.

    API Gateway adds the authorizer's context to every message of the connection. The user of an anonymous connection is
    only in its row.

    Parameters
    ----------
    clients
        Returns the clients table. It is called only if the table is read.
    revocable
        Whether tokens can be revoked: then it is read whether this connection's was.
    now
        Milliseconds since the epoch.

    Raises
    ------
    RequestError
        `TOKEN_EXPIRED` if the authorization has expired, `TOKEN_REVOKED` if it was revoked, `UNKNOWN_CONNECTION` if the
        row is missing, `MISSING_USER_ID` if the connection was not authorized.
    """
    authorizer = event["requestContext"].get("authorizer")
    if authorizer is not None:
        require_current(authorized_until(event), now=now)
        user_id = _authorized_user(authorizer)
        if revocable:
            await require_not_revoked(token_of(event), user_id, clients(), now=now, deadline=deadline)
        return user_id
    if not allow_anonymous:
        raise RequestError("MISSING_USER_ID", "This connection was not authorized.")
    connection = await clients().find(event["requestContext"]["connectionId"], deadline=deadline)
    if connection is None:
        raise unknown_connection()
    if revocable:
        await require_not_revoked(token_of(event), connection.user_id, clients(), now=now, deadline=deadline)
    return connection.user_id


def require_push_allowed(client_push: "ClientPush", *, sender: str, recipient: str) -> None:
    """Raise `PUSH_NOT_ALLOWED` unless the setting lets this user push to that one."""
    if client_push == "any" or (client_push == "self" and sender == recipient):
        return
    message = (
        "Clients may push only to their own user."
        if client_push == "self"
        else "Clients may not push here; push from a backend."
    )
    raise RequestError("PUSH_NOT_ALLOWED", message)


def authorized_until(event: "Event") -> int | None:
    """Return when the authorization of a connection expires, in seconds since the epoch; None if it does not.

    The time is `expiresAt` in the authorizer's context, which API Gateway passes on as a string (API Gateway developer
    guide, "Output from a Lambda authorizer").

    Raises
    ------
    SettingsError
        If it is not a whole number: the authorizer is wrong, which is a fault in the deployment.
    """
    return _whole_seconds(event["requestContext"].get("authorizer") or {}, "expiresAt")


def require_current(until: int | None, *, now: int) -> None:
    """Raise `TOKEN_EXPIRED` if an authorization that ends at a time (seconds) has expired now (milliseconds)."""
    if until is not None and until * 1000 <= now:
        raise RequestError("TOKEN_EXPIRED", "The token has expired. Connect again with a new one.")


def token_of(event: "Event") -> "Token":
    """Return what is known of a connection's token: the members `issuedAt` and `tokenId` of its context.

    Raises
    ------
    SettingsError
        If `issuedAt` is not a whole number of seconds: a fault of the deployment.
    """
    from websocket_push.tables.revocations import Token

    context = event["requestContext"].get("authorizer") or {}
    token_id = context.get("tokenId")
    return Token(_whole_seconds(context, "issuedAt"), None if token_id in (None, "") else str(token_id))


async def require_not_revoked(token: "Token", user_id: str, clients: "Clients", *, now: int, deadline: float) -> None:
    """Raise `TOKEN_REVOKED` if a user's token is revoked now (milliseconds)."""
    revocation = await clients.find_revocation(user_id, now=now // 1000, deadline=deadline)
    if revocation is not None and revocation.covers(token):
        raise RequestError("TOKEN_REVOKED", "The token was revoked. Sign in again.")


def session_end(event: "Event") -> int:
    """Return when the connection that a message came over will end, in milliseconds since the epoch.

    That is when API Gateway closes it, or when its authorization expires.
    """
    connected_at: int = event["requestContext"]["connectedAt"]
    until = authorized_until(event)
    life_end = connected_at + CONNECTION_LIFE_SECONDS * 1000
    return life_end if until is None else min(life_end, until * 1000)


def _whole_seconds(authorizer: Mapping[str, object], name: str) -> int | None:
    value = authorizer.get(name)
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_TIME_DIGITS):
        raise SettingsError(f"The authorizer's {name} must be whole seconds since the epoch.")
    return int(text)


def _authorized_user(authorizer: Mapping[str, object]) -> str:
    if not authorizer.get("userId"):
        raise RequestError("MISSING_USER_ID", "The authorizer's context has no userId.")
    return require_user_id(authorizer["userId"], "The authorizer's userId")
