"""What the documents, the alarms and the dashboard say of metrics, alarms and fields is what there is."""

import re
from pathlib import Path

import pytest

from websocket_push.protocol.error_codes import ERROR_CODES
from websocket_push.telemetry.log import LEVELS
from websocket_push.telemetry.metrics import BY_CODE, FAULTS, UNITS

ROOT = Path(__file__).parent.parent.parent
MODULE = ROOT / "modules" / "monitoring"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
ALARMS = (MODULE / "alarms.tf").read_text(encoding="utf-8")

OF_AWS = {
    # AWS/Lambda, AWS/SQS and AWS/ApiGateway; AWS/DynamoDB in the runbook alone.
    "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "ClientError", "ConcurrentExecutions",
    "ConnectCount", "Duration", "Errors", "ExecutionError", "IntegrationError", "IteratorAge", "MessageCount",
    "ThrottledRequests", "Throttles", "WriteThrottleEvents",
}  # fmt: skip
"""The metrics of AWS's own that are named."""

NO_METRICS = {
    "Alarms", "ApiId", "Average", "AWS", "ApiGateway", "Code", "Connections", "Deliveries", "FunctionName",
    "GreaterThanThreshold", "History", "Maximum", "MetricName", "Name", "Notifications", "QueueName", "Stage", "Sum",
    "WebSocketPush",
}  # fmt: skip
"""Names of statistics, dimensions and titles."""


LAMBDAS_OWN = {"@timestamp", "@log", "type", "record.status"}
"""The fields of lines that Lambda or CloudWatch writes."""

QUERIES = re.findall(r"^```text\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)


def section(page: str, heading: str) -> str:
    return page.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def definitions() -> list[str]:
    """Return the keys of the alarms."""
    block = ALARMS.split("alarm_definitions = {\n")[1].split("\n  }\n")[0]
    return re.findall(r"^    (\w+) = \{$", block, re.MULTILINE)


def thresholds(path: Path) -> list[tuple[str, str]]:
    block = path.read_text(encoding="utf-8").split("thresholds = optional(object({\n")[1].split("}), {})")[0]
    return re.findall(r"^\s+(\w+)\s+= optional\(number, ([\d.]+)\)$", block, re.MULTILINE)


def test_every_alarm_has_an_entry_in_the_runbook_that_says_the_four_things() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert sorted(headings) == sorted(key.replace("_", "-") for key in definitions())
    for heading in headings:
        parts = re.findall(r"^\*\*(.+)\*\*", section(RUNBOOK, heading), re.MULTILINE)
        assert parts == ["What it means.", "What to look at.", "What to do.", "When it is over."], heading


def test_every_alarm_has_a_threshold_and_the_documents_name_the_same_one() -> None:
    defaults = dict(thresholds(ROOT / "variables.tf"))
    assert sorted(defaults) == sorted(definitions())
    listed = re.findall(r"^\| `(\w+)` \| .+ \| (\d+).* \|$", section(PAGE, "Alarms and dashboard"), re.MULTILINE)
    assert dict(listed) == defaults


def test_the_page_lists_every_metric_with_its_unit_and_dimensions() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|", section(PAGE, "Metrics"), re.MULTILINE)
    assert {name: unit for name, unit, _ in rows} == UNITS
    for name, _, dimensions in rows:
        assert dimensions == ("`Name`, `Code`" if name in BY_CODE else "`Name`"), name


def test_the_page_says_how_many_metrics_are_billed() -> None:
    assert f"| {len(UNITS) - len(BY_CODE)} without a code" in section(PAGE, "What it costs")


def test_the_page_names_the_codes_that_are_faults() -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| `Faults`"))
    assert set(re.findall(r"`([A-Z_]{4,})`", row)) == FAULTS


@pytest.mark.parametrize("path", [*MODULE.glob("*.tf"), ROOT / "docs" / "runbook.md"], ids=lambda path: path.name)
def test_every_metric_that_is_looked_at_is_sent_by_somebody(path: Path) -> None:
    quotes = "`" if path.suffix == ".md" else '"'
    named = set(re.findall(rf"{quotes}([A-Z][a-z]+[A-Za-z]+)\\?{quotes}", path.read_text(encoding="utf-8")))
    assert named <= UNITS.keys() | OF_AWS | NO_METRICS, named - UNITS.keys() - OF_AWS - NO_METRICS


def test_every_metric_is_on_the_dashboard() -> None:
    dashboard = (MODULE / "dashboard.tf").read_text(encoding="utf-8")
    assert [name for name in UNITS if f'"{name}"' not in dashboard] == []


def test_the_codes_and_levels_in_the_runbook_exist() -> None:
    assert set(re.findall(r'"([A-Z_]+)"', "\n".join(QUERIES))) <= {*ERROR_CODES, *LEVELS}
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", RUNBOOK)) <= set(ERROR_CODES)


@pytest.mark.parametrize("query", QUERIES)
def test_the_fields_in_a_query_are_those_of_the_logs(query: str) -> None:
    fields = {
        each for row in re.findall(r"^\| (`[^|]+) \|", section(PAGE, "Logs"), re.MULTILINE) for each in ticked(row)
    }
    counts = {f"totals.{each}" for each in ("recipients", "persisted", "connections", "delivered", "failed", "errors")}
    # Texts, functions, names that are given to results, and the language's own words.
    left = re.sub(
        r'"[^"]*"|(?<=failures)\.[\w.]+|\w+\(|\bas\s+\w+|\b(times|filter|stats|sort|fields|limit|desc|and|or|in|by)\b',
        " ",
        query,
    )
    assert set(re.findall(r"@?[a-z][\w.]*", left)) <= fields | counts | LAMBDAS_OWN


def ticked(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)
