"""What the control function sends to itself to go on with: when, and until when."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from websocket_push.aws.queue import Queue
from websocket_push.control.closing import AGAIN_SECONDS, Closer, Closing, Tally
from websocket_push.control.disconnecting import CLOSING_MILLISECONDS, MAX_IDS, Disconnecting
from websocket_push.control.ending import Cause
from websocket_push.control.revoking import SWEEPING_MILLISECONDS, Revoking, Sweep, parse_sweep
from websocket_push.protocol.control_request import DisconnectRequest, RevokeRequest
from websocket_push.protocol.errors import RequestError
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.registry import Registry, Row
from websocket_push.tables.revocations import Revocation, Token

NOW = 1_769_860_800_000
HANDSHAKE_MILLISECONDS = 30_000
EVERYTHING = Revocation(issued_before=NOW, token_ids=frozenset())


class World:
    """A user's connections, none of which can be closed, and what was done, in its order."""

    deadline = 1e9
    """The closer's; there is a second more to pass on what it could not close."""

    def __init__(self, *connections: Connection) -> None:
        self.connected = {each.connection_id: each for each in connections}
        self.time = NOW
        self.calls: list[str] = []
        self.messages: list[dict[str, Any]] = []

    def now(self) -> int:
        return self.time

    async def revoke_before(self, user_id: str, issued_before: int, *, expires_at: int, deadline: float) -> None:
        self.calls.append("revoke")

    async def find_revocation(self, user_id: str, *, now: int, deadline: float) -> Revocation:
        return EVERYTHING

    async def connections(self, user_id: str, *, deadline: float) -> AsyncIterator[Connection]:
        for each in self.connected.values():
            yield each

    async def find(self, connection_id: str, *, deadline: float) -> Row | None:
        found = self.connected.get(connection_id)
        return None if found is None else Row(found, Token(1, None), ())

    async def close(self, connections: Sequence[Connection], bye: str, cause: Cause) -> Closing:
        self.calls.append("close")
        return Closing(Tally(failed=len(connections)), list(connections))

    async def send(self, body: str, *, deadline: float, delay: int) -> None:
        assert deadline == self.deadline + 1
        self.calls.append(f"send after {delay} s")
        self.messages.append(json.loads(body))

    def revoking(self) -> Revoking:
        return Revoking(
            registry=cast(Registry, self),
            clients=cast(Clients, self),
            closer=cast(Closer, self),
            queue=cast(Queue, self),
            ttl=3600,
            now=self.now,
            deadline=self.deadline + 1,
        )

    def disconnecting(self) -> Disconnecting:
        return Disconnecting(cast(Registry, self), cast(Closer, self), cast(Queue, self), self.deadline + 1)


def connected(count: int = 1) -> World:
    return World(*(Connection(f"c{number}", "alice", NOW, NOW // 1000 + 7200) for number in range(count)))


def test_a_revocation_is_gone_on_with_even_if_the_invocation_ends_while_it_closes() -> None:
    world = connected()
    asyncio.run(world.revoking().revoke(RevokeRequest("alice", 1, None)))
    assert world.calls == ["revoke", f"send after {AGAIN_SECONDS} s", "close"]
    assert world.messages == [{"sweep": "alice", "revokedAt": NOW}]


def test_a_sweep_goes_on_for_longer_than_a_handshake_and_then_fails() -> None:
    assert SWEEPING_MILLISECONDS > 2 * HANDSHAKE_MILLISECONDS
    world = connected()
    world.time = NOW + SWEEPING_MILLISECONDS - 1
    asyncio.run(world.revoking().sweep(Sweep("alice", NOW)))
    # Since when stays as it was, so that it comes to an end.
    assert world.messages == [{"sweep": "alice", "revokedAt": NOW}]

    world.time += 1
    with pytest.raises(RequestError) as raised:
        asyncio.run(world.revoking().sweep(Sweep("alice", NOW)))
    assert raised.value.code == "INCOMPLETE"
    assert len(world.messages) == 1


def test_what_could_not_be_closed_is_closed_again_for_longer_than_a_handshake_and_then_fails() -> None:
    assert CLOSING_MILLISECONDS > HANDSHAKE_MILLISECONDS
    world = connected()
    asyncio.run(world.disconnecting().disconnect(DisconnectRequest("alice", None, None, "maintenance", True)))
    (message,) = world.messages
    assert message == {"close": ["c0"], "reason": "maintenance", "reconnect": True, "since": NOW}

    world.time = NOW + CLOSING_MILLISECONDS - 1
    asyncio.run(world.disconnecting().again(message))
    assert world.messages == [message, message]

    world.time += 1
    with pytest.raises(RequestError) as raised:
        asyncio.run(world.disconnecting().again(message))
    assert raised.value.code == "INCOMPLETE"
    assert len(world.messages) == 2


def test_no_message_names_more_than_sqs_takes_and_none_is_left_out() -> None:
    world = connected(2 * MAX_IDS + 1)
    asyncio.run(world.disconnecting().disconnect(DisconnectRequest("alice", None, None, "", False)))
    assert [len(each["close"]) for each in world.messages] == [MAX_IDS, MAX_IDS, 1]
    assert [each for message in world.messages for each in message["close"]] == list(world.connected)
    message = world.messages[0]
    # Connection ids have 16 characters; the documentation promises no length.
    assert len(json.dumps(message | {"close": ["x" * 32] * MAX_IDS}).encode()) < 256 * 1024


CLOSE = {"close": ["c0"], "reason": "", "reconnect": True, "since": NOW}


@pytest.mark.parametrize(
    "member", [{"close": "c0"}, {"close": [0]}, {"reason": None}, {"reconnect": 1}, {"since": "0"}, {"since": None}]
)
def test_a_message_that_the_function_did_not_write_closes_nothing(member: dict[str, object]) -> None:
    world = connected()
    with pytest.raises(RequestError) as raised:
        asyncio.run(world.disconnecting().again(CLOSE | member))
    assert raised.value.code == "INVALID_REQUEST"
    assert world.calls == []


@pytest.mark.parametrize("member", [{"revokedAt": True}, {"revokedAt": "0"}, {"revokedAt": None}, {"sweep": ""}])
def test_a_message_that_the_function_did_not_write_sweeps_nothing(member: dict[str, object]) -> None:
    message: dict[str, object] = {"sweep": "alice", "revokedAt": NOW}
    assert parse_sweep(message) == ("alice", NOW)
    with pytest.raises(RequestError):
        parse_sweep(message | member)
