"""What every way of sending has in common: the retries, and targets, credentials and signatures that stay warm."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeVar

from websocket_push.aws import retry
from websocket_push.aws.credentials import Credentials, read_credentials
from websocket_push.aws.endpoints import region
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.signing import Signer
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.freshness import Freshness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.http.response import Response
    from websocket_push.http.tls import ClientTls

ATTEMPT_TIMEOUT = 3.0
# NAT gateways and interface endpoints forget a connection after 350 s without traffic.
IDLE_LIMIT = 300.0

_TICK = 0.001
"""The loop may run a timer one tick of its clock early, in seconds."""

_USER_AGENT = ("user-agent", "websocket-push")

Result = TypeVar("Result")


class Attempt:
    """The outcome of one attempt.

    Attributes
    ----------
    sent
        How many requests went out: two where the first connection turned out to be closed.
    response
        The answer, where one came.
    failure
        Why none came. With neither, nothing was tried.
    limited
        Whether it is a refusal that concerns all requests to the address.
    """

    __slots__ = ("failure", "limited", "response", "sent")

    def __init__(
        self,
        sent: int = 0,
        response: "Response | None" = None,
        failure: Exception | None = None,
        *,
        limited: bool = False,
    ) -> None:
        self.sent = sent
        self.response = response
        self.failure = failure
        self.limited = limited

    @property
    def untried(self) -> bool:
        """Whether neither an answer nor a reason for its lack is known."""
        return self.response is None and self.failure is None


class Sender(ABC):
    """Signs requests to AWS and repeats them; a subclass sends them, and keeps its connections between invocations.

    Parameters
    ----------
    environment
        Usually `os.environ`. Read for credentials (again and again), endpoints, region and certificates (once).
    random
        A number in [0, 1) for the jitter of retries.
    clock
        Seconds since the epoch, for signatures.
    attempt_timeout
        Seconds after which an unanswered request is given up and sent again on a new connection.
    idle_limit
        Seconds after which an idle connection is not used again.
    idle_clock
        See `Freshness`.
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
        self.environment = environment
        self._random = random
        self._clock = clock
        self._attempt_timeout = attempt_timeout
        self._freshness = Freshness(idle_limit, idle_clock)
        self._tls: ClientTls | None = None
        self._credentials: Credentials | None = None

    def target(
        self,
        operation: str,
        method: str,
        service: str,
        endpoint: Endpoint,
        *,
        individual: bool = False,
        **headers: str,
    ) -> Target:
        """Return what an operation's requests have in common, with a signing key that stays warm in it.

        Parameters
        ----------
        operation, method, endpoint, individual
            See `Target`.
        service
            The signing name, such as `"dynamodb"` or `"execute-api"`.
        **headers
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
        signed = [("host", endpoint.host), *((name.replace("_", "-"), value) for name, value in headers.items())]
        signer = Signer(service, region(self.environment), signed, (_USER_AGENT,))
        return Target(operation, method, endpoint, signer, individual=individual)

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
        target
            The operation.
        path
            As sent: percent-encoded, with the endpoint's own path in front.
        canonical_path
            The same for the signature, see `signing.canonical_path`.
        payload
            The body.
        decode
            Turns a 2xx body into the result; raises `InvalidResponse` for one that is not what was promised, which
            is then retried.
        deadline
            Seconds on the monotonic clock. Nothing is sent after it, and no wait goes past it.
        attempts
            How many failed attempts end it, with the last one's error; None leaves that to the deadline. A refusal
            that concerns all requests to the address says nothing about this one and is not counted.
        begun
            The first attempt, if it has been made already.

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
        self._prepare()
        attempt = begun
        sent = failures = counted = 0
        while True:
            if attempt is None or attempt.untried:
                attempt = await self._attempt(target, path, canonical_path, payload, deadline)
            sent += attempt.sent
            response = attempt.response
            failure: Exception | None = None
            try:
                if response is None:
                    raise attempt.failure or Expired()
                if 200 <= response.status < 300:
                    return decode(response.body)
            except (ConnectionLost, ConnectionRefused, Expired, InvalidResponse) as reason:
                failure = reason
            # Imported where it is needed: nearly every request succeeds.
            from websocket_push.aws.error_mapping import attempt_error

            error = attempt_error(target, response, failure, sent, late=time.monotonic() >= deadline - _TICK)
            if not error.transient or error.code == "DeadlineExceeded":
                raise error
            failures += 1
            counted += not attempt.limited
            if counted == attempts:
                raise error
            await self._pause(self._delay(error, response, failures, deadline - time.monotonic()))
            self.refresh_credentials()
            attempt = None

    @abstractmethod
    async def _attempt(
        self, target: Target, path: str, canonical_path: str, payload: Payload, deadline: float
    ) -> Attempt:
        """Send a request once, or again where only the connection was out of date; see `request`."""

    @abstractmethod
    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt."""

    def _prepare(self) -> None:
        """Get ready for a request: with credentials that are not older than the invocation."""
        self.refresh_credentials()

    def message(self, target: Target, path: str, canonical_path: str, payload: Payload) -> bytes:
        """Return a request, signed for now."""
        credentials = self._credentials or self.refresh_credentials()
        headers = target.signer.sign(credentials, int(self._clock()), target.method, canonical_path, payload.digest)
        head = f"{target.method} {path} HTTP/1.1\r\n{headers}{payload.head_end}"
        return head.encode("ascii") + payload.body

    def refresh_credentials(self) -> Credentials:
        """Read the credentials again; while they are the same, so is the object, and with it the signing keys."""
        credentials = read_credentials(self.environment)
        if self._credentials is None or credentials != self._credentials:
            self._credentials = credentials
        return self._credentials

    def expiry(self, deadline: float) -> float:
        """Return when an attempt that starts now is given up, on the monotonic clock; `Expired` after the deadline."""
        now = time.monotonic()
        if now >= deadline:
            raise Expired
        return min(now + self._attempt_timeout, deadline)

    def _delay(self, error: AwsError, response: "Response | None", failures: int, remaining: float) -> float:
        """Return how long to wait before the next attempt; where that is past the deadline, raise the error."""
        asked = retry.parse_retry_after(response.headers.get(b"retry-after") if response is not None else None)
        # Never so long that the server's wish alone ends the call.
        delay = retry.delay(failures, self._random, min(asked, remaining / 2))
        if delay >= remaining:
            raise error
        return delay

    def _client_tls(self) -> "ClientTls":
        if self._tls is None:
            from websocket_push.aws.authorities import client_tls

            self._tls = client_tls(self.environment)
        return self._tls
