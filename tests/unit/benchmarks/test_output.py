import xml.etree.ElementTree as ElementTree

from benchmarks.chart import chart
from benchmarks.definitions import FULL, NODE, OURS, WRK, definitions
from benchmarks.results import FORMAT, Results, load, summarize
from benchmarks.table import number, summary, table, verdict_lines
from tools.paths import CHECKOUT

SVG = "{http://www.w3.org/2000/svg}"


def results(without: str = "") -> Results:
    samples = {
        each.identifier: {
            name: [10.0 if name == OURS else 250.0] for name in (OURS, *each.references) if name != without
        }
        for each in definitions(FULL)
    }
    return {
        "format": FORMAT,
        "generatedAt": "2026-01-31T12:00:00+00:00",
        "quick": False,
        "machine": {"processor": "x < y & z"},
        "versions": {"python": "3.13.1", "boto3": "1.40.0"},
        "measures": summarize(definitions(FULL), samples),
    }


def line_of(text: str, beginning: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(beginning))


def test_the_table_shows_values_and_ratios() -> None:
    line = line_of(table(results()), "10,000 connections")
    assert line.split() == ["10,000", "connections", "10", *["250", "x25"] * 4]


def test_the_table_says_what_is_not_installed() -> None:
    assert "not installed" in line_of(table(results(without=NODE)), "10 connections")
    assert "not installed" in line_of(table(results(without=WRK)), "1,000 connections")


def test_every_target_gets_a_line() -> None:
    lines = verdict_lines(results())
    assert len(lines) == sum(len(each.targets) for each in definitions(FULL))
    assert any(line.startswith("MISSED") and "asked at least 30" in line for line in lines)
    assert any(line.startswith("met") and "asked at least 15" in line for line in lines)


def test_a_target_against_what_is_not_installed_is_said_to_be_not_measured() -> None:
    lines = [line for line in verdict_lines(results(without=WRK)) if "wrk" in line]
    assert [line.partition("  ")[0] for line in lines] == ["not measured"]
    assert "1 not measured" in summary(results(without=WRK)["measures"])


def test_numbers_keep_the_digits_that_count() -> None:
    assert [number(each) for each in (12_345.6, 123.4, 12.34, 2.0, 0.1234)] == ["12,346", "123", "12.3", "2", "0.123"]


def test_the_chart_is_svg_that_can_be_read_without_seeing_it() -> None:
    root = ElementTree.fromstring(chart(results()))  # noqa: S314 - written by ourselves just now
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    named = {str(root.get("aria-labelledby")).split()[0]: f"{SVG}title", "description": f"{SVG}desc"}
    for identifier, tag in named.items():
        element = root.find(f"{tag}[@id='{identifier}']")
        assert element is not None
        assert element.text
    assert "boto3, 16 threads 250 us" in str(root.findtext(f"{SVG}desc"))


def test_the_chart_keeps_inside_its_borders() -> None:
    root = ElementTree.fromstring(chart(results()))  # noqa: S314
    width, height = float(str(root.get("width"))), float(str(root.get("height")))
    bars = root.findall(f"{SVG}rect")
    assert len(bars) > 10
    for bar in bars:
        assert float(bar.get("x", "0")) + float(str(bar.get("width"))) <= width
        assert float(bar.get("y", "0")) + float(str(bar.get("height"))) <= height


def test_a_bar_is_as_long_as_its_value() -> None:
    root = ElementTree.fromstring(chart(results()))  # noqa: S314
    ours, other = (float(str(bar.get("width"))) for bar in root.findall(f"{SVG}rect")[1:3])
    assert abs(other / ours - 25) < 0.5


def test_the_readme_quotes_the_committed_results() -> None:
    ratios = {each["id"]: each["ratios"] for each in load(CHECKOUT / "benchmarks" / "results.json")["measures"]}
    delivery = {name: ratio or 0 for name, ratio in ratios["delivery.cpu.1000"].items()}
    starts = sorted(
        1 / (each["boto3"] or 0) for name, each in ratios.items() if name.startswith("cold") and name.endswith(".wall")
    )
    readme = " ".join((CHECKOUT / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"a delivery takes {delivery['boto3-threads']:.1f} times less CPU than with boto3 and 16 threads, "
        f"{delivery['node-sdk']:.1f} times less than with the Node SDK, "
        f"and {1 / delivery['wrk']:.1f} times that of `wrk`; "
        f"a cold start takes {starts[0]:.2f} to {starts[-1]:.2f} times as long as with boto3."
    ) in readme
