"""What every Python contender shares: reading its tasks, repeating them, and reporting what they cost.

A contender is started as `python -m benchmarks.contenders.NAME TASKS`, TASKS being a JSON list of
`{"users": U, "connections": C, "seconds": S, "warm": W}`: push to U users of C connections each, W times unmeasured
and then for S seconds, at least once. It prints one JSON object per task, see `Cost`.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NoReturn, NotRequired, TypedDict

from benchmarks.stub.answers import user_name

NOTIFICATION = json.dumps({"title": "Order shipped", "order": 4711, "url": "https://example.com/orders/4711"})
"""The content of every notification: 87 bytes."""

POOL_SIZE = 64
"""How many connections to one address a client may keep, where it can be chosen."""

PACED_CONNECTIONS = 4
"""How many connections each user of the pushes beside a broadcast has."""

PACED_WARM = 25
"""Pushes beside a broadcast that are not counted: they open connections to the stub."""

THREADS = 16


class Task(TypedDict):
    """Push to `users` users who have `connections` connections each, of which `full` take nothing."""

    users: int
    connections: int
    seconds: float
    warm: int
    full: NotRequired[int]


class Cost(TypedDict):
    """What one push cost.

    `cpu` and `wall` are microseconds of the mean push; `pushes` is how many were measured; `peak` is the most bytes
    of memory that the process has held so far.
    """

    users: int
    connections: int
    pushes: int
    cpu: float
    wall: float
    peak: int


Push = Callable[[Sequence[str]], int]
"""Pushes one notification to users: stores it, looks their connections up, posts to each; says to how many."""


def run(push: Push) -> NoReturn:
    """Do the tasks of the command line, report, and end the process."""
    for task in json.loads(sys.argv[1]):
        print(json.dumps(measure(push, task)), flush=True)
    # How long a client takes to close its connections is not compared.
    os._exit(0)


def run_async(push: Callable[[Sequence[str]], Awaitable[int]]) -> NoReturn:
    """Do the tasks with a push that is a coroutine; as in Lambda, the loop rests between two pushes."""
    loop = asyncio.new_event_loop()

    async def awaited(users: Sequence[str]) -> int:
        return await push(users)

    run(lambda users: loop.run_until_complete(awaited(users)))


def measure(push: Push, task: Task) -> Cost:
    """Repeat one push and take its mean cost.

    Raises
    ------
    RuntimeError
        If it did not reach every connection.
    """
    full = task.get("full", 0)
    users = [user_name(task["connections"], number, full=full) for number in range(task["users"])]
    expected = task["users"] * (task["connections"] - full)
    for _ in range(task["warm"]):
        _require(push(users), expected)
    started, cpu_before = time.perf_counter_ns(), time.process_time_ns()
    until = started + int(task["seconds"] * 1e9)
    pushes, now = 0, started
    while not pushes or now < until:
        _require(push(users), expected)
        pushes += 1
        now = time.perf_counter_ns()
    cpu = time.process_time_ns() - cpu_before
    return {
        "users": task["users"],
        "connections": task["connections"],
        "pushes": pushes,
        "cpu": cpu / 1000 / pushes,
        "wall": (now - started) / 1000 / pushes,
        "peak": peak_memory(),
    }


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held.

    On Linux from `VmHWM` (proc_pid_status(5)): `ru_maxrss` starts with the parent's, which the process was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def _require(delivered: int, expected: int) -> None:
    if delivered != expected:
        raise RuntimeError(f"delivered to {delivered} connections instead of {expected}")
