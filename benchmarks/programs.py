"""Starting the contenders: each measurement in a process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders.harness import NOTIFICATION, POOL_SIZE, Cost, Task
from benchmarks.definitions import AIOBOTOCORE, AWSCRT, NODE, OURS, SEQUENTIAL, THREADS
from benchmarks.machine import NODE_FOLDER, has_node
from benchmarks.stub.certificates import write_certificates
from benchmarks.stub.launch import Certificates
from tools.paths import CHECKOUT

_MODULES = {
    "broadcast": "broadcast",
    OURS: "ours",
    SEQUENTIAL: "boto3_sequential",
    THREADS: "boto3_threads",
    AIOBOTOCORE: "aiobotocore_gather",
    AWSCRT: "awscrt_gather",
}
_WRK_SCRIPT = CHECKOUT / "benchmarks" / "post.lua"


class ProgramError(Exception):
    """A contender failed; the message holds what it said."""


class Run(NamedTuple):
    """A program's life: what it printed, and its time and CPU in seconds."""

    output: str
    wall: float
    cpu: float


def is_installed(contender: str) -> bool:
    """Return whether a contender can run here. All but Node come with the environment."""
    return contender != NODE or has_node()


def push_costs(contender: str, tasks: Sequence[Task], environment: Mapping[str, str]) -> list[Cost]:
    """Let a contender do its tasks."""
    if contender == NODE:
        command = ["node", str(NODE_FOLDER / "deliver.js"), json.dumps(tasks), NOTIFICATION, str(POOL_SIZE)]
    else:
        command = [sys.executable, "-m", f"benchmarks.contenders.{_MODULES[contender]}", json.dumps(tasks)]
    costs: list[Cost] = [json.loads(line) for line in run(command, environment).output.splitlines()]
    if len(costs) != len(tasks):
        raise ProgramError(f"{contender} reported {len(costs)} of {len(tasks)} tasks.")
    return costs


def wrk_cost(url: str, environment: Mapping[str, str], *, seconds: float) -> float:
    """Let wrk post to a connection as fast as it can, and return its CPU per request in microseconds."""
    duration = f"{max(1, round(seconds))}s"
    command = ["wrk", "--threads", "1", "--connections", str(POOL_SIZE), "--duration", duration]
    outcome = run([*command, "--script", str(_WRK_SCRIPT), url], environment)
    requests = re.search(r"(\d+) requests in", outcome.output)
    if requests is None or "Non-2xx" in outcome.output or int(requests[1]) == 0:
        raise ProgramError(f"wrk did not post: {outcome.output}")
    return outcome.cpu * 1e6 / int(requests[1])


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a program to its end.

    Raises
    ------
    ProgramError
        If it fails.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**base_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            status, cpu = _wait(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if status != 0:
            said = errors.read()[-2_000:].decode(errors="replace")
            raise ProgramError(f"{' '.join(command[:4])} ended with {status}: {said}")
        return Run(output.read().decode(), wall, cpu)


def _wait(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def base_environment() -> dict[str, str]:
    """Return what every program finds in its environment."""
    # Nothing of the user's own AWS settings, proxies or Python options takes part.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    paths = os.pathsep.join(str(path) for path in (CHECKOUT, CHECKOUT / "lambda"))
    return {**kept, "PYTHONPATH": paths, "NODE_NO_WARNINGS": "1"}


def public_authorities() -> Path:
    """Return the PEM file of public authorities that botocore brings along, about as many as Lambda's system has."""
    import botocore

    return Path(botocore.__file__).parent / "cacert.pem"


def new_certificates(folder: Path) -> Certificates:
    """Make the certificates of a run in a folder."""
    authority, chain = write_certificates(folder)
    trust = folder / "trust.pem"
    # Reading the public authorities is part of a cold start, so they are there beside the run's own.
    trust.write_bytes(public_authorities().read_bytes() + b"\n" + authority.read_bytes())
    return Certificates(trust, authority, chain)
