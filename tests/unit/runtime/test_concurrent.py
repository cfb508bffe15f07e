import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.handlers.conftest import Context
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.protocol.errors import RequestError
from websocket_push.runtime import concurrent
from websocket_push.runtime.invocation import Invocation
from websocket_push.telemetry.explain import Failure

Turns = list[str]


@pytest.fixture(autouse=True)
def cold_start() -> Iterator[None]:
    yield
    concurrent.loop().close()
    for kept in (concurrent.made, concurrent.sender, concurrent.loop):
        kept.cache_clear()


def make(sender: ConcurrentSender) -> Turns:
    return []


async def work(turns: Turns) -> None:
    try:
        while True:
            turns.append("working")
            await asyncio.sleep(0)
    finally:
        turns.append("ended")


async def fail() -> None:
    await asyncio.sleep(0)
    raise RequestError("UNAVAILABLE", "Try again.")


async def fail_beside_work(event: Any, invocation: Invocation[Turns]) -> None:
    await asyncio.gather(work(invocation.warm), fail())


async def pass_time(event: Any, invocation: Invocation[Turns]) -> Turns:
    invocation.warm.clear()
    for _ in range(5):
        await asyncio.sleep(0)
    return invocation.warm


def test_nothing_of_an_invocation_goes_on_in_the_next() -> None:
    """A call that is still under way would keep the next invocation from reading the credentials again."""
    turns = concurrent.made(make)
    failed = concurrent.run("mark", make, fail_beside_work, {}, Context())
    assert cast(Failure, failed).code == "UNAVAILABLE"
    assert turns[-1] == "ended"
    assert concurrent.run("mark", make, pass_time, {}, Context()) == []
