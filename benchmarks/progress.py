"""What is shown while it takes its time."""

import sys
import time
from typing import TextIO


class Progress:
    """Numbers the steps: one line that is rewritten on a terminal, a line per step elsewhere.

    Parameters
    ----------
    steps
        How many there will be.
    stream
        Where to show them.
    """

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self._steps = steps
        self._stream = stream or sys.stderr
        self._done = 0
        self._started = time.monotonic()

    def step(self, text: str) -> None:
        """Begin the next step."""
        self._done += 1
        line = f"[{self._done}/{self._steps}, {time.monotonic() - self._started:.0f} s] {text}"
        self._stream.write(f"\r\x1b[K{line}" if self._stream.isatty() else f"{line}\n")
        self._stream.flush()

    def finish(self) -> None:
        """Leave the terminal's line."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()
