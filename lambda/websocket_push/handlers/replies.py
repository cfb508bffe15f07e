"""The responses of the functions to API Gateway."""

from collections.abc import Mapping

from websocket_push.protocol.errors import RequestError
from websocket_push.telemetry.explain import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Response

_CONNECT_STATUSES = {
    "INVALID_REQUEST": 400,
    "MISSING_USER_ID": 401,
    "INVALID_USER_ID": 400,
    "TOKEN_EXPIRED": 403,
    "TOKEN_REVOKED": 403,
    "ORIGIN_NOT_ALLOWED": 403,
    "CONNECTION_LIMIT": 429,
    "UNAVAILABLE": 503,
}


def accepted(subprotocol: str | None = None) -> "Response":
    """Return success for `$connect` or `$disconnect`; for `$connect` with the selected subprotocol, if any."""
    if subprotocol is None:
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": subprotocol}}


def refused(failure: Failure) -> "Response":
    """Return the status of a failed `$connect`: 4xx if the client should not retry, 5xx if it should."""
    return {"statusCode": _CONNECT_STATUSES.get(failure.code, 500)}


def reply(frame: str) -> "Response":
    """Return a frame, which the route response passes on to the client."""
    return {"statusCode": 200, "body": frame}


def error_reply(event: object, failure: Failure) -> "Response":
    """Return an error frame with the message's `requestId`, if it can be read.

    The event may be anything that a caller can pass, and the failure may be about just that.
    """
    # Imported where they are needed: connect and disconnect send no frames.
    from websocket_push.protocol.frames import error_frame
    from websocket_push.protocol.values import parse_push_message, parse_request_id

    try:
        # Parsed as a push: the content of a push may be invalid in any other message.
        message = parse_push_message(event.get("body") if isinstance(event, Mapping) else None)
        request_id = parse_request_id(message)
    except RequestError:
        request_id = None
    return reply(error_frame(failure.code, failure.message, request_id, retry_after=failure.retry_after))
