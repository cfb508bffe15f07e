"""Requests that need no task: the first attempt of each is carried by callbacks.

Nearly every request of a fan-out succeeds at its first attempt. A task and two futures for each would cost more than
signing, sending and reading it. So a :class:`Call` waits in the pool's queue itself, goes out in the moment a
connection is free, and only what was not a success is given to whoever can wait: `Transport.request` goes on from
the :class:`Attempt`, with the one set of rules for retries and deadlines.
"""

from asyncio import Task
from collections.abc import Callable

from websocket_push.http.errors import ConnectionLost, Expired
from websocket_push.http.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.aws.concurrent import Transport
    from websocket_push.aws.requests import Payload, Target
    from websocket_push.http.connection import Connection
    from websocket_push.http.pool import Pool


class Attempt:
    """What the first attempt of a call came to, where that was not success.

    Attributes
    ----------
    sent : int
        How many requests went out.
    response : Response or None
        The refusal, where one came.
    failure : Exception or None
        Why none came. With neither, nothing was tried.
    """

    __slots__ = ("failure", "response", "sent")

    def __init__(self, sent: int = 0, response: Response | None = None, failure: Exception | None = None) -> None:
        self.sent = sent
        self.response = response
        self.failure = failure


class Call:
    """One request on its way: what waits in a pool's queue, and what a connection gives its response to.

    Parameters
    ----------
    transport : Transport
        Signs the request when it is about to be sent, and counts it while it is on its way.
    target, path, canonical_path, payload
        See `Transport.request`.
    deadline : float
        The loop time until which to wait for a connection.
    done : Callable[[Call, Attempt or None], None]
        Called exactly once: with None for a 2xx response, else with what is left to deal with. It must not raise.

    Attributes
    ----------
    response : Response or None
        The 2xx response, once it is there.
    sent : int
        How many requests went out.
    """

    __slots__ = (
        "_canonical_path",
        "_connection",
        "_done",
        "_finished",
        "_opening",
        "_path",
        "_payload",
        "_pool",
        "_target",
        "_transport",
        "deadline",
        "response",
        "sent",
    )

    def __init__(
        self,
        transport: "Transport",
        target: "Target",
        path: str,
        canonical_path: str,
        payload: "Payload",
        deadline: float,
        done: "Callable[[Call, Attempt | None], None]",
    ) -> None:
        self._transport = transport
        self._target = target
        self._path = path
        self._canonical_path = canonical_path
        self._payload = payload
        self._done = done
        self._pool: Pool | None = None
        self._connection: Connection | None = None
        self._opening: Task[Connection] | None = None
        self._finished = False
        self.response: Response | None = None
        self.sent = 0
        self.deadline = deadline

    def done(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self._finished

    def begin(self, pool: "Pool") -> None:
        """Go out on a connection of a pool, now or in turn."""
        self._pool = pool
        self._transport.active += 1
        pool.submit(self)

    def start(self, connection: "Connection") -> bool:
        """Go out on a connection that is free.

        Returns
        -------
        bool
            False where the connection was not used.
        """
        assert self._pool is not None  # noqa: S101 - for the type checker: `begin` has set it
        try:
            expires = self._transport.expiry(self.deadline)
            message = self._transport.message(self._target, self._path, self._canonical_path, self._payload)
        except Expired as late:
            self._finish(Attempt(self.sent, failure=late))
            return False
        except Exception:
            # Whoever goes on meets the same, and can raise it.
            self._finish(Attempt(self.sent))
            return False
        self._connection = connection
        self.sent += 1
        self._pool.begin(self, connection, message, expires)
        return True

    def wait_for(self, opening: "Task[Connection]") -> None:
        """Remember the connection that is being opened for it."""
        self._opening = opening

    def set_result(self, response: Response) -> None:
        """Take the response."""
        status = response.status
        connection, pool = self._connection, self._pool
        if connection is not None and pool is not None:
            self._connection = None
            self._transport.hear(pool, connection, self._target, self._path, response)
            pool.release(connection)
        if 200 <= status < 300:
            self.response = response
            self._finish(None)
        else:
            self._finish(Attempt(self.sent, response))

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
        """Give up whatever is under way."""
        if self._finished:
            return
        self._finished = True  # before the rest, so that nothing that comes of it is taken for an answer
        if self._opening is not None:
            self._opening.cancel()
        self._release()
        self._finish(Attempt(self.sent))

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._pool is not None:
            self._pool.release(connection)

    def _finish(self, attempt: Attempt | None) -> None:
        self._finished = True
        if self._pool is not None:
            self._transport.active -= 1
        self._done(self, attempt)
