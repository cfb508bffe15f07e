import math
from typing import Any

import pytest

from tests.unit.tokens.support import CLAIMS, NOW, settings
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.claims import (
    LATEST_EXPIRY,
    MAX_GRANTS_CHARACTERS,
    START_TOLERANCE,
    Authorization,
    check_claims,
)
from websocket_push.tokens.token_settings import TokenSettings

EXP = CLAIMS["exp"]
ABSENT = object()


def claims(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (CLAIMS | changes).items() if value is not ABSENT}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Authorization("alice", EXP)),
        ({"nbf": ABSENT, "iat": ABSENT}, Authorization("alice", EXP)),
        ({"nbf": NOW, "iat": NOW + 0.0}, Authorization("alice", EXP)),
        ({"exp": EXP + 0.75}, Authorization("alice", EXP)),
        ({"exp": NOW + 0.25}, Authorization("alice", int(NOW))),
        ({"exp": 10**4000}, Authorization("alice", LATEST_EXPIRY)),
        ({"exp": 1e300}, Authorization("alice", LATEST_EXPIRY)),
        ({"aud": ["other", "app"]}, Authorization("alice", EXP)),
        ({"nbf": NOW + 0.3, "iat": NOW + 0.3}, Authorization("alice", EXP)),
        ({"nbf": NOW + START_TOLERANCE, "iat": NOW + START_TOLERANCE}, Authorization("alice", EXP)),
        ({"aud": ABSENT, "client_id": "app"}, Authorization("alice", EXP)),
        ({"aud": "app", "client_id": "other"}, Authorization("alice", EXP)),
        ({"sub": "x" * 256}, Authorization("x" * 256, EXP)),
        ({"sub": "J\u00fcrgen \u2603"}, Authorization("J\u00fcrgen \u2603", EXP)),
    ],
)
def test_sound_claims_say_who_and_until_when(changes: dict[str, Any], expected: Authorization) -> None:
    assert check_claims(claims(changes), settings(), now=NOW)[:2] == expected[:2]


NO_TOKEN_IDS: list[Any] = ["", 7, None, [], "x" * 257, "\ud800"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iat": NOW - 0.5, "jti": "t1"}, (int(NOW - 0.5), "t1")),
        ({"iat": ABSENT}, (None, None)),
        ({"iat": -(10**4000)}, (0, None)),
        *(({"iat": 5, "jti": value}, (5, None)) for value in NO_TOKEN_IDS),
        ({"iat": 5, "jti": "\u2603"}, (5, "\u2603")),
    ],
)
def test_sound_claims_say_by_what_the_token_can_be_revoked(
    changes: dict[str, Any], expected: tuple[int | None, str | None]
) -> None:
    authorization = check_claims(claims(changes), settings(), now=NOW)
    assert (authorization.issued_at, authorization.token_id) == expected


NO_TIMES: list[Any] = [None, True, str(EXP), [EXP], {}, math.inf, -math.inf]
NO_USERS: list[Any] = [None, 7, True, ["alice"], {}, "", " ", "x" * 257, "x" * 3072, "a\x00", "a\nb", "\x85", "\ud800"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": ABSENT}, "MISSING_CLAIM"),
        ({"sub": ABSENT}, "MISSING_CLAIM"),
        ({"iss": ABSENT}, "MISSING_CLAIM"),
        ({"aud": ABSENT}, "MISSING_CLAIM"),
        ({"exp": NOW}, "TOKEN_EXPIRED"),
        ({"exp": NOW - 1}, "TOKEN_EXPIRED"),
        ({"exp": 0}, "TOKEN_EXPIRED"),
        ({"exp": -(10**4000)}, "TOKEN_EXPIRED"),
        ({"nbf": NOW + START_TOLERANCE + 0.1}, "TOKEN_NOT_YET_VALID"),
        ({"nbf": 10**4000}, "TOKEN_NOT_YET_VALID"),
        ({"iat": NOW + START_TOLERANCE + 0.1}, "TOKEN_NOT_YET_VALID"),
        *(({name: value}, "INVALID_CLAIM") for name in ("exp", "nbf", "iat") for value in NO_TIMES),
        ({"iss": "https://issuer.test"}, "INVALID_ISSUER"),
        ({"iss": "https://evil.test/"}, "INVALID_ISSUER"),
        ({"iss": ["https://issuer.test/"]}, "INVALID_ISSUER"),
        ({"iss": None}, "INVALID_ISSUER"),
        ({"aud": "other"}, "INVALID_AUDIENCE"),
        ({"aud": "application"}, "INVALID_AUDIENCE"),
        ({"aud": []}, "INVALID_AUDIENCE"),
        ({"aud": ["other"]}, "INVALID_AUDIENCE"),
        ({"aud": ["app", 1]}, "INVALID_AUDIENCE"),
        ({"aud": [["app"]]}, "INVALID_AUDIENCE"),
        ({"aud": {"app": "app"}}, "INVALID_AUDIENCE"),
        ({"aud": None}, "INVALID_AUDIENCE"),
        ({"aud": ABSENT, "client_id": "other"}, "INVALID_AUDIENCE"),
        ({"aud": ABSENT, "client_id": ["app"]}, "INVALID_AUDIENCE"),
        ({"aud": ABSENT, "client_id": None}, "INVALID_AUDIENCE"),
        ({"aud": ABSENT, "azp": "app", "cid": "app"}, "MISSING_CLAIM"),
        *(({"aud": aud, "client_id": "app"}, "INVALID_AUDIENCE") for aud in ("other", ["other"], [], None, "")),
        *(({"sub": value}, "INVALID_USER_ID") for value in NO_USERS),
    ],
)
def test_the_first_check_that_fails_is_named(changes: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        check_claims(claims(changes), settings(), now=NOW)
    assert refusal.value.code is code


@pytest.mark.parametrize("leeway", [0, 1, 60])
@pytest.mark.parametrize(("name", "sign"), [("exp", -1), ("nbf", 1), ("iat", 1)])
def test_the_leeway_is_granted_to_the_second_both_ways(leeway: int, name: str, sign: int) -> None:
    # exp is the first second that is too late, nbf and iat are the first that are not too early.
    within = leeway - 1 if name == "exp" else max(leeway, START_TOLERANCE)
    allowed = settings(leeway=leeway)
    assert check_claims(claims({name: NOW + sign * within}), allowed, now=NOW).user_id == "alice"
    with pytest.raises(RequestError):
        check_claims(claims({name: NOW + sign * (within + 1)}), allowed, now=NOW)


def test_an_authorization_lasts_for_as_long_as_the_token_would_be_accepted() -> None:
    late = check_claims(claims({"exp": int(NOW) - 5}), settings(leeway=60), now=NOW)
    assert late.expires_at == int(NOW) - 5 + 60
    assert check_claims(claims({"exp": int(NOW) + 5}), settings(leeway=0), now=NOW).expires_at == int(NOW) + 5


@pytest.mark.parametrize(
    ("chosen", "changes"),
    [
        (settings(issuer=None), {"iss": "https://evil.test/"}),
        (settings(issuer=None), {"iss": ABSENT}),
        (settings(audience=()), {"aud": "other"}),
        (settings(audience=()), {"aud": ABSENT}),
        (settings(audience=("first", "app")), {}),
        (settings(audience=("first", "second")), {"aud": ["zeroth", "second"]}),
    ],
)
def test_issuer_and_audience_are_checked_where_they_are_set(chosen: TokenSettings, changes: dict[str, Any]) -> None:
    assert check_claims(claims(changes), chosen, now=NOW).user_id == "alice"


def test_the_user_may_be_named_by_another_claim_alone() -> None:
    chosen = settings(user_id_claim="cognito:username")
    assert check_claims(claims({"cognito:username": "bob"}), chosen, now=NOW).user_id == "bob"
    with pytest.raises(RequestError, match="cognito:username"):
        check_claims(claims({}), chosen, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ABSENT, "client_id": "SENTINEL"},
        {"sub": "SENTINEL" * 40},
        {"iss": "SENTINEL"},
        {"aud": "SENTINEL"},
        {"exp": "SENTINEL"},
    ],
)
def test_no_message_repeats_a_value(changes: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as refusal:
        check_claims(claims(changes), settings(), now=NOW)
    assert "SENTINEL" not in refusal.value.message


@pytest.mark.parametrize(
    ("claim", "topics"),
    [
        (["org/7", "news/*"], "org/7 news/*"),
        ("openid org/7 news/*", "openid org/7 news/*"),
        ("org/7  org/7", "org/7"),
        (["https://api.test/read", "*", "/*", "org/", "org/7 org/8", "org/7"], "org/7"),
        ([], ""),
        ("", ""),
        (ABSENT, ""),
    ],
)
def test_the_topics_that_a_claim_grants_are_those_that_it_names(claim: object, topics: str) -> None:
    authorization = check_claims(claims({"topics": claim}), settings(topics_claim="topics"), now=NOW)
    assert (authorization.user_id, authorization.topics) == ("alice", topics)


def test_without_a_claim_for_topics_none_is_looked_at() -> None:
    assert check_claims(claims({"topics": 7}), settings(), now=NOW).topics is None


@pytest.mark.parametrize("claim", [7, None, True, {"org/7": 1}, ["org/7", 7], [["org/7"]]])
def test_a_claim_for_topics_of_another_kind_is_refused(claim: object) -> None:
    with pytest.raises(RequestError) as refusal:
        check_claims(claims({"topics": claim}), settings(topics_claim="topics"), now=NOW)
    assert refusal.value.code == "INVALID_CLAIM"


def test_no_more_topics_are_granted_than_an_authorizer_can_answer_with() -> None:
    few = [f"org/{number:04}" for number in range(MAX_GRANTS_CHARACTERS // 9)]
    assert check_claims(claims({"topics": few}), settings(topics_claim="topics"), now=NOW).topics == " ".join(few)
    with pytest.raises(RequestError) as refusal:
        check_claims(claims({"topics": [*few, "one-more"]}), settings(topics_claim="topics"), now=NOW)
    assert refusal.value.code == "INVALID_CLAIM"
