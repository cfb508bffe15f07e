import asyncio
from typing import Any, cast

import pytest

from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.services.authorization import (
    connecting_user,
    messaging_user,
    require_push_allowed,
    session_end,
)
from websocket_push.services.clients import Clients, Connection
from websocket_push.settings import ClientPush


def event(
    *, authorizer: dict[str, Any] | None = None, query: list[str] | None = None, connection_id: str = "c"
) -> dict[str, Any]:
    context: dict[str, Any] = {"connectionId": connection_id, "connectedAt": 1_000}
    if authorizer is not None:
        context["authorizer"] = authorizer
    return {
        "requestContext": context,
        "queryStringParameters": {"userId": query[-1]} if query else None,
        "multiValueQueryStringParameters": {"userId": query} if query else None,
    }


class Rows:
    def __init__(self, **users: str) -> None:
        self._users = users

    async def find(self, connection_id: str, *, deadline: float) -> Connection | None:
        user_id = self._users.get(connection_id)
        return None if user_id is None else Connection(connection_id, user_id, 0, 0)


def test_the_authorizer_says_who_connects_whatever_the_query_says() -> None:
    both = event(authorizer={"userId": "alice"}, query=["bob"])
    assert connecting_user(both, allow_anonymous=False) == "alice"
    assert connecting_user(both, allow_anonymous=True) == "alice"


def test_the_query_is_believed_only_where_anonymous_connections_are_allowed() -> None:
    assert connecting_user(event(query=["bob"]), allow_anonymous=True) == "bob"
    with pytest.raises(RequestError) as refusal:
        connecting_user(event(query=["bob"]), allow_anonymous=False)
    assert refusal.value.code is ErrorCode.MISSING_USER_ID


def test_the_plain_query_map_serves_where_there_is_no_other() -> None:
    plain = event(query=["bob"])
    del plain["multiValueQueryStringParameters"]
    assert connecting_user(plain, allow_anonymous=True) == "bob"


@pytest.mark.parametrize(
    ("unsound", "code"),
    [
        (event(), ErrorCode.MISSING_USER_ID),
        (event(query=[""]), ErrorCode.INVALID_USER_ID),
        (event(query=["x" * 257]), ErrorCode.INVALID_USER_ID),
        (event(query=["alice", "bob"]), ErrorCode.INVALID_USER_ID),
        (event(authorizer={}, query=["bob"]), ErrorCode.MISSING_USER_ID),
        (event(authorizer={"userId": ""}, query=["bob"]), ErrorCode.MISSING_USER_ID),
        (event(authorizer={"userId": 7}), ErrorCode.INVALID_USER_ID),
        (event(authorizer={"userId": "a\x00b"}), ErrorCode.INVALID_USER_ID),
    ],
)
def test_who_cannot_be_known_does_not_connect(unsound: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        connecting_user(unsound, allow_anonymous=True)
    assert refusal.value.code is code


def message_user(message: dict[str, Any], rows: Rows, *, allow_anonymous: bool) -> str:
    return asyncio.run(messaging_user(message, cast(Clients, rows), allow_anonymous=allow_anonymous, deadline=1e9))


def test_a_message_belongs_to_whom_the_authorizer_named() -> None:
    assert message_user(event(authorizer={"userId": "alice"}), Rows(c="bob"), allow_anonymous=False) == "alice"


def test_an_anonymous_message_belongs_to_whom_the_row_names() -> None:
    assert message_user(event(query=["eve"]), Rows(c="bob"), allow_anonymous=True) == "bob"


@pytest.mark.parametrize(
    ("rows", "allow_anonymous", "code"),
    [
        (Rows(), True, ErrorCode.UNKNOWN_CONNECTION),
        (Rows(other="bob"), True, ErrorCode.UNKNOWN_CONNECTION),
        (Rows(c="bob"), False, ErrorCode.MISSING_USER_ID),
    ],
)
def test_a_message_of_nobody_is_refused(rows: Rows, allow_anonymous: bool, code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        message_user(event(), rows, allow_anonymous=allow_anonymous)
    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("client_push", "recipient", "allowed"),
    [
        (ClientPush.NONE, "alice", False),
        (ClientPush.NONE, "bob", False),
        (ClientPush.SELF, "alice", True),
        (ClientPush.SELF, "bob", False),
        (ClientPush.SELF, "Alice", False),
        (ClientPush.ANY, "alice", True),
        (ClientPush.ANY, "bob", True),
    ],
)
def test_who_may_push_to_whom(client_push: ClientPush, recipient: str, allowed: bool) -> None:
    if allowed:
        require_push_allowed(client_push, sender="alice", recipient=recipient)
        return
    with pytest.raises(RequestError) as refusal:
        require_push_allowed(client_push, sender="alice", recipient=recipient)
    assert refusal.value.code is ErrorCode.PUSH_NOT_ALLOWED


def test_a_connection_ends_two_hours_after_it_began() -> None:
    assert session_end(event()) == 1_000 + 2 * 60 * 60 * 1000
