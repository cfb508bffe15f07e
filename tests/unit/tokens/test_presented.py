from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websocket_push.protocol.error_codes import ERROR_CODES, ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.presented import MAX_TOKEN_BYTES, find_token


def request(
    *, headers: dict[str, list[str]] | None = None, query: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """Make an event as API Gateway does: maps of lists, and maps of the last of each."""
    return {
        "headers": {name: values[-1] for name, values in (headers or {}).items()},
        "multiValueHeaders": headers or {},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
    }


def authorization(*values: str, name: str = "Authorization") -> dict[str, Any]:
    return request(headers={name: list(values)})


def subprotocols(*values: str, name: str = "Sec-WebSocket-Protocol") -> dict[str, Any]:
    return request(headers={name: list(values)})


@pytest.mark.parametrize(
    "event",
    [
        authorization("Bearer a.b.c"),
        authorization("bearer a.b.c", name="authorization"),
        authorization("BEARER   a.b.c ", name="AUTHORIZATION"),
        authorization("Basic YTpi", "Bearer a.b.c"),
        request(query={"token": ["a.b.c"]}),
        request(query={"token": ["", "a.b.c"], "userId": ["bob"]}),
        subprotocols("bearer, a.b.c"),
        subprotocols("bearer,a.b.c", name="sec-websocket-protocol"),
        subprotocols("chat, bearer, a.b.c, other"),
        subprotocols("bearer", "a.b.c"),
        request(
            headers={"Authorization": ["Bearer a.b.c"], "Sec-WebSocket-Protocol": ["bearer, a.b.c"]},
            query={"token": ["a.b.c", "a.b.c"]},
        ),
        {"headers": {"authorization": "Bearer a.b.c"}},
        {"queryStringParameters": {"token": "a.b.c"}},
        {"headers": {"Authorization": "Bearer a.b.c"}, "multiValueHeaders": None},
    ],
)
def test_the_token_is_found_wherever_it_may_be(event: dict[str, Any]) -> None:
    assert find_token(event) == "a.b.c"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({}, "MISSING_TOKEN"),
        (request(), "MISSING_TOKEN"),
        (authorization("Bearer"), "MISSING_TOKEN"),
        (authorization("Bearer "), "MISSING_TOKEN"),
        (authorization("a.b.c"), "MISSING_TOKEN"),
        (authorization("Basic a.b.c"), "MISSING_TOKEN"),
        (request(query={"token": [""]}), "MISSING_TOKEN"),
        (request(query={"Token": ["a.b.c"]}), "MISSING_TOKEN"),
        (subprotocols("bearer"), "MISSING_TOKEN"),
        (subprotocols("a.b.c, bearer"), "MISSING_TOKEN"),
        (subprotocols("Bearer, a.b.c"), "MISSING_TOKEN"),
        (authorization("Bearer a.b.c", "Bearer a.b.d"), "AMBIGUOUS_TOKEN"),
        (request(query={"token": ["a.b.c", "a.b.d"]}), "AMBIGUOUS_TOKEN"),
        (subprotocols("bearer, a.b.c, bearer, a.b.d"), "AMBIGUOUS_TOKEN"),
        (subprotocols("bearer, a.b.c", "bearer, a.b.d"), "AMBIGUOUS_TOKEN"),
        (
            request(headers={"Authorization": ["Bearer a.b.c"], "authorization": ["Bearer a.b.d"]}),
            "AMBIGUOUS_TOKEN",
        ),
        (
            request(headers={"Authorization": ["Bearer a.b.c"]}, query={"token": ["a.b.d"]}),
            "AMBIGUOUS_TOKEN",
        ),
        (
            request(headers={"Sec-WebSocket-Protocol": ["bearer, a.b.d"]}, query={"token": ["a.b.c"]}),
            "AMBIGUOUS_TOKEN",
        ),
        (authorization("Bearer " + "a" * (MAX_TOKEN_BYTES + 1)), "TOKEN_TOO_LARGE"),
    ],
)
def test_none_several_and_too_large_ones_are_told_apart(event: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        find_token(event)
    assert refusal.value.code is code


def test_a_token_of_exactly_the_limit_is_looked_into() -> None:
    token = "a" * MAX_TOKEN_BYTES
    assert find_token(request(query={"token": [token]})) == token


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["Bearer a", "bearer, b", "token"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["token", "Authorization"]) | st.text(), inner),
    max_leaves=8,
)
events = st.dictionaries(
    st.sampled_from(
        ["headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "methodArn"]
    ),
    values,
)


def outcome(event: dict[str, Any]) -> str | ErrorCode:
    try:
        return find_token(event)
    except RequestError as refusal:
        return refusal.code


@settings(deadline=None)
@given(events)
def test_no_event_leads_to_anything_but_a_token_or_a_listed_refusal(event: dict[str, Any]) -> None:
    found = outcome(event)
    if found in ERROR_CODES:
        assert found in {"MISSING_TOKEN", "AMBIGUOUS_TOKEN", "TOKEN_TOO_LARGE"}
    else:
        assert 0 < len(found) <= MAX_TOKEN_BYTES
