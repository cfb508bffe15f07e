"""What SQS does with dead-letter queues."""

import json
import time
import uuid
from typing import Any

from tools.emulator.patches.support import Record, existing


def redrive_dead_letters(sqs: Any) -> None:
    """Move messages of a dead-letter queue back, as new messages.

    AWS: StartMessageMoveTask sends the messages of a dead-letter queue to the queues that they came from, or to
    `DestinationArn`. "Redriven messages are considered new messages with a new messageID and enqueueTime" (SQS
    developer guide, "Learn how to configure a dead-letter queue redrive"). Only dead-letter queues whose sources are
    SQS queues are accepted (API reference, StartMessageMoveTask). ministack knows none of the three actions. Tasks end
    at once here.

    Goes when: ministack implements StartMessageMoveTask with new ids and times.
    """
    handlers = existing(sqs, "_HANDLERS")
    find = existing(sqs, "_queue_by_arn", ("arn",))
    queues = existing(sqs, "_queues")
    lock = existing(sqs, "_queues_lock")
    wake = existing(sqs, "esm_wake")
    refusal = existing(sqs, "_Err")
    tasks: list[Record] = []

    def start(data: Record, _url: str) -> Record:
        arn, given = data["SourceArn"], data.get("DestinationArn")
        with lock:
            source = find(arn)
            if source is None or (given and find(given) is None):
                raise refusal("ResourceNotFoundException", "The resource that you specified does not exist.", 404)
            if not any(_dead_letter_target(queue) == arn for queue in queues.values()):
                raise refusal("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
            moved = [message for message in source["messages"] if message["visible_at"] <= time.time()]
            source["messages"] = [message for message in source["messages"] if message not in moved]
            for message in moved:
                find(given or message["sys"]["DeadLetterQueueSourceArn"])["messages"].append(_as_new(message))
        wake.set()
        task = {
            "TaskHandle": str(uuid.uuid4()),
            "Status": "COMPLETED",
            "SourceArn": arn,
            "ApproximateNumberOfMessagesMoved": len(moved),
            "ApproximateNumberOfMessagesToMove": len(moved),
            "StartedTimestamp": int(time.time() * 1000),
        }
        tasks.insert(0, task | ({"DestinationArn": given} if given else {}))
        return {"TaskHandle": task["TaskHandle"]}

    def listed(data: Record, _url: str) -> Record:
        found = [task for task in tasks if task["SourceArn"] == data["SourceArn"]]
        return {"Results": found[: int(data.get("MaxResults", 1))]}

    def cancel(data: Record, _url: str) -> Record:
        raise refusal("ResourceNotFoundException", "Only an active message movement task can be cancelled.", 404)

    handlers.update({"StartMessageMoveTask": start, "ListMessageMoveTasks": listed, "CancelMessageMoveTask": cancel})


def _dead_letter_target(queue: Record) -> str | None:
    policy = queue["attributes"].get("RedrivePolicy")
    target: str | None = json.loads(policy).get("deadLetterTargetArn") if policy else None
    return target


def _as_new(message: Record) -> Record:
    now = time.time()
    kept = {name: value for name, value in message["sys"].items() if name != "DeadLetterQueueSourceArn"}
    return message | {
        "id": str(uuid.uuid4()),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "first_receive_at": None,
        "sys": kept | {"SentTimestamp": str(int(now * 1000))},
    }
