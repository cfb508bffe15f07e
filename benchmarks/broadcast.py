"""What a broadcast costs: measured next to a push to one user with as many connections, and computed for millions.

`python -m benchmarks.broadcast run` measures and writes benchmarks/broadcast.json, `beside` measures again only what
pushes to users take beside a broadcast, `write` writes the tables of docs/scale.md and docs/cost.md from the figures,
and `check` compares them with the targets.
"""

import argparse
import contextlib
import datetime
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import beside, cost, machine
from benchmarks.contenders.harness import Task
from benchmarks.cost import GIGABYTE_SECOND, INVOCATION, LOG, MESSAGE, MILLION, Price, lambda_seconds, with_tables
from benchmarks.definitions import OURS
from benchmarks.programs import new_certificates, push_costs
from benchmarks.results import load
from benchmarks.stub.launch import running_stub
from tools.paths import CHECKOUT

FIGURES = CHECKOUT / "benchmarks" / "broadcast.json"
PAGE = CHECKOUT / "docs" / "scale.md"
COST_PAGE = CHECKOUT / "docs" / "cost.md"
RESULTS = CHECKOUT / "benchmarks" / "results.json"

BROADCAST = "broadcast"

COMPARED = 10_000
"""How many connections the broadcast and the push to one user have that are compared."""

SIZES = (10_000, 100_000, 1_000_000)
"""Of how many connections the memory is compared."""

ROUNDS = 5

MOST_CPU = 1.1
"""How much CPU a post of a broadcast may take, as a multiple of a post of a push to one user."""

MOST_MEMORY = 1.1
"""How much more memory the largest broadcast may hold than the smallest."""

MOST_READS = 0.02
"""How many requests to DynamoDB a broadcast may make for each connection."""

MOST_DELAY = 2
"""How many times longer the 99th percentile of pushes to users may take beside a broadcast."""

# --- Computed

CONNECTIONS = (1_000_000, 10_000_000, 100_000_000)
QUOTA = 10_000
"""Requests to API Gateway per second, for the account and Region, unless raised."""

SQS_REQUEST = Price(0.40, MILLION, "SQS request of a standard queue", "https://aws.amazon.com/sqs/pricing/")
ROW_BYTES = 110
"""A row of the clients table with a connection id of 16 characters and a user id of 10."""

PAGE_ROWS = 1_000
USERS_A_PUSH = 10_000
"""What the functions hold to: rows that are read at once, and users of one push."""

WORKER_MB, WORKER_SECONDS = 512, 60
SENDING_SHARE = 0.7
"""The part of a worker's time in which it begins posts."""


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.broadcast", description=__doc__)
    parser.add_argument("command", choices=["run", "beside", "write", "check"])
    command = parser.parse_args().command
    if command in ("run", "beside"):
        found = measured() if command == "run" else read_figures() | {"beside": measured_beside()}
        FIGURES.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    figures = read_figures()
    if command != "check":
        write_pages(figures)
    missed = problems(figures)
    sys.stdout.writelines(f"{problem}\n" for problem in missed)
    return 1 if missed else 0


def write_pages(figures: Mapping[str, Any]) -> None:
    """Write the tables of docs/scale.md and docs/cost.md, which also count with the CPU of a push over TLS."""
    for page, written in ((PAGE, tables(figures)), (COST_PAGE, cost_tables(figures))):
        page.write_text(with_tables(page.read_text(encoding="utf-8"), written), encoding="utf-8")


def read_figures() -> dict[str, Any]:
    """Read what was measured last."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


def measured_beside() -> dict[str, Any]:
    """Measure pushes to users beside a broadcast."""
    core = machine.separate_processors()
    with tempfile.TemporaryDirectory() as folder:
        return beside.measured(new_certificates(Path(folder)), core=core)


def measured() -> dict[str, Any]:
    """Measure broadcasts and pushes to one user, in turns, against one stub."""
    core = machine.separate_processors()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        certificates = new_certificates(Path(folder))
        stub = stack.enter_context(running_stub(certificates, core=core))
        environment = stub.plain.environment
        cpu: dict[str, list[float]] = {OURS: [], BROADCAST: []}
        for number in range(ROUNDS):
            for name in cpu:
                sys.stderr.write(f"round {number + 1} of {ROUNDS}: {name}\n")
                _, figures = push_costs(name, [_task(100), _task(COMPARED)], environment)
                cpu[name].append(figures["cpu"] / COMPARED)
        peaks, reads = {}, {}
        for size in SIZES:
            sys.stderr.write(f"{size} connections\n")
            before = stub.counts()
            (figures,) = push_costs(BROADCAST, [_task(size)], environment)
            after = stub.counts()
            peaks[str(size)] = round(figures["peak"] / 2**20, 1)
            posts = after["PostToConnection"] - before["PostToConnection"]
            reads[str(size)] = (after["Scan"] - before.get("Scan", 0)) / posts
            if posts != size * figures["pushes"]:
                raise RuntimeError(f"{posts} posts for {size} connections")
        pushes = beside.measured(certificates, core=core)
    ratios = [mine / theirs for mine, theirs in zip(cpu[BROADCAST], cpu[OURS], strict=True)]
    return {
        "generatedAt": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.description(),
        "cpu": {name: [round(each, 2) for each in values] for name, values in cpu.items()},
        "cpuRatio": round(statistics.median(ratios), 3),
        "peakMebibytes": peaks,
        "readsPerConnection": reads,
        "beside": pushes,
    }


def problems(figures: Mapping[str, Any]) -> list[str]:
    """Return which targets are missed."""
    return [text for text, met in verdicts(figures).items() if not met]


def verdicts(figures: Mapping[str, Any]) -> dict[str, bool]:
    """Return for each target, with what was measured, whether it is met."""
    peaks = [figures["peakMebibytes"][str(size)] for size in SIZES]
    memory, reads = max(peaks) / peaks[0], max(figures["readsPerConnection"].values())
    cpu, delay = figures["cpuRatio"], figures["beside"]["ratio"]
    return {
        f"a broadcast's CPU of a post: {cpu} times that of a push, asked at most {MOST_CPU}": cpu <= MOST_CPU,
        f"a broadcast's memory: {memory:.2f} times, asked at most {MOST_MEMORY}": memory <= MOST_MEMORY,
        f"a broadcast's reads for each connection: {reads:.4f}, asked below {MOST_READS}": reads < MOST_READS,
        f"pushes to users beside a broadcast: p99 {delay} times, asked at most {MOST_DELAY}": delay <= MOST_DELAY,
    }


def tables(figures: Mapping[str, Any]) -> dict[str, str]:
    """Write the tables of docs/scale.md, by the name of their place there."""
    return {"measured": _measured_table(figures), "computed": _computed_table(figures)}


def broadcast_cost(connections: int, cpu_seconds: float, rate: int) -> dict[str, float]:
    """Return what a broadcast takes: seconds, workers, and dollars by service."""
    capacity = WORKER_MB / cost.FULL_PROCESSOR_MB / cpu_seconds
    workers = max(2, math.ceil(rate / capacity))
    seconds = connections / rate
    segments = max(workers, math.ceil(seconds / (WORKER_SECONDS * SENDING_SHARE)) * workers)
    pages = connections / PAGE_ROWS
    busy = workers * max(seconds, lambda_seconds(connections / workers * cpu_seconds, WORKER_MB, 0.0))
    return {
        "seconds": seconds,
        "workers": workers,
        "messages": MESSAGE.of(connections),
        "lambda": INVOCATION.of(segments) + GIGABYTE_SECOND.of(busy * WORKER_MB / 1024),
        "reads": cost.READ.of(pages * math.ceil(PAGE_ROWS * ROW_BYTES / 4096)),
        "queue": SQS_REQUEST.of(3 * segments),
        "logs": LOG.of(segments * cost.LOG_BYTES / 1e9),
    }


def cost_tables(figures: Mapping[str, Any]) -> dict[str, str]:
    """Write the table of docs/cost.md that compares the ways to reach a million."""
    return {"million": _million_table(figures)}


def listed_cost() -> dict[str, float]:
    """Return what it costs to reach a million users with a connection each, listed in requests of 10,000."""
    pushes = MILLION // USERS_A_PUSH
    busy = lambda_seconds(MILLION * cost.cpu_per_user(load(RESULTS))[OURS], cost.PUSH_MB, 0.0)
    return {
        "messages": MESSAGE.of(MILLION),
        "lambda": INVOCATION.of(pushes) + GIGABYTE_SECOND.of(busy * cost.PUSH_MB / 1024),
        "reads": cost.READ.of(MILLION / 2),
        "writes": cost.WRITE.of(MILLION),
        "queue": 0.0,
        "logs": LOG.of(pushes * cost.LOG_BYTES / 1e9),
    }


def cpu_of_a_post(figures: Mapping[str, Any]) -> float:
    """Return the CPU of a post of a broadcast over TLS, in seconds.

    The broadcast is measured without TLS; what TLS adds is taken from the push's results.
    """
    results = load(RESULTS)
    plain, tls = (cost._cpu(results, f"{kind}.cpu.1000")[OURS] for kind in ("user", "user-tls"))
    without_tls: float = statistics.median(figures["cpu"][BROADCAST]) / 1e6
    return without_tls * tls / plain


def _task(connections: int) -> Task:
    return {"users": 1, "connections": connections, "seconds": 0.0, "warm": 0}


def _measured_table(figures: Mapping[str, Any]) -> str:
    broadcast, push = (statistics.median(figures["cpu"][name]) for name in (BROADCAST, OURS))
    rows = [
        [f"CPU of a post, {COMPARED:,} connections", f"{broadcast:.1f} us", f"a push to one user: {push:.1f} us"],
        ["the same as a ratio, median of the rounds", f"{figures['cpuRatio']:.2f}", f"at most {MOST_CPU}"],
        *(
            [f"memory of the process, {size:,} connections", f"{figures['peakMebibytes'][str(size)]} MiB", ""]
            for size in SIZES
        ),
        [
            f"requests to DynamoDB for each connection, {SIZES[-1]:,} connections",
            f"{figures['readsPerConnection'][str(SIZES[-1])]:.4f}",
            f"below {MOST_READS}",
        ],
        *_beside_rows(figures["beside"]),
    ]
    return _table(["what", "measured", "compared with"], rows)


def _beside_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """Write the rows about pushes to users, as far as they compare."""
    alone, during = (statistics.median(figures[f"{name}Milliseconds"]) for name in ("alone", "beside"))
    return [
        ["p99 of a push to a user beside a broadcast", f"{during:.1f} ms", f"without: {alone:.1f} ms"],
        ["the same as a ratio, median of the rounds", f"{figures['ratio']:.2f}", f"at most {MOST_DELAY}"],
        [
            "p99 of a push to a user beside a broadcast without a rate",
            f"{figures['unboundedMilliseconds']:,.0f} ms",
            "what the rate prevents",
        ],
    ]


def _computed_table(figures: Mapping[str, Any]) -> str:
    cpu, rows = cpu_of_a_post(figures), []
    for connections in CONNECTIONS:
        for times in (1, 10):
            found = broadcast_cost(connections, cpu, QUOTA * times)
            dollars = sum(value for name, value in found.items() if name not in ("seconds", "workers"))
            rows.append(
                [
                    f"{connections:,}",
                    f"{QUOTA * times:,}",
                    f"{found['seconds']:,.0f}",
                    f"{found['workers']:,.0f}",
                    f"${found['messages']:,.2f}",
                    f"${found['lambda']:,.2f}",
                    f"${found['reads']:,.2f}",
                    f"**${dollars:,.2f}**",
                ]
            )
    head = ["connections", "posts per second", "seconds", "workers", "messages", "Lambda", "reads", "total"]
    return _table(head, rows)


def _million_table(figures: Mapping[str, Any]) -> str:
    fanned_out = {**broadcast_cost(MILLION, cpu_of_a_post(figures), QUOTA // 2), "writes": cost.WRITE.of(1)}
    ways = {
        "listed users, 10,000 a request": listed_cost(),
        # Before it is split into segments its keys are paged through, eventually consistent.
        "one topic that all are subscribed to": {**fanned_out, "reads": 1.5 * fanned_out["reads"]},
        "a broadcast": fanned_out,
    }
    parts = ("messages", "lambda", "reads", "writes", "queue", "logs")
    rows = [
        [way, *(f"${found[part]:.3f}" for part in parts), f"**${sum(found[part] for part in parts):.2f}**"]
        for way, found in ways.items()
    ]
    return _table(["a million reached by", "messages", "Lambda", "reads", "writes", "queue", "logs", "total"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    sys.exit(main())
