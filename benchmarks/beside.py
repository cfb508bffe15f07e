"""How long pushes to users take beside a broadcast: the 99th percentile with and without one, in turns, in one run.

The stub has a quota of posts, as an account has, and the functions run as they do in Lambda: two fan-out workers, each
in a process of its own, share half of the quota, as by the module's defaults; a third process pushes to users. To show
that the measure can tell, the broadcast also runs with a rate far above the quota.
"""

import contextlib
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks.contenders.harness import PACED_CONNECTIONS, PACED_WARM
from benchmarks.programs import ProgramError, base_environment, run
from benchmarks.stub.answers import user_name
from benchmarks.stub.launch import Certificates, RunningStub, running_stub
from tools.paths import CHECKOUT
from tools.processes import running

QUOTA = 2_000
"""Posts per second that the stub takes: a fifth of the account's 10,000, so that three processes and the stub idle."""

RATE = QUOTA // 2
"""What the workers share: the part of the quota that `topics.broadcast_rate` has by default."""

WORKERS = 2
LATENCY = 0.01
"""Seconds before each response of the stub."""

PUSHES, INTERVAL = 300, 0.04
"""How many pushes to users one percentile is of, and seconds from one to the next."""

ROUNDS = 5
PERCENTILE = 0.99
UNBOUNDED = 50 * QUOTA
"""A rate that no worker comes up to."""

SETTLE_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_ENDLESS = user_name(10**9, 0)
"""A table with more connections than are sent to."""


class Slow(NamedTuple):
    """The 99th percentile of pushes to users, and which part of their posts failed."""

    milliseconds: float
    missed: float


def measured(certificates: Certificates, *, core: int) -> dict[str, Any]:
    """Measure; what is returned stands in broadcast.json."""
    alone: list[float] = []
    beside: list[float] = []
    rates: list[float] = []
    with running_stub(certificates, core=core, latency=LATENCY, quota=QUOTA) as stub:
        for number in range(ROUNDS):
            sys.stderr.write(f"pushes to users, round {number + 1} of {ROUNDS}\n")
            alone.append(_slow(stub).milliseconds)
            with broadcasting(stub, RATE) as sent:
                beside.append(_slow(stub).milliseconds)
                rates.append(sent())
        throttled = stub.counts().get("Throttled", 0)
        sys.stderr.write("pushes to users beside a broadcast without a rate\n")
        with broadcasting(stub, UNBOUNDED):
            unbounded = _slow(stub, PUSHES // 3, may_miss=True)
    return {
        "quota": QUOTA,
        "rate": RATE,
        "pushes": PUSHES,
        "aloneMilliseconds": alone,
        "besideMilliseconds": beside,
        "ratio": ratio(alone, beside),
        "broadcastPostsPerSecond": [round(each) for each in rates],
        "throttled": throttled,
        "unboundedMilliseconds": unbounded.milliseconds,
        "unboundedMissed": unbounded.missed,
    }


def ratio(alone: Sequence[float], beside: Sequence[float]) -> float:
    """Return how many times longer pushes take beside a broadcast, the median of the rounds."""
    return round(statistics.median(there / here for there, here in zip(beside, alone, strict=True)), 2)


def percentile(values: Sequence[float]) -> float:
    """Return the 99th percentile: the smallest value that at least so many of all are not above."""
    return sorted(values)[math.ceil(PERCENTILE * len(values)) - 1]


@contextlib.contextmanager
def broadcasting(stub: RunningStub, rate: int) -> Iterator[Callable[[], float]]:
    """Broadcast for as long as the block lasts; give what returns its posts per second so far.

    Raises
    ------
    ProgramError
        If it ends before.
    """
    command = [sys.executable, "-m", "benchmarks.contenders.worker", _ENDLESS, str(rate // WORKERS)]
    environment = base_environment() | stub.plain.environment
    with contextlib.ExitStack() as stack:
        before = _posts(stub)
        workers = [stack.enter_context(running(command, cwd=CHECKOUT, environment=environment)) for _ in range(WORKERS)]
        while _posts(stub) < before + RATE / 10 and _are_running(workers):
            time.sleep(_LOOK_SECONDS)
        started, first = time.monotonic(), _posts(stub)

        def sent() -> float:
            pushed = (PUSHES + PACED_WARM) * PACED_CONNECTIONS
            return (_posts(stub) - first - pushed) / (time.monotonic() - started)

        yield sent
        if not _are_running(workers):
            raise ProgramError("The broadcast ended before the pushes to users did.")
    # Until the bucket of the quota is full again.
    time.sleep(SETTLE_SECONDS)


def _slow(stub: RunningStub, pushes: int = PUSHES, *, may_miss: bool = False) -> Slow:
    """Return what so many pushes to users came to.

    Raises
    ------
    ProgramError
        If one misses a connection, unless it may.
    """
    command = [sys.executable, "-m", "benchmarks.contenders.paced", str(pushes), str(INTERVAL)]
    found = json.loads(run(command, stub.plain.environment).output)
    if found["missed"] and not may_miss:
        raise ProgramError(f"{found['missed']} posts of pushes to users failed.")
    return Slow(round(percentile(found["milliseconds"]), 1), round(found["missed"] / (pushes * PACED_CONNECTIONS), 3))


def _posts(stub: RunningStub) -> int:
    return stub.counts().get("PostToConnection", 0)


def _are_running(workers: Sequence["subprocess.Popen[bytes]"]) -> bool:
    return all(worker.poll() is None for worker in workers)
