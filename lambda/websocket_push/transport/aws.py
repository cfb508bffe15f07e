"""Signed requests to AWS: sent, answered or retried until a deadline, every failure one kind of error."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TypeVar

from websocket_push.transport import retry
from websocket_push.transport.calls import Attempt, Call
from websocket_push.transport.credentials import Credentials, read_credentials
from websocket_push.transport.endpoints import Endpoint, region
from websocket_push.transport.errors import AwsError, ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.transport.pool import Pool
from websocket_push.transport.response import Response
from websocket_push.transport.signing import Signer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Attempt", "AwsError", "Call", "InvalidResponse", "Payload", "Target", "Transport"]

ATTEMPT_TIMEOUT = 3.0
MAXIMUM_CONNECTIONS = 64
# NAT gateways and interface endpoints forget a connection after 350 s without traffic.
IDLE_LIMIT = 300.0

_USER_AGENT = ("user-agent", "websocket-push")
_CODE_LIMIT = 128

Result = TypeVar("Result")


def _random() -> float:
    # Python's own generator costs a millisecond to import, and a restored snapshot would repeat its numbers.
    return int.from_bytes(os.urandom(6), "big") / 2**48


class Payload:
    """A request body with what every request that carries it needs, computed once.

    Parameters
    ----------
    body : bytes
        May be empty.
    """

    __slots__ = ("body", "digest", "head_end")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.digest = sha256(body).hexdigest()
        self.head_end = f"\r\ncontent-length: {len(body)}\r\n\r\n"


class Target:
    """One operation of one service: all that its requests have in common.

    Parameters
    ----------
    operation : str
        AWS's name of it, for error messages.
    method : str
        The HTTP method.
    endpoint : Endpoint
        Where it is served.
    signer : Signer
        With the operation's headers.
    """

    __slots__ = ("endpoint", "method", "operation", "signer")

    def __init__(self, operation: str, method: str, endpoint: Endpoint, signer: Signer) -> None:
        self.operation = operation
        self.method = method
        self.endpoint = endpoint
        self.signer = signer


class Transport:
    """What stays warm between invocations: connections, signing keys, endpoints.

    To be used from one event loop, which need not run between invocations. Where the loop is another one, all
    connections are opened anew.

    The credentials are read when a request starts while none is in flight, and before each retry: so a rotation
    between two invocations is seen, and a fan-out reads them once.

    Parameters
    ----------
    environment : Mapping[str, str]
        Usually `os.environ`. Read for credentials (again and again), endpoints, region and certificates (once).
    random : Callable[[], float]
        A number in [0, 1) for the jitter of retries.
    clock : Callable[[], float]
        Seconds since the epoch, for signatures.
    attempt_timeout : float
        Seconds after which an unanswered request is given up and sent again on a new connection.
    maximum_connections : int
        Per address.
    idle_limit : float
        Seconds after which an idle connection is not used again.

    Attributes
    ----------
    active : int
        How many requests are on their way.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        random: Callable[[], float] = _random,
        clock: Callable[[], float] = time.time,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        maximum_connections: int = MAXIMUM_CONNECTIONS,
        idle_limit: float = IDLE_LIMIT,
    ) -> None:
        self.environment = environment
        self._random = random
        self._clock = clock
        self._attempt_timeout = attempt_timeout
        self._maximum_connections = maximum_connections
        self._idle_limit = idle_limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self._targets: dict[tuple[object, ...], Target] = {}
        self._tls: SSLContext | None = None
        self._credentials: Credentials | None = None
        self.active = 0

    def target(self, operation: str, method: str, service: str, endpoint: Endpoint, **headers: str) -> Target:
        """Return what an operation's requests have in common; the same object, with its signing key, for the same.

        Parameters
        ----------
        operation, method, endpoint
            See `Target`.
        service : str
            The signing name: `"dynamodb"` or `"execute-api"`.
        **headers : str
            Sent and signed; an underscore in a name stands for a hyphen.

        Returns
        -------
        Target
            To be kept and passed to `request`.

        Raises
        ------
        AwsError
            `InvalidConfiguration` where the environment names no region.
        """
        key = (operation, method, service, endpoint.address, endpoint.host, *headers.items())
        target = self._targets.get(key)
        if target is None:
            signed = [("host", endpoint.host), *((name.replace("_", "-"), value) for name, value in headers.items())]
            signer = Signer(service, region(self.environment), signed, (_USER_AGENT,))
            target = self._targets[key] = Target(operation, method, endpoint, signer)
        return target

    async def request(
        self,
        target: Target,
        path: str,
        canonical_path: str,
        payload: Payload,
        decode: Callable[[bytes], Result],
        *,
        deadline: float,
        begun: Attempt | None = None,
    ) -> Result:
        """Send a request that is safe to repeat, until it is answered.

        Parameters
        ----------
        target : Target
            The operation.
        path : str
            As sent: percent-encoded, with the endpoint's own path in front.
        canonical_path : str
            The same for the signature, see `signing.canonical_path`.
        payload : Payload
            The body.
        decode : Callable[[bytes], Result]
            Turns a 2xx body into the result; raises `InvalidResponse` for one that is not what was promised, which
            is then retried.
        deadline : float
            Event loop time in seconds. Nothing is sent after it, and no wait goes past it.
        begun : Attempt or None
            What the same request came to when `begin` sent it: the first attempt of this one.

        Returns
        -------
        Result
            What `decode` returned.

        Raises
        ------
        AwsError
            See there. At the deadline with `DeadlineExceeded`; where the next retry could only come after it, at
            once, with the last failure's own code.
        """
        loop = self._prepare()
        sent = begun.sent if begun is not None else 0
        failures = 0
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
                        pool = self._pool(target.endpoint)
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
                        finally:
                            pool.release(connection)
                    if 200 <= response.status < 300:
                        return decode(response.body)
                    error = _refusal(target, response, sent)
                except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as failure:
                    error = _failure(target, failure, response, sent, late=_is_late(loop.time(), deadline))
                    error.__cause__ = failure
                if not error.transient or error.code == "DeadlineExceeded":
                    raise error
                begun = None
                failures += 1
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
            self._prepare()
        except AwsError:
            call.cancel()  # `request` raises it again, to whoever can catch it
            return call
        call.begin(self._pool(target.endpoint))
        return call

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
            self._refresh_credentials()
        return loop

    def _pool(self, endpoint: Endpoint) -> Pool:
        return self._pools.get(endpoint.address) or self._open_pool(endpoint)

    def expiry(self, deadline: float) -> float:
        """Return when an attempt that starts now is given up; nothing is sent after the deadline."""
        assert self._loop is not None  # noqa: S101 - for the type checker: `request` has set it
        now = self._loop.time()
        if now >= deadline:
            raise Expired
        return min(now + self._attempt_timeout, deadline)

    def message(self, target: Target, path: str, canonical_path: str, payload: Payload) -> bytes:
        """Return a request, signed for now."""
        credentials = self._credentials or self._refresh_credentials()
        headers = target.signer.sign(credentials, int(self._clock()), target.method, canonical_path, payload.digest)
        head = f"{target.method} {path} HTTP/1.1\r\n{headers}{payload.head_end}"
        return head.encode("ascii") + payload.body

    async def _pause(self, error: AwsError, response: Response | None, failures: int, remaining: float) -> None:
        asked = retry.parse_retry_after(response.headers.get(b"retry-after") if response is not None else None)
        delay = retry.delay(failures, self._random, asked)
        if delay >= remaining:
            raise error
        await asyncio.sleep(delay)
        self._refresh_credentials()

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        # Sockets of another loop cannot be used, nor closed, by this one; without a reference they close themselves.
        self._loop = loop
        self._pools = {}
        self.active = 0

    def _open_pool(self, endpoint: Endpoint) -> Pool:
        tls = self._client_context() if endpoint.scheme == "https" else None
        pool = self._pools[endpoint.address] = Pool(
            endpoint,
            tls,
            size=self._maximum_connections,
            open_timeout=self._attempt_timeout,
            idle_limit=self._idle_limit,
        )
        return pool

    def _client_context(self) -> "SSLContext":
        if self._tls is None:
            from websocket_push.transport.tls import client_context

            self._tls = client_context(self.environment)
        return self._tls

    def _refresh_credentials(self) -> Credentials:
        credentials = read_credentials(self.environment)
        if self._credentials is None or credentials != self._credentials:
            self._credentials = credentials
        return self._credentials


def _is_late(now: float, deadline: float) -> bool:
    # The loop may run a timer one tick of its clock early.
    return now >= deadline - 0.001


def _refusal(target: Target, response: Response, sent: int) -> AwsError:
    code = _error_code(response)
    return AwsError(
        code,
        status=response.status,
        attempts=sent,
        transient=retry.is_transient(response.status, code),
        operation=target.operation,
    )


def _failure(target: Target, failure: Exception, response: Response | None, sent: int, *, late: bool) -> AwsError:
    code, detail, transient = "ConnectionFailed", "the connection closed before the response was complete", True
    if isinstance(failure, Expired):
        code, detail = ("DeadlineExceeded", "") if late else ("Timeout", "no answer in time")
    elif isinstance(failure, ConnectionRefused):
        detail, transient = str(failure), failure.transient
    elif isinstance(failure, InvalidResponse):
        code, detail = "InvalidResponse", str(failure)
    status = response.status if response is not None else None
    return AwsError(code, status=status, attempts=sent, transient=transient, operation=target.operation, detail=detail)


def _error_code(response: Response) -> str:
    """Return AWS's error code (Smithy, "AWS restJson1 protocol", section "Operation error serialization")."""
    named = response.headers.get(b"x-amzn-errortype")
    code: object = named.decode("latin-1") if named is not None else _body_code(response.body)
    if isinstance(code, str):
        code = code.partition(":")[0].rpartition("#")[2].strip()
        # It goes into logs, so nothing but a name is let through.
        if code.isascii() and code.replace(".", "").replace("_", "").isalnum() and len(code) <= _CODE_LIMIT:
            return code
    return str(response.status)


def _body_code(body: bytes) -> object:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return document.get("__type") or document.get("code") or document.get("Code")
