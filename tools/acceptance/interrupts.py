"""Signals that end a verification: the first unwinds, and neither Terraform nor the cleaning up is cut short."""

import contextlib
import io
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO, cast

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Raises KeyboardInterrupt at the first ending signal, and says at every later one what is going on.

    A terminal's Ctrl-C often comes twice, from the terminal and from make, and an impatient person presses it again:
    neither may leave resources behind. Nor may Terraform be cut short: what AWS was making then is in no state.

    Parameters
    ----------
    say
        Prints a line.
    name
        How the run is called.
    """

    def __init__(self, say: Callable[[str], None], name: str) -> None:
        self._say = say
        self._name = name
        self._arrived = self._finishing = self._cleaning = False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals for as long as the block lasts."""
        before = {number: signal.signal(number, self._handle) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def finishing(self) -> Iterator[None]:
        """Let the block come to its end before a signal unwinds."""
        self._finishing = True
        try:
            yield
        finally:
            self._finishing = False
            if self._arrived and not self._cleaning:
                self._unwind()

    def clean(self) -> None:
        """Begin cleaning up: from here on not even a first signal unwinds."""
        self._cleaning = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._cleaning or self._arrived:
            self._say(
                "Going on to destroy: what is not destroyed stays in the account and is billed.\n"
                f"To stop it all the same, kill this process (SIGKILL), and later: make verify-aws CLEAN={self._name}"
            )
            return
        self._arrived = True
        self._say(
            "Interrupted: what Terraform has begun is finished, then everything is destroyed. That takes minutes."
        )
        if not self._finishing:
            self._unwind()

    def _unwind(self) -> None:
        self._cleaning = True
        raise KeyboardInterrupt


class _Unbreakable(io.TextIOBase):
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.isatty()
        return False


def unbreakable(stream: TextIO) -> TextIO:
    """Return a stream that writes to another as long as that takes anything: cleaning up outlives the terminal."""
    return cast(TextIO, _Unbreakable(stream))
