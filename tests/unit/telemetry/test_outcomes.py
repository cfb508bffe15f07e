import json
from typing import Any

import pytest

from tests.emf import values_of
from websocket_push.telemetry.explain import Failure
from websocket_push.telemetry.outcomes import log_outcome

METRICS = {"METRICS_NAMESPACE": "Push", "METRICS_NAME": "events"}


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what logs an outcome and gives the lines."""

    def log(function: str, answer: object, environment: dict[str, str], **fields: object) -> list[dict[str, Any]]:
        log_outcome(function, answer, fields, request_id="r", milliseconds=1.26, environment=environment)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return log


def test_one_line_says_what_happened_and_carries_the_metrics(logged: Any) -> None:
    (line,) = logged("poll", {}, METRICS, connectionId="c", notifications=2, more=False)
    assert values_of(line) == {"HistoryPages": 1, "NotificationsServed": 2}
    assert {name: line[name] for name in ("level", "message", "requestId", "outcome", "connectionId")} == {
        "level": "INFO",
        "message": "poll",
        "requestId": "r",
        "outcome": "OK",
        "connectionId": "c",
    }
    assert (line["durationMilliseconds"], line["notifications"], line["more"]) == (1.3, 2, False)


def test_a_refusal_has_its_code_as_outcome_and_as_dimension(logged: Any) -> None:
    (line,) = logged("poll", Failure("INVALID_LIMIT", "why"), METRICS)
    assert values_of(line) == {"RequestsRefused/INVALID_LIMIT": 1}
    assert (line["outcome"], line["level"], line["reason"]) == ("INVALID_LIMIT", "WARN", "why")


@pytest.mark.parametrize("environment", [{}, {"METRICS_NAMESPACE": "", "METRICS_NAME": "events"}])
def test_without_a_namespace_there_are_no_metrics(logged: Any, environment: dict[str, str]) -> None:
    (line,) = logged("connect", {}, environment, connectionId="c")
    assert set(line) == {
        "timestamp", "level", "message", "requestId", "outcome", "connectionId", "durationMilliseconds",
    }  # fmt: skip


def test_below_the_level_a_line_has_its_metrics_alone(logged: Any) -> None:
    (line,) = logged("connect", {}, METRICS | {"LOG_LEVEL": "ERROR"}, connectionId="c")
    assert set(line) == {"timestamp", "level", "message", "_aws", "Name", "ConnectionsOpened"}
    assert values_of(line) == {"ConnectionsOpened": 1}


def test_below_the_level_a_line_without_metrics_is_none(logged: Any) -> None:
    assert logged("connect", {}, {"LOG_LEVEL": "WARN"}, connectionId="c") == []
    assert logged("verify-jwt", {}, METRICS | {"LOG_LEVEL": "WARN"}, connectionId="c") == []


def test_the_metrics_have_the_time_of_the_line(logged: Any) -> None:
    (line,) = logged("connect", {}, METRICS)
    assert line["timestamp"].endswith(f".{line['_aws']['Timestamp'] % 1000:03d}Z")
