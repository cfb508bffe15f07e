"""Whose fault refused posts are: a decision without I/O.

API Gateway answers 429 for two reasons: the account sends too much, or one client does not read, so that its buffer is
full ("429 LimitExceededException", API Gateway management API). The first passes when everybody waits; the second lasts
for as long as the client does not read. The answers are the same. What tells them apart is whether posts to other
connections are taken at the same time.
"""

import math

ALONE_SECONDS = 5.0
"""How long a connection is tried where too few others were posted to for a judgement.

It covers one attempt that is never answered (3 s) and another one; what an API refuses for longer is better fetched by
a client that comes back.
"""

_MEMORY = 64
"""How many connections' answers count: as many as are posted to at the same moment over the pool's sockets."""

_CROWD = 16
"""How many more different connections have to be refused than taken before all are taken to be refused."""


class Refusals:
    """The balance of the connections that were taken and of those that were refused, the latest of an invocation."""

    __slots__ = ("_balance",)

    def __init__(self) -> None:
        self._balance = 0

    def note_taken(self) -> None:
        """Note that a connection was posted to."""
        if self._balance < _MEMORY:
            self._balance += 1

    def note_refused(self) -> None:
        """Note that a connection was refused, once for each, however often it is tried."""
        if self._balance > -_MEMORY:
            self._balance -= 1

    def patience(self) -> float:
        """Return for how many seconds a connection that is refused is worth further attempts.

        None where others are taken: it alone is at fault. Without end where all are refused: to close them would bring
        them back all at once, to an API that has too much to do.
        """
        if self._balance >= 0:
            return 0.0
        return ALONE_SECONDS if self._balance > -_CROWD else math.inf
