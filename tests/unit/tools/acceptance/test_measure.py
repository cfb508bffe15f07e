"""The measuring itself, over connections that are made up."""

import asyncio
import contextlib
import random
import resource
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tools.acceptance.figures import rounds
from tools.acceptance.measure import measure
from tools.errors import ToolError


class Device:
    """A connection that receives every push, or none."""

    def __init__(self, *, deaf: bool) -> None:
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.deaf = deaf

    async def next_notification(self) -> dict[str, Any]:
        if self.deaf:
            raise TimeoutError
        return await self.frames.get()

    async def close(self) -> None:
        pass


class Place:
    """A deployment in memory."""

    def __init__(self, *, deaf: int = 0, refusals: int = 0) -> None:
        self.devices: list[Device] = []
        self.backend = self
        self.deaf, self.refusals = deaf, refusals
        self.pushes = 0

    @contextlib.asynccontextmanager
    async def connect(self, user: str) -> AsyncIterator[Device]:
        self.loop = asyncio.get_running_loop()
        if self.refusals:
            self.refusals -= 1
            raise OSError("throttled")
        self.devices.append(Device(deaf=len(self.devices) < self.deaf))
        yield self.devices[-1]

    def connection_ids(self, user: str) -> set[str]:
        return {str(number) for number in range(len(self.devices))}

    def push(self, request: dict[str, Any]) -> None:
        self.pushes += 1
        for device in self.devices:
            self.loop.call_soon_threadsafe(device.frames.put_nowait, {"content": request["content"]})


def measured(place: Any, connections: int) -> Any:
    return asyncio.run(measure(place, connections, 2))


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: 0)


def test_every_receipt_counts_but_those_of_the_first_push() -> None:
    place = Place()
    found = measured(place, 3)
    assert (found.connections, found.receipts, found.missing) == (3, 3 * rounds(3), 0)
    assert place.pushes == rounds(3) + 1
    assert 0 < found.p50 <= found.p95 <= found.p99


def test_a_connection_that_receives_nothing_is_missing_in_every_round() -> None:
    found = measured(Place(deaf=1), 4)
    assert (found.receipts, found.missing) == (3 * rounds(4), rounds(4))


def test_a_connection_that_is_refused_is_tried_again() -> None:
    assert measured(Place(refusals=3), 2).missing == 0


def test_connections_that_cannot_be_opened_end_it() -> None:
    with pytest.raises(ToolError, match="Only 1 of 2 connections"):
        measured(Stubborn(), 2)


class Stubborn(Place):
    """An API that lets in the first connection only."""

    @contextlib.asynccontextmanager
    async def connect(self, user: str) -> AsyncIterator[Device]:
        if self.devices:
            raise OSError("throttled")
        self.devices.append(Device(deaf=False))
        yield self.devices[-1]


def test_more_connections_than_files_may_be_open_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1_024))
    with pytest.raises(ToolError, match=r"10000 connections need \d+ open files.*ulimit -Hn"):
        measured(Place(), 10_000)
