"""The pace: how many requests may be under way, from what was taken and refused."""

from hypothesis import given
from hypothesis import strategies as st

from websocket_push.http.pace import Pace


def test_while_nothing_is_refused_the_bound_is_the_most() -> None:
    pace = Pace(64)
    for _ in range(1000):
        pace.take()
    assert (pace.bound, pace.slow) == (64, False)


def test_a_refusal_halves_what_is_under_way_and_not_what_could_be() -> None:
    pace = Pace(64)
    pace.refuse(pace.wave, 64)
    assert (pace.bound, pace.slow) == (32, True)
    pace = Pace(64)
    pace.refuse(pace.wave, 10)
    assert pace.bound == 5


def test_what_was_sent_before_a_reduction_does_not_reduce_again() -> None:
    pace = Pace(64)
    wave = pace.wave
    for under_way in range(64, 0, -1):
        pace.refuse(wave, under_way)
    assert pace.bound == 32
    pace.refuse(pace.wave, 32)
    assert pace.bound == 16


def test_each_round_without_a_refusal_lets_one_more_out() -> None:
    pace = Pace(8)
    pace.refuse(pace.wave, 8)
    bounds = []
    while pace.slow:
        for _ in range(pace.bound):
            bounds.append(pace.bound)
            pace.take()
    assert bounds == [4] * 4 + [5] * 5 + [6] * 6 + [7] * 7
    assert pace.bound == 8


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=300))
def test_something_may_always_go_out_and_never_too_much(most: int, answers: list[bool]) -> None:
    pace = Pace(most)
    for taken in answers:
        if taken:
            pace.take()
        else:
            before = pace.bound
            pace.refuse(pace.wave, before)
            assert pace.bound == max(1, before // 2)
        assert 1 <= pace.bound <= most
        assert pace.slow == (pace.bound < most)
