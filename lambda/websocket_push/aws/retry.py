"""When a failed request is worth sending again, and after how long.

The list is the one of the SDKs' standard retry mode ("Retry behavior", AWS SDKs and Tools Reference Guide; botocore's
`retries/standard.py`), with the codes that DynamoDB documents as retryable ("Error handling with DynamoDB"). As
there, `ExpiredToken` and `RequestTimeTooSkewed` are not retried: neither the credentials nor the clock of a
function get better within one invocation. 410 is an answer, never a failure to repeat.
"""

import os
from collections.abc import Callable

BASE_DELAY = 0.05
MAXIMUM_DELAY = 1.0
MAXIMUM_RETRY_AFTER = 1
"""Seconds: the account's limits are by the second, and the buffer of a client that does not read has no time."""

_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
_TOO_MANY_REQUESTS = 429
_GONE = 410
_THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_TRANSIENT_CODES = _THROTTLING_CODES | {
    "InternalFailure",
    "InternalServerError",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}


def random() -> float:
    """Return a number in [0, 1)."""
    # Python's own generator costs a millisecond to import, and a restored snapshot would repeat its numbers.
    return int.from_bytes(os.urandom(6), "big") / 2**48


def is_transient(status: int, code: str) -> bool:
    """Return whether the same request may succeed later.

    Parameters
    ----------
    status
        The HTTP status.
    code
        AWS's error code without its namespace.

    Returns
    -------
    bool
        True for throttling, for a server's own failure, and for the conflicts that pass.
    """
    return status != _GONE and (status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES)


def is_throttling(status: int, code: str) -> bool:
    """Return whether a request was refused as one too many; DynamoDB says that with 400 and a code.

    Parameters
    ----------
    status, code
        See `is_transient`.
    """
    return status == _TOO_MANY_REQUESTS or (status != _GONE and code in _THROTTLING_CODES)


def delay(failures: int, random: Callable[[], float], retry_after: float = 0) -> float:
    """Return how long to wait before the next attempt.

    "Full jitter" ("Exponential Backoff And Jitter", AWS Architecture Blog): any moment between now and an
    exponentially growing bound, so that the requests of one fan-out that were refused together do not return together.

    Parameters
    ----------
    failures
        How many attempts have failed, at least 1.
    random
        Returns a number in [0, 1).
    retry_after
        Seconds that the server asked for; the jitter comes on top.

    Returns
    -------
    float
        Seconds.
    """
    # The exponent is bounded so that the power stays small; the cap is reached long before.
    return retry_after + random() * min(MAXIMUM_DELAY, BASE_DELAY * 2.0 ** min(failures - 1, 16))


def parse_retry_after(value: bytes | None) -> int:
    """Return the seconds of a `Retry-After` header (RFC 9110, section 10.2.3).

    Parameters
    ----------
    value
        The header's value.

    Returns
    -------
    int
        0 where there is none and where it is a date; never more than `MAXIMUM_RETRY_AFTER`, so that a server cannot
        turn a retry into a failure.
    """
    if value is None or not value.isdigit():
        return 0
    # By its length first: converting thousands of digits takes long, and is refused.
    return MAXIMUM_RETRY_AFTER if len(value) > 6 else min(int(value), MAXIMUM_RETRY_AFTER)
