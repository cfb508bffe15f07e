"""The push function: delivers notifications for a backend that invokes it, a queue, or a client on the `push` route.

What only a batch or a message needs is imported when one comes: it would be a tenth of a cold start for a backend.
"""

from collections.abc import Mapping

from websocket_push.handlers.pushing import Warm, make, push_one
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.push_request import parse_push
from websocket_push.push.report import Report, incompleteness
from websocket_push.runtime.concurrent import run
from websocket_push.runtime.invocation import Answer, Invocation
from websocket_push.telemetry.explain import Failure, lambda_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import BatchResponse, Event, LambdaContext, Response


def handler(event: "Event", context: "LambdaContext") -> "Report | BatchResponse | Response":
    """Return the report of a direct invocation, or a receipt or an error frame for a message on the route.

    For a batch from a queue, return the failed messages, which are redelivered.

    Raises
    ------
    Exception
        For a direct invocation that is refused, had no effect or, if it asked for that, is incomplete; and for a batch
        that cannot be parsed. Its class is named after the code, so the caller sees the code as `errorType` and the
        explanation as `errorMessage`.
    """
    if _is_message(event):
        return _answer_message(event, context)
    if _has_records(event):
        from websocket_push.handlers.push_queue import push_from_queue
        from websocket_push.protocol.batch import is_batch

        if is_batch(event):
            return _raising(run("push", make, push_from_queue, event, context))
    return _raising(run("push", make, _push_from_backend, event, context))


def _answer_message(event: "Event", context: "LambdaContext") -> "Response":
    from websocket_push.handlers.push_route import push_from_client
    from websocket_push.handlers.replies import error_reply

    answer = run("push", make, push_from_client, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


def _raising(answer: Answer | Failure) -> Answer:
    if isinstance(answer, Failure):
        raise lambda_error(answer.code, answer.message)
    return answer


async def _push_from_backend(event: "Event", invocation: Invocation[Warm]) -> Report:
    request = parse_push(
        event, now_milliseconds=invocation.now_milliseconds(), max_frame_bytes=invocation.warm.settings.max_frame_bytes
    )
    report = await push_one(request, invocation, until=invocation.deadline)
    incomplete = incompleteness(report) if request.raises_incomplete else None
    if incomplete is not None:
        raise RequestError(incomplete.code, incomplete.message)
    return report


def _has_records(event: object) -> bool:
    return isinstance(event, Mapping) and "Records" in event


def _is_message(event: object) -> bool:
    """Return whether an event is from the WebSocket API: unlike a push request, it has a context with a connection."""
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return isinstance(context, Mapping) and "connectionId" in context
