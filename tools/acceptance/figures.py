"""What is computed: percentiles, how often to push, and what a verification costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cost import CONNECTION_MINUTE, GIGABYTE_SECOND, INVOCATION, MESSAGE, READ, WRITE

_DELIVERIES = 2_000
_FEWEST, _MOST = 5, 100
_MINUTES = 10
"""How long the connections of a level are open at most."""

_PLAIN_CONNECTIONS, _PLAIN_MESSAGES = 60, 400
"""What facts and experiments need besides, generously."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long pushes took from before the invocation until a connection had them, in milliseconds.

    Parameters
    ----------
    connections
        How many connections the user had.
    receipts
        How many were measured; `missing` more did not come in time.
    """

    connections: int
    receipts: int
    missing: int
    p50: float
    p95: float
    p99: float


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def latency(connections: int, milliseconds: Sequence[float], missing: int) -> Latency:
    """Return the latency of a level; not a number where nothing was received."""
    p50, p95, p99 = (percentile(milliseconds, percent) if milliseconds else math.nan for percent in (50, 95, 99))
    return Latency(connections, len(milliseconds), missing, p50, p95, p99)


def rounds(connections: int) -> int:
    """Return how often to push to so many connections: often to few of them, so that a p99 means something."""
    return min(_MOST, max(_FEWEST, _DELIVERIES // connections))


def dollars(levels: Sequence[int]) -> float:
    """Return what a verification with these levels of connections costs at most, by list prices of us-east-1."""
    connections = sum(levels) + _PLAIN_CONNECTIONS
    pushes = sum(rounds(level) + 1 for level in levels) + _PLAIN_MESSAGES
    messages = sum(level * (rounds(level) + 1) for level in levels) + 2 * connections + 4 * _PLAIN_MESSAGES
    invocations = 4 * connections + pushes
    return (
        MESSAGE.of(messages)
        + CONNECTION_MINUTE.of(connections * _MINUTES)
        + INVOCATION.of(invocations)
        + GIGABYTE_SECOND.of(invocations * 0.5)  # A second of 512 MB each, cold starts included.
        + WRITE.of(4 * connections + 128 * pushes)
        + READ.of(128 * (connections + pushes))
    )


def openings(concurrency: float | None) -> int:
    """Return how many connections to open at one time in an account with so many concurrent executions."""
    return max(1, min(50, int((concurrency or 10) // 4)))
