"""The figures of broadcasts: the pages hold what is computed from what was measured, and the targets are met."""

import json
import statistics
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import broadcast
from benchmarks.cost import MILLION, with_tables
from benchmarks.results import load
from websocket_push.protocol.push_request import MAX_RECIPIENTS
from websocket_push.push.fan_out import ROWS

FIGURES = json.loads(broadcast.FIGURES.read_text(encoding="utf-8"))


def test_the_pages_hold_the_tables() -> None:
    for page, tables in (
        (broadcast.PAGE, broadcast.tables(FIGURES)),
        (broadcast.COST_PAGE, broadcast.cost_tables(FIGURES)),
    ):
        text = page.read_text(encoding="utf-8")
        assert with_tables(text, tables) == text


def test_the_targets_are_met() -> None:
    assert broadcast.problems(FIGURES) == []


@pytest.mark.parametrize(
    "worse",
    [
        {"cpuRatio": broadcast.MOST_CPU + 0.01},
        {"peakMebibytes": {"10000": 10.0, "100000": 10.0, "1000000": 11.1}},
        {"readsPerConnection": {"10000": 0.001, "100000": 0.02, "1000000": 0.001}},
        {"beside": {**FIGURES["beside"], "ratio": broadcast.MOST_DELAY + 0.01}},
    ],
)
def test_a_target_that_is_missed_is_named(worse: dict[str, object]) -> None:
    assert len(broadcast.problems({**FIGURES, **worse})) == 1


def test_the_check_of_all_benchmarks_looks_at_broadcasts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "check"])
    results = load(broadcast.RESULTS)
    monkeypatch.setattr(
        command, "load", lambda _: {**results, "measures": [each for each in results["measures"] if each["met"]]}
    )
    assert command.main() == 0
    assert capsys.readouterr().out.count("a broadcast") == len(broadcast.verdicts(FIGURES))
    monkeypatch.setattr(broadcast, "read_figures", lambda: {**FIGURES, "cpuRatio": broadcast.MOST_CPU + 1})
    assert command.main() == 1
    assert "MISSED        a broadcast's CPU" in capsys.readouterr().out


def test_a_broadcast_went_on_beside_the_pushes_and_the_quota_was_kept_to() -> None:
    beside = FIGURES["beside"]
    assert beside["throttled"] == 0
    assert min(beside["broadcastPostsPerSecond"]) > 0.9 * beside["rate"]
    # Without its rate the broadcast would starve them, so the measure can tell.
    assert beside["unboundedMilliseconds"] > broadcast.MOST_DELAY * statistics.median(beside["aloneMilliseconds"])


def test_the_rate_decides_how_long_a_broadcast_takes() -> None:
    for rate in (10_000, 100_000):
        assert broadcast.broadcast_cost(MILLION, 40e-6, rate)["seconds"] == MILLION / rate


def test_messages_are_nearly_all_that_a_broadcast_costs() -> None:
    found = broadcast.broadcast_cost(MILLION, broadcast.cpu_of_a_post(FIGURES), broadcast.QUOTA)
    total = sum(value for name, value in found.items() if name not in ("seconds", "workers"))
    assert 1 <= found["messages"] < total < 1.1 * found["messages"]


def test_more_posts_a_second_than_a_worker_sends_take_more_workers() -> None:
    assert broadcast.broadcast_cost(MILLION, 40e-6, 10_000)["workers"] == 2
    assert broadcast.broadcast_cost(MILLION, 40e-6, 100_000)["workers"] > 10


def test_the_model_is_that_of_the_functions() -> None:
    assert (broadcast.PAGE_ROWS, broadcast.USERS_A_PUSH) == (ROWS, MAX_RECIPIENTS)
