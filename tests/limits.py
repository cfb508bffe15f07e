"""A time limit for what must end."""

import contextlib
import signal
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Fail with a traceback of where the main thread is, once this many seconds are over.

    The alarm rings again every second, because code under test, or an event loop, may take the first one for an error
    of its own.
    """

    def ring(_number: int, _frame: object) -> None:
        pytest.fail(f"This has no end, or none within {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)
