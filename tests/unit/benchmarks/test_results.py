import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.definitions import (
    FULL,
    NODE,
    OURS,
    QUICK,
    THREADS,
    WRK,
    Definition,
    Plan,
    Relation,
    Target,
    definitions,
    headline,
)
from benchmarks.results import (
    FORMAT,
    IncompleteError,
    Measure,
    Results,
    growth,
    judge,
    load,
    save,
    summarize,
    value_of,
    verdict_of,
)

positive = st.floats(min_value=0.01, max_value=9_000.0)


def definition(*targets: Target, references: tuple[str, ...] = (THREADS, NODE)) -> Definition:
    return Definition("delivery.cpu.10", "CPU per delivery, 10 connections", "us", references, targets)


def results(measures: list[Measure]) -> Results:
    return {
        "format": FORMAT,
        "generatedAt": "2026-01-31T12:00:00+00:00",
        "quick": False,
        "machine": {"processor": "a processor"},
        "versions": {"python": "3.13.1", "boto3": "1.40.0"},
        "measures": measures,
    }


def test_the_median_counts_not_the_mean() -> None:
    assert value_of([3.0, 1.0, 100.0]) == {"median": 3.0, "low": 1.0, "high": 100.0, "rounds": 3}


def test_a_ratio_says_how_many_times_ours_the_reference_is() -> None:
    [measure] = summarize([definition()], {"delivery.cpu.10": {OURS: [20.0], THREADS: [500.0], NODE: [300.0]}})
    assert measure["ratios"] == {THREADS: 25.0, NODE: 15.0}
    assert measure["met"] is None


@pytest.mark.parametrize(
    ("relation", "reference", "measured", "met"),
    [
        (Relation.AT_LEAST, 60.0, 30.0, True),
        (Relation.AT_LEAST, 59.0, 29.5, False),
        (Relation.AT_MOST, 1 / 15, 30.0, True),
        (Relation.AT_MOST, 1 / 16, 32.0, False),
        (Relation.BELOW, 1 / 15, 30.0, False),
        (Relation.BELOW, 1 / 14, 28.0, True),
    ],
)
def test_a_target_is_met_at_its_limit_but_not_beyond(
    relation: Relation, reference: float, measured: float, met: bool
) -> None:
    verdict = judge(Target(THREADS, relation, 30), 2.0, reference)
    assert verdict["measured"] == pytest.approx(measured)
    assert verdict["met"] is met


def test_a_target_without_a_reference_is_about_the_value_itself() -> None:
    assert judge(Target("", Relation.AT_MOST, 2), 2.0, None)["met"] is True
    assert judge(Target("", Relation.AT_MOST, 2), 3.0, None)["met"] is False


def test_what_was_not_measured_is_not_met() -> None:
    target = Target(WRK, Relation.AT_MOST, 4)
    [measure] = summarize([definition(target, references=(WRK,))], {"delivery.cpu.10": {OURS: [20.0]}})
    assert measure["references"] == {WRK: None}
    assert measure["ratios"] == {WRK: None}
    assert measure["targets"][0]["measured"] is None
    assert measure["targets"][0]["met"] is None
    assert measure["met"] is None


def test_one_miss_outweighs_what_was_not_measured() -> None:
    missed = judge(Target(THREADS, Relation.AT_LEAST, 30), 2.0, 2.0)
    unknown = judge(Target(NODE, Relation.AT_LEAST, 30), 2.0, None)
    met = judge(Target(THREADS, Relation.AT_LEAST, 30), 2.0, 90.0)
    assert verdict_of([met, unknown, missed]) is False
    assert verdict_of([met, unknown]) is None
    assert verdict_of([met, met]) is True
    assert verdict_of([]) is None


def test_a_run_without_ours_is_incomplete() -> None:
    with pytest.raises(IncompleteError, match=r"delivery\.cpu\.10"):
        summarize([definition()], {"delivery.cpu.10": {THREADS: [500.0]}})


@given(positive, positive)
def test_at_least_and_at_most_are_each_other_turned_round(ours: float, reference: float) -> None:
    at_least = judge(Target(THREADS, Relation.AT_LEAST, 2.0), ours, reference)["measured"]
    at_most = judge(Target(THREADS, Relation.AT_MOST, 0.5), ours, reference)["measured"]
    assert at_least is not None
    assert at_most is not None
    assert at_least * at_most == pytest.approx(1.0, rel=1e-2)


def test_growth_ignores_what_falls_and_finds_what_rises_later() -> None:
    assert growth([400.0, 100.0, 50.0]) == 0.5
    assert growth([400.0, 50.0, 60.0, 75.0]) == 1.5


@given(st.lists(positive, min_size=2, max_size=6))
def test_growth_is_at_most_one_only_for_what_never_rises(costs: list[float]) -> None:
    assert (growth(costs) <= 1) == (sorted(costs, reverse=True) == costs)


def test_what_is_saved_can_be_loaded(tmp_path: Path) -> None:
    saved = results(summarize([definition()], {"delivery.cpu.10": {OURS: [20.0], THREADS: [500.0]}}))
    save(saved, tmp_path / "new" / "results.json")
    assert load(tmp_path / "new" / "results.json") == saved


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"format": FORMAT, "measures": []})])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(IncompleteError, match="make bench"):
        load(path)


def test_missing_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="make bench"):
        load(tmp_path / "results.json")


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_every_measure_has_its_own_name(plan: Plan) -> None:
    names = [each.identifier for each in definitions(plan)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_targets_are_only_against_what_is_measured(plan: Plan) -> None:
    for each in definitions(plan):
        assert {target.against for target in each.targets} <= {*each.references, ""}


def test_the_targets_are_those_of_the_design() -> None:
    asked = {
        (each.identifier, target.against, target.relation.value, target.limit)
        for each in definitions(FULL)
        for target in each.targets
    }
    cold = {
        (f"{prefix}.{function}.wall", against, relation, limit)
        for prefix in ("cold", "cold-tls")
        for function in ("connect", "disconnect", "poll", "push")
        for against, relation, limit in (("boto3", "at_most", 0.4), ("node-sdk", "below", 1.0))
    }
    assert asked == cold | {
        *((f"full.{full}", "", "at_most", 1.2) for full in (1, 50, 250)),
        ("delivery.cpu.1000", "boto3-threads", "at_least", 30),
        ("delivery.cpu.1000", "node-sdk", "at_least", 15),
        ("delivery.cpu.1000", "awscrt", "at_least", 2),
        ("delivery.cpu.1000", "wrk", "at_most", 4),
        ("user.cpu.1000", "boto3-threads", "at_least", 15),
        ("user-tls.cpu.1000", "boto3-threads", "at_least", 15),
        ("delivery.growth", "", "at_most", 1.25),
        ("user.growth", "", "at_most", 1.25),
        ("user-tls.growth", "", "at_most", 1.25),
        ("round-trips.1x3", "", "at_most", 2),
        ("round-trips.10x3", "", "at_most", 2),
        *((f"package.{function}", "", "below", 65_536) for function in ("connect", "disconnect", "poll", "push")),
    }


def test_the_headline_is_a_thousand_where_it_is_measured() -> None:
    assert headline(FULL.connections) == headline(FULL.users) == 1_000
    assert headline(QUICK.connections) == 100
