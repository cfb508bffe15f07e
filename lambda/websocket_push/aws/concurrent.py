"""Signed requests to AWS: sent, answered or retried until a deadline, every failure one kind of error."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from websocket_push.aws import retry
from websocket_push.aws.calls import Attempt, Call
from websocket_push.aws.error_mapping import failure_error, is_late, is_throttled, refusal_error
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import ATTEMPT_TIMEOUT, IDLE_LIMIT, Sender
from websocket_push.http.connection import Connection
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.pool import Pool
from websocket_push.http.response import Response

MAXIMUM_CONNECTIONS = 64

Result = TypeVar("Result")


class Transport(Sender):
    """Many requests at once, on connections that stay warm between invocations.

    To be used from one event loop, which need not run between invocations. Where the loop is another one, all
    connections are opened anew.

    The credentials are read when a request starts while none is in flight, and before each retry: so a rotation
    between two invocations is seen, and a fan-out reads them once.

    Parameters
    ----------
    environment, random, clock, attempt_timeout, idle_limit, idle_clock
        See `Sender`.
    maximum_connections : int
        Per address.

    Attributes
    ----------
    active : int
        How many requests are on their way.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        random: Callable[[], float] = retry.random,
        clock: Callable[[], float] = time.time,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        maximum_connections: int = MAXIMUM_CONNECTIONS,
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
        self._maximum_connections = maximum_connections
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self.active = 0

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
        begun: Attempt | None = None,
    ) -> Result:
        """Send a request that is safe to repeat, until it is answered.

        Parameters
        ----------
        target, path, canonical_path, payload, decode
            See `Sender.request`.
        deadline : float
            Event loop time in seconds. Nothing is sent after it, and no wait goes past it.
        attempts : int or None
            See `Sender.request`; that of `begun` is the first.
        begun : Attempt or None
            What the same request came to when `begin` sent it: the first attempt of this one.

        Returns
        -------
        Result
            What `decode` returned.

        Raises
        ------
        AwsError
            See `Sender.request`.
        """
        loop = self._prepare()
        sent = begun.sent if begun is not None else 0
        failures = counted = 0
        pool = self._pool(target.endpoint)
        self.active += 1
        try:
            while True:
                response: Response | None = None
                try:
                    if begun is not None and begun.failure is not None:
                        raise begun.failure
                    if begun is not None:
                        response = begun.response
                    if response is None:
                        if loop.time() >= deadline:
                            raise Expired
                        connection = pool.take() or await pool.acquire(deadline)
                        try:
                            expires = self.expiry(deadline)
                            message = self.message(target, path, canonical_path, payload)
                            sent += 1
                            try:
                                response = await pool.send(connection, message, expires)
                            except ConnectionLost:
                                if not connection.stale:
                                    raise
                                # The server had closed it as idle: RFC 9112, section 9.3.1. Not a failed attempt.
                                connection = await pool.reopen(connection, deadline)
                                expires = self.expiry(deadline)
                                sent += 1
                                response = await pool.send(connection, message, expires)
                            self.hear(pool, connection, target, path, response)
                        finally:
                            pool.release(connection)
                    if 200 <= response.status < 300:
                        return decode(response.body)
                    error = refusal_error(target, response, sent)
                except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as failure:
                    error = failure_error(target, failure, response, sent, late=is_late(loop.time(), deadline))
                if not error.transient or error.code == "DeadlineExceeded":
                    raise error
                begun = None
                failures += 1
                counted += not (pool.limited and response is not None and is_throttled(response))
                if counted == attempts:
                    raise error
                await self._pause(error, response, failures, deadline - loop.time())
        finally:
            self.active -= 1

    def begin(
        self,
        target: Target,
        path: str,
        canonical_path: str,
        payload: Payload,
        *,
        deadline: float,
        done: Callable[[Call, Attempt | None], None],
    ) -> Call:
        """Send a request that is safe to repeat, without waiting: for a fan-out, whose requests nearly all succeed.

        Parameters
        ----------
        target, path, canonical_path, payload, deadline
            See `request`.
        done : Callable[[Call, Attempt or None], None]
            See `Call`; with an attempt, the caller goes on by `request`. May be called before this returns.

        Returns
        -------
        Call
            To be cancelled by a caller that does not wait for its end.
        """
        call = Call(self, target, path, canonical_path, payload, deadline, done)
        try:
            if self.active <= 0 or asyncio.get_running_loop() is not self._loop:
                self._prepare()
            pool = self._pools.get(target.endpoint.address) or self._open_pool(target.endpoint)
        except AwsError:
            call.cancel()  # `request` raises it again, to whoever can catch it
            return call
        call.begin(pool)
        return call

    def hear(self, pool: Pool, connection: Connection, target: Target, path: str, response: Response) -> None:
        """Take note of a response before its connection is released: whether requests are too many."""
        subject = path if target.individual else None
        if 200 <= response.status < 300:
            pool.accepted(subject)
        elif is_throttled(response):
            pool.refused(connection, subject)

    async def close(self) -> None:
        """Close every pooled socket. A request that is in flight fails, and may open a new connection to retry."""
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0)  # asyncio closes an aborted socket in the next turn of the loop

    def _prepare(self) -> asyncio.AbstractEventLoop:
        """Get ready for a request: the right loop, and credentials that are not older than the invocation."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        if self.active <= 0:
            self.refresh_credentials()
        return loop

    def _pool(self, endpoint: Endpoint) -> Pool:
        return self._pools.get(endpoint.address) or self._open_pool(endpoint)

    def expiry(self, deadline: float) -> float:
        """Return when an attempt that starts now is given up; nothing is sent after the deadline."""
        return self._expiry(time.monotonic(), deadline)  # which is what the loop's time is

    async def _pause(self, error: AwsError, response: Response | None, failures: int, remaining: float) -> None:
        await asyncio.sleep(self._delay(error, response, failures, remaining))
        self.refresh_credentials()

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        # Sockets of another loop cannot be used, nor closed, by this one; without a reference they close themselves.
        self._loop = loop
        self._pools = {}
        self.active = 0

    def _open_pool(self, endpoint: Endpoint) -> Pool:
        tls = self._client_tls() if endpoint.scheme == "https" else None
        pool = self._pools[endpoint.address] = Pool(
            endpoint,
            tls,
            size=self._maximum_connections,
            open_timeout=self._attempt_timeout,
            freshness=self._freshness,
        )
        return pool
