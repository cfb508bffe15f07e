"""examples/jwt: who gets in, as whom, and until when."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.stack import ORIGIN, Stack, new_user
from tools.aws import wait_until
from tools.issuer import Issuer
from tools.websocket import Device, Frame


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def in_query(token: str) -> dict[str, Any]:
    return {"token": token}


def as_subprotocol(token: str) -> dict[str, Any]:
    return {"subprotocols": ["bearer", token]}


async def status_of(stack: Stack, **handshake: Any) -> int:
    try:
        async with stack.connect_with(**handshake):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def first_error(device: Device) -> Frame:
    """Poll until it is answered with an error."""
    async with asyncio.timeout(30):
        while True:
            reply = await device.ask({"action": "poll"})
            if reply["type"] == "error":
                return reply
            await asyncio.sleep(0.2)


async def test_without_a_token_nobody_gets_in_whatever_the_query_says(authorized: Stack) -> None:
    assert await status_of(authorized) == 401
    assert await status_of(authorized, userId="alice") == 401


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"seconds": -1}, id="expired"),
        pytest.param({"aud": "another"}, id="another audience"),
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"sub": 7}, id="a number for a user"),
        pytest.param({"nbf": 4_000_000_000}, id="not yet valid"),
    ],
)
async def test_a_token_that_is_not_valid_is_refused(authorized: Stack, tokens: Issuer, claims: dict[str, Any]) -> None:
    assert await status_of(authorized, **bearer(tokens.token("alice", **claims))) == 403


async def test_a_token_that_was_tampered_with_is_refused(authorized: Stack, tokens: Issuer) -> None:
    header, _, signature = tokens.token("alice").split(".")
    _, claims, _ = tokens.token("bob").split(".")
    assert await status_of(authorized, **bearer(f"{header}.{claims}.{signature}")) == 403


async def test_two_tokens_are_refused_and_one_token_twice_is_not(authorized: Stack, tokens: Issuer) -> None:
    one, other = tokens.token("alice"), tokens.token("bob")
    assert await status_of(authorized, **bearer(one), **in_query(other)) == 403
    assert await status_of(authorized, **bearer(one), **in_query(one)) == 101


@pytest.mark.parametrize("carry", [bearer, in_query, as_subprotocol])
async def test_a_valid_token_gets_in_from_each_place_as_the_user_that_it_names(
    authorized: Stack, tokens: Issuer, carry: Any
) -> None:
    alice, mallory = new_user("alice"), new_user("mallory")
    async with authorized.connect_with(**carry(tokens.token(alice)), userId=mallory) as device:
        assert device.subprotocol == ("bearer" if carry is as_subprotocol else None)
        session = (await device.ask({"action": "poll"}))["session"]
        assert session["userId"] == alice
        authorized.backend.push({"userId": mallory, "content": "for mallory"})
        authorized.backend.push({"userId": alice, "content": "for alice"})
        assert (await device.next_notification())["content"] == "for alice"
        page = await device.ask({"action": "poll"})
        assert [each["content"] for each in page["notifications"]] == ["for alice"]


async def test_a_page_may_offer_a_subprotocol_of_its_own(authorized: Stack, tokens: Issuer) -> None:
    token = tokens.token(new_user("alice"))
    for offered, query, answered in (
        (["acme.v1"], in_query(token), "acme.v1"),
        (["acme.v1", "bearer", token], {}, "bearer"),
        ([token, "acme.v1"], in_query(token), "acme.v1"),
    ):
        async with authorized.connect_with(subprotocols=offered, **query) as device:
            assert device.subprotocol == answered
            assert (await device.ask({"action": "poll"}))["type"] == "history"


async def test_pages_from_elsewhere_are_refused_even_with_a_token(authorized: Stack, tokens: Issuer) -> None:
    token = tokens.token("alice")
    assert await status_of(authorized, headers={"Origin": "https://evil.example"}, token=token) == 403
    assert await status_of(authorized, headers={"Origin": ORIGIN}, token=token) == 101


async def test_a_connection_ends_with_its_token(authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    async with authorized.connect_with(**bearer(tokens.token(alice, seconds=6))) as device:
        connection_id = await device.connection_id()
        report = authorized.backend.push({"userId": alice, "content": "in time"}).payload
        assert report["totals"]["delivered"] == 1
        assert (await device.next_notification())["content"] == "in time"

        assert (await first_error(device))["code"] == "TOKEN_EXPIRED"
        own = await device.ask({"action": "push", "userId": alice, "content": "mine"})
        assert own["code"] == "TOKEN_EXPIRED"

        report = authorized.backend.push({"userId": alice, "content": "too late"}).payload
        assert {name: report["totals"][name] for name in ("persisted", "delivered", "gone")} == {
            "persisted": 1,
            "delivered": 0,
            "gone": 1,
        }
        assert await device.next_frame() == {"type": "bye", "reason": "token_expired"}
        await device.closed()
    wait_until(lambda: authorized.backend.connection(connection_id) is None, "the row to be removed")

    async with authorized.connect_with(**bearer(tokens.token(alice))) as again:
        page = await again.ask({"action": "poll"})
        assert [each["content"] for each in page["notifications"]] == ["in time", "too late"]
