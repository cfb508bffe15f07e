"""The requests of the control function: who is connected, disconnect, revoke, mark."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.values import (
    MAX_TOKEN_ID_BYTES,
    is_token_id,
    is_whole,
    require_known_fields,
    require_user_id,
)

MAX_USERS = 1000
"""How many users one request may ask about."""

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
MAX_CONNECTION_ID_CHARACTERS = 128
MAX_AHEAD_SECONDS = 60
"""How far ahead of the function's clock `issuedBefore` may lie: clocks differ."""

DISCONNECTED = "disconnected"
"""The reason in `bye` where a request gives none."""

_RESERVED = ("connection_limit", "revoked", "token_expired")
"""Reasons that mean something to clients already."""

_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONNECTION_ID = re.compile(rf"[A-Za-z0-9+/=_-]{{1,{MAX_CONNECTION_ID_CHARACTERS}}}")


class ConnectionsRequest(NamedTuple):
    """A page of a user's connections; `after` is the connection that the page before it ended with."""

    user_id: str
    limit: int
    after: str | None


class OnlineRequest(NamedTuple):
    """Which of these users are connected."""

    user_ids: tuple[str, ...]


class DisconnectRequest(NamedTuple):
    """Close a user's connections but one, or one connection; either `user_id` or `connection_id` is None."""

    user_id: str | None
    connection_id: str | None
    kept: str | None
    reason: str
    reconnect: bool


class RevokeRequest(NamedTuple):
    """Revoke a user's tokens issued before a time (seconds since the epoch), or the one with an id."""

    user_id: str
    issued_before: int | None
    token_id: str | None


class UnrevokeRequest(NamedTuple):
    """Undo the revocations of a user, or of one token."""

    user_id: str
    token_id: str | None


class MarkRequest(NamedTuple):
    """Mark notifications of a user; what is marked is checked where there are inboxes."""

    user_id: str
    marked: Mapping[str, object]


ControlRequest: TypeAlias = (
    ConnectionsRequest | OnlineRequest | DisconnectRequest | RevokeRequest | UnrevokeRequest | MarkRequest
)


def parse_control(request: object, *, now: int) -> ControlRequest:
    """Check a request.

    Parameters
    ----------
    now
        Seconds since the epoch.

    Raises
    ------
    RequestError
        `INVALID_REQUEST`, `UNKNOWN_ACTION`, `UNKNOWN_FIELD`, or the code of the member that is wrong.
    """
    if not isinstance(request, Mapping):
        raise RequestError("INVALID_REQUEST", "The request must be a JSON object.")
    action = request.get("action")
    known = FIELDS.get(action) if isinstance(action, str) else None
    if known is None:
        raise RequestError("UNKNOWN_ACTION", f"action must be one of {', '.join(FIELDS)}.")
    require_known_fields(request, known)
    if action == "revoke":
        return _parse_revoke(request, now)
    return _PARSERS[str(action)](request)


def _parse_connections(request: Mapping[str, object]) -> ConnectionsRequest:
    limit = request.get("limit")
    if limit is None:
        limit = DEFAULT_LIMIT
    if not is_whole(limit) or not 1 <= limit <= MAX_LIMIT:
        raise RequestError("INVALID_LIMIT", f"limit must be an integer from 1 to {MAX_LIMIT}.")
    return ConnectionsRequest(
        user_id=require_user_id(request.get("userId"), "userId"),
        limit=limit,
        after=_parse_connection_id(request.get("next"), "next"),
    )


def _parse_online(request: Mapping[str, object]) -> OnlineRequest:
    user_ids = request.get("userIds")
    if not isinstance(user_ids, list) or not 1 <= len(user_ids) <= MAX_USERS:
        raise RequestError("INVALID_RECIPIENT", f"userIds must be an array of 1 to {MAX_USERS:,} user ids.")
    checked = (require_user_id(each, f"userIds[{position}]") for position, each in enumerate(user_ids))
    return OnlineRequest(tuple(dict.fromkeys(checked)))


def _parse_disconnect(request: Mapping[str, object]) -> DisconnectRequest:
    user_id, connection_id = request.get("userId"), request.get("connectionId")
    if (user_id is None) == (connection_id is None):
        raise RequestError("INVALID_RECIPIENT", "Give either userId or connectionId.")
    kept = _parse_connection_id(request.get("except"), "except")
    if kept is not None and user_id is None:
        raise RequestError("INVALID_RECIPIENT", "except needs userId: it names a connection of the user's.")
    reconnect = request.get("reconnect")
    if reconnect is not None and not isinstance(reconnect, bool):
        raise RequestError("INVALID_RECONNECT", "reconnect must be true or false.")
    return DisconnectRequest(
        user_id=None if user_id is None else require_user_id(user_id, "userId"),
        connection_id=_parse_connection_id(connection_id, "connectionId"),
        kept=kept,
        reason=_parse_reason(request.get("reason")),
        reconnect=bool(reconnect),
    )


def _parse_revoke(request: Mapping[str, object], now: int) -> RevokeRequest:
    user_id = require_user_id(request.get("userId"), "userId")
    token_id = _parse_token_id(request.get("tokenId"))
    issued_before = request.get("issuedBefore")
    if token_id is not None:
        if issued_before is not None:
            raise RequestError("INVALID_ISSUED_BEFORE", "Give either issuedBefore or tokenId.")
        return RevokeRequest(user_id, None, token_id)
    if issued_before is None:
        # Tokens of this second are among those issued until now.
        return RevokeRequest(user_id, now + 1, None)
    if not is_whole(issued_before) or issued_before < 1:
        raise RequestError(
            "INVALID_ISSUED_BEFORE", "issuedBefore must be whole seconds since the epoch, as in the claim iat."
        )
    if issued_before > now + MAX_AHEAD_SECONDS:
        raise RequestError(
            "INVALID_ISSUED_BEFORE",
            f"issuedBefore must be at most {MAX_AHEAD_SECONDS} s ahead, in seconds and not in milliseconds.",
        )
    return RevokeRequest(user_id, issued_before, None)


def _parse_unrevoke(request: Mapping[str, object]) -> UnrevokeRequest:
    return UnrevokeRequest(require_user_id(request.get("userId"), "userId"), _parse_token_id(request.get("tokenId")))


def _parse_mark(request: Mapping[str, object]) -> MarkRequest:
    return MarkRequest(require_user_id(request.get("userId"), "userId"), request)


def _parse_connection_id(value: object, field: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or _CONNECTION_ID.fullmatch(value) is None:
        raise RequestError("INVALID_CONNECTION_ID", f"{field} must be the id of a connection.")
    return value


def _parse_reason(value: object) -> str:
    if value is None:
        return DISCONNECTED
    if not isinstance(value, str) or _REASON.fullmatch(value) is None:
        raise RequestError(
            "INVALID_REASON",
            "reason must be at most 64 lower case letters, digits and underscores, such as signed_out.",
        )
    if value in _RESERVED:
        raise RequestError("INVALID_REASON", f"The reason {value} is the server's own: choose another.")
    return value


def _parse_token_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_token_id(value):
        raise RequestError("INVALID_TOKEN_ID", f"tokenId must be a token's jti, of at most {MAX_TOKEN_ID_BYTES} bytes.")
    return value


_PARSERS: Mapping[str, Callable[[Mapping[str, object]], ControlRequest]] = {
    "connections": _parse_connections,
    "online": _parse_online,
    "disconnect": _parse_disconnect,
    "unrevoke": _parse_unrevoke,
    "mark": _parse_mark,
}

FIELDS: Mapping[str, tuple[str, ...]] = {
    "connections": ("action", "userId", "limit", "next"),
    "online": ("action", "userIds"),
    "disconnect": ("action", "userId", "connectionId", "except", "reason", "reconnect"),
    "revoke": ("action", "userId", "issuedBefore", "tokenId"),
    "unrevoke": ("action", "userId", "tokenId"),
    "mark": ("action", "userId", "seenUpTo", "readUpTo", "read", "unread", "at"),
}
"""The members of each action's request."""
