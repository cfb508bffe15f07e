from hypothesis import given
from hypothesis import strategies as st

from benchmarks import beside
from benchmarks.stub.answers import Answers, Quota
from tests.unit.benchmarks.test_stub import POST


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_percentile_is_a_value_that_so_many_are_not_above() -> None:
    assert beside.percentile([float(n) for n in range(100, 0, -1)]) == 99
    assert beside.percentile([5.0]) == 5


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    assert beside.ratio([10, 10, 40], [20, 15, 400]) == 2


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_more_is_taken_than_the_bucket_holds_and_gains(pauses: list[float]) -> None:
    clock = Clock()
    quota = Quota(10, 5, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        while quota.take():
            taken += 1
        assert taken <= 5 + 10 * clock.now + 1e-6
    # All of it is to be had, but for what does not fit into the bucket.
    assert taken >= min(5, len(pauses) * 5)


def test_posts_above_the_quota_are_refused_and_counted_apart() -> None:
    answers = Answers(quota=Quota(1, 2, lambda: 0.0))
    said = [answers.answer(POST.partition(b"\r\n\r\n")[0], b"hello").split(b" ")[1] for _ in range(3)]
    assert said == [b"200", b"200", b"429"]
    assert answers.counts == {"PostToConnection": 2, "Throttled": 1}
