"""The report of a verification, as Markdown for people and as JSON for programs."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tools.acceptance.figures import Latency
from tools.acceptance.quotas import Quota


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that has to hold, and whether it did."""

    text: str
    held: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What an experiment found out.

    Parameters
    ----------
    question
        What the documents do not settle.
    answer
        What was seen.
    """

    question: str
    answer: str


@dataclass(slots=True)
class Report:
    """What a verification found; it grows as it goes on.

    Parameters
    ----------
    aws
        `AWS`, or that it was a local one.
    problems
        What ended a part before its time; empty if nothing did.
    left
        What destroying left behind; None as long as nothing has been destroyed.
    """

    name: str
    account: str
    region: str
    aws: str
    began: str
    versions: dict[str, str]
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left: list[str] | None = None

    @property
    def passed(self) -> bool:
        """Whether every fact held, nothing went wrong, and nothing is left."""
        return not self.problems and self.left == [] and all(fact.held for fact in self.facts)


def as_json(report: Report) -> str:
    """Return the report as JSON; what is not a number is null."""
    values = asdict(report) | {"passed": report.passed}
    values["quotas"] = [asdict(each) | {"verdict": each.verdict} for each in report.quotas]
    return json.dumps(_finite(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# Verification {report.name}: {'passed' if report.passed else 'did not pass'}"
    yield ""
    yield f"{report.aws}, account {report.account}, {report.region}, {report.began}"
    yield ", ".join(f"{name} {version}" for name, version in report.versions.items())
    for problem in report.problems:
        yield from ("", "**It did not run to its end:**", "", *(f"    {line}" for line in problem.splitlines()))
    yield from ("", "## Facts", "")
    yield from (f"- {'ok' if fact.held else '**NO**'}: {_cell(fact.text)}" for fact in report.facts)
    yield from ("", "## What was found out", "")
    yield from _table(("question", "seen"), ((each.question, each.answer) for each in report.findings))
    yield from ("", "## From push to receipt, in milliseconds", "")
    yield from _table(
        ("connections of the user", "p50", "p95", "p99", "receipts", "missing"),
        (
            (each.connections, *map(_milliseconds, (each.p50, each.p95, each.p99)), each.receipts, each.missing)
            for each in report.latencies
        ),
    )
    yield from ("", "From before the invocation until the frame is read, both on the machine that ran this.")
    yield from ("", "## Quotas", "")
    yield from quota_table(report.quotas)
    yield from ("", "## Afterwards", "")
    yield from _afterwards(report.left)


def quota_table(quotas: Iterable[Quota]) -> Iterator[str]:
    """Yield a table of quotas."""
    yield from _table(
        ("quota", "value", "needed", "verdict", "meaning"),
        ((each.name, _number(each.value), _number(each.need), each.verdict, each.meaning) for each in quotas),
    )


def _afterwards(left: Sequence[str] | None) -> Iterator[str]:
    if left is None:
        yield "Nothing has been destroyed."
    elif not left:
        yield "Everything was destroyed."
    else:
        yield from ("Destroying left this behind:", "", *(f"- {each}" for each in left))


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join('---' for _ in titles)} |"
    for row in rows:
        yield f"| {' | '.join(_cell(str(each)) for each in row)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _milliseconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
