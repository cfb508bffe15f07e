"""Signals that end a verification: the first unwinds, and nothing keeps the cleaning up from its end."""

import contextlib
import io
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO, cast

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def first_one_unwinds(say: Callable[[str], None], name: str) -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt at the first ending signal, and only say what is going on at every later one.

    A terminal's Ctrl-C often comes twice, from the terminal and from make, and an impatient person presses it again:
    neither may leave resources behind.

    Parameters
    ----------
    say
        Prints a line.
    name
        How the run is called.

    Yields
    ------
    Callable
        To be called before cleaning up: from then on not even a first signal unwinds.
    """
    cleaning = False

    def clean() -> None:
        nonlocal cleaning
        cleaning = True

    def handle(number: int, frame: FrameType | None) -> None:
        if cleaning:
            say(
                "Destroying goes on: what is not destroyed stays in the account and is billed.\n"
                f"To stop it all the same, kill this process (SIGKILL), and later: make verify-aws CLEAN={name}"
            )
            return
        clean()
        say("Interrupted: what is under way is finished, then everything is destroyed. That takes minutes.")
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in _ENDING}
    try:
        yield clean
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
