"""Invocations that make many calls to AWS at once, on an event loop: push."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeAlias, TypeVar

from websocket_push.aws.concurrent import Transport
from websocket_push.runtime import invocation
from websocket_push.runtime.invocation import Event, LambdaContext
from websocket_push.telemetry.explain import Failure

Answer = TypeVar("Answer")
Invocation: TypeAlias = invocation.Invocation[Transport]


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Give the event loop, which stands still between invocations."""
    return asyncio.new_event_loop()


@cache
def transport() -> Transport:
    """Give the way to AWS, with the connections that stay open between invocations."""
    return Transport(os.environ)


def run(
    function: str,
    handle: Callable[[Event, Invocation], Coroutine[Any, Any, Answer]],
    event: Event,
    context: LambdaContext,
) -> Answer | Failure:
    """See `invocation.run`."""
    return invocation.run(
        function, handle, event, context, transport=transport, drive=lambda handled: loop().run_until_complete(handled)
    )
