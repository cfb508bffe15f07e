"""The results as text."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.definitions import OURS, TITLES, Relation
from benchmarks.results import Measure, Results, Verdict

_NOT_INSTALLED = "not installed"
_WORDS = {Relation.AT_LEAST: "at least", Relation.AT_MOST: "at most", Relation.BELOW: "below"}


def table(results: Results) -> str:
    """Write all measures, those of one kind together: ours, and each reference with how many times ours it is."""
    kinds: dict[tuple[str, str], list[Measure]] = {}
    for measure in results["measures"]:
        kinds.setdefault((measure["title"].partition(", ")[0], measure["unit"]), []).append(measure)
    blocks = ("\n".join(_block(f"{kind} ({unit})", measures)) for (kind, unit), measures in kinds.items())
    return "\n\n".join(blocks) + "\n"


def verdict_lines(results: Results) -> list[str]:
    """Write one line for each target."""
    return [
        f"{_mark(verdict):<13} {measure['title']}: {_verdict(verdict)}"
        for measure in results["measures"]
        for verdict in measure["targets"]
    ]


def summary(measures: Iterable[Measure]) -> str:
    """Count the verdicts."""
    found = [verdict["met"] for measure in measures for verdict in measure["targets"]]
    return f"{found.count(True)} targets met, {found.count(False)} missed, {found.count(None)} not measured"


def number(value: float, unit: str = "") -> str:
    """Write a value with three digits that count."""
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def _block(title: str, measures: Sequence[Measure]) -> Iterator[str]:
    # In the order of the first mention: a reference that only some rows have comes last.
    references = list(dict.fromkeys(name for measure in measures for name in measure["references"]))
    rows = [[title, TITLES[OURS], *(TITLES[name] for name in references)]]
    rows += [_row(measure, references) for measure in measures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([row[0].ljust(len(first)), *others]).rstrip()


def _row(measure: Measure, references: Sequence[str]) -> list[str]:
    cells = (_cell(measure, name) for name in references)
    return [f"  {measure['title'].partition(', ')[2]}", number(measure["ours"]["median"]), *cells]


def _cell(measure: Measure, name: str) -> str:
    if name not in measure["references"]:
        return ""
    value, ratio = measure["references"][name], measure["ratios"][name]
    if value is None:
        return _NOT_INSTALLED
    times = "" if ratio is None else f" {_times(ratio):>6}"
    return f"{number(value['median'])}{times}"


def _times(ratio: float) -> str:
    return f"x{ratio:.3g}" if ratio < 100 else f"x{ratio:,.0f}"


def _mark(verdict: Verdict) -> str:
    return {True: "met", False: "MISSED", None: "not measured"}[verdict["met"]]


def _verdict(verdict: Verdict) -> str:
    relation = Relation(verdict["relation"])
    asked = f"asked {_WORDS[relation]} {verdict['limit']:,g}"
    if not verdict["against"]:
        return f"{_measured(verdict)}, {asked}"
    comparison = "times less than" if relation is Relation.AT_LEAST else "times"
    return f"{_measured(verdict)} {comparison} {TITLES[verdict['against']]}, {asked}"


def _measured(verdict: Verdict) -> str:
    return "-" if verdict["measured"] is None else number(verdict["measured"])
