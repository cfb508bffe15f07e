"""What a response that is no success, or the lack of one, means: every kind of it one `AwsError`."""

import json

from websocket_push.aws import retry
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Target
from websocket_push.http.errors import ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.response import Response

_CODE_LIMIT = 128


def is_late(now: float, deadline: float) -> bool:
    """Return whether a deadline has passed, on one clock in seconds."""
    # The loop may run a timer one tick of its clock early.
    return now >= deadline - 0.001


def is_throttled(response: Response) -> bool:
    """Return whether a response that is not 2xx says that requests are too many."""
    return retry.is_throttling(response.status, _error_code(response))


def refusal_error(target: Target, response: Response, sent: int) -> AwsError:
    """Return what a response that is not 2xx means.

    Parameters
    ----------
    target : Target
        The operation.
    response : Response
        AWS's answer.
    sent : int
        How many requests have been sent, this one included.

    Returns
    -------
    AwsError
        With AWS's own code, transient as `retry.is_transient` says.
    """
    code = _error_code(response)
    return AwsError(
        code,
        status=response.status,
        attempts=sent,
        transient=retry.is_transient(response.status, code),
        operation=target.operation,
    )


def failure_error(target: Target, cause: Exception, response: Response | None, sent: int, *, late: bool) -> AwsError:
    """Return what an attempt without a usable answer means.

    Parameters
    ----------
    target : Target
        The operation.
    cause : Exception
        `ConnectionLost`, `ConnectionRefused`, `Expired` or `InvalidResponse`.
    response : Response or None
        Where one came, but was not what the API promises.
    sent : int
        How many requests have been sent.
    late : bool
        Whether the deadline of the whole call has passed, see `is_late`.

    Returns
    -------
    AwsError
        With the cause chained.
    """
    code, detail, transient = "ConnectionFailed", "the connection closed before the response was complete", True
    if isinstance(cause, Expired):
        code, detail = ("DeadlineExceeded", "") if late else ("Timeout", "no answer in time")
    elif isinstance(cause, ConnectionRefused):
        detail, transient = str(cause), cause.transient
    elif isinstance(cause, InvalidResponse):
        code, detail = "InvalidResponse", str(cause)
    status = response.status if response is not None else None
    error = AwsError(code, status=status, attempts=sent, transient=transient, operation=target.operation, detail=detail)
    error.__cause__ = cause
    return error


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
