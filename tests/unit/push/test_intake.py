import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests import virtual
from websocket_push.protocol.batch import QueuedMessage
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.push.intake import (
    MAX_MESSAGES_AT_ONCE,
    Intake,
    batch_response,
    intake_fields,
    take_in,
)
from websocket_push.push.outcome import Outcome
from websocket_push.push.report import Report, incompleteness, report
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import Failure

ID = "0193a5b0-7c00-7abc-9def-0123456789ab"
UNAVAILABLE = Failure("UNAVAILABLE", "later")


def outcome_of(user_id: str, **values: Any) -> Outcome:
    outcome = Outcome(user_id)
    for name, value in values.items():
        setattr(outcome, name, value)
    return outcome


PERSISTED = outcome_of("alice", persisted=True, connections=2, delivered=2)

Push = Callable[[QueuedMessage], Awaitable[Report]]


def report_of(*outcomes: Outcome) -> Report:
    return report(Notification(ID, "1"), outcomes)


def messages(count: int) -> list[QueuedMessage]:
    return [QueuedMessage(f"m{number}", 0, None) for number in range(count)]


def take(count: int, push: Push, *, seconds: float = 60.0) -> list[Intake]:
    async def run() -> list[Intake]:
        return await take_in(messages(count), push, starts_until=asyncio.get_running_loop().time() + seconds)

    return asyncio.run(asyncio.wait_for(run(), timeout=30))


async def push_fine(_: QueuedMessage) -> Report:
    return report_of(PERSISTED)


def test_where_all_failures_are_the_callers_the_outcome_is_the_first() -> None:
    codes: tuple[ErrorCode, ...] = ("INVALID_TTL", "INVALID_ID", "MISSING_CONTENT")
    assert intake_fields([Intake(code, None, Failure(code, "")) for code in codes])["outcome"] == "INVALID_TTL"


def test_a_message_whose_turn_comes_as_the_time_is_over_is_not_started() -> None:
    async def run() -> list[Intake]:
        return await take_in(messages(1), push_fine, starts_until=asyncio.get_running_loop().time())

    (intake,) = virtual.run(run())
    assert (intake.report, intake.failure is not None) == (None, True)


@pytest.mark.parametrize(
    ("outcome", "complete"),
    [
        (PERSISTED, True),
        (outcome_of("a"), True),
        (outcome_of("a", connections=2, delivered=1, gone=1), True),
        # It is in the history, and the connection was closed so that its client comes for it.
        (outcome_of("a", persisted=True, connections=1, failed=1, error=UNAVAILABLE), True),
        # It is in the history, but the connection could not be closed: its client does not come for it.
        (outcome_of("a", persisted=True, connections=2, failed=2, unclosed=1, error=UNAVAILABLE), False),
        # The connections are unknown, so none was closed, and no client reconnects.
        (outcome_of("a", persisted=True, missed=True, error=UNAVAILABLE), False),
        # The same, of the second page only.
        (outcome_of("a", persisted=True, missed=True, connections=1, failed=1, error=UNAVAILABLE), False),
        # What is not established yet polls when it is.
        (outcome_of("a", persisted=True, connections=1, connecting=1), True),
        (outcome_of("a", connections=2, delivered=1, failed=1, error=UNAVAILABLE), False),
        (outcome_of("a", connections=1, delivered=1, error=UNAVAILABLE), False),
        (outcome_of("a", error=UNAVAILABLE), False),
    ],
)
def test_a_push_is_complete_if_everybody_was_sent_it_or_comes_for_it(outcome: Outcome, complete: bool) -> None:
    assert (incompleteness(report_of(outcome)) is None) is complete
    assert (incompleteness(report_of(PERSISTED, outcome, PERSISTED)) is None) is complete


def test_incompleteness_says_how_many_why_and_how_to_repeat() -> None:
    failure = incompleteness(
        report_of(outcome_of("a", error=UNAVAILABLE), PERSISTED, outcome_of("b", error=UNAVAILABLE))
    )
    assert failure is not None
    assert failure.code == "INCOMPLETE"
    assert failure.message.startswith("2 of 3 recipients")
    assert "UNAVAILABLE" in failure.message
    assert ID in failure.message


def test_what_is_said_of_an_incomplete_push_is_as_short_for_ten_thousand_recipients() -> None:
    longest = '"' * 250
    served = [outcome_of(f"{longest}{number}", persisted=True) for number in range(9_999)]
    # The report leaves recipients out then, but never the one that the explanation is about.
    missed = report_of(*served, outcome_of(longest, error=UNAVAILABLE))
    assert "omitted" in missed
    failed = report_of(*(outcome_of(f"{longest}{number}", error=UNAVAILABLE) for number in range(10_000)))
    for each in (missed, failed):
        failure = incompleteness(each)
        assert failure is not None
        assert longest not in failure.message
        assert len(failure.message) < 1_000


def test_one_message_that_fails_keeps_no_other_from_being_pushed() -> None:
    async def push(message: QueuedMessage) -> Report:
        if message.message_id == "m1":
            raise RequestError("MISSING_CONTENT", "no content")
        if message.message_id == "m2":
            raise ValueError("a fault")
        if message.message_id == "m3":
            return report_of(outcome_of("a", error=UNAVAILABLE))
        return report_of(PERSISTED)

    intakes = take(5, push)

    codes = [each.failure and each.failure.code for each in intakes]
    assert codes == [None, "MISSING_CONTENT", "INTERNAL", "INCOMPLETE", None]
    assert batch_response(intakes) == {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in (1, 2, 3)]}


def test_messages_go_side_by_side_up_to_a_bound() -> None:
    under_way, most = 0, 0

    async def push(_: QueuedMessage) -> Report:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return report_of(PERSISTED)

    assert all(each.failure is None for each in take(5 * MAX_MESSAGES_AT_ONCE, push))
    assert most == MAX_MESSAGES_AT_ONCE


def test_a_message_that_no_time_is_left_for_fails_and_is_not_begun() -> None:
    begun: list[str] = []

    async def push(message: QueuedMessage) -> Report:
        begun.append(message.message_id)
        return report_of(PERSISTED)

    (intake,) = take(1, push, seconds=0)
    assert begun == []
    assert intake.failure is not None
    assert intake.failure.code == "UNAVAILABLE"


def test_time_that_runs_out_fails_those_that_still_wait() -> None:
    async def push(_: QueuedMessage) -> Report:
        await asyncio.sleep(0.3)
        return report_of(PERSISTED)

    intakes = take(MAX_MESSAGES_AT_ONCE + 3, push, seconds=0.2)
    assert [each.failure is None for each in intakes] == [True] * MAX_MESSAGES_AT_ONCE + [False] * 3


def test_a_batch_without_failures_is_answered_with_none() -> None:
    intakes = take(3, push_fine)
    assert batch_response(intakes) == {"batchItemFailures": []}
    fields = intake_fields(intakes)
    assert fields.keys() == {"messages", "failedMessages", "totals"}


def test_the_fields_count_everything_and_name_what_failed() -> None:
    denied = Failure("INVALID_TTL", "ttl must be", "a detail")
    fields: dict[str, Any] = intake_fields(
        [
            Intake("m1", report_of(PERSISTED)),
            Intake("m2", failure=denied),
            Intake("m3", report_of(outcome_of("b", connections=1, failed=1, error=UNAVAILABLE)), UNAVAILABLE),
        ]
    )
    assert (fields["messages"], fields["failedMessages"]) == (3, 2)
    assert fields["totals"] == {
        "recipients": 2,
        "persisted": 1,
        "connections": 3,
        "delivered": 2,
        "gone": 0,
        "connecting": 0,
        "failed": 1,
        "unclosed": 0,
        "errors": 1,
        "incomplete": 1,
    }
    assert fields["failures"] == [
        {"messageId": "m2", "outcome": "INVALID_TTL", "reason": "ttl must be", "detail": "a detail"},
        {"messageId": "m3", "outcome": "UNAVAILABLE", "reason": "later"},
    ]
    assert fields["outcome"] == "UNAVAILABLE"


def test_the_log_line_of_a_large_batch_is_bounded_and_its_counts_are_not() -> None:
    fields: dict[str, Any] = intake_fields([Intake(f"m{n}", failure=UNAVAILABLE) for n in range(1000)])
    assert fields["failedMessages"] == 1000
    assert len(fields["failures"]) == 20
