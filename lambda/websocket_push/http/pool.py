"""The open connections to one address: few, kept open, and shared in the order of requests.

There is one way to get a connection: `Pool.submit` a waiter, which is started with one.
"""

import asyncio
from collections import deque
from functools import partial
from math import inf

from websocket_push.http.connection import HttpConnection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionRefused, Expired
from websocket_push.http.freshness import Freshness
from websocket_push.http.opening import open_connection
from websocket_push.http.pace import Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLSession
    from typing import Protocol

    from websocket_push.http.connection import Receiver
    from websocket_push.http.tls import ClientTls

    class Waiter(Protocol):
        """What a pool gives a connection to."""

        deadline: float
        """The loop time until which it waits."""

        def done(self) -> bool:
            """Return whether no connection is needed any more."""

        def start(self, connection: HttpConnection) -> bool:
            """Use a connection and give it back by `Pool.release`; False where it is not used."""

        def wait_for(self, opening: "asyncio.Task[HttpConnection]") -> None:
            """Take note of the connection that is being opened for it, to cancel that where it gives up."""

        def set_exception(self, failure: Exception) -> None:
            """Take the reason why there is no connection: `Expired` or `ConnectionRefused`."""


_READ_SIZE = 64 * 1024
"""How many bytes are read at once; responses are far smaller, except a page of a user with hundreds of connections."""


class Pool:
    """Keeps at most `size` connections to one address.

    A connection is opened only for a waiter that finds none idle. One that finds all of them busy waits in a queue.
    Whatever happens to its request (an answer, a failure, its task cancelled), `release` gives the place back.

    Where the service says that requests are too many, fewer go out at once, new ones and retries alike: see `Pace`.

    One alarm watches the time of all requests and waiters, so that a request does not pay for a timer of its own.

    Parameters
    ----------
    endpoint
        The address.
    tls
        For an https endpoint.
    size
        The most connections, open or being opened.
    open_timeout
        Seconds to open one.
    freshness
        Says which idle connections may be used again; all pools of a sender share it.
    """

    def __init__(
        self, endpoint: Endpoint, tls: "ClientTls | None", *, size: int, open_timeout: float, freshness: Freshness
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._size = size
        self._open_timeout = open_timeout
        self._freshness = freshness
        self._loop = asyncio.get_running_loop()
        self._connections: set[HttpConnection] = set()
        self._opening = 0
        self._idle: list[HttpConnection] = []
        self._pace = Pace(size)
        self._waiters: deque[Waiter] = deque()
        self._session: SSLSession | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf
        self._space = memoryview(bytearray(_READ_SIZE))

    def take(self) -> HttpConnection | None:
        """Take an idle connection, the one used last.

        Returns
        -------
        HttpConnection or None
            None where none is idle, or where no more requests may go out now. A connection whose server has closed
            it, even while the loop was not running, is dropped.
        """
        while self._idle and self._under_way() < self._pace.bound:
            connection = self._idle.pop()
            if connection.reusable and self._freshness.is_fresh(connection.idle_since) and connection.is_quiet():
                return connection
            self._drop(connection)
        return None

    def submit(self, waiter: "Waiter") -> None:
        """Start a waiter with a connection: an idle one, one opened for it, or the next one in turn with all who wait.

        Parameters
        ----------
        waiter
            Perhaps started before this returns.
        """
        connection = self.take()
        if connection is not None:
            if not waiter.start(connection):
                self.release(connection)
        elif self._has_room():
            self._opening += 1
            self._open_for(waiter)
        else:
            self._waiters.append(waiter)
            self._watch(waiter.deadline)

    def replace(self, connection: HttpConnection, waiter: "Waiter") -> None:
        """Open a new connection in place of one that turned out to be closed, without queueing again.

        Parameters
        ----------
        connection
            The one that the waiter was started with.
        waiter
            It is started again.
        """
        self._forget(connection)
        self._opening += 1
        self._open_for(waiter)

    def send(self, connection: HttpConnection, receiver: "Receiver", request: bytes, expires: float) -> None:
        """Send a request on a connection and watch its time.

        Parameters
        ----------
        connection
            One that was given to a waiter and not released.
        receiver
            Gets the answer, see `HttpConnection.send`.
        request
            Head and body.
        expires
            The loop time at which the request fails with `Expired`.
        """
        if expires < self._alarm_at:
            self._watch(expires)
        connection.wave = self._pace.wave
        connection.sent_at = self._freshness.clock()
        connection.send(receiver, request, expires)

    @property
    def limited(self) -> bool:
        """Whether refusals concern the whole address at the moment; see `Pace`."""
        return self._pace.limited

    def accepted(self, subject: str | None) -> None:
        """Take note of a request that was accepted, before its connection is released; see `Pace.accept`."""
        if self._pace.watchful:
            self._pace.accept(subject)

    def refused(self, connection: HttpConnection, subject: str | None) -> None:
        """Take note of a request that was one too many, before its connection is released; see `Pace.refuse`."""
        self._pace.refuse(subject, connection.wave, self._under_way())

    def release(self, connection: HttpConnection) -> None:
        """Return a connection: to the next who waits, to the idle ones, or closed where it is not reusable."""
        if connection not in self._connections:
            return
        if not connection.reusable:
            self._drop(connection)
            return
        if self._pace.slow or (self._idle and self._waiters):
            self._rest(connection)
            self._let_out()
        elif not self._hand_over(connection):
            self._rest(connection)

    def close(self) -> None:
        """Close every connection; requests in flight fail."""
        self._idle.clear()
        for connection in list(self._connections):
            connection.connection_lost(None)
            if connection in self._connections:
                self._drop(connection)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        self._alarm_at = inf

    async def _connect(self, deadline: float) -> HttpConnection:
        now = self._loop.time()
        if now >= deadline:
            raise Expired
        limit = min(now + self._open_timeout, deadline)
        tls = self._tls
        if tls is None:
            return await open_connection(self._endpoint, None, limit, self._space)
        partial = tls.partial  # by now; another handshake may complete it
        try:
            return await open_connection(self._endpoint, tls.context, limit, self._space, self._resumable())
        except ConnectionRefused as failure:
            if failure.transient or not partial:
                raise
        tls.complete()
        return await open_connection(self._endpoint, tls.context, limit, self._space, self._resumable())

    def _resumable(self) -> "SSLSession | None":
        """Return the TLS session of a connection that is, or was, open."""
        if self._tls is not None:
            for connection in self._connections:
                session = connection.session
                if session is not None:
                    self._session = session
                    break
        return self._session

    def _forget(self, connection: HttpConnection) -> None:
        self._connections.discard(connection)
        self._session = connection.session or self._session
        connection.abort()

    def _open_for(self, waiter: "Waiter") -> None:
        """Open a connection for a waiter in the place that `_opening` already counts."""
        # Counted in the callback: a task that is cancelled before its first step runs no line of its own.
        opening = self._loop.create_task(self._connect(waiter.deadline))
        opening.add_done_callback(partial(self._opened, waiter))
        waiter.wait_for(opening)

    def _opened(self, waiter: "Waiter", opening: "asyncio.Task[HttpConnection]") -> None:
        self._opening -= 1
        failure = asyncio.CancelledError() if opening.cancelled() else opening.exception()
        if failure is not None:
            self._grant_place()
            if isinstance(failure, Exception) and not waiter.done():
                waiter.set_exception(failure)
            return
        connection = opening.result()
        self._connections.add(connection)
        if self._under_way() > self._pace.bound and not waiter.done():
            # Others have been refused in the meantime, so it waits, but is the next.
            self._waiters.appendleft(waiter)
            self._watch(waiter.deadline)
            self.release(connection)
        elif waiter.done() or not waiter.start(connection):
            self.release(connection)

    def _under_way(self) -> int:
        return len(self._connections) + self._opening - len(self._idle)

    def _has_room(self) -> bool:
        return len(self._connections) + self._opening < self._size and self._under_way() < self._pace.bound

    def _hand_over(self, connection: HttpConnection) -> bool:
        """Start the next waiter with a connection; return whether there was one."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done() and waiter.start(connection):
                return True
        return False

    def _rest(self, connection: HttpConnection) -> None:
        connection.idle_since = self._freshness.clock()
        self._idle.append(connection)

    def _let_out(self) -> None:
        """Start those that wait, as far as connections and pace allow."""
        while self._waiters:
            connection = self.take()
            if connection is not None:
                if not self._hand_over(connection):
                    self._rest(connection)
            elif self._has_room():
                self._grant_place()
            else:
                return

    def _drop(self, connection: HttpConnection) -> None:
        self._forget(connection)
        self._grant_place()

    def _grant_place(self) -> None:
        while self._waiters and self._has_room():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._opening += 1
                self._open_for(waiter)
                return

    def _watch(self, moment: float) -> None:
        if moment >= self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = moment
        self._alarm = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._alarm_at = inf
        now = self._loop.time()
        late: list[Waiter] = []
        waiting: deque[Waiter] = deque()
        for waiter in self._waiters:
            if not waiter.done():
                (late if waiter.deadline <= now else waiting).append(waiter)
        self._waiters = waiting
        for waiter in late:
            waiter.set_exception(Expired())
        expired = [connection for connection in self._connections if connection.expires <= now]
        for connection in expired:
            if connection.stale:
                self._freshness.stalled(connection.sent_at)
        # Only then, because a call gives its connection back at once, and the next request takes one.
        for connection in expired:
            connection.expire()
        moments = [connection.expires for connection in self._connections]
        moments += [waiter.deadline for waiter in self._waiters]
        earliest = min(moments, default=inf)
        if earliest < inf:
            self._watch(earliest)
