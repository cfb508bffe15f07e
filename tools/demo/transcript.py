"""What the demo prints: a line for each fact, after it was found to hold."""

import json
import sys
from typing import TextIO


class UnmetError(Exception):
    """Something did not turn out as it should."""


class Transcript:
    """Writes the transcript.

    Parameters
    ----------
    stream
        Where to.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self._coloured = self.stream.isatty()

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._write(f"\n{self._bold(text)}")

    def note(self, text: str) -> None:
        """Print what is being done."""
        self._write(f"       {text}")

    def check(self, fact: str, *, holds: bool, seen: object) -> None:
        """State a fact, with what was seen if it does not hold.

        Raises
        ------
        UnmetError
            If it does not hold.
        """
        if not holds:
            self._write(f"  {self._bold('NO')}   {fact}")
            raise UnmetError(f"This was not as promised: {fact}\nSeen instead: {shown(seen)}")
        self._write(f"  ok   {fact}")

    def check_equal(self, fact: str, seen: object, expected: object) -> None:
        """State a fact that is a value.

        Raises
        ------
        UnmetError
            If another value was seen.
        """
        self.check(fact, holds=seen == expected, seen={"seen": seen, "expected": expected})

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        self.stream.write(f"{text}\n")
        self.stream.flush()


def shown(value: object) -> str:
    """Write a value for people."""
    return json.dumps(value, default=str, ensure_ascii=False)
