import math
import statistics

import pytest

from tools.acceptance.figures import dollars, latency, openings, percentile, rounds


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7], 50, 7),
        ([7], 99, 7),
        ([3, 1, 2], 50, 2),
        ([4, 1, 3, 2], 50, 2),
        (list(range(1, 101)), 95, 95),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 101)), 100, 100),
        ([5, 5, 5, 9], 99, 9),
        ([1, 2], 0, 1),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_percentile_of_an_odd_number_at_50_is_the_median() -> None:
    values = [9.5, 1.25, 4.0, 3.0, 8.0]
    assert percentile(values, 50) == statistics.median(values)


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_latency_counts_what_was_received_and_what_was_not() -> None:
    measured = latency(2, [30.0, 10.0, 20.0], 1)
    assert (measured.receipts, measured.missing, measured.p50, measured.p99) == (3, 1, 20.0, 30.0)


def test_latency_without_a_receipt_is_not_a_number() -> None:
    measured = latency(1, [], 100)
    assert (measured.receipts, measured.missing) == (0, 100)
    assert all(map(math.isnan, (measured.p50, measured.p95, measured.p99)))


def test_the_fewer_connections_the_more_pushes_within_bounds() -> None:
    counted = [rounds(level) for level in (1, 10, 100, 1_000, 10_000)]
    assert counted == sorted(counted, reverse=True)
    assert min(counted) >= 2
    assert rounds(1) * 1 >= 100, "a p99 needs a hundred receipts"


def test_more_connections_cost_more_and_never_nothing() -> None:
    assert 0 < dollars([]) < dollars([1]) < dollars([1, 100]) < dollars([1, 100, 1_000])


@pytest.mark.parametrize(
    ("concurrency", "expected"), [(None, 2), (1, 1), (10, 2), (100, 25), (1_000, 50), (100_000, 50)]
)
def test_no_more_is_opened_at_one_time_than_a_small_account_takes(concurrency: float | None, expected: int) -> None:
    assert openings(concurrency) == expected
