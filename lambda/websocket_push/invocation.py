"""One invocation of a function: what it is given, how its outcome is told, and what stays warm for the next.

Lambda runs one invocation at a time in a process and freezes it in between. The event loop and the transport with its
open connections outlive the invocation; everything else is made anew.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeVar

from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.services.failures import Failure, explain
from websocket_push.services.outcomes import log_outcome
from websocket_push.transport.aws import Transport

Event = Mapping[str, Any]
Answer = TypeVar("Answer")

_RETURN_SECONDS = 0.25
"""What is left of an invocation's time for answering and logging."""


class LambdaContext(Protocol):
    """What is used of the context object that Lambda passes to a handler."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Say how long the invocation may still run."""
        ...


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a handler works with.

    Parameters
    ----------
    environment
        The environment variables.
    transport
        The way to AWS.
    started, deadline
        When the invocation began and when its answer must be ready, on the event loop's clock.
    fields
        What the handler adds to the log line of the invocation: ids, codes and counts.
    """

    environment: Mapping[str, str]
    transport: Transport
    started: float
    deadline: float
    fields: dict[str, object]

    def now_milliseconds(self) -> int:
        """Give the time since the epoch."""
        return time.time_ns() // 1_000_000

    def new_id(self) -> str:
        """Make a notification id for now."""
        return new_notification_id(time.time_ns(), os.urandom(RANDOM_BYTES))

    def random(self) -> float:
        """Give a number from 0 to 1, for jitter."""
        return random.random()  # noqa: S311 - spreads retries, protects nothing


class _Warm(NamedTuple):
    loop: asyncio.AbstractEventLoop
    transport: Transport


@cache
def _warm() -> _Warm:
    return _Warm(asyncio.new_event_loop(), Transport(os.environ))


def run(
    function: str,
    handle: Callable[[Event, Invocation], Awaitable[Answer]],
    event: Event,
    context: LambdaContext,
) -> Answer | Failure:
    """Run a handler to its end and log the invocation in one line.

    Parameters
    ----------
    function
        Name of the function, for the log.
    handle
        The handler proper.

    Returns
    -------
    Answer or Failure
        What the handler answered, or what is to be told instead; no exception gets out.
    """
    started = time.perf_counter()
    fields: dict[str, object] = {}
    try:
        answer: Answer | Failure = _run_warm(handle, event, context, fields)
    except Exception as error:
        answer = explain(error)
    log_outcome(
        function,
        answer,
        fields,
        request_id=context.aws_request_id,
        milliseconds=(time.perf_counter() - started) * 1000,
        lowest_level=os.environ.get("LOG_LEVEL", "INFO"),
    )
    return answer


def _run_warm(
    handle: Callable[[Event, Invocation], Awaitable[Answer]],
    event: Event,
    context: LambdaContext,
    fields: dict[str, object],
) -> Answer:
    warm = _warm()
    remaining = context.get_remaining_time_in_millis() / 1000 - _RETURN_SECONDS
    started = warm.loop.time()
    invocation = Invocation(os.environ, warm.transport, started, started + remaining, fields)

    async def handled() -> Answer:
        return await handle(event, invocation)

    return warm.loop.run_until_complete(handled())
