"""What a failed or missing response means: one `AwsError` for every kind of failure."""

from websocket_push.aws import retry
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Target, decode_object
from websocket_push.http.errors import ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.response import Response

_CODE_LIMIT = 128


def is_throttled(response: Response) -> bool:
    """Return whether a response that is not 2xx says that there are too many requests."""
    return retry.is_throttling(response.status, _error_code(response))


def attempt_error(
    target: Target, response: Response | None, failure: Exception | None, sent: int, *, late: bool
) -> AwsError:
    """Return what an attempt without a usable answer means.

    Parameters
    ----------
    target
        The operation.
    response
        AWS's answer, where one came.
    failure
        `ConnectionLost`, `ConnectionRefused`, `Expired` or `InvalidResponse`; None where the response is a refusal.
    sent
        How many requests have been sent, this one included.
    late
        Whether the deadline of the whole call has passed.

    Returns
    -------
    AwsError
        For a refusal with AWS's own code, transient as `retry.is_transient` says; else with the failure chained.
    """
    code, detail, transient = "ConnectionFailed", "the connection closed before the response was complete", True
    if isinstance(failure, Expired):
        code, detail = ("DeadlineExceeded", "") if late else ("Timeout", "no answer in time")
    elif isinstance(failure, ConnectionRefused):
        detail, transient = str(failure), failure.transient
    elif isinstance(failure, InvalidResponse):
        code, detail = "InvalidResponse", str(failure)
    elif response is not None:
        code, detail = _error_code(response), ""
        transient = retry.is_transient(response.status, code)
    status = response.status if response is not None else None
    error = AwsError(code, status=status, attempts=sent, transient=transient, operation=target.operation, detail=detail)
    error.__cause__ = failure
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
        document = decode_object(body)
    except InvalidResponse:
        return None
    return document.get("__type") or document.get("code") or document.get("Code")
