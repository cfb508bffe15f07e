from typing import Any

import pytest

from tests.unit.tokens.support import CLAIMS, settings
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.kinds import check_kind
from websocket_push.tokens.token_settings import TokenSettings

ACCEPTED = [None, "JWT", "jwt", "application/jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"]
OTHERS = [
    "",
    "logout+jwt",
    "LOGOUT+JWT",
    "application/logout+jwt",
    "secevent+jwt",
    "application/secevent+jwt",
    "dpop+jwt",
    "oauth-authz-req+jwt",
    "client-authentication+jwt",
    "token-introspection+jwt",
    "entity-statement+jwt",
    "dc+sd-jwt",
    "JWE",
    "text/jwt",
    "application/application/jwt",
    " jwt",
    "jwt; charset=utf-8",
]


def refusal(typ: str | None, changes: dict[str, Any], chosen: TokenSettings | None = None) -> ErrorCode:
    with pytest.raises(RequestError) as raised:
        check_kind(typ, CLAIMS | changes, chosen or settings())
    return raised.value.code


@pytest.mark.parametrize("typ", ACCEPTED)
def test_a_login_is_a_token_without_a_kind_or_an_access_token(typ: str | None) -> None:
    check_kind(typ, CLAIMS | {"token_use": "whatever"}, settings())


@pytest.mark.parametrize("typ", OTHERS)
def test_what_says_that_it_is_something_else_is_no_login(typ: str) -> None:
    assert refusal(typ, {}) == "INVALID_TOKEN_TYPE"


@pytest.mark.parametrize("typ", ACCEPTED)
@pytest.mark.parametrize("events", [{"http://schemas.openid.net/event/backchannel-logout": {}}, {}, [], None])
def test_an_event_is_no_login_whatever_it_calls_itself(typ: str | None, events: object) -> None:
    assert refusal(typ, {"events": events}) == "INVALID_TOKEN_TYPE"
    if typ is not None:
        assert refusal(typ, {"events": events}, settings(typ=typ)) == "INVALID_TOKEN_TYPE"


@pytest.mark.parametrize("required", ["at+jwt", "application/at+jwt", "AT+JWT"])
def test_a_typ_that_is_required_is_the_only_one(required: str) -> None:
    for typ in ("at+jwt", "application/at+jwt", "At+Jwt"):
        check_kind(typ, CLAIMS, settings(typ=required))
    for other in (None, "JWT", *OTHERS):
        assert refusal(other, {}, settings(typ=required)) == "INVALID_TOKEN_TYPE"


def test_a_typ_of_the_issuers_own_can_be_required() -> None:
    check_kind("acme+jwt", CLAIMS, settings(typ="acme+jwt"))


def test_a_token_use_that_is_required_is_the_only_one() -> None:
    chosen = settings(token_use="access")
    check_kind("JWT", CLAIMS | {"token_use": "access"}, chosen)
    for value in ("id", "Access", "", None, ["access"], True):
        assert refusal(None, {"token_use": value}, chosen) == "INVALID_TOKEN_TYPE"
    assert refusal(None, {}, chosen) == "MISSING_CLAIM"
