"""The `subscribe` and `unsubscribe` routes: which topics a connection listens to."""

from websocket_push.authorization import authorized_until, require_current
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.handlers.replies import Response, error_reply, reply
from websocket_push.listening import granted, subscribe, unsubscribe
from websocket_push.protocol.frames import subscribed_frame
from websocket_push.protocol.gateway import require_event
from websocket_push.protocol.topics import parse_subscription
from websocket_push.protocol.values import parse_message, parse_request_id
from websocket_push.runtime.invocation import Event, LambdaContext
from websocket_push.runtime.sequential import Invocation, run
from websocket_push.settings import read_count, read_flag, read_text
from websocket_push.tables.subscriptions import Subscriptions
from websocket_push.telemetry.explain import Failure


def handler(event: Event, context: LambdaContext) -> Response:
    """Answer with what the connection listens to now and what was refused, or with an error frame."""
    answer = run("subscriptions", _answer, event, context)
    return error_reply(event, answer) if isinstance(answer, Failure) else answer


async def _answer(event: Event, invocation: Invocation) -> Response:
    environment, deadline = invocation.environment, invocation.deadline
    connection_id = require_event(event, "MESSAGE")["connectionId"]
    invocation.fields["connectionId"] = connection_id
    message = parse_message(event.get("body"))
    request_id, topics = parse_request_id(message), parse_subscription(message)
    require_current(authorized_until(event), now=invocation.now_milliseconds())
    subscriptions = Subscriptions(
        DynamoDB(invocation.transport),
        read_text(environment, "SUBSCRIPTIONS_TABLE"),
        read_text(environment, "CLIENTS_TABLE"),
    )
    if message.get("action") == "unsubscribe":
        outcome = await unsubscribe(subscriptions, connection_id, topics, deadline=deadline)
    else:
        outcome = await subscribe(
            subscriptions,
            connection_id,
            topics,
            granted(event, allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS")),
            most=read_count(environment, "MAX_TOPICS_PER_CONNECTION"),
            now_milliseconds=invocation.now_milliseconds,
            deadline=deadline,
        )
    invocation.fields.update(topics=len(outcome.topics), refused=len(outcome.refused))
    return reply(subscribed_frame(sorted(outcome.topics), outcome.refused, request_id))
