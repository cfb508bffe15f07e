"""What Lambda hands back to API Gateway."""

from collections.abc import Mapping

from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.protocol.frames import error_frame
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.telemetry.explain import Failure

Response = dict[str, object]

_CONNECT_STATUSES = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.MISSING_USER_ID: 401,
    ErrorCode.INVALID_USER_ID: 400,
    ErrorCode.TOKEN_EXPIRED: 403,
    ErrorCode.TOKEN_REVOKED: 403,
    ErrorCode.ORIGIN_NOT_ALLOWED: 403,
    ErrorCode.UNAVAILABLE: 503,
}


def accepted(subprotocol: str | None = None) -> Response:
    """Answer `$connect` or `$disconnect`: done; `$connect` with the subprotocol that was chosen, if one was."""
    if subprotocol is None:
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": subprotocol}}


def refused(failure: Failure) -> Response:
    """Answer `$connect` with the status that tells the client whether to try again: 4xx no, 5xx yes."""
    return {"statusCode": _CONNECT_STATUSES.get(failure.code, 500)}


def reply(frame: str) -> Response:
    """Answer a message with a frame, which the route response passes on to the client."""
    return {"statusCode": 200, "body": frame}


def error_reply(event: object, failure: Failure) -> Response:
    """Answer a message with an error frame that carries its `requestId`, if that much of it can be read.

    The event may be anything: whoever may invoke the function decides, and the failure may be about just that.
    """
    try:
        request_id = parse_request_id(parse_message(event.get("body") if isinstance(event, Mapping) else None))
    except RequestError:
        request_id = None
    return reply(error_frame(failure.code, failure.message, request_id))
