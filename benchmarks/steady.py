"""What a warm client costs: per delivery, per user, in memory and in round trips."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from benchmarks.contenders.harness import Cost, Task
from benchmarks.definitions import AWSCRT, CLIENTS, JOURNEYS, NODE, OURS, WRK, Plan, headline
from benchmarks.machine import has_wrk
from benchmarks.programs import is_installed, push_costs, wrk_cost
from benchmarks.progress import Progress
from benchmarks.results import growth
from benchmarks.stub.launch import STAGE, RunningStub

Samples = dict[str, dict[str, list[float]]]

_WARM_SIZE = 100
_COMPILING_SIZE = 3_000
"""Node compiles what runs often: its first thousand calls cost twice as much as the later ones."""

_WRK_SECONDS = 2.0


def new_samples() -> Samples:
    """Make an empty collection of samples."""
    return defaultdict(lambda: defaultdict(list))


def steps(plan: Plan) -> int:
    """Return how many steps all that is measured here shows."""
    contenders = len(installed())
    return plan.rounds * (3 * contenders + 1 + has_wrk() + 1) + contenders


def installed() -> tuple[str, ...]:
    """List the clients that can run here."""
    return tuple(name for name in CLIENTS if is_installed(name))


def measure(plan: Plan, stub: RunningStub, samples: Samples, progress: Progress) -> None:
    """Measure all clients in turn, round by round."""
    for number in range(plan.rounds):
        for name in installed():
            progress.step(f"round {number + 1}: {name}, one user")
            _deliveries(plan, name, stub, samples)
        progress.step(f"round {number + 1}: {AWSCRT}, one user")
        size = headline(plan.connections)
        cost = push_costs(AWSCRT, _tasks(plan, AWSCRT, [(1, size)]), stub.plain.environment)[-1]
        samples[f"delivery.cpu.{size}"][AWSCRT].append(cost["cpu"] / size)
        if has_wrk():
            progress.step(f"round {number + 1}: wrk")
            url = f"{stub.plain.url}/{STAGE}/@connections/XnJk80000000001%3D"
            seconds = min(_WRK_SECONDS, plan.seconds * 5)
            samples[f"delivery.cpu.{size}"][WRK].append(wrk_cost(url, stub.plain.environment, seconds=seconds))
        for prefix, address in (("user", stub.plain), ("user-tls", stub.tls)):
            for name in installed():
                progress.step(f"round {number + 1}: {name}, many users{', TLS' if prefix == 'user-tls' else ''}")
                costs = push_costs(name, _tasks(plan, name, [(size, 1) for size in plan.users]), address.environment)
                _keep(samples, prefix, name, [(cost["users"], cost) for cost in costs[1:]])
    _add_growth(samples, "delivery", plan.connections)
    _add_growth(samples, "user", plan.users)
    _add_growth(samples, "user-tls", plan.users)


def measure_journeys(plan: Plan, stub: RunningStub, samples: Samples, progress: Progress) -> None:
    """Count calls and round trips, with a stub that takes its time for each answer.

    The time of a push, in units of that time and rounded down, is how many round trips follow each other; what is left
    is the client's own time.
    """
    for name in installed():
        progress.step(f"{name}, round trips")
        for users, connections in JOURNEYS:
            before = stub.counts()
            task: Task = {"users": users, "connections": connections, "seconds": 0.0, "warm": 1}
            cost = push_costs(name, [task], stub.plain.environment)[0]
            pushes = task["warm"] + cost["pushes"]
            calls = sum(_difference(before, stub.counts()).values()) / pushes
            identifier = f"{users}x{connections}"
            samples[f"calls.{identifier}"][name].append(calls)
            samples[f"round-trips.{identifier}"][name].append(float(cost["wall"] / 1e6 // plan.latency))


def _deliveries(plan: Plan, name: str, stub: RunningStub, samples: Samples) -> None:
    costs = push_costs(name, _tasks(plan, name, [(1, size) for size in plan.connections]), stub.plain.environment)
    _keep(samples, "delivery", name, [(cost["connections"], cost) for cost in costs[1:]])
    for cost in costs[1:]:
        samples[f"memory.{cost['connections']}"][name].append(cost["peak"] / 2**20)


def measure_beside_full(plan: Plan, stub: RunningStub, samples: Samples, progress: Progress) -> None:
    """Compare a push to a user with and without connections that refuse every post.

    The stub takes as long for an answer as API Gateway may: without that there would be little to slow down.
    """
    sizes = (0, 0, *plan.full)  # the first warms up
    tasks: list[Task] = [
        {"users": 1, "connections": plan.beside_full, "seconds": 0.0, "warm": 0, "full": full} for full in sizes
    ]
    for number in range(plan.rounds):
        progress.step(f"round {number + 1}: {OURS}, beside full connections")
        _, without, *costs = push_costs(OURS, tasks, stub.plain.environment)
        for full, cost in zip(plan.full, costs, strict=True):
            samples[f"full.{full}"][OURS].append(cost["wall"] / without["wall"])


def _tasks(plan: Plan, name: str, sizes: Sequence[tuple[int, int]]) -> list[Task]:
    """List the tasks of one process; the first warms it up and is not counted."""
    warm = _COMPILING_SIZE if name == NODE and not plan.quick else _WARM_SIZE
    many_users = sizes[-1][0] > 1
    first: Task = {
        "users": warm if many_users else 1,
        "connections": 1 if many_users else warm,
        "seconds": 0.0,
        "warm": 0,
    }
    tasks = [first]
    for users, connections in sizes:
        tasks.append({"users": users, "connections": connections, "seconds": plan.seconds, "warm": 1})
    return tasks


def _keep(samples: Samples, prefix: str, name: str, costs: Sequence[tuple[int, Cost]]) -> None:
    for size, cost in costs:
        samples[f"{prefix}.cpu.{size}"][name].append(cost["cpu"] / size)
        samples[f"{prefix}.wall.{size}"][name].append(cost["wall"] / size)


def _add_growth(samples: Samples, prefix: str, sizes: Sequence[int]) -> None:
    for name in installed():
        medians = [statistics.median(samples[f"{prefix}.cpu.{size}"][name]) for size in sizes]
        samples[f"{prefix}.growth"][name].append(growth(medians))


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in after}
