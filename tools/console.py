"""What a command shows while something takes its time."""

import re
import sys
import time
from typing import TextIO

_QUIET_SECONDS = 10.0
_PLANNED = re.compile(r"^Plan: (\d+) to add, (\d+) to change, (\d+) to destroy")
_DONE = re.compile(r": (Creation|Modifications|Destruction) complete")


class Progress:
    """Shows how far Terraform has come: one line that is rewritten on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    label
        What is under way.
    stream
        Where to show it.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stdout
        self._started = self._shown = time.monotonic()
        self._planned = self._done = 0
        self._show()

    def __call__(self, line: str) -> None:
        """Take in a line that Terraform printed."""
        planned = _PLANNED.match(line)
        if planned:
            self._planned = sum(map(int, planned.groups()))
        elif _DONE.search(line):
            self._done += 1
        self._show()

    def finish(self) -> str:
        """Leave a finished line behind, and return the time that it took."""
        text = f"{self._label} ... {self._counted()}{self._seconds():.0f} s"
        self._stream.write(f"\r\x1b[K{text}\n" if self._stream.isatty() else f"{text}\n")
        self._stream.flush()
        return text

    def _show(self) -> None:
        terminal = self._stream.isatty()
        if not terminal and time.monotonic() - self._shown < _QUIET_SECONDS:
            return
        self._shown = time.monotonic()
        text = f"{self._label} ... {self._counted()}{self._seconds():.0f} s"
        self._stream.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
        self._stream.flush()

    def _counted(self) -> str:
        return f"{self._done} of {self._planned} resources, " if self._planned else ""

    def _seconds(self) -> float:
        return time.monotonic() - self._started
