"""Translates an exception for callers: a code of the closed list and an explanation."""

import sys
from typing import NamedTuple

from websocket_push.aws.errors import AwsError
from websocket_push.protocol.errors import RequestError
from websocket_push.settings import SettingsError
from websocket_push.telemetry.log import where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.error_codes import ErrorCode


class Failure(NamedTuple):
    """A failure as reported.

    Parameters
    ----------
    code
        For programs.
    message
        For the caller.
    detail
        For the log: the source of the error, or AWS's message. Contains no content and no stack trace.
    retry_after
        After how many seconds to try again; None where that is not known.
    """

    code: "ErrorCode"
    message: str
    detail: str = ""
    retry_after: int | None = None


def lambda_error(code: "ErrorCode | None", message: str) -> Exception:
    """Return an exception that ends an invocation: Lambda reports its class as `errorType`.

    Parameters
    ----------
    code
        Names the class; None for a plain `Exception`.
    message
        Reported as `errorMessage`.
    """
    # The Lambda runtime adds the stack trace to its reply and its log; this leaves it empty.
    sys.tracebacklimit = 0
    return Exception(message) if code is None else type(code, (Exception,), {})(message)


def explain(error: Exception) -> Failure:
    """Return the code and the explanation for an exception."""
    if isinstance(error, RequestError):
        return Failure(error.code, error.message, retry_after=error.retry_after)
    if isinstance(error, AwsError) and error.transient:
        return Failure("UNAVAILABLE", f"AWS did not do it in time ({error.code}). Try again.", str(error))
    if isinstance(error, AwsError):
        return Failure("AWS_REFUSED", f"AWS refused it ({error.code}). Trying again will not help.", str(error))
    if isinstance(error, SettingsError):
        return Failure("INTERNAL", "The function is not set up correctly; see its log.", str(error))
    detail = f"{type(error).__name__} at {where(error)}"
    return Failure("INTERNAL", "Something unexpected went wrong; see the function's log.", detail)
