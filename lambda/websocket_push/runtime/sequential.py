"""Invocations that make one to three calls to AWS, and start without asyncio: connect, disconnect and poll."""

import os
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeAlias, TypeVar

from websocket_push.aws.sequential import SequentialSender
from websocket_push.http.blocking import drive
from websocket_push.runtime import invocation
from websocket_push.runtime.invocation import Event, LambdaContext
from websocket_push.telemetry.explain import Failure

Answer = TypeVar("Answer")
Invocation: TypeAlias = invocation.Invocation[SequentialSender]


@cache
def transport() -> SequentialSender:
    """Give the way to AWS, with the connections that stay open between invocations."""
    return SequentialSender(os.environ)


def run(
    function: str,
    handle: Callable[[Event, Invocation], Coroutine[Any, Any, Answer]],
    event: Event,
    context: LambdaContext,
) -> Answer | Failure:
    """See `invocation.run`."""
    return invocation.run(function, handle, event, context, transport=transport, drive=drive)
