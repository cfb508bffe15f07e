"""A batch of messages from an SQS queue: each body is a push request, the same as in a direct invocation.

The event's shape is that of "Using Lambda with Amazon SQS" (AWS Lambda developer guide).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import derived_notification_id
from websocket_push.protocol.push_request import PushRequest, parse_push
from websocket_push.protocol.values import parse_push_message

_SOURCE = "aws:sqs"
_END_OF_TIME = 2**48
"""The first time, in milliseconds since the epoch, that no UUIDv7 can hold."""


class QueuedMessage(NamedTuple):
    """A message as Lambda passes it on.

    Parameters
    ----------
    message_id
        The id that SQS gave it, the same for every delivery.
    sent_at
        When it was sent to SQS, in milliseconds since the epoch; None if unreadable.
    body
        The body, unchecked.
    """

    message_id: str
    sent_at: int | None
    body: object


def is_batch(event: object) -> bool:
    """Return whether an event comes from the queue: unlike a push request, it has records with their source."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return isinstance(records, Sequence) and any(_is_record(record) for record in records)


def parse_batch(event: Mapping[str, object]) -> list[QueuedMessage]:
    """Return the messages of a batch, in their order.

    Raises
    ------
    RequestError
        If one has no id. It could not be reported as failed, and Lambda deletes messages that are not reported.
    """
    records = event["Records"]
    if not isinstance(records, list) or not all(_is_record(record) and _message_id(record) for record in records):
        raise RequestError(
            "INVALID_REQUEST", "A record of the batch is not an SQS message, or has no messageId. Nothing was pushed."
        )
    return [QueuedMessage(_message_id(record), _sent_at(record), record.get("body")) for record in records]


def parse_queued_push(message: QueuedMessage, *, now_milliseconds: int, max_frame_bytes: int) -> PushRequest:
    """Check the push request in a message.

    If it has no id, one is derived from the message's time and id, so that a redelivered message is the same
    notification.

    Raises
    ------
    RequestError
        As `parse_push`.
    """
    request = parse_push_message(message.body)
    if request.get("id") is None:
        request["id"] = derived_id(message)
    return parse_push(request, now_milliseconds=now_milliseconds, max_frame_bytes=max_frame_bytes)


def derived_id(message: QueuedMessage) -> str:
    """Return the id of the notification in a message whose request has none.

    Raises
    ------
    RequestError
        If the message does not say when it was sent.
    """
    if message.sent_at is None:
        raise RequestError(
            "INVALID_REQUEST", "The message has neither an id in its body nor a SentTimestamp to derive one from."
        )
    return derived_notification_id(
        message.sent_at, hashlib.sha256(message.message_id.encode(errors="replace")).digest()
    )


def _is_record(record: object) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == _SOURCE


def _message_id(record: Mapping[str, object]) -> str:
    message_id = record.get("messageId")
    return message_id if isinstance(message_id, str) else ""


def _sent_at(record: Mapping[str, object]) -> int | None:
    attributes = record.get("attributes")
    sent = attributes.get("SentTimestamp") if isinstance(attributes, Mapping) else None
    if not isinstance(sent, str) or not (sent.isascii() and sent.isdigit()) or len(sent) > len(str(_END_OF_TIME)):
        return None
    return int(sent) if int(sent) < _END_OF_TIME else None
