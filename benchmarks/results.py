"""From samples to results: medians, ratios and verdicts; and results.json, which keeps them."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from benchmarks.definitions import OURS, Definition, Relation, Target

FORMAT = 1

Samples = Mapping[str, Mapping[str, Sequence[float]]]
"""By measure, by contender: one value per round. A contender that is not installed has none."""


class Value(TypedDict):
    """What one contender reached: the median of the rounds, and the least and the most."""

    median: float
    low: float
    high: float
    rounds: int


class Verdict(TypedDict):
    """A target and what was reached; `measured` and `met` are null where the reference was not installed."""

    against: str
    relation: str
    limit: float
    measured: float | None
    met: bool | None


class Measure(TypedDict):
    """One measure; see README.md of this folder for its keys."""

    id: str
    title: str
    unit: str
    ours: Value
    references: dict[str, Value | None]
    ratios: dict[str, float | None]
    targets: list[Verdict]
    met: bool | None


class Results(TypedDict):
    """The content of results.json."""

    format: int
    generatedAt: str
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str]
    measures: list[Measure]


class IncompleteError(Exception):
    """Something that had to be measured was not."""


def summarize(wanted: Iterable[Definition], samples: Samples) -> list[Measure]:
    """Summarize the samples of measures.

    Raises
    ------
    IncompleteError
        If ours has no sample of one.
    """
    return [_measure(definition, samples.get(definition.identifier, {})) for definition in wanted]


def value_of(samples: Sequence[float]) -> Value:
    """Summarize one contender's samples."""
    return {
        "median": _rounded(statistics.median(samples)),
        "low": _rounded(min(samples)),
        "high": _rounded(max(samples)),
        "rounds": len(samples),
    }


def growth(by_size: Sequence[float]) -> float:
    """Return how much a cost per piece grows: the largest rise from any size to a larger one, as a ratio.

    A cost that only falls with the size (fixed costs are spread) gives less than 1.
    """
    return max(later / earlier for index, later in enumerate(by_size) for earlier in by_size[:index])


def judge(target: Target, ours: float, reference: float | None) -> Verdict:
    """Compare what was reached with a target.

    Parameters
    ----------
    reference
        The value of `target.against`; None where it was not measured.
    """
    measured: float | None
    if not target.against:
        measured = ours
    elif reference is None:
        measured = None
    else:
        measured = reference / ours if target.relation is Relation.AT_LEAST else ours / reference
    return {
        "against": target.against,
        "relation": target.relation.value,
        "limit": target.limit,
        "measured": None if measured is None else _rounded(measured),
        "met": None if measured is None else _is_met(target, measured),
    }


def verdict_of(verdicts: Iterable[Verdict]) -> bool | None:
    """Return whether all targets are met; None where one of them was not measured, or there is none."""
    found = [verdict["met"] for verdict in verdicts]
    if False in found:
        return False
    return None if None in found or not found else True


def save(results: Results, path: Path) -> None:
    """Write results.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Read results.json.

    Raises
    ------
    IncompleteError
        If it is not there, or not of this format.
    """
    try:
        results: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IncompleteError(f"{path} cannot be read: run the benchmarks first (make bench). {error}") from error
    if not isinstance(results, dict) or results.get("format") != FORMAT or not results.get("measures"):
        raise IncompleteError(f"{path} is of another format: run the benchmarks again (make bench).")
    loaded: Results = results  # type: ignore[assignment]
    return loaded


def _measure(definition: Definition, samples: Mapping[str, Sequence[float]]) -> Measure:
    if not samples.get(OURS):
        raise IncompleteError(f"There is no measurement of {definition.identifier}.")
    ours = value_of(samples[OURS])
    references = {name: value_of(samples[name]) if samples.get(name) else None for name in definition.references}
    medians = {name: None if value is None else value["median"] for name, value in references.items()}
    verdicts = [judge(target, ours["median"], medians.get(target.against)) for target in definition.targets]
    return {
        "id": definition.identifier,
        "title": definition.title,
        "unit": definition.unit,
        "ours": ours,
        "references": references,
        "ratios": {
            name: None if median is None else _rounded(median / ours["median"]) for name, median in medians.items()
        },
        "targets": verdicts,
        "met": verdict_of(verdicts),
    }


def _is_met(target: Target, measured: float) -> bool:
    if target.relation is Relation.AT_LEAST:
        return measured >= target.limit
    return measured < target.limit if target.relation is Relation.BELOW else measured <= target.limit


def _rounded(value: float) -> float:
    """Round to four significant digits: more would be noise."""
    return float(f"{value:.4g}") if abs(value) < 10_000 else float(round(value))
