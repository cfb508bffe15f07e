"""Decides, without I/O, whether refused posts are due to the account's limit or to one client.

API Gateway answers 429 for two reasons: the account sends too much, or one client does not read, so that its buffer is
full ("429 LimitExceededException", API Gateway management API). The first ends when all callers wait; the second lasts
for as long as the client does not read. The responses are the same. The difference is whether posts to other
connections are accepted at the same time.
"""

import math

ALONE_SECONDS = 5.0
"""How long a connection is tried if too few others were posted to for a decision.

It covers one attempt without a response (3 s) and another one; if the API refuses for longer, the client should rather
reconnect and fetch the notification.
"""

_MEMORY = 64
"""How many connections' responses count: as many as are posted to at the same time over the pool's sockets."""

_CROWD = 16
"""How many more connections must have been refused than accepted before the account is assumed to be throttled."""


class Refusals:
    """The balance of accepted and refused connections, over the latest ones of an invocation."""

    __slots__ = ("_balance",)

    def __init__(self) -> None:
        self._balance = 0

    def note_taken(self) -> None:
        """Record that a post to a connection was accepted."""
        if self._balance < _MEMORY:
            self._balance += 1

    def note_refused(self) -> None:
        """Record that a connection was refused, once for each, however often it is tried."""
        if self._balance > -_MEMORY:
            self._balance -= 1

    def patience(self) -> float:
        """Return for how many seconds a connection that is refused is worth further attempts.

        0 if others are accepted: this connection alone is the cause. Unlimited if nearly all are refused: closing them
        would make all clients reconnect at once, to an API that is already overloaded. Otherwise `ALONE_SECONDS`.
        """
        if self._balance >= 0:
            return 0.0
        return ALONE_SECONDS if self._balance > -_CROWD else math.inf
