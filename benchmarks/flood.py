"""How far `limits.messages_per_second` is exceeded, by a model of the environments that a connection's messages reach.

`PYTHONPATH=lambda python -m benchmarks.flood` prints the table of docs/limits.md. Each environment has its own buckets
(`websocket_push.runtime.message_limit`), and Lambda runs a message in an environment that is idle, or else a new one.
"""

import heapq
from typing import NamedTuple

from benchmarks.cost import ROUTE_SECONDS
from websocket_push.protocol.errors import RequestError
from websocket_push.runtime.message_limit import MessageLimit

REFUSAL_SECONDS = 0.002
"""How long an environment is busy with a message that it refuses: no call to AWS is made."""

PER_SECOND, BURST = 10, 20
SECONDS = 10
"""How long a flood lasts."""


class Flood(NamedTuple):
    """Messages of one connection: so many at the same moment, one moment after the other."""

    title: str
    at_once: int
    moments_per_second: float


FLOODS = (
    Flood("100 a second, one by one", 1, 100),
    Flood("1,000 a second, one by one", 1, 1_000),
    Flood("100 at once, every second", 100, 1),
    Flood("100 at once, 10 times a second", 100, 10),
)


class Outcome(NamedTuple):
    """The outcome of a flood: the messages, those that were accepted, and how many environments there were."""

    sent: int
    accepted: int
    environments: int


def play(flood: Flood, *, per_second: int = PER_SECOND, burst: int = BURST) -> Outcome:
    """Return the outcome of a flood."""
    idle: list[MessageLimit] = []
    busy: list[tuple[float, int, MessageLimit]] = []
    sent = accepted = environments = 0
    for moment in range(int(SECONDS * flood.moments_per_second)):
        now = moment / flood.moments_per_second
        while busy and busy[0][0] <= now:
            idle.append(heapq.heappop(busy)[2])
        for _ in range(flood.at_once):
            sent += 1
            if not idle:
                environments += 1
                idle.append(MessageLimit(per_second, burst))
            environment = idle.pop()
            try:
                environment.require("connection", now)
            except RequestError:
                seconds = REFUSAL_SECONDS
            else:
                accepted += 1
                seconds = ROUTE_SECONDS
            heapq.heappush(busy, (now + seconds, sent, environment))
    return Outcome(sent, accepted, environments)


def table() -> list[str]:
    """Return the rows of the table."""
    allowed = BURST + PER_SECOND * SECONDS
    rows = [
        f"| messages of one connection, for {SECONDS} s | sent | environments | accepted | of {allowed} allowed |",
        "| --- | --: | --: | --: | --: |",
    ]
    for flood in FLOODS:
        outcome = play(flood)
        share = f"{outcome.accepted / allowed:.1f} times"
        rows.append(f"| {flood.title} | {outcome.sent:,} | {outcome.environments} | {outcome.accepted:,} | {share} |")
    return rows


if __name__ == "__main__":
    print("\n".join(table()))
