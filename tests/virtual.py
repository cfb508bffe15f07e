"""An event loop whose time passes at once, as soon as nothing is left to do before the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_MOST_AT_ONCE = 100_000
"""How many turns of the loop may take no time: a client that waits without delay, again and again, would never end."""


class _Instant(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing more will happen: what is awaited never comes"
        self._turns = 0 if timeout > 0 else self._turns + 1
        assert self._turns < _MOST_AT_ONCE, "one timer is set after another, and time does not pass"
        self.time += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._instant = _Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._instant.time


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine for as long as it takes, which is no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
