import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.processes import running, uninterrupted

# Starts a child of its own and says who it is.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def runs(pid: int) -> bool:
    """Say whether a process runs; one that has ended and only waits to be noticed does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


def fail_while_running(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Leave the block by an exception, and give the program and its child."""
    with (
        contextlib.suppress(ZeroDivisionError),
        running([sys.executable, "-c", PARENT], cwd=folder, environment=os.environ) as process,
    ):
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert runs(child)
        raise ZeroDivisionError
    return process, child


def test_program_ends_with_the_block_and_takes_its_children_along(tmp_path: Path) -> None:
    process, child = fail_while_running(tmp_path)
    assert process.returncode == -signal.SIGKILL
    assert not runs(child)


def test_program_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
    with running([sys.executable, "-c", script], cwd=tmp_path, environment=os.environ, grace_seconds=30) as process:
        assert process.stdout is not None
        process.stdout.readline()
    assert process.returncode == 7


def test_signal_waits_until_cleaning_up_is_done() -> None:
    steps = []

    def clean_up() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            steps.append("cleaned up")
        steps.append("went on")

    with pytest.raises(KeyboardInterrupt):
        clean_up()
    assert steps == ["cleaned up"]
