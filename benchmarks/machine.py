"""The machine that measures: its processors, and what is installed on it."""

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tools.paths import CHECKOUT

NODE_FOLDER = CHECKOUT / "benchmarks" / "node"


def separate_processors() -> int:
    """Keep this process, and what it starts, off one processor; give that one's number for the stub.

    Returns
    -------
    int
        Negative where processors cannot be chosen or there is only one.
    """
    if sys.platform != "linux":
        return -1
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        return -1
    os.sched_setaffinity(0, processors[:-1])
    return processors[-1]


def has_node() -> bool:
    """Return whether the Node reference can run: Node is there, and so are its locked packages."""
    return shutil.which("node") is not None and (NODE_FOLDER / "node_modules").is_dir()


def has_wrk() -> bool:
    """Return whether wrk is installed."""
    return shutil.which("wrk") is not None


def description() -> dict[str, str]:
    """Describe the machine."""
    return {
        "processor": _processor(),
        "processors": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of all that takes part; what is not installed is left out."""
    found = {"python": platform.python_version()}
    found |= {name: metadata.version(name) for name in ("boto3", "botocore", "aiobotocore", "aiohttp", "awscrt")}
    if has_node():
        found["node"] = _said(["node", "--version"]).removeprefix("v")
        package = NODE_FOLDER / "node_modules" / "@aws-sdk" / "client-dynamodb" / "package.json"
        found["@aws-sdk/client-dynamodb"] = _said(["node", "-p", f"require({str(package)!r}).version"])
    if has_wrk():
        found["wrk"] = _said(["wrk", "--version"]).split()[1]
    return found


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _said(command: list[str]) -> str:
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    return (outcome.stdout + outcome.stderr).strip().partition("\n")[0]
