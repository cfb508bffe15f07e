from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.handshake import (
    chosen_subprotocol,
    header_values,
    offered_subprotocols,
    presented_tokens,
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
    assert refusal.value.code == "ORIGIN_NOT_ALLOWED"


OWN = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ([f"https://{OWN}"], True),
        ([f"https://{OWN}:443"], True),
        ([f"wss://{OWN}"], True),
        (["https://app.example.org"], True),
        ([f"https://{OWN}", "https://app.example.org"], True),
        ([], True),
        ([f"http://{OWN}"], False),
        ([f"https://{OWN}:8443"], False),
        ([f"https://{OWN}/"], False),
        ([f"https://{OWN}.evil.example"], False),
        ([f"https://evil.example#{OWN}"], False),
        ([OWN], False),
        (["self"], False),
        (["null"], False),
        ([f"https://{OWN}", "https://evil.example"], False),
    ],
)
def test_the_apis_own_host_is_an_origin_where_self_is_allowed(origins: list[str], allowed: bool) -> None:
    request_ = {"multiValueHeaders": {"Origin": origins}, "requestContext": {"domainName": OWN}}
    if allowed:
        require_allowed_origin(request_, ("self", "https://app.example.org"))
        return
    with pytest.raises(RequestError) as refusal:
        require_allowed_origin(request_, ("self", "https://app.example.org"))
    assert refusal.value.code == "ORIGIN_NOT_ALLOWED"


def test_without_self_the_apis_own_host_is_an_origin_like_any_other() -> None:
    request_ = {"headers": {"Origin": f"https://{OWN}"}, "requestContext": {"domainName": OWN}}
    require_allowed_origin(request_, (f"https://{OWN}",))
    with pytest.raises(RequestError):
        require_allowed_origin(request_, ("https://app.example.org",))


JWT = f"eyJhbGciOiJIUzI1NiJ9.e30.{'A' * 43}"


@pytest.mark.parametrize(
    ("request_", "chosen"),
    [
        (handshake(), None),
        (handshake(Sec_WebSocket_Protocol="bearer, abc"), "bearer"),
        (handshake(sec_websocket_protocol="chat,bearer,abc"), "bearer"),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["bearer", "abc"]}}, "bearer"),
        (handshake(Sec_WebSocket_Protocol="chat"), "chat"),
        (handshake(Sec_WebSocket_Protocol="bearerabc"), "bearerabc"),
        (handshake(Sec_WebSocket_Protocol="acme.v1, other"), "acme.v1"),
        (handshake(Sec_WebSocket_Protocol="acme.v1, bearer, abc"), "bearer"),
        (handshake(Sec_WebSocket_Protocol="bearer , abc , acme.v1"), "bearer"),
        (handshake(Sec_WebSocket_Protocol="bearer"), "bearer"),
        ({"multiValueHeaders": {"SEC-WEBSOCKET-PROTOCOL": ["acme.v1", "bearer, abc"]}}, "bearer"),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["acme.v1"], "sec-websocket-protocol": ["b"]}}, "acme.v1"),
        # A token that is not where it belongs
        (handshake(Sec_WebSocket_Protocol=f"acme.v1, {JWT}"), "acme.v1"),
        (handshake(Sec_WebSocket_Protocol=f"{JWT}, acme.v1"), "acme.v1"),
        (handshake(Sec_WebSocket_Protocol=JWT), None),
        (handshake(Sec_WebSocket_Protocol=f"{JWT}, bearer"), "bearer"),
        (handshake(Sec_WebSocket_Protocol="eyJ.e30."), None),
        (handshake(Sec_WebSocket_Protocol="Bearer, abc"), "Bearer"),
        (handshake(Sec_WebSocket_Protocol="abc, xyz", Authorization="Bearer abc"), "xyz"),
        ({"queryStringParameters": {"token": "abc"}} | handshake(Sec_WebSocket_Protocol="abc"), None),
        (handshake(Sec_WebSocket_Protocol=f"base64url.bearer.authorization.k8s.io.{'A' * 60}, k8s"), "k8s"),
        # What cannot be a name
        (handshake(Sec_WebSocket_Protocol="a b, c=d, e/f, g\u00fc, chat"), "chat"),
        (handshake(Sec_WebSocket_Protocol=", ,"), None),
        (handshake(Sec_WebSocket_Protocol=",, chat,"), "chat"),
        (handshake(Sec_WebSocket_Protocol="x" * 64), "x" * 64),
        (handshake(Sec_WebSocket_Protocol="x" * 65), None),
        (handshake(Sec_WebSocket_Protocol=""), None),
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


def test_empty_subprotocols_are_none() -> None:
    assert offered_subprotocols({"headers": {"Sec-WebSocket-Protocol": "bearer,, abc ,"}}) == ["bearer", "abc"]


offers = st.lists(st.sampled_from(["bearer", "Bearer", "acme.v1", "", JWT, "t0ken"]) | st.text(max_size=80), max_size=5)


@given(offers, st.sampled_from([None, "t0ken", JWT]))
def test_what_is_answered_was_offered_and_is_no_token(offered: list[str], elsewhere: str | None) -> None:
    event = {
        "multiValueHeaders": {"Sec-WebSocket-Protocol": offered},
        "queryStringParameters": {"token": elsewhere},
    }
    chosen = chosen_subprotocol(event)
    assert chosen is None or chosen in offered_subprotocols(event)
    assert chosen != JWT
    assert chosen == "bearer" or chosen not in presented_tokens(event)
