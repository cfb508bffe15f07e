"""Requests one after the other over blocking sockets: for the functions that make one, two or three of them.

asyncio takes longer to import than one request takes from signature to answer, so a function that has nothing to do at
the same time starts without it. Its code awaits calls as with any other sender. Its coroutines pause in one place only,
where a request has been sent and its answer has not been read: `drive` runs one of them to its end, and `together` lets
the requests of several be on their way at once.
"""

import time
from collections.abc import Callable, Mapping

from websocket_push.aws import retry
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import ATTEMPT_TIMEOUT, IDLE_LIMIT, Attempt, Sender
from websocket_push.http.blocking import BlockingConnection, open_connection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.response import Response


class SequentialSender(Sender):
    """A request at a time, on connections that stay open between invocations.

    A request has to be small: it is written whole before the answer is read. Looking up a name has no time limit but
    the resolver's own, so that alone can hold a request up past its deadline.

    The credentials are read again for each request, and before each retry.

    Parameters
    ----------
    environment, random, clock, attempt_timeout, idle_limit, idle_clock
        See `Sender`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        random: Callable[[], float] = retry.random,
        clock: Callable[[], float] = time.time,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        idle_limit: float = IDLE_LIMIT,
        idle_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            environment,
            random=random,
            clock=clock,
            attempt_timeout=attempt_timeout,
            idle_limit=idle_limit,
            idle_clock=idle_clock,
        )
        self._idle: dict[tuple[str, str, int], list[BlockingConnection]] = {}

    def close(self) -> None:
        """Close every idle connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _attempt(
        self, target: Target, path: str, canonical_path: str, payload: Payload, deadline: float
    ) -> Attempt:
        sent = 0
        try:
            connection = self._connection(target.endpoint, deadline)
            try:
                sent += 1
                return Attempt(sent, await self._exchange(connection, target, path, canonical_path, payload, deadline))
            except ConnectionLost:
                if not connection.stale:
                    raise
            # The server had closed it as idle: RFC 9112, section 9.3.1. Not a failed attempt.
            connection = self._open(target.endpoint, deadline)
            sent += 1
            return Attempt(sent, await self._exchange(connection, target, path, canonical_path, payload, deadline))
        except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as failure:
            return Attempt(sent, failure=failure)

    async def _exchange(
        self,
        connection: BlockingConnection,
        target: Target,
        path: str,
        canonical_path: str,
        payload: Payload,
        deadline: float,
    ) -> Response:
        try:
            expires = self.expiry(deadline)
            connection.sent_at = self._freshness.clock()
            return await connection.exchange(self.message(target, path, canonical_path, payload), expires)
        except Expired:
            if connection.stale:
                self._freshness.stalled(connection.sent_at)
            raise
        finally:
            self._release(target.endpoint, connection)

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - no loop runs

    def _connection(self, endpoint: Endpoint, deadline: float) -> BlockingConnection:
        """Take the idle connection that was used last, or open one."""
        idle = self._idle.get(endpoint.address, [])
        while idle:
            connection = idle.pop()
            if self._freshness.is_fresh(connection.idle_since) and connection.is_quiet():
                return connection
            connection.close()
        return self._open(endpoint, deadline)

    def _open(self, endpoint: Endpoint, deadline: float) -> BlockingConnection:
        limit = self.expiry(deadline)
        if endpoint.scheme != "https":
            return open_connection(endpoint, None, limit)
        tls = self._client_tls()
        try:
            return open_connection(endpoint, tls.context, limit)
        except ConnectionRefused as failure:
            if failure.transient or not tls.partial:
                raise
        tls.complete()
        return open_connection(endpoint, tls.context, limit)

    def _release(self, endpoint: Endpoint, connection: BlockingConnection) -> None:
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = self._freshness.clock()
        self._idle.setdefault(endpoint.address, []).append(connection)
