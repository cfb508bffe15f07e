"""Requests that need no task: each attempt is carried by callbacks.

Nearly every request of a fan-out succeeds at its first attempt. A task and two futures for each would cost more than
signing, sending and reading it. So a :class:`Call` itself waits in the pool's queue, and is sent the moment a
connection is free. If it fails, it leaves an :class:`Attempt`, from which `Sender.request` continues, with the one set
of rules for retries and deadlines.
"""

from websocket_push.aws.sender import Attempt
from websocket_push.http.errors import ConnectionLost, Expired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable
    from typing import Protocol

    from websocket_push.aws.requests import Payload, Target
    from websocket_push.http.connection import HttpConnection
    from websocket_push.http.pool import Pool
    from websocket_push.http.response import Response

    class Origin(Protocol):
        """What a call needs of the sender that made it."""

        active: int
        """How many calls are on their way."""

        def expiry(self, deadline: float) -> float:
            """Return when an attempt that starts now is given up; `Expired` after the deadline."""

        def message(self, target: Target, path: str, canonical_path: str, payload: Payload) -> bytes:
            """Return a request, signed for now."""


class Call:
    """One attempt on its way: what waits in a pool's queue, and what a connection gives its response to.

    Parameters
    ----------
    origin
        Signs the request when it is about to be sent, and counts it while it is on its way.
    target, path, canonical_path, payload
        See `Sender.request`.
    deadline
        The loop time until which to wait for a connection.
    done
        Called exactly once: with None for a 2xx response, else with the attempt to continue from. It must not raise.

    Attributes
    ----------
    response
        The 2xx response, once it is there.
    sent
        How many requests went out.
    """

    __slots__ = (
        "_canonical_path",
        "_connection",
        "_done",
        "_finished",
        "_opening",
        "_origin",
        "_path",
        "_payload",
        "_pool",
        "_target",
        "deadline",
        "response",
        "sent",
    )

    def __init__(
        self,
        origin: "Origin",
        target: "Target",
        path: str,
        canonical_path: str,
        payload: "Payload",
        deadline: float,
        done: "Callable[[Call, Attempt | None], None]",
    ) -> None:
        self._origin = origin
        self._target = target
        self._path = path
        self._canonical_path = canonical_path
        self._payload = payload
        self._done = done
        self._pool: Pool | None = None
        self._connection: HttpConnection | None = None
        self._opening: Task[HttpConnection] | None = None
        self._finished = False
        self.response: Response | None = None
        self.sent = 0
        self.deadline = deadline

    def done(self) -> bool:
        """Return whether it is over."""
        return self._finished

    def submit(self, pool: "Pool") -> None:
        """Send it on a connection of a pool, now or in turn."""
        self._pool = pool
        self._origin.active += 1
        pool.submit(self)

    def start(self, connection: "HttpConnection") -> bool:
        """Send it on a free connection (called by the pool).

        Returns
        -------
        bool
            False where the connection was not used.
        """
        assert self._pool is not None  # noqa: S101 - for the type checker: `submit` has set it
        try:
            expires = self._origin.expiry(self.deadline)
            message = self._origin.message(self._target, self._path, self._canonical_path, self._payload)
        except Expired as late:
            self._finish(Attempt(self.sent, failure=late))
            return False
        except Exception as failure:
            self._finish(Attempt(self.sent, failure=failure))
            return False
        self._connection = connection
        self.sent += 1
        self._pool.send(connection, self, message, expires)
        return True

    def wait_for(self, opening: "Task[HttpConnection]") -> None:
        """Remember the connection that is being opened for it (called by the pool)."""
        self._opening = opening

    def set_result(self, response: "Response") -> None:
        """Take the response."""
        connection, pool = self._connection, self._pool
        limited = False
        if connection is not None and pool is not None:
            self._connection = None
            limited = self._tell(pool, connection, response)
            pool.release(connection)
        if 200 <= response.status < 300:
            self.response = response
            self._finish(None)
        else:
            self._finish(Attempt(self.sent, response, limited=limited))

    def set_exception(self, failure: Exception) -> None:
        """Take the failure of the attempt, or of getting a connection for it."""
        connection, pool = self._connection, self._pool
        if connection is not None and pool is not None and isinstance(failure, ConnectionLost) and connection.stale:
            # The server had closed it as idle: RFC 9112, section 9.3.1. Not a failed attempt.
            self._connection = None
            pool.replace(connection, self)
            return
        self._release()
        self._finish(Attempt(self.sent, failure=failure))

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._finished:
            return
        self._finished = True  # first, so that nothing that follows counts as an answer
        if self._opening is not None:
            self._opening.cancel()
        self._release()
        self._finish(Attempt(self.sent))

    def _tell(self, pool: "Pool", connection: "HttpConnection", response: "Response") -> bool:
        """Tell the pool whether this was one request too many; return whether that concerns its whole address."""
        subject = self._path if self._target.individual else None
        if 200 <= response.status < 300:
            pool.accepted(subject)
            return False
        # Imported where it is needed: nearly every request succeeds.
        from websocket_push.aws.error_mapping import is_throttled

        if not is_throttled(response):
            return False
        pool.refused(connection, subject)
        return pool.limited

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._pool is not None:
            self._pool.release(connection)

    def _finish(self, attempt: Attempt | None) -> None:
        self._finished = True
        if self._pool is not None:
            self._origin.active -= 1
        self._done(self, attempt)
