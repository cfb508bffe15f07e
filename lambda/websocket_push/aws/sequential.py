"""Requests one after the other over blocking sockets: for the functions that make one, two or three of them.

asyncio takes longer to import than one request takes from signature to answer, so a function that has nothing to do at
the same time starts without it. What it awaits is written as for any sender. Its coroutines pause in one place only,
where a request has been sent and its answer has not been read: `drive` runs one of them to its end, and `together`
lets the requests of several be on their way at once.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from websocket_push.aws import retry
from websocket_push.aws.error_mapping import failure_error, is_late, refusal_error
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import ATTEMPT_TIMEOUT, IDLE_LIMIT, Sender
from websocket_push.http.blocking import Connection, open_connection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.response import Response

Result = TypeVar("Result")


class SequentialSender(Sender):
    """A request at a time, on connections that stay open between invocations.

    A request has to be small: it is written whole before the answer is looked at. Looking up a name has no time limit
    but the resolver's own, so that alone can hold a request up past its deadline.

    The credentials are read anew for each request, and before each retry.

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
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}

    async def request(
        self,
        target: Target,
        path: str,
        canonical_path: str,
        payload: Payload,
        decode: Callable[[bytes], Result],
        *,
        deadline: float,
        attempts: int | None = None,
    ) -> Result:
        """Send a request that is safe to repeat, until it is answered; see `Sender.request`."""
        self.refresh_credentials()
        sent = failures = 0
        anew = False
        while True:
            connection: Connection | None = None
            response: Response | None = None
            try:
                connection = self._connection(target.endpoint, deadline, anew=anew)
                expires = self._expiry(time.monotonic(), deadline)
                message = self.message(target, path, canonical_path, payload)
                sent += 1
                connection.sent_at = self._freshness.clock()
                response = await connection.exchange(message, expires)
                if 200 <= response.status < 300:
                    return decode(response.body)
                error = refusal_error(target, response, sent)
            except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as failure:
                if connection is not None and connection.stale and isinstance(failure, ConnectionLost):
                    # The server had closed it as idle: RFC 9112, section 9.3.1. Not a failed attempt.
                    anew = True
                    continue
                if connection is not None and connection.stale and isinstance(failure, Expired):
                    self._freshness.stalled(connection.sent_at)
                late = is_late(time.monotonic(), deadline)
                error = failure_error(target, failure, response, sent, late=late)
            finally:
                if connection is not None:
                    self._release(target.endpoint, connection)
            if not error.transient or error.code == "DeadlineExceeded":
                raise error
            failures += 1
            if failures == attempts:
                raise error
            time.sleep(self._delay(error, response, failures, deadline - time.monotonic()))  # noqa: ASYNC251 - no loop runs
            self.refresh_credentials()

    def close(self) -> None:
        """Close every idle connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _connection(self, endpoint: Endpoint, deadline: float, *, anew: bool) -> "Connection":
        """Take the idle connection that was used last, or open one."""
        idle = self._idle.get(endpoint.address, [])
        while idle and not anew:
            connection = idle.pop()
            if self._freshness.is_fresh(connection.idle_since) and connection.is_quiet():
                return connection
            connection.close()
        limit = self._expiry(time.monotonic(), deadline)
        if endpoint.scheme != "https":
            return open_connection(endpoint, None, limit)
        tls = self._client_tls()
        try:
            return open_connection(endpoint, tls, limit)
        except ConnectionRefused as failure:
            if failure.transient or not tls.partial:
                raise
        tls.complete()
        return open_connection(endpoint, tls, limit)

    def _release(self, endpoint: Endpoint, connection: "Connection") -> None:
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = self._freshness.clock()
        self._idle.setdefault(endpoint.address, []).append(connection)
