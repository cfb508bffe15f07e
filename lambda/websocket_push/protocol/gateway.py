"""The part of API Gateway's WebSocket events that all routes have in common."""

from collections.abc import Mapping
from typing import cast

from websocket_push.protocol.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import RequestContext


def require_event(event: object, event_type: str) -> "RequestContext":
    """Return the request context of an event of one type: `CONNECT`, `DISCONNECT` or `MESSAGE`.

    Raises
    ------
    RequestError
        `INVALID_REQUEST` for anything else: a caller that may invoke the function can pass any event.
    """
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    if (
        not isinstance(context, Mapping)
        or context.get("eventType") != event_type
        or not isinstance(context.get("connectionId"), str)
    ):
        raise RequestError(
            "INVALID_REQUEST",
            f"This function answers events of type {event_type} of the WebSocket API, and nothing else.",
        )
    return cast("RequestContext", context)
