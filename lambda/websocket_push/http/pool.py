"""The open connections to one address: few, kept, and shared in the order of asking."""

import asyncio
from collections import deque
from functools import partial
from math import inf

from websocket_push.http.connection import Connection, open_connection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionRefused, Expired
from websocket_push.http.freshness import Freshness
from websocket_push.http.pace import Pace
from websocket_push.http.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLSession

    from websocket_push.aws.calls import Call
    from websocket_push.http.tls import ClientTls

    Waiter = tuple[asyncio.Future[Connection | None] | Call, float]

_READ_SIZE = 64 * 1024
"""How many bytes are read at once; responses are far smaller, except a page of a user with hundreds of connections."""


class Pool:
    """Keeps at most `size` connections to one address.

    A connection is opened only for a request that finds none idle. Whoever finds all of them busy waits in a queue.
    Whatever happens to a request (an answer, a failure, its task cancelled), `release` gives its place back.

    Where the service says that requests are too many, fewer go out at once, new ones and retries alike: see `Pace`.

    One alarm watches the time of all requests and waiters, so that a request does not pay for a timer of its own.

    Parameters
    ----------
    endpoint : Endpoint
        The address.
    tls : ClientTls or None
        For an https endpoint.
    size : int
        The most connections, open or being opened.
    open_timeout : float
        Seconds to open one.
    freshness : Freshness
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
        self._connections: set[Connection] = set()
        self._opening = 0
        self._idle: list[Connection] = []
        self._pace = Pace(size)
        self._waiters: deque[Waiter] = deque()
        self._session: SSLSession | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf
        self._space = memoryview(bytearray(_READ_SIZE))

    def take(self) -> Connection | None:
        """Take an idle connection, the one used last.

        Returns
        -------
        Connection or None
            None where none is idle, or where no more requests may go out now. A connection whose server has closed
            it, even while the loop was not running, is dropped.
        """
        while self._idle and self._under_way() < self._pace.bound:
            connection = self._idle.pop()
            if connection.reusable and self._freshness.is_fresh(connection.idle_since) and connection.is_quiet():
                return connection
            self._drop(connection)
        return None

    async def acquire(self, deadline: float) -> Connection:
        """Open a connection, or wait for one where all are busy. To be called after `take` found none.

        Parameters
        ----------
        deadline : float
            The loop time until which to wait.

        Returns
        -------
        Connection
            To be given back by `release`.

        Raises
        ------
        Expired
            The deadline, or the time to open a connection, passed.
        ConnectionRefused
            It could not be opened.
        """
        if self._has_room():
            self._opening += 1
            return await self._open(deadline)
        future: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiters.append((future, deadline))
        self._watch(deadline)
        try:
            connection = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._return(future.result())
            raise
        return connection if connection is not None else await self._open(deadline)

    async def reopen(self, connection: Connection, deadline: float) -> Connection:
        """Replace a connection that turned out to be closed, without queueing again.

        Parameters
        ----------
        connection : Connection
            One that was taken or acquired.
        deadline : float
            The loop time until which to try.

        Returns
        -------
        Connection
            A new one, to be given back by `release`.

        Raises
        ------
        Expired
            The deadline, or the time to open a connection, passed.
        ConnectionRefused
            It could not be opened.
        """
        self._forget(connection)
        self._opening += 1
        return await self._open(deadline)

    def send(self, connection: Connection, request: bytes, expires: float) -> "asyncio.Future[Response]":
        """Send a request on a connection and watch its time.

        Parameters
        ----------
        connection : Connection
            One that was taken or acquired.
        request : bytes
            Head and body.
        expires : float
            The loop time at which the future fails with `Expired`.

        Returns
        -------
        asyncio.Future[Response]
            See `Connection.send`.
        """
        if expires < self._alarm_at:
            self._watch(expires)
        self._note_sending(connection)
        return connection.send(request, expires)

    def submit(self, call: "Call") -> None:
        """Let a call out: on an idle connection, on one opened for it, or in turn with all who wait.

        Parameters
        ----------
        call : Call
            It gives its connection back by `release`.
        """
        connection = self.take()
        if connection is not None:
            if not call.start(connection):
                self.release(connection)
        elif self._has_room():
            self._opening += 1
            self._open_for(call)
        else:
            self._waiters.append((call, call.deadline))
            self._watch(call.deadline)

    def begin(self, call: "Call", connection: Connection, request: bytes, expires: float) -> None:
        """Send a call's request on a connection and watch its time.

        Parameters
        ----------
        call : Call
            Gets the response or the failure, see `Connection.begin`.
        connection : Connection
            The one that was given to it.
        request : bytes
            Head and body.
        expires : float
            The loop time at which the attempt fails with `Expired`.
        """
        if expires < self._alarm_at:
            self._watch(expires)
        self._note_sending(connection)
        connection.begin(call, request, expires)

    @property
    def limited(self) -> bool:
        """Whether refusals concern the whole address at the moment; see `Pace`."""
        return self._pace.limited

    def accepted(self, subject: str | None) -> None:
        """Take note of a request that was accepted, before its connection is released; see `Pace.accept`."""
        if self._pace.watchful:
            self._pace.accept(subject)

    def refused(self, connection: Connection, subject: str | None) -> None:
        """Take note of a request that was one too many, before its connection is released; see `Pace.refuse`."""
        self._pace.refuse(subject, connection.wave, self._under_way())

    def replace(self, connection: Connection, call: "Call") -> None:
        """Open a new connection for a call in place of one that turned out to be closed, see `reopen`."""
        self._forget(connection)
        self._opening += 1
        self._open_for(call)

    def release(self, connection: Connection) -> None:
        """Give a connection back: to the next who waits, to the idle ones, or closed where it is not reusable."""
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

    async def _open(self, deadline: float) -> Connection:
        """Open a connection in the place that `_opening` already counts."""
        try:
            connection = await self._connect(deadline)
        except BaseException:
            self._return(None)
            raise
        self._opening -= 1
        self._connections.add(connection)
        return connection

    async def _connect(self, deadline: float) -> Connection:
        limit = min(self._loop.time() + self._open_timeout, deadline)
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

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._session = connection.session or self._session
        connection.abort()

    def _open_for(self, call: "Call") -> None:
        """Open a connection for a call in the place that `_opening` already counts."""
        # Counted in the callback: a task that is cancelled before its first step runs no line of its own.
        opening = self._loop.create_task(self._connect(call.deadline))
        opening.add_done_callback(partial(self._opened, call))
        call.wait_for(opening)

    def _opened(self, call: "Call", opening: "asyncio.Task[Connection]") -> None:
        failure = asyncio.CancelledError() if opening.cancelled() else opening.exception()
        if failure is not None:
            self._return(None)
            if isinstance(failure, Exception) and not call.done():
                call.set_exception(failure)
            return
        connection = opening.result()
        self._opening -= 1
        self._connections.add(connection)
        if self._under_way() > self._pace.bound and not call.done():
            # Others have been refused in the meantime, so it waits, but is the next.
            self._waiters.appendleft((call, call.deadline))
            self._watch(call.deadline)
            self.release(connection)
        elif call.done() or not call.start(connection):
            self.release(connection)

    def _note_sending(self, connection: Connection) -> None:
        connection.wave = self._pace.wave
        connection.sent_at = self._freshness.clock()

    def _under_way(self) -> int:
        return len(self._connections) + self._opening - len(self._idle)

    def _has_room(self) -> bool:
        return len(self._connections) + self._opening < self._size and self._under_way() < self._pace.bound

    def _hand_over(self, connection: Connection) -> bool:
        """Give a connection to the next who waits; say whether there was one."""
        while self._waiters:
            waiter, _ = self._waiters.popleft()
            if waiter.done():
                continue
            if isinstance(waiter, asyncio.Future):
                waiter.set_result(connection)
                return True
            if waiter.start(connection):
                return True
        return False

    def _rest(self, connection: Connection) -> None:
        connection.idle_since = self._freshness.clock()
        self._idle.append(connection)

    def _let_out(self) -> None:
        """Let those who wait go on, as far as connections and pace allow."""
        while self._waiters:
            connection = self.take()
            if connection is not None:
                if not self._hand_over(connection):
                    self._rest(connection)
            elif self._has_room():
                self._grant_place()
            else:
                return

    def _drop(self, connection: Connection) -> None:
        self._forget(connection)
        self._grant_place()

    def _return(self, granted: Connection | None) -> None:
        """Take back what a waiter was given and will not use: a connection, or the place to open one."""
        if granted is not None:
            self.release(granted)
            return
        self._opening -= 1
        self._grant_place()

    def _grant_place(self) -> None:
        while self._waiters and self._has_room():
            waiter, _ = self._waiters.popleft()
            if waiter.done():
                continue
            self._opening += 1
            if isinstance(waiter, asyncio.Future):
                waiter.set_result(None)
            else:
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
        for waiter, deadline in self._waiters:
            if not waiter.done():
                (late if deadline <= now else waiting).append((waiter, deadline))
        self._waiters = waiting
        for waiter, _ in late:
            waiter.set_exception(Expired())
        expired = [connection for connection in self._connections if connection.expires <= now]
        for connection in expired:
            if connection.stale:
                self._freshness.stalled(connection.sent_at)
        # Only then, because a call gives its connection back at once, and the next request takes one.
        for connection in expired:
            connection.expire()
        moments = [connection.expires for connection in self._connections]
        moments += [deadline for _, deadline in self._waiters]
        earliest = min(moments, default=inf)
        if earliest < inf:
            self._watch(earliest)
