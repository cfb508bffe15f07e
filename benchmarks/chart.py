"""The results as a chart: hand-written SVG, readable without colours, on a light background."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from benchmarks.definitions import BARE_NODE, BARE_PYTHON, OURS, TITLES, WRK
from benchmarks.results import Measure, Results
from benchmarks.table import number

_WIDTH = 760
_LABEL = 170
_BAR = 18
_GAP = 8
_PANEL_HEAD = 46
_MARGIN = 24
_BAR_SPACE = _WIDTH - _LABEL - _MARGIN * 2 - 150
_COLOURS = {OURS: "#0b6e4f", WRK: "#8a8f98", BARE_PYTHON: "#8a8f98", BARE_NODE: "#8a8f98"}
_OTHER = "#c8752d"
_STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:13px;fill:#1f2328}"
    ".title{font-size:15px;font-weight:600}.unit{fill:#57606a;font-size:12px}.ours{font-weight:600}"
)


class _Bar(NamedTuple):
    contender: str
    value: float


def chosen_measures(results: Results) -> list[Measure]:
    """Choose what the chart shows: the largest measures that have targets against others."""
    prefixes = ("delivery.cpu.", "user-tls.cpu.", "cold-tls.push.wall", "cold-tls.connect.wall")
    found = [
        measure
        for prefix in prefixes
        for measure in results["measures"]
        if measure["id"].startswith(prefix) and any(target["against"] for target in measure["targets"])
    ]
    return [measure for measure in found if measure["references"]]


def chart(results: Results) -> str:
    """Draw the chart."""
    panels = [(measure, _bars(measure)) for measure in chosen_measures(results)]
    height = _MARGIN * 2 + sum(_panel_height(bars) for _, bars in panels) + 20
    description = "; ".join(
        f"{measure['title']}: "
        + ", ".join(f"{TITLES[bar.contender]} {number(bar.value, measure['unit'])}" for bar in bars)
        for measure, bars in panels
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'role="img" aria-labelledby="title description">',
        '<title id="title">CPU and cold start, this project and the AWS SDKs: less is better</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#ffffff" stroke="#d0d7de"/>',
    ]
    top = _MARGIN
    for measure, bars in panels:
        lines.extend(_panel(measure, bars, top))
        top += _panel_height(bars)
    lines.append(f'<text class="unit" x="{_MARGIN}" y="{height - _MARGIN + 6}">{escape(_footer(results))}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bars(measure: Measure) -> list[_Bar]:
    others = [_Bar(name, value["median"]) for name, value in measure["references"].items() if value is not None]
    return [_Bar(OURS, measure["ours"]["median"]), *others]


def _panel_height(bars: list[_Bar]) -> int:
    return _PANEL_HEAD + len(bars) * (_BAR + _GAP) + 8


def _panel(measure: Measure, bars: list[_Bar], top: int) -> Iterator[str]:
    largest = max(bar.value for bar in bars)
    yield f'<text class="title" x="{_MARGIN}" y="{top + 16}">{escape(_capital(measure["title"]))}</text>'
    yield f'<text class="unit" x="{_MARGIN}" y="{top + 33}">{escape(_unit(measure["unit"]))}, less is better</text>'
    for index, bar in enumerate(bars):
        y = top + _PANEL_HEAD + index * (_BAR + _GAP)
        length = max(2.0, bar.value / largest * _BAR_SPACE)
        kind = ' class="ours"' if bar.contender == OURS else ""
        middle = y + _BAR - 5
        ratio = measure["ratios"].get(bar.contender)
        times = f"  ({number(ratio)} times)" if ratio is not None and ratio >= 1 else ""
        colour = _COLOURS.get(bar.contender, _OTHER)
        yield f'<text{kind} x="{_MARGIN}" y="{middle}">{escape(TITLES[bar.contender])}</text>'
        yield f'<rect x="{_MARGIN + _LABEL}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
        yield (
            f'<text{kind} x="{_MARGIN + _LABEL + length + 8:.1f}" y="{middle}">'
            f"{escape(number(bar.value, _short(measure['unit'])) + times)}</text>"
        )


def _footer(results: Results) -> str:
    versions: Mapping[str, str] = results["versions"]
    parts = [f"Python {versions['python']}", f"boto3 {versions['boto3']}"]
    if "@aws-sdk/client-dynamodb" in versions:
        parts.append(f"Node SDK {versions['@aws-sdk/client-dynamodb']}")
    return (
        f"{', '.join(parts)}, {results['machine']['processor']}, {results['generatedAt'][:10]}. make bench repeats it."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short(unit: str) -> str:
    return "µs" if unit == "us" else unit


def _unit(unit: str) -> str:
    return {"us": "microseconds of CPU", "ms": "milliseconds from process start to first answer"}.get(unit, unit)
