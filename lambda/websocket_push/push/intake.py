"""Taking in pushes that nobody waits for: what may be forgotten about, and what has to come again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from websocket_push.protocol.batch import QueuedMessage
from websocket_push.protocol.errors import ErrorCode
from websocket_push.push.report import Report
from websocket_push.telemetry.explain import Failure, explain
from websocket_push.telemetry.metrics import FAULTS

MAX_MESSAGES_AT_ONCE = 16
"""How many messages of a batch are worked on side by side; each may have many recipients."""

_SHOWN_FAILURES = 20


class Intake(NamedTuple):
    """What became of a message.

    Parameters
    ----------
    message_id
        By which SQS knows it.
    report
        The report of its push; None if nothing was stored or sent.
    failure
        Why it has to come again; None if it is done with.
    """

    message_id: str
    report: Report | None = None
    failure: Failure | None = None


def incompleteness(report: Report) -> Failure | None:
    """Return why a push has to be made again: for whom it is incomplete, see `Outcome.incomplete`. None for nobody."""
    if "topic" in report:
        return _topic_incompleteness(report)
    totals = cast(Mapping[str, int], report["totals"])
    if not totals.get("incomplete"):
        return None
    recipients = cast(Sequence[Mapping[str, object]], report["recipients"])
    error = next(cast(Mapping[str, str], each["error"]) for each in recipients if "incomplete" in each)
    return Failure(
        ErrorCode.INCOMPLETE,
        f"{totals['incomplete']} of {totals['recipients']} recipients may miss it: neither persisted nor sent to every "
        "connection, or connections that could not be looked up, or could be neither sent to nor closed; the first for "
        f"{error['code']}. Push it again with the id {report['id']}: who has it already recognises it by that.",
    )


async def take_in(
    messages: Iterable[QueuedMessage],
    push: Callable[[QueuedMessage], Awaitable[Report]],
    *,
    starts_until: float,
) -> list[Intake]:
    """Push the messages of a batch side by side, and say of each what became of it, in their order.

    No message keeps another from being pushed. One for which `starts_until`, on the event loop's clock, has passed
    before its turn is not begun: it comes again, whole.
    """
    free = asyncio.Semaphore(MAX_MESSAGES_AT_ONCE)
    clock = asyncio.get_running_loop()

    async def take(message: QueuedMessage) -> Intake:
        async with free:
            if clock.time() >= starts_until:
                return Intake(message.message_id, failure=_no_time())
            try:
                report = await push(message)
            except Exception as error:
                return Intake(message.message_id, failure=explain(error))
            return Intake(message.message_id, report, incompleteness(report))

    return list(await asyncio.gather(*(take(message) for message in messages)))


def batch_response(intakes: Iterable[Intake]) -> dict[str, object]:
    """Name the failed messages to Lambda, which deletes the others ("Implementing partial batch responses")."""
    return {"batchItemFailures": [{"itemIdentifier": each.message_id} for each in intakes if each.failure is not None]}


def intake_fields(intakes: Sequence[Intake]) -> dict[str, object]:
    """Give what the log line of a batch says: counts, and the failed messages, up to a bound, each with its code.

    Its `outcome` is the first failure's code, before those of the callers' own doing one that is the system's.
    """
    totals: Counter[str] = Counter()
    for each in intakes:
        totals.update(cast(Mapping[str, int], each.report.get("totals", {})) if each.report is not None else {})
    failed = [(each.message_id, each.failure) for each in intakes if each.failure is not None]
    fields: dict[str, object] = {"messages": len(intakes), "failedMessages": len(failed), "totals": dict(totals)}
    if failed:
        codes = [failure.code for _, failure in failed]
        fields["outcome"] = next((code for code in codes if code in FAULTS), codes[0])
        fields["failures"] = [_failure(*each) for each in failed[:_SHOWN_FAILURES]]
    return fields


def _topic_incompleteness(report: Report) -> Failure | None:
    if "incomplete" not in report:
        return None
    error = cast(Mapping[str, str], report["error"])
    return Failure(
        ErrorCode.INCOMPLETE,
        "Connections of the topic may miss it: it could not be passed on to all of them, or connections could be "
        f"neither sent to nor closed, for {error['code']}. Push it again with the id {report['id']}: who has it "
        "already recognises it by that.",
    )


def _failure(message_id: str, failure: Failure) -> dict[str, object]:
    told: dict[str, object] = {"messageId": message_id, "outcome": failure.code, "reason": failure.message}
    return told | ({"detail": failure.detail} if failure.detail else {})


def _no_time() -> Failure:
    return Failure(ErrorCode.UNAVAILABLE, "The time of the invocation was over before its turn came.")
