from typing import Any

import pytest

from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.protocol.handshake import (
    chosen_subprotocol,
    header_values,
    offered_subprotocols,
    query_values,
    require_allowed_origin,
)


def handshake(**headers: str) -> dict[str, Any]:
    return {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (handshake(Origin="https://app.example.org"), True),
        (handshake(origin="https://app.example.org"), True),
        (handshake(), True),
        ({}, True),
        (handshake(Origin="https://app.example.org.evil.example"), False),
        (handshake(Origin="http://app.example.org"), False),
        (handshake(Origin="https://APP.example.org"), False),
        (handshake(Origin="https://app.example.org:8443"), False),
        (handshake(Origin="null"), False),
        (handshake(Origin=""), False),
        ({"multiValueHeaders": {"Origin": ["https://app.example.org", "https://evil.example"]}}, False),
    ],
)
def test_browsers_from_elsewhere_are_refused(request_: dict[str, Any], allowed: bool) -> None:
    require_allowed_origin(request_, ())
    if allowed:
        require_allowed_origin(request_, ("https://other.example", "https://app.example.org"))
        return
    with pytest.raises(RequestError) as refusal:
        require_allowed_origin(request_, ("https://other.example", "https://app.example.org"))
    assert refusal.value.code is ErrorCode.ORIGIN_NOT_ALLOWED


@pytest.mark.parametrize(
    ("request_", "chosen"),
    [
        (handshake(), None),
        (handshake(Sec_WebSocket_Protocol="bearer, abc"), "bearer"),
        (handshake(sec_websocket_protocol="chat,bearer,abc"), "bearer"),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["bearer", "abc"]}}, "bearer"),
        (handshake(Sec_WebSocket_Protocol="chat"), None),
        (handshake(Sec_WebSocket_Protocol="bearerabc"), None),
    ],
)
def test_the_subprotocol_is_chosen_and_the_token_is_not_sent_back(request_: dict[str, Any], chosen: str | None) -> None:
    assert chosen_subprotocol(request_) == chosen


def test_the_lists_have_every_value_and_the_plain_maps_serve_where_there_are_none() -> None:
    event = {
        "headers": {"Accept": "b"},
        "multiValueHeaders": {"accept": ["a", "b"]},
        "queryStringParameters": {"userId": "b", "UserId": "c"},
    }
    assert header_values(event, "accept") == ["a", "b"]
    assert query_values(event, "userId") == ["b"]
    assert query_values(event, "token") == []


@pytest.mark.parametrize("maps", [None, [], "x", {"Origin": None}, {"Origin": [None, 7]}, {"Origin": {}}])
def test_maps_of_another_shape_hold_nothing(maps: object) -> None:
    assert header_values({"headers": maps, "multiValueHeaders": maps}, "origin") == []


def test_subprotocols_are_one_list_over_repeated_lines() -> None:
    assert offered_subprotocols({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["a, b", "c"]}}) == ["a", "b", "c"]
