import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emf import Taken, taken_from
from websocket_push.protocol.error_codes import ERROR_CODES, ErrorCode
from websocket_push.telemetry.counts import MAX_VALUES, count_push
from websocket_push.telemetry.metrics import BY_CODE, FAULTS, UNITS, document, measured

NOW = 1_769_860_800_000
FUNCTIONS = ("connect", "disconnect", "poll", "push", "subscriptions", "mark", "control", "fanout", "verify-jwt")
COUNTED_BY_HANDLER = ("disconnect", "control", "fanout")
"""Functions whose outcome alone says nothing, but for faults."""

WITHOUT = [("push", None), ("subscriptions", None), ("mark", None), ("verify-jwt", None)]
"""Successes of which the outcome alone says nothing: letting a token through is one."""


def report(**totals: int) -> dict[str, Any]:
    connections = ("connections", "delivered", "gone", "connecting", "failed", "unclosed")
    counts = ("recipients", "persisted", *connections, "errors", "incomplete")
    return {"id": "x", "totals": dict.fromkeys(counts, 0) | totals}


def carried(metrics: dict[str, object], code: ErrorCode | None = None) -> dict[str, Any]:
    """Return a document as it is after its way through the log."""
    members = document(metrics, namespace="Push", name="events", code=code, unix_milliseconds=NOW)
    return json.loads(json.dumps(members))  # type: ignore[no-any-return]


def test_a_document_is_as_the_specification_has_it() -> None:
    assert carried({"Faults": 1, "TokensRefused": 1, "PushLatency": [1.5, 2]}, "UNKNOWN_KEY") == {
        "_aws": {
            "Timestamp": NOW,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Push",
                    "Dimensions": [["Name"]],
                    "Metrics": [{"Name": "Faults", "Unit": "Count"}, {"Name": "PushLatency", "Unit": "Milliseconds"}],
                },
                {
                    "Namespace": "Push",
                    "Dimensions": [["Name", "Code"]],
                    "Metrics": [{"Name": "TokensRefused", "Unit": "Count"}],
                },
            ],
        },
        "Name": "events",
        "Code": "UNKNOWN_KEY",
        "Faults": 1,
        "TokensRefused": 1,
        "PushLatency": [1.5, 2],
    }


def test_a_document_without_codes_names_none() -> None:
    line = carried({"ConnectionsOpened": 1}, "INTERNAL")
    assert "Code" not in line
    assert taken_from(line) == {Taken("Push", "ConnectionsOpened", "Count", (("Name", "events"),)): [1]}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("code", [None, *ERROR_CODES])
def test_every_outcome_of_every_function_is_a_sound_document(function: str, code: ErrorCode | None) -> None:
    metrics = measured(function, code, {})
    names = {metric.name for metric in taken_from(carried(metrics, code))}
    assert names == metrics.keys() <= UNITS.keys()
    assert ("Faults" in names) is (code in FAULTS)
    assert names or (function, code) in WITHOUT or function in COUNTED_BY_HANDLER


def test_what_is_billed_is_bounded_by_the_lists() -> None:
    # Beside "Name" there is nothing but the code, which is one of a closed list.
    metrics = {
        metric
        for function in FUNCTIONS
        for code in (None, *ERROR_CODES)
        for metric in taken_from(carried(measured(function, code, {}), code))
    }
    assert {name for metric in metrics for name, _ in metric.dimensions} == {"Name", "Code"}
    assert UNITS.keys() >= BY_CODE
    assert len(UNITS) <= 100


def test_a_push_is_counted() -> None:
    fields: dict[str, Any] = {"id": "x"}
    count_push(
        fields,
        report(recipients=3, persisted=2, connections=7, delivered=3, gone=2, failed=2, unclosed=1, unreadable=4),
        to_persist=True,
        milliseconds=12.34,
    )
    assert measured("push", None, fields) == {
        "NotificationsAccepted": 3,
        "NotificationsNotPersisted": 1,
        "DeliveriesSucceeded": 3,
        "DeliveriesGone": 2,
        "DeliveriesFailed": 2,
        "DeliveriesUnclosed": 1,
        "RowsUnreadable": 4,
        "FanOut": [7],
        "PushLatency": [12.3],
    }


def test_what_did_not_happen_is_not_sent_but_an_empty_fan_out_is() -> None:
    fields: dict[str, Any] = {}
    count_push(fields, report(recipients=1), to_persist=False, milliseconds=1)
    assert fields == {"NotificationsAccepted": 1, "FanOut": [0], "PushLatency": [1]}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=2 * MAX_VALUES))
def test_many_pushes_of_an_invocation_add_up_in_one_sound_document(delivered: list[int]) -> None:
    fields: dict[str, Any] = {}
    for count in delivered:
        pushed = report(recipients=1, persisted=1, connections=count, delivered=count)
        count_push(fields, pushed, to_persist=True, milliseconds=count)
    taken = {metric.name: values for metric, values in taken_from(carried(measured("push", None, fields))).items()}
    assert taken["NotificationsAccepted"] == [len(delivered)]
    assert taken.get("DeliveriesSucceeded", [0]) == [sum(delivered)]
    assert taken["FanOut"] == delivered[:MAX_VALUES]


def test_keys_out_of_reach_count_while_the_last_good_ones_serve_and_after() -> None:
    assert measured("verify-jwt", None, {"keysFailure": "timeout"}) == {"KeysUnavailable": 1}
    assert measured("verify-jwt", "KEYS_UNAVAILABLE", {}) == {"Faults": 1, "KeysUnavailable": 1}
    assert measured("verify-jwt", "TOKEN_EXPIRED", {"keysFailure": "timeout"}) == {
        "ConnectionsRefused": 1,
        "TokensRefused": 1,
        "KeysUnavailable": 1,
    }


def test_a_page_of_history_counts_its_notifications_even_if_there_are_none() -> None:
    assert measured("poll", None, {"notifications": 0, "more": False}) == {"HistoryPages": 1, "NotificationsServed": 0}


def test_a_batch_of_messages_counts_those_that_failed_and_has_one_outcome() -> None:
    failed = {"messages": 3, "failedMessages": 2}
    assert measured("push", "INVALID_CONTENT", failed) == {"RequestsRefused": 1, "MessagesFailed": 2}
    assert measured("push", "UNAVAILABLE", failed) == {"Faults": 1, "MessagesFailed": 2}
    assert measured("push", None, {"messages": 3, "failedMessages": 0}) == {}
