"""Push again what is in a dead-letter queue, under the ids that were used.

`make redrive FROM=<the dead-letter queue's URL> TO=<the URL of its queue, or the push function's ARN>`

Each message goes back with the id that its push used, so that who has the notification already is not shown it twice.
A segment of a fan-out holds its notification's id, and goes back as it is.
It is deleted only after its successor was taken, so a run that is interrupted loses nothing and can be repeated. What
cannot succeed stays in the queue, and the reason is printed.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.processes import end_on_signals
from websocket_push.protocol.batch import QueuedMessage, parse_queued_push
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import to_json
from websocket_push.protocol.identifiers import parse_notification_id
from websocket_push.protocol.json_object import parse_object
from websocket_push.protocol.segment import parse_segment
from websocket_push.protocol.values import parse_push_message

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

MAX_FRAME_BYTES = 128 * 1024
"""The most that a deployment can allow; the function has the last word."""

BATCH_MESSAGES, BATCH_BYTES = 10, 256 * 1024
"""What one SendMessageBatch to a queue of the module takes."""

HIDDEN_SECONDS = 300
"""For how long a message that was received is hidden from other receivers."""

WAIT_SECONDS = 2
"""A receive that waits asks all of SQS's servers, so nothing received means nothing there."""

_CAME_TO_NOTHING = frozenset({"UNAVAILABLE", "AWS_REFUSED"})
"""How an invocation fails that has stored and sent nothing, so that no id has been used."""

_UNKNOWN_ID = (
    "The id that the invocation used is not known, because it died or gave up the request. Users who have the "
    "notification would see it again; NEW_IDS=1 pushes it anyway, under a new id."
)


class Again(NamedTuple):
    """A message that goes back: its id in the dead-letter queue, and the push request or the segment."""

    message_id: str
    request: str


Send = Callable[[Sequence[Again]], Iterable[str]]
"""Sends requests and returns the message ids of those that were taken."""


def queued_again(message: Mapping[str, Any], *, now_milliseconds: int) -> str:
    """Return the push request of a message of the push queue, with the id that its pushes used; a segment as it is.

    A redrive policy moves a message with its id and the time when it was sent ("Setting-up dead-letter queue
    retention", SQS developer guide); the notification's id is made of these. A segment of the fan-out queue says by
    itself which notification it is of and after which connection it goes on.

    Raises
    ------
    RequestError
        If the request can never succeed.
    """
    body = message["Body"]
    if "segment" in parse_push_message(body):
        parse_segment(body)  # What the workers would refuse stays where it is.
        return str(body)
    return _with_id(QueuedMessage(message["MessageId"], _sent_at(message), body), now_milliseconds)


def invoked_again(message: Mapping[str, Any], *, now_milliseconds: int, new_ids: bool = False) -> str:
    """Return the push request of an asynchronous invocation that failed, with the id that it used.

    Parameters
    ----------
    message
        Holds Lambda's record of the invocation ("Capturing records of Lambda asynchronous invocations").
    new_ids
        Whether an id is made up where the one that was used is not known.

    Raises
    ------
    RequestError
        If the request can never succeed, or the id that was used is not known.
    """
    record = _record(message["Body"])
    context, payload = record["requestContext"], record["requestPayload"]
    used = _used_id(record)
    queued = QueuedMessage(str(context.get("requestId")), _sent_at(message), str(payload))
    request = _with_id(queued, now_milliseconds, used)
    if used or new_ids or _used_none(record) or parse_push_message(queued.body).get("id"):
        return request
    raise RequestError("INCOMPLETE", _UNKNOWN_ID)


def redrive(
    sqs: Any, queue_url: str, again: Callable[[Mapping[str, Any]], str], send: Send
) -> tuple[int, dict[str, str]]:
    """Empty a dead-letter queue as far as possible.

    Parameters
    ----------
    again
        Makes the request of a message, or raises `RequestError`.

    Returns
    -------
    tuple
        How many messages were moved, and for each that stays, by its id, why.
    """
    moved = 0
    stays: dict[str, str] = {}
    handles: dict[str, str] = {}
    try:
        while received := _receive(sqs, queue_url):
            handles |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            if all(message["MessageId"] in stays for message in received):
                break  # It took so long that those that stay are seen again.
            ready = list(_ready(received, again, stays))
            for batch in batches(ready):
                for message_id in send(batch):
                    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=handles.pop(message_id))
                    moved += 1
            stays |= {each.message_id: "It was not taken." for each in ready if each.message_id in handles}
    finally:
        for handle in handles.values():
            with contextlib.suppress(ClientError):
                sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=handle, VisibilityTimeout=0)
    return moved, stays


def batches(ready: Iterable[Again]) -> Iterator[list[Again]]:
    """Divide requests into what one SendMessageBatch takes."""
    batch: list[Again] = []
    size = 0
    for each in ready:
        length = len(each.request.encode())
        if batch and (len(batch) == BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    if batch:
        yield batch


def sending_to_queue(sqs: Any, queue_url: str) -> Send:
    """Return what sends to the push queue, or to the fan-out queue."""

    def send(batch: Sequence[Again]) -> Iterable[str]:
        entries = [{"Id": str(number), "MessageBody": each.request} for number, each in enumerate(batch)]
        try:
            answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        except sqs.exceptions.BatchRequestTooLong:
            return []
        return [batch[int(each["Id"])].message_id for each in answer.get("Successful", ())]

    return send


def invoking(lambda_: "LambdaClient", function: str) -> Send:
    """Return what invokes the push function asynchronously, once for each request."""

    def send(batch: Sequence[Again]) -> Iterable[str]:
        for each in batch:
            lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=each.request.encode())
            yield each.message_id

    return send


def main(arguments: Sequence[str] | None = None) -> int:
    """Move the messages; 1 if some stay."""
    parser = argparse.ArgumentParser(prog="make redrive")
    parser.add_argument("--from", dest="source", required=True, help="the dead-letter queue's URL")
    parser.add_argument(
        "--to", dest="target", required=True, help="the push or fan-out queue's URL, or the push function's ARN"
    )
    parser.add_argument("--new-ids", action="store_true", help="push requests whose id is not known under a new one")
    options = parser.parse_args(arguments)
    to_function = options.target.startswith("arn:")

    def again(message: Mapping[str, Any]) -> str:
        now = time.time_ns() // 1_000_000
        if to_function:
            return invoked_again(message, now_milliseconds=now, new_ids=options.new_ids)
        return queued_again(message, now_milliseconds=now)

    try:
        sqs = boto3.client("sqs")
        send = (
            invoking(boto3.client("lambda"), options.target) if to_function else sending_to_queue(sqs, options.target)
        )
        moved, stays = redrive(sqs, options.source, again, send)
    except (BotoCoreError, ClientError) as problem:
        sys.stderr.write(f"{problem}\nWhat was moved is moved; the rest is where it was.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was moved is moved; the rest is where it was. Run it again to go on.\n")
        return 130
    sys.stdout.write(f"{moved} moved, {len(stays)} stay.\n")
    for message_id, reason in stays.items():
        sys.stdout.write(f"{message_id}: {reason}\n")
    return 1 if stays else 0


def _receive(sqs: Any, queue_url: str) -> Sequence[Mapping[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=BATCH_MESSAGES,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageSystemAttributeNames=["SentTimestamp"],
    )
    messages: Sequence[Mapping[str, Any]] = answer.get("Messages", ())
    return messages


def _ready(
    received: Iterable[Mapping[str, Any]], again: Callable[[Mapping[str, Any]], str], stays: dict[str, str]
) -> Iterator[Again]:
    for message in received:
        try:
            yield Again(message["MessageId"], again(message))
        except RequestError as refusal:
            stays[message["MessageId"]] = f"{refusal.code}: {refusal.message}"


def _with_id(queued: QueuedMessage, now_milliseconds: int, used: str | None = None) -> str:
    parsed = parse_queued_push(queued, now_milliseconds=now_milliseconds, max_frame_bytes=MAX_FRAME_BYTES)
    request = parse_push_message(queued.body)
    content = request.pop("content", None)  # A recall has none.
    request["id"] = request.get("id") or used or parsed.notification_id
    # Of the other members each is read as what it is; the content goes back as it was written.
    return to_json(request) if content is None else f'{to_json(request)[:-1]},"content":{content}}}'


def _sent_at(message: Mapping[str, Any]) -> int:
    return int(message["Attributes"]["SentTimestamp"])


def _record(body: str) -> dict[str, Any]:
    try:
        record = parse_object(body, as_written="requestPayload") or {}
    except (ValueError, RecursionError):
        record = {}
    if not isinstance(record.get("requestContext"), dict) or "requestPayload" not in record:
        raise RequestError("INVALID_REQUEST", "This is not the record of an asynchronous invocation.")
    return record


def _used_id(record: Mapping[str, Any]) -> str | None:
    """Return the id that an incomplete push names in its explanation."""
    answer = record.get("responsePayload")
    if not isinstance(answer, dict) or answer.get("errorType") != "INCOMPLETE":
        return None
    words = str(answer.get("errorMessage")).replace(":", " ").replace(".", " ").split()
    return next(filter(None, map(parse_notification_id, words)), None)


def _used_none(record: Mapping[str, Any]) -> bool:
    answer = record.get("responsePayload")
    if isinstance(answer, dict):
        return answer.get("errorType") in _CAME_TO_NOTHING
    return bool(record["requestContext"].get("approximateInvokeCount") == 0)


if __name__ == "__main__":
    end_on_signals()
    sys.exit(main())
