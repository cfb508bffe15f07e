"""How connections are ended from outside: in which order, with how much time, and with which outcome."""

import asyncio
import inspect
from types import SimpleNamespace
from typing import cast

import pytest

from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Connections
from websocket_push.aws.requests import Payload
from websocket_push.control import ending
from websocket_push.control.closing import MAX_AT_ONCE, each_of
from websocket_push.control.ending import Cause, end
from websocket_push.tables.clients import ESTABLISHING_MILLISECONDS, Clients, Connection
from websocket_push.tables.endings import Endings

NOW = 1_769_860_800_000
GONE = ConnectionGone("GoneException", status=410)
BROKEN = AwsError("InternalServerError", status=500, transient=True)


class World:
    """The table and the management API: keeps the calls in their order, some of which fail."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.calls: list[str] = []
        self.deadlines: list[float] = []
        self.attempts: list[int] = []
        self.noted: list[tuple[str, str]] = []

    async def _act(self, name: str, deadline: float) -> None:
        self.calls.append(name)
        self.deadlines.append(deadline)
        if name in self.failing:
            raise self.failing[name]

    async def post(self, connection_id: str, payload: Payload, *, deadline: float, attempts: int) -> None:
        self.attempts.append(attempts)
        await self._act("post", deadline)

    async def note(self, connection_id: str, cause: str, *, reason: str, deadline: float) -> None:
        self.noted.append((cause, reason))
        await self._act("note", deadline)

    async def close(self, connection_id: str, *, deadline: float) -> None:
        await self._act("close", deadline)

    async def remove(self, connection_id: str, *, deadline: float) -> None:
        await self._act("remove", deadline)

    def end(self, *, age: int = ESTABLISHING_MILLISECONDS, deadline: float = 1000, events: bool = True) -> str:
        """End a connection of this age, in milliseconds."""
        return asyncio.run(
            end(
                Connection("phone", "alice", NOW - age, NOW // 1000 + 60),
                Payload(b"{}"),
                clients=cast(Clients, self),
                management=cast(Connections, self),
                endings=cast(Endings, self) if events else None,
                cause=Cause("control", "maintenance"),
                now=NOW,
                deadline=deadline,
            )
        )


def test_a_connection_is_told_then_the_cause_is_noted_then_it_is_closed_and_its_row_removed() -> None:
    world = World()
    assert world.end() == "closed"
    assert world.calls == ["post", "note", "close", "remove"]
    assert world.noted == [("control", "maintenance")]
    assert world.deadlines[1:] == [1000, 1000, 1000]


def test_without_events_no_cause_is_noted() -> None:
    world = World()
    assert world.end(events=False) == "closed"
    assert world.calls == ["post", "close", "remove"]


@pytest.mark.parametrize(("deadline", "until"), [(1000, 101), (100.5, 100.5)])
def test_the_last_frame_is_tried_once_and_for_a_second_at_most(
    deadline: float, until: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "time", SimpleNamespace(monotonic=lambda: 100.0))
    world = World()
    world.end(deadline=deadline)
    assert (world.attempts, world.deadlines[0]) == ([1], until)


def test_a_connection_that_does_not_take_the_last_frame_is_closed_all_the_same() -> None:
    world = World(post=BROKEN)
    assert world.end() == "closed"
    assert world.calls == ["post", "note", "close", "remove"]


def test_a_connection_that_may_be_connecting_keeps_its_row() -> None:
    world = World(post=GONE)
    assert world.end(age=ESTABLISHING_MILLISECONDS - 1) == "connecting"
    assert world.calls == ["post"]


def test_of_a_connection_that_is_gone_only_the_row_is_removed() -> None:
    world = World(post=GONE)
    assert world.end(age=ESTABLISHING_MILLISECONDS) == "gone"
    assert world.calls == ["post", "remove"]


@pytest.mark.parametrize("call", ["note", "close", "remove"])
def test_what_fails_before_the_row_is_removed_leaves_it_failed(call: str) -> None:
    world = World(**{call: BROKEN})
    assert world.end() == "failed"
    assert world.calls[-1] == call


def test_calls_are_made_side_by_side_up_to_a_bound_and_answered_in_their_order() -> None:
    under_way = most = 0

    async def call(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return number

    numbers = list(range(2 * MAX_AT_ONCE + 1))
    assert asyncio.run(each_of(map(call, numbers))) == numbers
    assert most == MAX_AT_ONCE == 64


def test_the_error_of_a_call_is_raised_itself() -> None:
    async def fail() -> None:
        raise BROKEN

    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(AwsError) as raised:
        asyncio.run(each_of([wait(), fail()]))
    assert raised.value is BROKEN


def test_calls_that_never_get_a_place_are_ended() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise BROKEN

    calls = [fail() for _ in range(3 * MAX_AT_ONCE)]
    with pytest.raises(AwsError):
        asyncio.run(each_of(calls))
    assert {inspect.getcoroutinestate(each) for each in calls} == {inspect.CORO_CLOSED}
