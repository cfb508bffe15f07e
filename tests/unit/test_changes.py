"""Which events a change of the clients table is, at the edges of its times."""

import asyncio
from typing import cast

import pytest

from websocket_push.aws.queue import Queue
from websocket_push.events.changes import Followed, Follower
from websocket_push.protocol.stream import Change
from websocket_push.tables.tracking import Tracking

OPENED_AT = 1_769_860_800_000
EXPIRES_AT = OPENED_AT // 1000 + 7_260
END_OF_TIME = 253_402_300_800_000
"""The year 10000, which RFC 3339 cannot write."""


class Aside:
    """The tracking and the queue, in which nothing but the times of arrival is of interest."""

    def __init__(self) -> None:
        self.arrivals: list[int] = []

    async def arrive(self, user_id: str, connection_id: str, *, now: int, deadline: float) -> bool:
        self.arrivals.append(now)
        return False

    async def send(self, body: str, *, deadline: float, delay: int) -> None:
        pass


def row(*, connected_at: int = OPENED_AT, expires_at: int = EXPIRES_AT) -> dict[str, dict[str, str]]:
    return {
        "connectionId": {"S": "phone="},
        "userId": {"S": "alice"},
        "connectedAt": {"N": str(connected_at)},
        "expiresAt": {"N": str(expires_at)},
    }


def follow(change: Change) -> Followed:
    return asyncio.run(Follower(cast(Tracking, Aside()), cast(Queue, Aside()), 30, 1e9).follow([change]))


@pytest.mark.parametrize(
    ("removed_at", "by_ttl", "cause"),
    [
        (EXPIRES_AT * 1000 - 1, False, "gone"),
        # A push that found it expired removed it before the TTL did.
        (EXPIRES_AT * 1000, False, "expired"),
        (EXPIRES_AT * 1000 + 60_000, False, "expired"),
        (EXPIRES_AT * 1000 - 1, True, "expired"),
    ],
)
def test_a_connection_that_is_removed_after_its_time_has_expired(removed_at: int, by_ttl: bool, cause: str) -> None:
    (closed,) = follow(Change(row(), None, removed_at, by_ttl)).events
    assert closed.data["cause"] == cause


DAY = 24 * 60 * 60 * 1000


@pytest.mark.parametrize(
    ("removed_at", "by_ttl", "expires_at", "at"),
    [
        (OPENED_AT + 60_000, False, EXPIRES_AT, OPENED_AT + 60_000),
        # The token had expired, and a push closed the connection later.
        (OPENED_AT + 60_000, False, OPENED_AT // 1000 + 30, OPENED_AT + 60_000),
        (OPENED_AT + 60_000, True, OPENED_AT // 1000 + 30, OPENED_AT + 30_000),
        (OPENED_AT + DAY, True, EXPIRES_AT, EXPIRES_AT * 1000),
        # $disconnect was lost, and the next push came a day later.
        (OPENED_AT + DAY, False, EXPIRES_AT, EXPIRES_AT * 1000),
        (OPENED_AT + DAY, False, OPENED_AT // 1000 + 30, EXPIRES_AT * 1000),
    ],
)
def test_a_connection_was_closed_when_it_had_to_be_over_at_the_latest(
    removed_at: int, by_ttl: bool, expires_at: int, at: int
) -> None:
    (closed,) = follow(Change(row(expires_at=expires_at), None, removed_at, by_ttl)).events
    assert closed.at == at


@pytest.mark.parametrize(
    ("times", "unreadable"),
    [
        ({"connected_at": 0}, 0),
        ({"connected_at": -1}, 1),
        ({"connected_at": END_OF_TIME - 1}, 0),
        ({"connected_at": END_OF_TIME}, 1),
        ({"expires_at": END_OF_TIME // 1000 - 1}, 0),
        ({"expires_at": END_OF_TIME // 1000}, 1),
    ],
)
def test_a_row_with_a_time_that_no_event_can_say_is_counted_and_passed_over(
    times: dict[str, int], unreadable: int
) -> None:
    followed = follow(Change(None, row(**times), OPENED_AT, by_ttl=False))
    assert (len(followed.events), followed.unreadable) == (1 - unreadable, unreadable)


def test_a_user_has_arrived_when_the_connection_was_opened() -> None:
    """However late the stream brings it: what is noted of the user is kept as long as the connection can last."""
    aside = Aside()
    change = Change(None, row(), OPENED_AT + 60_000, by_ttl=False)
    asyncio.run(Follower(cast(Tracking, aside), cast(Queue, aside), 30, 1e9).follow([change]))
    assert aside.arrivals == [OPENED_AT // 1000]
