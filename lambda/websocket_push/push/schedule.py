"""How fast a fan-out may go: a decision without I/O."""

SLICES_PER_SECOND = 20
"""Into how many steps a second is cut: what is begun at once is small beside what the account may send in a second."""

MAX_SLICE = 250
"""How many connections are begun at once at most."""


class Schedule:
    """Spreads what is begun evenly over the time.

    Parameters
    ----------
    rate
        How many may be begun in a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    @property
    def slice(self) -> int:
        """How many to begin at once."""
        return max(1, min(MAX_SLICE, int(self._rate / SLICES_PER_SECOND)))

    def reserve(self, count: int, now: float) -> float:
        """Return when the next `count` may be begun, and take that time.

        What was begun late is not caught up on: a pause must not end in a burst.
        """
        begins = max(now, self._free_at)
        self._free_at = begins + count / self._rate
        return begins
