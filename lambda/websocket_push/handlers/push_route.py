"""A push by a client, as a message on the `push` route."""

from websocket_push.authorization import messaging_user, require_push_allowed
from websocket_push.handlers.pushing import Warm, push_one
from websocket_push.handlers.replies import reply
from websocket_push.protocol.frames import receipt_frame
from websocket_push.protocol.push_request import parse_client_push
from websocket_push.protocol.values import parse_push_message, parse_request_id
from websocket_push.runtime.invocation import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, Response

ROUTE_SECONDS = 27.0
"""How long a push on the route may take: API Gateway waits 29 s for an integration ("Integration timeout")."""


async def push_from_client(event: "Event", invocation: Invocation[Warm]) -> "Response":
    """Push for a client, if it is allowed to, and return a receipt."""
    connection_id = event["requestContext"]["connectionId"]
    invocation.fields["connectionId"] = connection_id
    settings, clients, limit = invocation.warm.settings, invocation.warm.clients, invocation.warm.limit
    if limit is not None:
        limit.require(connection_id, invocation.started)
    message = parse_push_message(event.get("body"))
    request_id = parse_request_id(message)
    request = parse_client_push(message, max_frame_bytes=settings.max_frame_bytes)
    sender = await messaging_user(
        event,
        lambda: clients,
        allow_anonymous=settings.allow_anonymous,
        revocable=settings.revocable,
        now=invocation.now_milliseconds(),
        deadline=invocation.deadline,
    )
    require_push_allowed(settings.client_push, sender=sender, recipient=request.recipients[0])
    report = await push_one(request, invocation, until=min(invocation.deadline, invocation.started + ROUTE_SECONDS))
    return reply(receipt_frame(report, request_id))
