import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.push.outcome import Outcome
from websocket_push.push.report import MAX_REPORT_BYTES, report
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import Failure

NOTIFICATION = Notification("0193a5b0-7c00-7abc-9def-0123456789ab", "1")
LAMBDA_BYTES = 6 * 1024 * 1024


def served(user_id: str) -> Outcome:
    outcome = Outcome(user_id)
    outcome.persisted = True
    return outcome


def closed(user_id: str) -> Outcome:
    outcome = served(user_id)
    outcome.connections = outcome.failed = 1
    outcome.error = Failure("UNAVAILABLE", "Later.")
    return outcome


def failed(user_id: str) -> Outcome:
    outcome = Outcome(user_id)
    outcome.error = Failure("AWS_REFUSED", "AWS refused it (ProvisionedThroughputExceededException). " * 3)
    return outcome


def written(outcomes: list[Outcome], **options: int) -> dict[str, Any]:
    return json.loads(json.dumps(report(NOTIFICATION, outcomes, **options)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("letter", ["é", "x", '"', "\U0001f600"])
@pytest.mark.parametrize("make", [served, failed])
def test_the_longest_report_is_one_that_lambda_can_answer(make: Any, letter: str) -> None:
    user = letter * (256 // len(letter.encode()))
    outcomes = [make(f"{user[:-3]}{number:05}"[-256:]) for number in range(10_000)]
    full = written(outcomes)
    assert len(json.dumps(full)) <= MAX_REPORT_BYTES < LAMBDA_BYTES
    assert full["totals"]["recipients"] == 10_000
    assert len(full["recipients"]) + full.get("omitted", 0) == 10_000
    # Most of what may be written is.
    assert "omitted" not in full or len(json.dumps(full)) > 0.98 * MAX_REPORT_BYTES


def test_what_fits_is_left_out_of_no_report() -> None:
    full = written([served(f"user-{number}") for number in range(10_000)])
    assert "omitted" not in full
    assert [each["userId"] for each in full["recipients"]] == [f"user-{number}" for number in range(10_000)]


@given(st.lists(st.sampled_from([served, closed, failed]), min_size=1, max_size=40), st.integers(2_700, 20_000))
def test_those_who_miss_it_are_the_last_to_be_left_out(makers: list[Any], limit: int) -> None:
    outcomes = [make(f"{number}-{'x' * 200}") for number, make in enumerate(makers)]
    short = written(outcomes, limit=limit)
    assert len(json.dumps(short)) <= limit
    shown = [each["userId"] for each in short["recipients"]]
    assert shown == [outcome.user_id for outcome in outcomes if outcome.user_id in shown]
    assert short.get("omitted", 0) == len(outcomes) - len(shown)
    left_out = [outcome for outcome in outcomes if outcome.user_id not in shown]
    if any(outcome.incomplete for outcome in left_out):
        assert all("incomplete" in each for each in short["recipients"])
    elif any(outcome.error for outcome in left_out):
        assert all("error" in each for each in short["recipients"])
    assert short["totals"]["incomplete"] == makers.count(failed)


def test_rows_that_could_not_be_read_are_told_where_there_are_any() -> None:
    outcome = served("alice")
    assert "unreadable" not in written([outcome])["totals"]
    outcome.unreadable = 2
    assert written([outcome, served("bob")])["totals"]["unreadable"] == 2
