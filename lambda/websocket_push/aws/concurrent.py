"""Many requests to AWS at once, on an event loop."""

import asyncio
import time
from collections.abc import Callable, Mapping

from websocket_push.aws import retry
from websocket_push.aws.calls import Call
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import ATTEMPT_TIMEOUT, IDLE_LIMIT, Attempt, Sender
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.pool import Pool

MAXIMUM_CONNECTIONS = 64


class ConcurrentSender(Sender):
    """Sends many requests at once, on connections that stay warm between invocations.

    To be used from one event loop, which need not run between invocations. On another loop, all connections are opened
    again.

    The credentials are read when a request starts while none is in flight, and before each retry: so a rotation
    between two invocations is seen, and a fan-out reads them once.

    Parameters
    ----------
    environment, random, clock, attempt_timeout, idle_limit, idle_clock
        See `Sender`.
    maximum_connections
        Per address.

    Attributes
    ----------
    active
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
            See `Sender.request`.
        done
            See `Call`; with an attempt, the caller goes on by `request`. May be called before this returns.

        Returns
        -------
        Call
            For a caller that does not wait for its end to cancel.
        """
        call = Call(self, target, path, canonical_path, payload, deadline, done)
        try:
            if self.active <= 0 or asyncio.get_running_loop() is not self._loop:
                self._prepare()
            pool = self._pools.get(target.endpoint.address) or self._open_pool(target.endpoint)
        except AwsError:
            call.cancel()  # `request` raises it again, where it can be caught
            return call
        call.submit(pool)
        return call

    async def close(self) -> None:
        """Close every pooled socket. A request that is in flight fails, and may open a new connection to retry."""
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0)  # asyncio closes an aborted socket in the next turn of the loop

    async def _attempt(
        self, target: Target, path: str, canonical_path: str, payload: Payload, deadline: float
    ) -> Attempt:
        ended: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()

        def done(call: Call, attempt: Attempt | None) -> None:
            if not ended.done():
                ended.set_result(attempt or Attempt(call.sent, call.response))

        call = Call(self, target, path, canonical_path, payload, deadline, done)
        call.submit(self._pools.get(target.endpoint.address) or self._open_pool(target.endpoint))
        try:
            return await ended
        finally:
            call.cancel()

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _prepare(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Sockets of another loop cannot be used, nor closed, by this one; unreferenced, they close themselves.
            self._loop = loop
            self._pools = {}
            self.active = 0
        if self.active <= 0:
            super()._prepare()

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
