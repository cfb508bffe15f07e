"""How many messages a connection may send: a token bucket for each, in the memory of one environment.

It costs no call to AWS. Lambda runs messages that arrive at once in several environments, and each has its own buckets;
docs/limits.md says how far the limit can be exceeded by that.
"""

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.settings import read_count

MAX_CONNECTIONS = 10_000
"""How many connections are remembered, about 2 MB; the bucket of one that is forgotten is full."""


class Rate(NamedTuple):
    """How many messages a connection may send in a second, and how many at once."""

    per_second: int
    burst: int

    def limit(self) -> "MessageLimit":
        """Return full buckets."""
        return MessageLimit(self.per_second, self.burst)


class MessageLimit:
    """The buckets of the connections whose messages this environment has handled.

    Parameters
    ----------
    per_second
        How many messages a bucket gains in a second.
    burst
        How many it holds.
    """

    def __init__(self, per_second: int, burst: int) -> None:
        self._interval = 1 / per_second
        self._tolerance = (burst - 1) * self._interval
        self._full_at: dict[str, float] = {}

    def require(self, connection_id: str, now: float) -> None:
        """Take a message out of a connection's bucket; `now` is in seconds on any clock that does not run back.

        Raises
        ------
        RequestError
            `RATE_LIMITED` where there is none, with the whole seconds after which there is.
        """
        # The connection that has been silent for longest comes first, and is forgotten first.
        full_at = max(self._full_at.pop(connection_id, now), now)
        wait = full_at - now - self._tolerance
        # An interval is not exact in binary, and what is added up is off by less than this.
        accepted = wait <= self._interval * 1e-6
        self._full_at[connection_id] = full_at + self._interval if accepted else full_at
        if len(self._full_at) > MAX_CONNECTIONS:
            del self._full_at[next(iter(self._full_at))]
        if not accepted:
            seconds = ceil(wait)
            raise RequestError("RATE_LIMITED", f"Too many messages: try again after {seconds} s.", retry_after=seconds)


def read_rate(environment: Mapping[str, str]) -> Rate:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return Rate(read_count(environment, "MESSAGES_PER_SECOND"), read_count(environment, "MESSAGE_BURST"))
