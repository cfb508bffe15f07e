import json
import math
from typing import Any

import pytest

from tools.acceptance.figures import Latency
from tools.acceptance.quotas import Quota
from tools.acceptance.report import Fact, Finding, Report, as_json, as_markdown


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "name": "verify-1",
        "account": "123456789012",
        "region": "eu-central-1",
        "aws": "AWS",
        "began": "2026-01-31T12:00:00+00:00",
        "versions": {"Terraform": "1.9.8"},
        "facts": [Fact("the | plan is clean", True)],
        "findings": [Finding("A frame of 32 KB", "taken\nand received")],
        "latencies": [Latency(1, 100, 0, 31.4, 40.0, 52.6)],
        "quotas": [Quota("roles", 5, 6, "ask for more")],
        "left": [],
    }
    return Report(**(values | changes))


def test_passed_means_every_fact_held_and_nothing_went_wrong_or_is_left() -> None:
    assert report().passed
    assert not report(facts=[Fact("it holds", False)]).passed
    assert not report(problems=["Applied: no"]).passed
    assert not report(left=["role verify-1-push"]).passed
    assert not report(left=None).passed, "nothing has been destroyed yet"


def test_markdown_has_every_part_and_its_tables_hold() -> None:
    text = as_markdown(report(problems=["Frames: it\nbroke"], left=["role verify-1-push"]))
    assert "verify-1: did not pass" in text
    assert "- ok: the \\| plan is clean" in text
    assert "| A frame of 32 KB | taken and received |" in text
    assert "| 1 | 31 | 40 | 53 | 100 | 0 |" in text
    assert "| roles | 5 | 6 | too low | ask for more |" in text
    assert "    broke" in text
    assert "- role verify-1-push" in text


def test_what_was_not_measured_is_null_in_json_and_a_dash_in_markdown() -> None:
    nothing = report(latencies=[Latency(1, 0, 9, math.nan, math.nan, math.nan)], quotas=[Quota("x", None, None, "why")])
    values = json.loads(as_json(nothing))
    assert values["latencies"][0]["p50"] is None
    assert (values["quotas"][0]["value"], values["quotas"][0]["verdict"]) == (None, "unknown")
    assert "| 1 | - | - | - | 0 | 9 |" in as_markdown(nothing)
    assert "| x | - | - | unknown | why |" in as_markdown(nothing)


def test_json_says_whether_it_passed() -> None:
    assert json.loads(as_json(report()))["passed"] is True
    assert json.loads(as_json(report(left=None)))["passed"] is False


@pytest.mark.parametrize(
    ("quota", "verdict"),
    [
        (Quota("a", 10, None, ""), "enough"),
        (Quota("a", 10, 10, ""), "enough"),
        (Quota("a", 9, 10, ""), "too low"),
        (Quota("a", 9, 10, "", binding=False), "below the module's ceiling"),
        (Quota("a", None, 10, ""), "unknown"),
        (Quota("a", 0, 1, ""), "too low"),
    ],
)
def test_verdict_on_a_quota(quota: Quota, verdict: str) -> None:
    assert quota.verdict == verdict
