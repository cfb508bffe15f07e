"""The log line of an invocation: its outcome, level, duration and metrics."""

import time
from collections.abc import Mapping
from typing import cast

from websocket_push.telemetry.explain import Failure
from websocket_push.telemetry.log import is_logged, log
from websocket_push.telemetry.metrics import FAULTS, document, measured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.error_codes import ErrorCode


def log_outcome(
    function: str,
    answer: object,
    fields: Mapping[str, object],
    *,
    request_id: str,
    milliseconds: float,
    environment: Mapping[str, str],
    level: str = "INFO",
) -> None:
    """Log an invocation in one line.

    Parameters
    ----------
    answer
        The result of the invocation: a `Failure` is logged with its code, anything else as `OK` without looking at it.
    fields
        Ids, codes, counts and metrics from the handler. An `outcome` among them takes precedence: a batch gets a
        response although messages in it failed.
    milliseconds
        How long it took.
    environment
        `LOG_LEVEL` is the lowest level that is logged. `METRICS_NAMESPACE` and `METRICS_NAME` are the metrics'
        namespace and dimension; an empty namespace turns them off. Below the level, the line has its metrics only.
    level
        The level of the line if the invocation succeeded.
    """
    outcome: dict[str, object] = {"outcome": "OK"}
    if isinstance(answer, Failure):
        outcome = {"outcome": answer.code, "reason": answer.message}
        if answer.detail:
            outcome["detail"] = answer.detail
    outcome |= fields
    code = None if outcome["outcome"] == "OK" else cast("ErrorCode", outcome["outcome"])
    if code is not None:
        level = "ERROR" if code in FAULTS else "WARN"
    now = time.time_ns() // 1_000_000
    line: dict[str, object] = {}
    if is_logged(level, environment.get("LOG_LEVEL", "INFO")):
        duration = round(milliseconds, 1)
        line = {"requestId": request_id, **outcome, "durationMilliseconds": duration}
    namespace = environment.get("METRICS_NAMESPACE", "")
    if namespace and (metrics := measured(function, code, fields)):
        name = environment.get("METRICS_NAME", "")
        line |= document(metrics, namespace=namespace, name=name, code=code, unix_milliseconds=now)
    if line:
        log(level, function, line, unix_milliseconds=now)
