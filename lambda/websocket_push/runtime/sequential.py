"""Invocations that make one to three calls to AWS, and start without asyncio.

They are connect, disconnect, poll and subscriptions.
"""

import os
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from websocket_push.aws.sequential import SequentialSender
from websocket_push.http.blocking import drive
from websocket_push.runtime import invocation
from websocket_push.runtime.invocation import Invocation
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext

Answer = TypeVar("Answer")
Warm = TypeVar("Warm")


@cache
def sender() -> SequentialSender:
    """Return the way to AWS, with the connections that stay open between invocations."""
    return SequentialSender(os.environ)


@cache
def made(make: Callable[[SequentialSender], Any]) -> Any:
    """Return what a function works with, made once."""
    return make(sender())


def run(
    function: str,
    make: Callable[[SequentialSender], Warm],
    handle: "Callable[[Event, Invocation[Warm]], Coroutine[Any, Any, Answer]]",
    event: "Event",
    context: "LambdaContext",
) -> Answer | Failure:
    """Run a handler to its end, which awaits nothing but the sender; see `invocation.run`.

    Parameters
    ----------
    make
        Makes what the handler works with.
    function, handle, event, context
        See `invocation.run`.
    """
    return invocation.run(function, handle, event, context, warm=lambda: made(make), drive=drive)
