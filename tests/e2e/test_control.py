"""examples/jwt has the control function: who is online, disconnect and revoke, with IAM enforced."""

import asyncio
import time

from websockets.exceptions import InvalidStatus

from tests.e2e.stack import Stack, new_user
from tests.e2e.test_authorization import bearer, status_of
from tools.aws import Answer, wait_until
from tools.issuer import Issuer

RACES = 20
"""Connections that are opened beside a revoke; tests/unit/control plays 10,000."""


async def test_who_is_online_and_connected(authorized: Stack, tokens: Issuer) -> None:
    alice, bob = new_user("alice"), new_user("bob")
    async with authorized.connect_with(**bearer(tokens.token(alice))) as device:
        connection_id = await device.connection_id()
        wait_until(lambda: authorized.backend.connection_ids(alice) == {connection_id}, "the index to follow")
        users = authorized.backend.control(action="online", userIds=[bob, alice]).payload["users"]
        assert [each["online"] for each in users] == [False, True]
        found = authorized.backend.control(action="connections", userId=alice).payload
        assert [each["connectionId"] for each in found["connections"]] == [connection_id]
        assert found["more"] is False


async def test_other_devices_are_signed_out(authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    token = bearer(tokens.token(alice))
    async with authorized.connect_with(**token) as phone, authorized.connect_with(**token) as laptop:
        kept = await laptop.connection_id()
        wait_until(lambda: len(authorized.backend.connection_ids(alice)) == 2, "the index to follow")
        request = {"action": "disconnect", "userId": alice, "reason": "signed_out", "except": kept}
        assert authorized.backend.control(**request).payload["closed"] == 1
        assert await phone.next_frame() == {"type": "bye", "reason": "signed_out", "reconnect": False}
        await phone.closed()
        assert (await laptop.ask({"action": "poll"}))["type"] == "history"


async def test_a_refused_request_says_why(authorized: Stack) -> None:
    answer = authorized.backend.control(action="disconnect")
    assert answer.function_error is not None
    assert answer.payload["errorType"] == "INVALID_RECIPIENT"


async def test_revoked_tokens_are_refused_until_they_are_not(authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    token = tokens.token(alice, iat=int(time.time()) - 60, jti="t1")
    async with authorized.connect_with(**bearer(token)) as device:
        await device.connection_id()
        wait_until(lambda: len(authorized.backend.connection_ids(alice)) == 1, "the index to follow")
        report = authorized.backend.control(action="revoke", userId=alice).payload
        assert report["closed"] == 1
        assert await device.next_frame() == {"type": "bye", "reason": "revoked", "reconnect": False}
        await device.closed()
    assert await status_of(authorized, **bearer(token)) == 403
    newer = tokens.token(alice, iat=report["issuedBefore"], jti="t2")
    assert await status_of(authorized, **bearer(newer)) == 101
    authorized.backend.control(action="unrevoke", userId=alice)
    authorized.backend.control(action="revoke", userId=alice, tokenId="t2")
    assert [await status_of(authorized, **bearer(each)) for each in (token, newer)] == [101, 403]


async def test_connections_that_open_while_their_token_is_revoked_do_not_stay(
    authorized: Stack, tokens: Issuer
) -> None:
    alice = new_user("alice")
    token = bearer(tokens.token(alice, iat=int(time.time()) - 60))

    async def connect() -> str:
        try:
            async with authorized.connect_with(**token) as device:
                await device.closed()
        except InvalidStatus:
            return "refused"
        return "closed"

    def revoke() -> Answer:
        return authorized.backend.control(action="revoke", userId=alice)

    ends = await asyncio.gather(*(connect() for _ in range(RACES)), asyncio.to_thread(revoke))
    assert {"refused", "closed"}.issuperset(ends[:RACES])
    wait_until(lambda: not authorized.backend.connection_ids(alice), "the rows to be removed")
