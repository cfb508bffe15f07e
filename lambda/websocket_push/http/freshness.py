"""Which of the idle connections may be used again: a decision without I/O.

A NAT gateway, an interface endpoint or a frozen environment can lose a connection without a FIN or RST. Nothing shows
that until a request on it stays unanswered. Then every connection that has been idle since before that request was
sent, to any address, is as likely to be lost, and is dropped instead of delaying another request.
"""

import time
from collections.abc import Callable
from math import inf


class Freshness:
    """What is known of idle connections.

    Parameters
    ----------
    limit
        Seconds after which an idle connection is not used again.
    clock
        A clock that runs while Lambda has the environment frozen. The monotonic one may stand still then.

    Attributes
    ----------
    clock
        As above.
    """

    __slots__ = ("_limit", "_lost_until", "clock")

    def __init__(self, limit: float, clock: Callable[[], float] = time.time) -> None:
        self._limit = limit
        self._lost_until = -inf
        self.clock = clock

    def is_fresh(self, idle_since: float) -> bool:
        """Return whether a connection that is idle since then may be used again."""
        now = self.clock()
        if now < self._lost_until:
            self._lost_until = -inf  # the clock was set back, so the two cannot be compared any more
        # Nor must a clock that was set back prolong anything.
        return idle_since > self._lost_until and 0 <= now - idle_since < self._limit

    def stalled(self, sent_at: float) -> None:
        """Note that a request on a used connection, sent at that time, got not one byte of an answer."""
        self._lost_until = max(self._lost_until, sent_at)
