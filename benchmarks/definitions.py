"""The measures, their references and their targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

OURS = "ours"
SEQUENTIAL = "boto3-sequential"
THREADS = "boto3-threads"
AIOBOTOCORE = "aiobotocore"
AWSCRT = "awscrt"
NODE = "node-sdk"
WRK = "wrk"
BARE_PYTHON = "bare-python"
BARE_NODE = "bare-node"
BOTO3 = "boto3"

TITLES = {
    OURS: "this project",
    SEQUENTIAL: "boto3, one by one",
    THREADS: "boto3, 16 threads",
    AIOBOTOCORE: "aiobotocore",
    AWSCRT: "AWS Common Runtime",
    NODE: "Node SDK v3",
    WRK: "wrk (floor)",
    BOTO3: "boto3",
    BARE_PYTHON: "bare Python (floor)",
    BARE_NODE: "bare Node (floor)",
}

CLIENTS = (OURS, SEQUENTIAL, THREADS, AIOBOTOCORE, NODE)
"""Who pushes; all do the same calls."""

FUNCTIONS = ("connect", "disconnect", "poll", "push")
PACKAGE_LIMIT_BYTES = 64 * 1024

FLAT = 1.25
"""How much a cost per piece may grow with the number of pieces and still count as flat: what the noise needs."""


class Relation(StrEnum):
    """How a measured ratio is compared with its limit."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a measure.

    Parameters
    ----------
    against
        A reference; empty for the measured value itself.
    relation
        With `AT_LEAST`, the ratio is reference / ours ("so many times less"), else ours / reference ("at most so much
        of").
    limit
        The ratio, or the value.
    """

    against: str
    relation: Relation
    limit: float


@dataclass(frozen=True, slots=True)
class Definition:
    """A measure.

    Parameters
    ----------
    identifier
        What it is called in results.json.
    title
        What it is called for readers: what is measured, a comma, and of what.
    unit
        Of all its values; less is always better.
    references
        The contenders besides this project.
    targets
        What is asked of it.
    """

    identifier: str
    title: str
    unit: str
    references: tuple[str, ...]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Parameters
    ----------
    connections
        Sizes of a push to one user.
    users
        Sizes of a push to users of one connection each.
    rounds, cold_rounds
        How often everything is repeated, all contenders in turn.
    seconds
        How long one measurement lasts at least.
    latency
        Seconds that the stub lets pass where round trips are counted.
    beside_full
        Number of connections of the user in a push of which some refuse every post.
    full
        How many those are.
    full_latency
        Seconds that the stub lets pass for each answer there.
    """

    connections: tuple[int, ...]
    users: tuple[int, ...]
    rounds: int
    cold_rounds: int
    seconds: float
    latency: float = 0.1
    quick: bool = False
    beside_full: int = 5_000
    full: tuple[int, ...] = (1, 50, 250)
    full_latency: float = 0.03


FULL = Plan((1, 10, 100, 1_000, 10_000), (1, 10, 100, 1_000), rounds=3, cold_rounds=9, seconds=0.4)
QUICK = Plan((1, 100), (1, 10), rounds=1, cold_rounds=1, seconds=0.05, quick=True, beside_full=100, full=(1, 5))

SLOWED = 1.2
"""How much longer a push may take because some of its connections refuse every post."""


def definitions(plan: Plan) -> list[Definition]:
    """List every measure of a plan, in the order of the table."""
    return [
        *_deliveries(plan),
        *_users(plan, tls=False),
        *_users(plan, tls=True),
        *_cold_starts(tls=False),
        *_cold_starts(tls=True),
        *_journeys(),
        *(
            Definition(
                f"full.{full}",
                f"time of a push with and without full connections, {full} of {plan.beside_full:,}",
                "times",
                (),
                (Target("", Relation.AT_MOST, SLOWED),),
            )
            for full in plan.full
        ),
        *(
            Definition(f"memory.{size}", f"peak memory, push to {size:,} connections", "MiB", CLIENTS[1:])
            for size in plan.connections
            if size >= max(plan.connections) // 10
        ),
        *(
            Definition(
                f"package.{function}",
                f"package, {function}",
                "bytes",
                (),
                (Target("", Relation.BELOW, PACKAGE_LIMIT_BYTES),),
            )
            for function in FUNCTIONS
        ),
    ]


def headline(sizes: tuple[int, ...]) -> int:
    """Return the size that the targets are about: 1,000, where the fixed part of a push no longer counts."""
    return max(size for size in sizes if size <= 1_000)


def _deliveries(plan: Plan) -> Iterable[Definition]:
    asked = (
        Target(THREADS, Relation.AT_LEAST, 30),
        Target(NODE, Relation.AT_LEAST, 15),
        # The library that would replace the transport, which stays only while it costs less than half of this.
        Target(AWSCRT, Relation.AT_LEAST, 2),
        Target(WRK, Relation.AT_MOST, 4),
    )
    for size in plan.connections:
        title = f"{size:,} connection{'s' * (size > 1)}"
        chosen = size == headline(plan.connections)
        references = (*CLIENTS[1:], AWSCRT, WRK) if chosen else CLIENTS[1:]
        yield Definition(
            f"delivery.cpu.{size}", f"CPU per delivery, {title}", "us", references, asked if chosen else ()
        )
        yield Definition(f"delivery.wall.{size}", f"time per delivery, {title}", "us", CLIENTS[1:])
    yield _growth("delivery", "CPU per delivery", plan.connections, "connections")


def _users(plan: Plan, *, tls: bool) -> Iterable[Definition]:
    name, over = ("user-tls", ", TLS") if tls else ("user", "")
    for size in plan.users:
        title = f"{size:,} user{'s' * (size > 1)}{over}"
        targets = (Target(THREADS, Relation.AT_LEAST, 15),) if size == headline(plan.users) else ()
        yield Definition(f"{name}.cpu.{size}", f"CPU per user, {title}", "us", CLIENTS[1:], targets)
        yield Definition(f"{name}.wall.{size}", f"time per user, {title}", "us", CLIENTS[1:])
    yield _growth(name, f"CPU per user{over}", plan.users, "users")


def _growth(name: str, what: str, sizes: tuple[int, ...], pieces: str) -> Definition:
    title = f"growth, {what}, {sizes[0]} to {sizes[-1]:,} {pieces}"
    return Definition(f"{name}.growth", title, "times", CLIENTS[1:], (Target("", Relation.AT_MOST, FLAT),))


def _cold_starts(*, tls: bool) -> Iterable[Definition]:
    name, over = ("cold-tls", ", TLS") if tls else ("cold", "")
    for function in FUNCTIONS:
        references = (BOTO3, NODE, BARE_PYTHON, BARE_NODE)
        targets = (Target(BOTO3, Relation.AT_MOST, 0.4), Target(NODE, Relation.BELOW, 1.0))
        yield Definition(f"{name}.{function}.wall", f"cold start, {function}{over}", "ms", references, targets)
        yield Definition(f"{name}.{function}.cpu", f"CPU of a cold start, {function}{over}", "ms", references)


def _journeys() -> Iterable[Definition]:
    for users, connections in JOURNEYS:
        title = f"{users} user{'s' * (users > 1)} of {connections} connections"
        identifier = f"{users}x{connections}"
        yield Definition(f"calls.{identifier}", f"AWS calls, {title}", "calls", CLIENTS[1:])
        yield Definition(
            f"round-trips.{identifier}",
            f"round trips in sequence, {title}",
            "round trips",
            CLIENTS[1:],
            (Target("", Relation.AT_MOST, 2),),
        )


JOURNEYS = ((1, 3), (10, 3))
"""Users and connections of the pushes whose round trips are counted."""
