"""The delivery with the real transport against a server that answers, refuses and breaks off as it is told."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.fakes import World, connection
from tests.unit.transport.support import (
    CONNECTIONS_URL,
    OK,
    Answer,
    Server,
    check_whole,
    hang_up,
    reply,
    reset,
    run,
    stall,
    status,
    transport_to,
)
from websocket_push.services.delivery import MAX_POSTS_AT_ONCE, Delivery, Outcome
from websocket_push.transport.aws import Transport
from websocket_push.transport.management import Management

PLAYS: dict[str, Answer] = {
    "taken": reply(),
    "taken, then closed": status(200, connection="close"),
    "gone": status(410),
    "denied": status(403),
    "throttled": status(429),
    "broken": status(500),
    "silence": stall(),
    "reset": reset(),
    "closed": hang_up(),
    "closed within the answer": hang_up(OK[:-1]),
}


def delivery_over(world: World, transport: Transport, seconds: float = 60) -> Delivery:
    """Make a delivery whose posts go over sockets; the tables stay scripted."""
    delivery = world.delivery(seconds=seconds)
    delivery._management = Management(transport, CONNECTIONS_URL)
    return delivery


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PLAYS)), max_size=12),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_whatever_the_server_plays_every_connection_is_accounted_for_once(
    plays: Sequence[str], counts: Sequence[int], size: int
) -> None:
    users = {f"u{user}": [f"u{user}-{n}" for n in range(count)] for user, count in enumerate(counts)}
    world = World(*(connection(name, user_id=user) for user, names in users.items() for name in names), page_size=3)
    with Server(*(PLAYS[play] for play in plays), reply()) as server:

        async def work(transport: Transport) -> list[Outcome]:
            return await delivery_over(world, transport).run(list(users))

        outcomes = run(transport_to(server, maximum_connections=size, attempt_timeout=0.1), work)
        answers: dict[str, list[str]] = {name: [] for names in users.values() for name in names}
        for number, request in enumerate(server.requests):
            play = plays[number] if number < len(plays) else "taken"
            answers[request.path.rpartition("/")[2]].append(play)

    for outcome, names in zip(outcomes, users.values(), strict=True):
        ends = [answers[name][-1] for name in names]
        assert outcome.connections == len(names)
        assert outcome.delivered == sum(end.startswith("taken") for end in ends)
        assert outcome.gone == ends.count("gone")
        assert outcome.failed == ends.count("denied")
        assert outcome.connections == outcome.delivered + outcome.gone + outcome.failed
    assert sorted(world.done("remove")) == sorted(name for name, played in answers.items() if played[-1] == "gone")
    final = {"taken", "taken, then closed", "gone", "denied"}
    assert not [played for played in answers.values() if final & set(played[:-1])]


def test_a_user_with_thousands_of_connections_is_reached_over_a_bounded_number_of_calls() -> None:
    world = World(*(connection(f"c{n}") for n in range(3000)), page_size=1000)
    with Server() as server:

        async def work(transport: Transport) -> tuple[Outcome, int]:
            most = 0
            delivery = delivery_over(world, transport)
            running = asyncio.create_task(delivery.run(["alice"]))
            while not running.done():
                await asyncio.sleep(0)
                most = max(most, transport.active)
            return running.result()[0], most

        outcome, most = run(transport_to(server), work)
        assert (outcome.connections, outcome.delivered) == (3000, 3000)
        assert len({request.path for request in server.requests}) == len(server.requests) == 3000
        assert server.connections <= 64
        assert 64 < most <= MAX_POSTS_AT_ONCE


@pytest.mark.parametrize("posted", [0, 4])
def test_a_cancelled_delivery_leaves_no_socket_open(posted: int) -> None:
    world = World(*(connection(f"c{n}") for n in range(400)))
    with Server(stall()) as server:

        async def work(transport: Transport) -> None:
            running = asyncio.create_task(delivery_over(world, transport).run(["alice"]))
            if posted:
                await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == posted)
            else:
                for _ in range(20):
                    await asyncio.sleep(0)
                assert transport.active
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            for _ in range(3):
                await asyncio.sleep(0)
            check_whole(transport)
            assert transport.active == 0
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, maximum_connections=4, attempt_timeout=60), work)


def test_at_the_deadline_everything_is_accounted_for_and_no_socket_is_open() -> None:
    world = World(*(connection(f"c{n}") for n in range(400)))
    with Server(reply(), stall()) as server:

        async def work(transport: Transport) -> Outcome:
            (outcome,) = await delivery_over(world, transport, seconds=0.5).run(["alice"])
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            return outcome

        outcome = run(transport_to(server, maximum_connections=4, attempt_timeout=60), work)
        assert (outcome.connections, outcome.delivered, outcome.gone, outcome.failed) == (400, 1, 0, 399)
        assert outcome.error is not None
