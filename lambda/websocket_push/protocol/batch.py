"""A batch of messages from an SQS queue: each body is a push request, as the push function is invoked with directly.

The event's shape is that of "Using Lambda with Amazon SQS" (AWS Lambda developer guide).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.protocol.identifiers import derived_notification_id
from websocket_push.protocol.push_request import PushRequest, parse_push
from websocket_push.protocol.values import parse_message

_SOURCE = "aws:sqs"
_END_OF_TIME = 2**48
"""The first time, in milliseconds since the epoch, that no UUIDv7 can hold."""


class QueuedMessage(NamedTuple):
    """A message as Lambda passes it on.

    Parameters
    ----------
    message_id
        By which SQS knows it, however often it is received.
    sent_at
        When SQS took it, in milliseconds since the epoch; None if that cannot be read.
    body
        What was sent; nothing about it has been checked.
    """

    message_id: str
    sent_at: int | None
    body: object


def is_batch(event: object) -> bool:
    """Tell an event of the queue from a push request: only the former has records, and they say where they are from."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return isinstance(records, Sequence) and any(_is_record(record) for record in records)


def parse_batch(event: Mapping[str, object]) -> list[QueuedMessage]:
    """Return the messages of a batch, in their order.

    Raises
    ------
    RequestError
        If one has no id. It could not be named as failed then, and Lambda deletes what is not named.
    """
    records = event["Records"]
    if not isinstance(records, Sequence) or not all(_is_record(record) and _message_id(record) for record in records):
        raise RequestError(
            ErrorCode.INVALID_REQUEST, "A record of the batch is no SQS message, or has no messageId. None was pushed."
        )
    return [QueuedMessage(_message_id(record), _sent_at(record), record.get("body")) for record in records]


def parse_queued_push(message: QueuedMessage, *, now_milliseconds: int, max_frame_bytes: int) -> PushRequest:
    """Check the push request in a message.

    If it gives no id of its own, the message's time and id make one, so that the same message, received again, is the
    same notification.

    Raises
    ------
    RequestError
        As `parse_push`.
    """
    request = parse_message(message.body)
    if request.get("id") is None:
        request["id"] = derived_id(message)
    return parse_push(request, now_milliseconds=now_milliseconds, max_frame_bytes=max_frame_bytes)


def derived_id(message: QueuedMessage) -> str:
    """Return the id of the notification in a message that gives none.

    Raises
    ------
    RequestError
        If the message does not say when it was sent.
    """
    if message.sent_at is None:
        raise RequestError(
            ErrorCode.INVALID_REQUEST, "The message has neither an id in its body nor a SentTimestamp to make one of."
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
