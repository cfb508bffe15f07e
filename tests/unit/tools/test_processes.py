import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.paths import CHECKOUT
from tools.processes import running, uninterrupted

# Starts a child of its own and says who it is.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def runs(pid: int) -> bool:
    """Return whether a process runs; one that has ended and only waits to be noticed does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


def fail_while_running(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Leave the block by an exception, and return the program and its child."""
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
    # Both are killed at once, and only the program is waited for.
    until = time.monotonic() + 30
    while runs(child):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_program_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
    with running([sys.executable, "-c", script], cwd=tmp_path, environment=os.environ, grace_seconds=30) as process:
        assert process.stdout is not None
        process.stdout.readline()
    assert process.returncode == 7


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Handle SIGINT as a shell's foreground job does: a background job inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
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


IGNORED = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"

WAITING = """
import time
from tools.paths import CHECKOUT
from tools.processes import end_on_signals
end_on_signals()
try:
    print(flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    raise SystemExit(7)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_commands_clean_up_on_signals_that_they_inherited_as_ignored(number: signal.Signals) -> None:
    command = [sys.executable, "-c", IGNORED, sys.executable, "-c", WAITING]
    with running(command, cwd=CHECKOUT, environment=os.environ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(timeout=30) == 7


def test_every_command_that_cleans_up_does_so_however_it_was_started() -> None:
    """nohup, cron and shells without job control start a program with SIGINT ignored."""
    commands = {path: path.read_text(encoding="utf-8") for path in (CHECKOUT / "tools").rglob("*.py")}
    cleaning = {
        path.relative_to(CHECKOUT).as_posix()
        for path, text in commands.items()
        if "__main__" in text and ("TemporaryDirectory" in text or "KeyboardInterrupt" in text)
    }
    assert len(cleaning) > 5
    assert {
        name for name in cleaning if "end_on_signals()" not in (CHECKOUT / name).read_text(encoding="utf-8")
    } == set()
