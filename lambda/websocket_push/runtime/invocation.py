"""One invocation of a function: what it works with, and how its outcome is logged.

Lambda runs one invocation at a time in a process and freezes it in between. What a function works with (its settings,
its tables, the way to AWS with its open connections) is made once and outlives the invocation. `sequential` and
`concurrent` are the two ways to run one.
"""

import os
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from websocket_push.aws import retry
from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.settings import read_optional
from websocket_push.telemetry.explain import Failure, explain
from websocket_push.telemetry.outcomes import log_outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext
    from websocket_push.runtime.message_limit import Rate

Answer = TypeVar("Answer")
Warm = TypeVar("Warm")

_RETURN_SECONDS = 0.25
"""The part of an invocation's time that is reserved for the response and the log."""


class Invocation(NamedTuple, Generic[Warm]):
    """What a handler works with.

    Parameters
    ----------
    warm
        What was made once for all invocations of the environment.
    started, deadline
        When the invocation began and when its answer must be ready, on the monotonic clock.
    fields
        What the handler adds to the log line of the invocation: ids, codes and counts.
    """

    warm: Warm
    started: float
    deadline: float
    fields: dict[str, object]

    def now_milliseconds(self) -> int:
        """Return the time since the epoch."""
        return time.time_ns() // 1_000_000

    def new_id(self) -> str:
        """Make a notification id for now."""
        return new_notification_id(time.time_ns(), os.urandom(RANDOM_BYTES))

    def random(self) -> float:
        """Return a number from 0 to 1, for jitter."""
        return retry.random()


def read_rate(environment: Mapping[str, str]) -> "Rate | None":
    """Return how many messages a connection may send; None where that is not limited."""
    if not read_optional(environment, "MESSAGES_PER_SECOND"):
        return None
    # Imported here, so that without a limit a function starts as fast as if there were none.
    from websocket_push.runtime import message_limit

    return message_limit.read_rate(environment)


def run(
    function: str,
    handle: "Callable[[Event, Invocation[Warm]], Coroutine[Any, Any, Answer]]",
    event: "Event",
    context: "LambdaContext",
    *,
    warm: Callable[[], Warm],
    drive: Callable[[Coroutine[Any, Any, Answer]], Answer],
) -> Answer | Failure:
    """Run a handler to its end and log the invocation in one line.

    Parameters
    ----------
    function
        Name of the function, for the log.
    handle
        The handler proper. It awaits nothing but the sender that `warm` was made with, and, run by `concurrent`, what
        asyncio can await.
    warm
        Returns what the handler works with, the same to every invocation. It is made at the first one, so that
        settings which are missing or wrong are the outcome of an invocation, and logged.
    drive
        Runs the handler's coroutine to its end; `http.blocking.drive` raises for one that awaits anything else.

    Returns
    -------
    Answer or Failure
        What the handler answered, or what to answer instead; no exception escapes.
    """
    started = time.perf_counter()
    fields: dict[str, object] = {}
    try:
        answer: Answer | Failure = drive(handle(event, _invocation(context, warm(), fields)))
    except Exception as error:
        answer = explain(error)
    log_outcome(
        function,
        answer,
        fields,
        request_id=context.aws_request_id,
        milliseconds=(time.perf_counter() - started) * 1000,
        environment=os.environ,
    )
    return answer


def _invocation(context: "LambdaContext", warm: Warm, fields: dict[str, object]) -> Invocation[Warm]:
    remaining = context.get_remaining_time_in_millis() / 1000 - _RETURN_SECONDS
    started = time.monotonic()
    return Invocation(warm, started, started + remaining, fields)
