"""Which idle connections may be used again, from clocks alone."""

from math import inf

import pytest

from websocket_push.http.freshness import Freshness


class Clock:
    """A clock that the test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("passed", "fresh"), [(0, True), (299.9, True), (300, False), (1e6, False), (-1, False)])
def test_idle_connections_are_used_until_the_limit_and_not_after_a_clock_was_set_back(
    passed: float, fresh: bool
) -> None:
    clock = Clock()
    freshness = Freshness(300, clock)
    since = clock()
    clock.now += passed
    assert freshness.is_fresh(since) is fresh


def test_after_a_stall_only_what_was_used_since_the_stalled_request_is_fresh() -> None:
    clock = Clock()
    freshness = Freshness(inf, clock)
    freshness.stalled(995.0)
    assert [since for since in (0.0, 994.9, 995.0, 995.1, 1000.0) if freshness.is_fresh(since)] == [995.1, 1000.0]
    freshness.stalled(990.0)
    assert not freshness.is_fresh(994.9)


def test_a_stall_is_forgotten_where_the_clock_was_set_back() -> None:
    clock = Clock()
    freshness = Freshness(300, clock)
    freshness.stalled(1000.0)
    clock.now = 500.0
    assert freshness.is_fresh(499.0)
