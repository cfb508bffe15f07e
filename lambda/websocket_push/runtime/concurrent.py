"""Invocations that make many calls to AWS at once, on an event loop: push, fanout, control, mark and events."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.runtime import invocation
from websocket_push.runtime.invocation import Invocation
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext

Answer = TypeVar("Answer")
Warm = TypeVar("Warm")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the event loop, which stands still between invocations."""
    return asyncio.new_event_loop()


@cache
def sender() -> ConcurrentSender:
    """Return the way to AWS, with the connections that stay open between invocations."""
    return ConcurrentSender(os.environ)


@cache
def made(make: Callable[[ConcurrentSender], Any]) -> Any:
    """Return what a function works with, made once."""
    return make(sender())


def run(
    function: str,
    make: Callable[[ConcurrentSender], Warm],
    handle: "Callable[[Event, Invocation[Warm]], Coroutine[Any, Any, Answer]]",
    event: "Event",
    context: "LambdaContext",
) -> Answer | Failure:
    """Run a handler to its end; see `invocation.run`.

    Parameters
    ----------
    make
        Makes what the handler works with.
    function, handle, event, context
        See `invocation.run`.
    """
    return invocation.run(
        function,
        handle,
        event,
        context,
        warm=lambda: made(make),
        drive=_drive,
    )


def _drive(handled: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end, and with it what it started: `asyncio.gather` leaves the others to a failure."""
    try:
        return loop().run_until_complete(handled)
    finally:
        left = asyncio.all_tasks(loop())
        if left:
            for task in left:
                task.cancel()
            loop().run_until_complete(asyncio.gather(*left, return_exceptions=True))
