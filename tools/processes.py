"""Child processes that never outlive the command that started them.

Each child leads a process group of its own, so that Ctrl-C reaches only this process, which then ends the children
and all that they started, in the right order.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    """Make SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every child is ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # A shell starts background jobs with SIGINT ignored; this command must end on it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put signals off while cleaning up, so that an impatient second Ctrl-C cannot leave something behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    for number in _ENDING_SIGNALS:
        signal.signal(number, lambda arrival, _: arrived.append(arrival))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(signal.Signals(arrived[0]))


def end(process: subprocess.Popen[bytes], *, grace_seconds: float = 0.0) -> None:
    """End a program and all that it started.

    Parameters
    ----------
    grace_seconds
        How long it may take to end by itself after SIGTERM. Then, or at once if 0, its whole group is killed.
    """
    if grace_seconds and process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace_seconds)
    # The group outlives its leader as long as a member does.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    grace_seconds: float = 0.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts, its standard error joined with its standard output.

    Parameters
    ----------
    grace_seconds
        See `end`.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        with uninterrupted():  # A process that is started but not yet known could not be ended.
            process = subprocess.Popen(
                [str(each) for each in command],
                cwd=cwd,
                env=dict(environment),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        yield process
    finally:
        with uninterrupted():
            if process is not None:
                end(process, grace_seconds=grace_seconds)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
