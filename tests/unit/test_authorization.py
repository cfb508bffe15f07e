import asyncio
from typing import Any, Literal, cast

import pytest

from websocket_push.authorization import (
    authorized_until,
    connecting_user,
    messaging_user,
    require_push_allowed,
    session_end,
    token_of,
)
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.settings import SettingsError
from websocket_push.tables.clients import Clients, Connection, row_expiry
from websocket_push.tables.revocations import Revocation


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
        self.revocations: dict[str, Revocation] = {}

    async def find_revocation(self, user_id: str, *, now: int, deadline: float) -> Revocation | None:
        return self.revocations.get(user_id)

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
    assert refusal.value.code == "MISSING_USER_ID"


def test_the_plain_query_map_serves_where_there_is_no_other() -> None:
    plain = event(query=["bob"])
    del plain["multiValueQueryStringParameters"]
    assert connecting_user(plain, allow_anonymous=True) == "bob"


@pytest.mark.parametrize(
    ("unsound", "code"),
    [
        (event(), "MISSING_USER_ID"),
        (event(query=[""]), "INVALID_USER_ID"),
        (event(query=["x" * 257]), "INVALID_USER_ID"),
        (event(query=["alice", "bob"]), "INVALID_USER_ID"),
        (event(authorizer={}, query=["bob"]), "MISSING_USER_ID"),
        (event(authorizer={"userId": ""}, query=["bob"]), "MISSING_USER_ID"),
        (event(authorizer={"userId": 7}), "INVALID_USER_ID"),
        (event(authorizer={"userId": "a\x00b"}), "INVALID_USER_ID"),
    ],
)
def test_who_cannot_be_known_does_not_connect(unsound: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        connecting_user(unsound, allow_anonymous=True)
    assert refusal.value.code is code


def message_user(message: dict[str, Any], rows: Rows, *, allow_anonymous: bool, revocable: bool = False) -> str:
    return asyncio.run(
        messaging_user(
            message,
            lambda: cast(Clients, rows),
            allow_anonymous=allow_anonymous,
            revocable=revocable,
            now=5_000_000,
            deadline=1e9,
        )
    )


def test_a_message_belongs_to_whom_the_authorizer_named() -> None:
    assert message_user(event(authorizer={"userId": "alice"}), Rows(c="bob"), allow_anonymous=False) == "alice"


@pytest.mark.parametrize(
    ("authorizer", "revocation", "refused"),
    [
        ({"issuedAt": "99"}, Revocation(100, frozenset()), True),
        ({"issuedAt": "100"}, Revocation(100, frozenset()), False),
        ({}, Revocation(100, frozenset()), True),
        ({"issuedAt": "99"}, Revocation(None, frozenset({"t1"})), False),
        ({"issuedAt": "99", "tokenId": "t1"}, Revocation(None, frozenset({"t1"})), True),
        ({"issuedAt": "100", "tokenId": "t2"}, Revocation(100, frozenset({"t1"})), False),
        ({"tokenId": ""}, Revocation(None, frozenset({""})), False),
    ],
)
def test_a_message_of_a_revoked_token_is_refused(
    authorizer: dict[str, Any], revocation: Revocation, refused: bool
) -> None:
    rows = Rows(c="alice")
    rows.revocations["alice"] = revocation
    message = event(authorizer={"userId": "alice", **authorizer})
    assert message_user(message, rows, allow_anonymous=False) == "alice"
    if not refused:
        assert message_user(message, rows, allow_anonymous=False, revocable=True) == "alice"
        return
    with pytest.raises(RequestError) as refusal:
        message_user(message, rows, allow_anonymous=False, revocable=True)
    assert refusal.value.code == "TOKEN_REVOKED"


def test_an_anonymous_connection_of_a_revoked_user_is_refused() -> None:
    rows = Rows(c="alice")
    rows.revocations["alice"] = Revocation(100, frozenset())
    with pytest.raises(RequestError) as refusal:
        message_user(event(), rows, allow_anonymous=True, revocable=True)
    assert refusal.value.code == "TOKEN_REVOKED"


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", "1" * 16])
def test_a_time_of_issue_that_is_none_is_a_fault_of_the_deployment(value: str) -> None:
    with pytest.raises(SettingsError, match="issuedAt"):
        token_of(event(authorizer={"userId": "alice", "issuedAt": value}))


def test_an_anonymous_message_belongs_to_whom_the_row_names() -> None:
    assert message_user(event(query=["eve"]), Rows(c="bob"), allow_anonymous=True) == "bob"


@pytest.mark.parametrize(
    ("rows", "allow_anonymous", "code"),
    [
        (Rows(), True, "UNKNOWN_CONNECTION"),
        (Rows(other="bob"), True, "UNKNOWN_CONNECTION"),
        (Rows(c="bob"), False, "MISSING_USER_ID"),
    ],
)
def test_a_message_of_nobody_is_refused(rows: Rows, allow_anonymous: bool, code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        message_user(event(), rows, allow_anonymous=allow_anonymous)
    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("client_push", "recipient", "allowed"),
    [
        ("none", "alice", False),
        ("none", "bob", False),
        ("self", "alice", True),
        ("self", "bob", False),
        ("self", "Alice", False),
        ("any", "alice", True),
        ("any", "bob", True),
    ],
)
def test_who_may_push_to_whom(client_push: Literal["none", "self", "any"], recipient: str, allowed: bool) -> None:
    sender = "".join(("al", "ice"))  # as in a message: equal, but not the same object
    if allowed:
        require_push_allowed(client_push, sender=sender, recipient=recipient)
        return
    with pytest.raises(RequestError) as refusal:
        require_push_allowed(client_push, sender=sender, recipient=recipient)
    assert refusal.value.code == "PUSH_NOT_ALLOWED"
    assert ("only to their own user" in refusal.value.message) == (client_push == "self")
    assert ("push from a backend" in refusal.value.message) == (client_push == "none")


def test_a_message_after_the_token_has_expired_is_refused() -> None:
    current = event(authorizer={"userId": "alice", "expiresAt": "5001"})
    assert message_user(current, Rows(), allow_anonymous=False) == "alice"
    for expired in ("5000", 4999):
        with pytest.raises(RequestError) as refusal:
            message_user(event(authorizer={"userId": "alice", "expiresAt": expired}), Rows(), allow_anonymous=True)
        assert refusal.value.code == "TOKEN_EXPIRED"


def test_an_authorization_lasts_as_long_as_the_authorizer_says() -> None:
    assert authorized_until(event()) is None
    assert authorized_until(event(authorizer={"userId": "alice"})) is None
    assert authorized_until(event(authorizer={"expiresAt": "1769860800"})) == 1_769_860_800
    assert authorized_until(event(authorizer={"expiresAt": 1_769_860_800})) == 1_769_860_800
    assert authorized_until(event(authorizer={"expiresAt": "9" * 15})) == 10**15 - 1


@pytest.mark.parametrize("unreadable", ["", "soon", "-1", "1.5", 1.5, True, "1" * 16, "\u0661", [], {}])
def test_an_authorizer_that_does_not_say_how_long_in_seconds_is_a_fault(unreadable: object) -> None:
    with pytest.raises(SettingsError, match="expiresAt"):
        authorized_until(event(authorizer={"expiresAt": unreadable}))


def test_a_connection_ends_after_two_hours_or_with_its_authorization() -> None:
    assert session_end(event()) == 1_000 + 2 * 60 * 60 * 1000
    assert session_end(event(authorizer={"expiresAt": "7000"})) == 7_000_000
    assert session_end(event(authorizer={"expiresAt": "7202"})) == 1_000 + 2 * 60 * 60 * 1000


def test_the_row_of_a_connection_goes_with_it_or_a_minute_later() -> None:
    assert row_expiry(1_000, None) == 1 + 2 * 60 * 60 + 60
    assert row_expiry(1_000, 99_999) == 1 + 2 * 60 * 60 + 60
    assert row_expiry(1_000, 500) == 500
