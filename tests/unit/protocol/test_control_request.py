from typing import Any

import pytest

from websocket_push.protocol.control_request import (
    FIELDS,
    MAX_USERS,
    ConnectionsRequest,
    DisconnectRequest,
    OnlineRequest,
    RevokeRequest,
    UnrevokeRequest,
    parse_control,
)
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError

NOW = 1_000


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"action": "connections", "userId": "alice"}, ConnectionsRequest("alice", 50, None)),
        ({"action": "connections", "userId": "alice", "limit": 1, "next": "c="}, ConnectionsRequest("alice", 1, "c=")),
        ({"action": "online", "userIds": ["b", "a", "b"]}, OnlineRequest(("b", "a"))),
        ({"action": "disconnect", "userId": "a"}, DisconnectRequest("a", None, None, "disconnected", False)),
        (
            {"action": "disconnect", "userId": "a", "except": "c=", "reason": "signed_out", "reconnect": True},
            DisconnectRequest("a", None, "c=", "signed_out", True),
        ),
        ({"action": "disconnect", "connectionId": "c="}, DisconnectRequest(None, "c=", None, "disconnected", False)),
        ({"action": "revoke", "userId": "a"}, RevokeRequest("a", NOW + 1, None)),
        ({"action": "revoke", "userId": "a", "issuedBefore": NOW + 60}, RevokeRequest("a", NOW + 60, None)),
        ({"action": "revoke", "userId": "a", "tokenId": "t"}, RevokeRequest("a", None, "t")),
        ({"action": "unrevoke", "userId": "a"}, UnrevokeRequest("a", None)),
        ({"action": "unrevoke", "userId": "a", "tokenId": "t"}, UnrevokeRequest("a", "t")),
    ],
)
def test_a_sound_request(request_: dict[str, Any], expected: object) -> None:
    assert parse_control(request_, now=NOW) == expected


NO_OBJECTS: list[Any] = [[], None, "x", 7]
NO_ACTIONS: list[Any] = [None, "", "push", 7, [], "Online"]
NO_USERS: list[Any] = [None, "a", [], {}, ["a"] * (MAX_USERS + 1)]
DISCONNECT = {"action": "disconnect", "userId": "a"}
REVOKE = {"action": "revoke", "userId": "a"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        *((value, "INVALID_REQUEST") for value in NO_OBJECTS),
        *(({"action": value}, "UNKNOWN_ACTION") for value in NO_ACTIONS),
        ({}, "UNKNOWN_ACTION"),
        *(({"action": name, "x": 1}, "UNKNOWN_FIELD") for name in FIELDS),
        *(({"action": name}, "INVALID_USER_ID") for name in ("connections", "revoke", "unrevoke")),
        *(({"action": "online", "userIds": value}, "INVALID_RECIPIENT") for value in NO_USERS),
        ({"action": "online", "userIds": ["a", ""]}, "INVALID_USER_ID"),
        *(
            ({"action": "connections", "userId": "a", "limit": value}, "INVALID_LIMIT")
            for value in (0, 101, True, 1.5, "1")
        ),
        *(
            ({"action": "connections", "userId": "a", "next": value}, "INVALID_CONNECTION_ID")
            for value in ("", 7, "revoked#alice", "x" * 129, "a\n")
        ),
        ({"action": "disconnect"}, "INVALID_RECIPIENT"),
        ({**DISCONNECT, "connectionId": "c"}, "INVALID_RECIPIENT"),
        ({"action": "disconnect", "connectionId": "c", "except": "d"}, "INVALID_RECIPIENT"),
        ({"action": "disconnect", "connectionId": "revoked#a"}, "INVALID_CONNECTION_ID"),
        ({**DISCONNECT, "except": 7}, "INVALID_CONNECTION_ID"),
        ({**DISCONNECT, "reconnect": 1}, "INVALID_RECONNECT"),
        *(
            ({**DISCONNECT, "reason": value}, "INVALID_REASON")
            for value in ("", "A", 'a"', "a b", "x" * 65, 7, "revoked", "token_expired", "a\n")
        ),
        *(
            ({**REVOKE, "issuedBefore": value}, "INVALID_ISSUED_BEFORE")
            for value in (0, -1, True, "5", 1.5, NOW + 61, NOW * 1000)
        ),
        ({**REVOKE, "issuedBefore": 5, "tokenId": "t"}, "INVALID_ISSUED_BEFORE"),
        *(({**REVOKE, "tokenId": value}, "INVALID_TOKEN_ID") for value in ("", 7, "x" * 257, "\ud800")),
    ],
)
def test_a_request_that_is_refused(request_: Any, code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_control(request_, now=NOW)
    assert refusal.value.code is code
