"""A backend that pushes in each of the three ways, and retries until it is accepted."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.ledger import Row
from tools.aws import invoke
from tools.redrive import Send, invoked_again, invoking, queued_again, redrive, sending_to_queue
from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.tables.notifications import topic_key

_TRY_SECONDS = 90.0
_PAUSE_SECONDS = 0.2
_CONTROL_ATTEMPTS = 5

Ways = Mapping[str, tuple[Callable[..., str], Send]]
"""By the output that names a dead-letter queue: what makes requests of its messages, and what sends them."""


class GaveUpError(Exception):
    """A push was not accepted although everything had time to recover."""


@dataclass(slots=True)
class Sender:
    """The backend.

    Parameters
    ----------
    aws
        boto3's clients, by service.
    outputs
        Of the stack.
    listeners
        For each topic, the users that listen to it.

    Attributes
    ----------
    tickets
        What was accepted, and for which users.
    reports
        Every report.
    refusals
        How often a push came to nothing, by the code.
    """

    aws: Mapping[str, Any]
    outputs: Mapping[str, str]
    listeners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tickets: dict[int, frozenset[str]] = field(default_factory=dict)
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, users: Sequence[str], *, notification_id: str | None = None, ticket: int | None = None) -> None:
        """Push synchronously; repeat with the same id while it is incomplete for any recipient."""
        self._push(self._request(users, notification_id or new_id(), ticket))

    def publish(self, topic: str, *, notification_id: str | None = None, ticket: int | None = None) -> None:
        """Push to a topic as `push` does to users; `*` is all."""
        self._push({"topic": topic, "content": self._ticket(ticket), "id": notification_id or new_id()})

    def _push(self, request: Mapping[str, Any]) -> None:
        give_up = time.monotonic() + _TRY_SECONDS
        while time.monotonic() < give_up:
            report = self._invoke(request)
            if report is not None and all(_is_done(each) for each in report.get("recipients", [report])):
                self._accept(request)
                return
            time.sleep(_PAUSE_SECONDS)
        raise GaveUpError(f"{request['id']} was not accepted within {_TRY_SECONDS:.0f} s: {dict(self.refusals)}")

    def hand_over(self, users: Sequence[str]) -> None:
        """Push asynchronously: Lambda has it, and repeats it where it fails. The id makes that safe."""
        request = self._request(users, new_id()) | {"onFailure": "raise"}
        self.aws["lambda"].invoke(FunctionName=self._function, InvocationType="Event", Payload=json.dumps(request))
        self._accept(request)

    def enqueue(self, users: Sequence[str]) -> None:
        """Send a message to the queue, which makes the id."""
        request = self._request(users, None)
        self.aws["sqs"].send_message(QueueUrl=self.outputs["push_queue_url"], MessageBody=json.dumps(request))
        self._accept(request)

    def rows(self, users: Sequence[str]) -> list[Row]:
        """Read the histories of users, and those of the topics, each as that of every user that listens to it."""
        logs = [(user, {user}) for user in users]
        logs += [(topic_key(topic), set(listening)) for topic, listening in self.listeners.items()]
        return [
            Row(user, item["notificationId"]["S"], int(item["content"]["S"]))
            for key, whose in logs
            for item in self._log(key)
            for user in whose
        ]

    def _log(self, key: str) -> list[Mapping[str, Any]]:
        pages = (
            self.aws["dynamodb"]
            .get_paginator("query")
            .paginate(
                TableName=self.outputs["notifications_table_name"],
                KeyConditionExpression="userId = :key",
                ExpressionAttributeValues={":key": {"S": key}},
                ConsistentRead=True,
            )
        )
        return [item for page in pages for item in page["Items"]]

    def waiting(self, output: str) -> int:
        """Return how many messages a queue holds, including those in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws["sqs"].get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def connections(self, users: Sequence[str]) -> list[dict[str, Any]]:
        """Read the rows of all connections of users, stale ones included."""
        pages = (
            self.aws["dynamodb"]
            .get_paginator("scan")
            .paginate(TableName=self.outputs["clients_table_name"], ConsistentRead=True)
        )
        return [item for page in pages for item in page["Items"] if item["userId"]["S"] in users]

    def put_connections(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of connections, as if each had connected a minute earlier: a push keeps younger ones."""
        for row in rows:
            connected_at = {"N": str(int(row["connectedAt"]["N"]) - 60_000)}
            item = {**row, "connectedAt": connected_at}
            self.aws["dynamodb"].put_item(TableName=self.outputs["clients_table_name"], Item=item)

    def redrive(self, *, until: Callable[[], bool], seconds: float) -> int:
        """Move what is in the dead-letter queues back as `make redrive` does, until nothing more is to come.

        Returns
        -------
        int
            How many messages were moved.
        """
        to_queue = sending_to_queue(self.aws["sqs"], self.outputs["push_queue_url"])
        ways: Ways = {
            "dead_letter_queue_url": (invoked_again, invoking(self.aws["lambda"], self._function)),
            "push_queue_dead_letter_queue_url": (queued_again, to_queue),
        }
        return self._move_back(ways, until=until, seconds=seconds)

    def control(self, **request: object) -> Mapping[str, Any]:
        """Invoke the control function, again if it was refused; every request is safe to repeat."""
        refusal: object = None
        for _ in range(_CONTROL_ATTEMPTS):
            answer = invoke(self.aws["lambda"], self.outputs["control_function_arn"], request)
            if answer.function_error is None:
                return answer.payload
            refusal = answer.payload
        raise GaveUpError(f"{request['action']}: {refusal}")

    def move_segments_back(self, *, until: Callable[[], bool], seconds: float) -> int:
        """Move segments that have failed back to their queue as `make redrive` does, until nothing more is to come.

        Returns
        -------
        int
            How many were moved.
        """
        to_queue = sending_to_queue(self.aws["sqs"], self.outputs["fanout_queue_url"])
        ways: Ways = {"fanout_queue_dead_letter_queue_url": (queued_again, to_queue)}
        return self._move_back(ways, until=until, seconds=seconds)

    def _move_back(self, ways: Ways, *, until: Callable[[], bool], seconds: float) -> int:
        moved_back, give_up = 0, time.monotonic() + seconds
        while not until() and time.monotonic() < give_up:
            for output, (again, send) in ways.items():
                now = partial(again, now_milliseconds=time.time_ns() // 1_000_000)
                moved, stays = redrive(self.aws["sqs"], self.outputs[output], now, send)
                if stays:
                    raise GaveUpError(f"dead letters stay: {stays}")
                moved_back += moved
        return moved_back

    def total(self, count: str) -> int:
        """Add up a count of all reports."""
        return sum(report.get("totals", {}).get(count, 0) for report in self.reports)

    def skip(self, tickets: int) -> None:
        """Leave tickets to other processes: those from 1 up to this number."""
        self._numbers = count(tickets + 1)

    def note(self, outcome: Mapping[str, Any]) -> None:
        """Take in what another process has pushed."""
        self.tickets |= {int(ticket): frozenset(users) for ticket, users in outcome["tickets"].items()}
        self.reports += outcome["reports"]

    @property
    def accepted(self) -> int:
        """How many requests were accepted."""
        return len(self.tickets)

    def _invoke(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Invoke the function; give its report, or None where there is none."""
        try:
            answer = self.aws["lambda"].invoke(FunctionName=self._function, Payload=json.dumps(request))
            payload: Mapping[str, Any] = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError) as problem:
            # Lambda itself is away or throttles; a request that it always refuses is refused again, and then reported.
            with self._lock:
                self.refusals[type(problem).__name__] += 1
            return None
        with self._lock:
            if "FunctionError" in answer:
                self.refusals[payload.get("errorType", "killed")] += 1
                return None
            self.reports.append(payload)
        return payload

    @property
    def _function(self) -> str:
        return self.outputs["push_function_arn"]

    def _request(self, users: Sequence[str], notification_id: str | None, ticket: int | None = None) -> dict[str, Any]:
        to = {"userId": users[0]} if len(users) == 1 else {"userIds": list(users)}
        return {**to, "content": self._ticket(ticket), **({"id": notification_id} if notification_id else {})}

    def _ticket(self, ticket: int | None) -> int:
        with self._lock:
            return ticket or next(self._numbers)

    def _accept(self, request: Mapping[str, Any]) -> None:
        topic = request.get("topic")
        users = self.listeners[topic] if topic else frozenset(request.get("userIds") or [request["userId"]])
        with self._lock:
            self.tickets[request["content"]] = users


def _is_done(recipient: Mapping[str, Any]) -> bool:
    """Return whether a recipient has it, or will come for it."""
    return recipient["persisted"] and "incomplete" not in recipient


def new_id(milliseconds: int | None = None) -> str:
    """Make an id for a millisecond since the epoch; None is now."""
    nanoseconds = time.time_ns() if milliseconds is None else milliseconds * 1_000_000
    return new_notification_id(nanoseconds, os.urandom(RANDOM_BYTES))


def each(items: Sequence[Any], act: Callable[[Any], None], *, workers: int) -> None:
    """Do something for each item, so many side by side; raise what it raises."""
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(act, items):
            pass
