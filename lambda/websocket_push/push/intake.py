"""A batch of messages from a queue: which are done, and which must be redelivered."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from websocket_push.protocol.batch import QueuedMessage
from websocket_push.push.report import Report, incompleteness
from websocket_push.telemetry.explain import Failure, explain
from websocket_push.telemetry.metrics import FAULTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import BatchResponse

MAX_MESSAGES_AT_ONCE = 16
"""How many messages of a batch are processed concurrently; each may have many recipients."""

_SHOWN_FAILURES = 20


class Intake(NamedTuple):
    """The outcome of a message.

    Parameters
    ----------
    message_id
        The id that SQS gave it.
    report
        The report of its push; None if nothing was stored or sent, or if it was not a push request.
    failure
        Why it must be redelivered; None if it is done.
    """

    message_id: str
    report: Report | None = None
    failure: Failure | None = None


async def take_in(
    messages: Iterable[QueuedMessage],
    handle: Callable[[QueuedMessage], Awaitable[Report | None]],
    *,
    starts_until: float,
) -> list[Intake]:
    """Handle the messages of a batch concurrently, and return the outcome of each, in their order.

    No message keeps another from being handled. A message whose turn comes after `starts_until`, on the event loop's
    clock, is not started: it is redelivered as a whole.
    """
    free = asyncio.Semaphore(MAX_MESSAGES_AT_ONCE)
    clock = asyncio.get_running_loop()

    async def take(message: QueuedMessage) -> Intake:
        async with free:
            if clock.time() >= starts_until:
                return Intake(message.message_id, failure=_no_time())
            try:
                report = await handle(message)
            except Exception as error:
                return Intake(message.message_id, failure=explain(error))
            return Intake(message.message_id, report, None if report is None else incompleteness(report))

    return list(await asyncio.gather(*(take(message) for message in messages)))


def batch_response(intakes: Iterable[Intake]) -> "BatchResponse":
    """Return the response that names the failed messages ("Implementing partial batch responses")."""
    return {"batchItemFailures": [{"itemIdentifier": each.message_id} for each in intakes if each.failure is not None]}


def intake_fields(intakes: Sequence[Intake]) -> dict[str, object]:
    """Return the log fields of a batch: counts, and the failed messages, up to a bound, each with its code.

    Its `outcome` is the code of the first failure that is the system's, or else of the first one that is a caller's.
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


def _failure(message_id: str, failure: Failure) -> dict[str, object]:
    told: dict[str, object] = {"messageId": message_id, "outcome": failure.code, "reason": failure.message}
    return told | ({"detail": failure.detail} if failure.detail else {})


def _no_time() -> Failure:
    return Failure("UNAVAILABLE", "The invocation ran out of time before this message's turn.")
