"""The log line of an invocation: what came of it, whose fault it was, and how long it took."""

from collections.abc import Mapping

from websocket_push.protocol.errors import ErrorCode
from websocket_push.services.failures import Failure
from websocket_push.telemetry import is_logged, log

FAULTS = frozenset(
    {
        ErrorCode.INCOMPLETE,
        ErrorCode.UNAVAILABLE,
        ErrorCode.AWS_REFUSED,
        ErrorCode.KEYS_UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)
"""The codes that are the system's own doing, not the caller's."""


def log_outcome(
    function: str,
    answer: object,
    fields: Mapping[str, object],
    *,
    request_id: str,
    milliseconds: float,
    lowest_level: str,
    level: str = "INFO",
) -> None:
    """Log an invocation in one line.

    Parameters
    ----------
    answer
        What the invocation ended in; a `Failure` is told by its code, anything else is `OK` and not looked at.
    fields
        Ids, codes and counts that the handler adds. With an `outcome` among them it tells itself what came of it: a
        batch is answered although messages of it failed.
    milliseconds
        How long it took.
    lowest_level
        The lowest level that is logged.
    level
        The level of a success.
    """
    outcome: dict[str, object] = {"outcome": "OK"}
    if isinstance(answer, Failure):
        outcome = {"outcome": answer.code, "reason": answer.message}
        if answer.detail:
            outcome["detail"] = answer.detail
    outcome |= fields
    if outcome["outcome"] != "OK":
        level = "ERROR" if outcome["outcome"] in FAULTS else "WARN"
    if is_logged(level, lowest_level):
        log(level, function, {"requestId": request_id, **outcome, "durationMilliseconds": round(milliseconds, 1)})
