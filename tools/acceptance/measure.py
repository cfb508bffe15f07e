"""Measures how long a notification takes from the invocation of push to a connection's receipt."""

import asyncio
import random
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tools.acceptance.figures import Latency, latency, rounds
from tools.acceptance.place import Place
from tools.aws import wait_until
from tools.errors import ToolError
from tools.websocket import Device

_ATTEMPTS = 6
_SPARE_FILES = 200
_INDEX_SECONDS = 60.0


async def measure(place: Place, connections: int, at_once: int) -> Latency:
    """Push to a user with so many connections again and again.

    Parameters
    ----------
    at_once
        How many connections to open at one time.

    Raises
    ------
    ToolError
        If not all connections could be opened.
    """
    _allow_files(connections)
    user = f"measured-{connections}"
    async with AsyncExitStack() as stack:
        devices = await _opened(stack, place, user, connections, at_once)
        await asyncio.to_thread(
            wait_until,
            lambda: len(place.backend.connection_ids(user)) == connections,
            "the index to follow",
            seconds=_INDEX_SECONDS,
        )
        try:
            milliseconds, missing = await _rounds(place, user, devices)
        finally:  # All at one time: one after the other, a thousand goodbyes take a minute.
            await asyncio.gather(*(each.close() for each in devices), return_exceptions=True)
    return latency(connections, milliseconds, missing)


async def _rounds(place: Place, user: str, devices: Sequence[Device]) -> tuple[list[float], int]:
    """Return the milliseconds of every receipt, and how many are missing; the first push only warms up."""

    def push(content: object) -> None:
        place.backend.push({"userId": user, "content": content})

    await _round(devices, push, "warming up")
    milliseconds: list[float] = []
    missing = 0
    for number in range(rounds(len(devices))):
        received = await _round(devices, push, number)
        milliseconds += received
        missing += len(devices) - len(received)
    return milliseconds, missing


async def _round(devices: Sequence[Device], push: Callable[[object], None], content: object) -> list[float]:
    """Push once, and return after how many milliseconds each connection had it that received it."""
    started = time.perf_counter()

    async def receipt(device: Device) -> float | None:
        try:
            while (await device.next_notification())["content"] != content:
                pass  # Of a round whose notification came late.
        except (TimeoutError, ConnectionClosed):
            return None
        return (time.perf_counter() - started) * 1000

    waiting = [asyncio.create_task(receipt(each)) for each in devices]
    await asyncio.sleep(0)  # So that all of them wait before anything is sent.
    started = time.perf_counter()
    await asyncio.to_thread(push, content)
    return [taken for taken in await asyncio.gather(*waiting) if taken is not None]


async def _opened(stack: AsyncExitStack, place: Place, user: str, count: int, at_once: int) -> list[Device]:
    gate = asyncio.Semaphore(at_once)

    async def open_one() -> Device | None:
        async with gate:
            for attempt in range(_ATTEMPTS):
                try:
                    return await stack.enter_async_context(place.connect(user))
                except (InvalidHandshake, OSError, TimeoutError):
                    await asyncio.sleep(random.uniform(0, 2**attempt / 4))  # noqa: S311 - spreads retries
            return None

    devices = [each for each in await asyncio.gather(*(open_one() for _ in range(count))) if each is not None]
    if len(devices) < count:
        raise ToolError(f"Only {len(devices)} of {count} connections could be opened: see the account's quotas.")
    return devices


def _allow_files(connections: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise ToolError(f"{connections} connections need {wanted} open files; allow them: ulimit -Hn {wanted}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
