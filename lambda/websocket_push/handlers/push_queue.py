"""A batch of push requests from the queue."""

from websocket_push.handlers.pushing import Warm, counted_push, pusher_until
from websocket_push.protocol.batch import QueuedMessage, parse_batch, parse_queued_push
from websocket_push.push.intake import batch_response, intake_fields, take_in
from websocket_push.push.report import Report
from websocket_push.runtime.invocation import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import BatchResponse, Event

FINISHING_SHARE = 0.3
"""The part of the time in which no further message of a batch is started, so that the others can be finished."""


async def push_from_queue(event: "Event", invocation: Invocation[Warm]) -> "BatchResponse":
    """Push the messages of a batch, and return those that failed."""
    messages = parse_batch(event)
    pusher = pusher_until(invocation, until=invocation.deadline)
    max_frame_bytes = invocation.warm.settings.max_frame_bytes

    async def push(message: QueuedMessage) -> Report:
        request = parse_queued_push(
            message, now_milliseconds=invocation.now_milliseconds(), max_frame_bytes=max_frame_bytes
        )
        return await counted_push(pusher, request, invocation)

    starts_until = invocation.deadline - FINISHING_SHARE * (invocation.deadline - invocation.started)
    intakes = await take_in(messages, push, starts_until=starts_until)
    invocation.fields.update(intake_fields(intakes))
    return batch_response(intakes)
