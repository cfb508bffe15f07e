"""How a backend pushes notifications: by invoking the push function, or by handing requests over to the push queue.

Copy it, or take from it what you need. It needs boto3 and nothing else of this repository.

A push has an id of its own from the start, so repeating it, here or by AWS, never makes a second notification: it is
kept once and sent with the same id, by which clients drop repeats.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import boto3
from botocore.config import Config

MAX_RECIPIENTS = 10_000
"""How many users one push request may name."""

MAX_BATCH_MESSAGES = 10
MAX_BATCH_BYTES = 262_144
"""How much one SendMessageBatch may carry."""

_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.2

Report = Mapping[str, Any]


class Action(Enum):
    """What to do about an error."""

    FIX_REQUEST = "fix the request: it will be refused again"
    RETRY = "push again, with the same id: the reason passes"
    ALERT = "tell the operator: a permission or a setting is wrong"


_ACTIONS = {
    "INCOMPLETE": Action.RETRY,
    "UNAVAILABLE": Action.RETRY,
    "AWS_REFUSED": Action.ALERT,
    "INTERNAL": Action.ALERT,
}


def action_for(code: str) -> Action:
    """Say what to do about an `errorType` of the push function, or the `code` of an error in its report.

    The codes that are not named here are those of a request that was refused; docs/protocol.md lists them. What is not
    written in capitals is Lambda's own, for a function that was ended: out of time, out of memory.
    """
    if code in _ACTIONS:
        return _ACTIONS[code]
    return Action.FIX_REQUEST if code.isupper() else Action.RETRY


class PushError(Exception):
    """A push that failed as a whole; nothing of it was stored or sent, but for the code INCOMPLETE.

    Attributes
    ----------
    code
        For programs.
    action
        What to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.action = action_for(code)


def new_notification_id(unix_milliseconds: int | None = None) -> str:
    """Make an id for a notification: a UUIDv7 (RFC 9562 section 5.7), by the clock of this machine."""
    now = time.time_ns() // 1_000_000 if unix_milliseconds is None else unix_milliseconds
    value = now << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76  # the version
    digits = f"{value & ~(3 << 62) | 2 << 62:032x}"  # the variant
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class Push:
    """A notification and its recipients.

    Parameters
    ----------
    user_ids
        1 to 10,000 users; `split` divides longer lists. Empty if there is a topic.
    content
        What JSON can say; at most 31 KB as JSON, or as many as the input `max_frame_kb` allows, less one.
    persist, ttl
        Whether it is kept for those who are away, and for how many seconds; None leaves it to the deployment.
    id
        Of the notification. Keep it for repeating the push, with the business event, say.
    topic
        The topic to push to, or "*" for everyone; needs the input `topics`.
    """

    user_ids: tuple[str, ...]
    content: object
    persist: bool | None = None
    ttl: int | None = None
    id: str = field(default_factory=new_notification_id)
    topic: str | None = None

    def request(self, *, on_failure: str = "report") -> str:
        """Write the push request."""
        members = {
            "userIds": None if self.topic is not None and not self.user_ids else self.user_ids,
            "topic": self.topic,
            "content": self.content,
            "persist": self.persist,
            "ttl": self.ttl,
            "id": self.id,
            "onFailure": on_failure,
        }
        return json.dumps({name: value for name, value in members.items() if value is not None or name == "content"})

    def split(self, size: int = MAX_RECIPIENTS) -> "Iterator[Push]":
        """Divide it into pushes of the same notification to fewer users each; one to a topic stays as it is."""
        if self.topic is not None:
            yield self
        for start in range(0, len(self.user_ids), size):
            yield Push(self.user_ids[start : start + size], self.content, self.persist, self.ttl, self.id)


class LambdaClient(Protocol):
    """What is used of boto3's client for Lambda."""

    def invoke(self, *, FunctionName: str, InvocationType: Any, Payload: str) -> Any:  # noqa: N803 - boto3's names
        """Invoke a function."""
        ...


class SqsClient(Protocol):
    """What is used of boto3's client for SQS."""

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 - boto3's names
        """Send up to ten messages."""
        ...


def lambda_client() -> LambdaClient:
    """Make a client that waits longer than the push function runs, and tries again when Lambda throttles."""
    return boto3.client("lambda", config=Config(read_timeout=65, retries={"mode": "standard"}))


def sqs_client() -> SqsClient:
    """Make a client."""
    client: SqsClient = boto3.client("sqs", config=Config(retries={"mode": "standard"}))
    return client


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and how the pauses in between pass; a test lets them pass at once."""

    attempts: int = _ATTEMPTS
    sleep: Callable[[float], None] = time.sleep

    def __iter__(self) -> Iterator[bool]:
        """Give, for each attempt, whether it is the last; pause before all but the first, for a random time."""
        for attempt in range(1, self.attempts + 1):
            if attempt > 1:
                self.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 - spreads retries
            yield attempt == self.attempts


def push_now(client: LambdaClient, function_arn: str, push: Push, patience: Patience | None = None) -> Report:
    """Push, wait for the outcome, and repeat what can be repeated.

    Returns
    -------
    Report
        Of the last attempt. What `unserved` gives of it has to be decided by the caller. That of a topic names no user:
        `accepted` means that the module sends it from here on.

    Raises
    ------
    PushError
        If it failed as a whole, at the last attempt or with a code that repeating does not help.
    """
    for last in patience or Patience():
        try:
            report = _invoke(client, function_arn, push)
        except PushError as error:
            if last or error.action is not Action.RETRY:
                raise
            continue
        if last or not _is_worth_repeating(report):
            return report
    raise ValueError("Patience must have at least one attempt.")


def push_later(client: LambdaClient, function_arn: str, push: Push) -> None:
    """Have Lambda push and retry asynchronously; then a failed request is in the dead-letter queue."""
    client.invoke(FunctionName=function_arn, InvocationType="Event", Payload=push.request(on_failure="raise"))


def unserved(report: Report) -> dict[str, str]:
    """Return the users who may miss the notification unless it is pushed again, and why.

    The push function decides who that is, and says `incomplete` of them: who has it neither in the history nor on all
    connections, whose connections could not be looked up, or could be neither sent to nor closed. What was closed comes
    for what is persisted. A report of thousands of long user ids may leave some out; `totals.incomplete` counts all.
    """
    return {each["userId"]: each["error"]["code"] for each in report.get("recipients", ()) if each.get("incomplete")}


@dataclass(frozen=True, slots=True)
class Unsent:
    """A push that the queue did not take.

    Parameters
    ----------
    push
        The push.
    code
        What SQS said; TOO_LARGE if it was not asked.
    action
        What to do.
    """

    push: Push
    code: str
    action: Action


def push_by_queue(
    client: SqsClient, queue_url: str, pushes: Iterable[Push], patience: Patience | None = None
) -> list[Unsent]:
    """Hand pushes over to the push queue, as many at once as SQS takes.

    Returns
    -------
    list of Unsent
        What the queue did not take in the end; the others will be pushed.

    Raises
    ------
    botocore.exceptions.ClientError
        If SQS refuses a whole batch, for example because of a missing permission. All pushes may be sent again.
    """
    requests = [(push, push.request()) for push in pushes]
    # SQS would refuse the whole batch. All is ASCII, so characters are bytes.
    unsent = [Unsent(push, "TOO_LARGE", Action.FIX_REQUEST) for push, body in requests if len(body) > MAX_BATCH_BYTES]
    for batch in _batches((push, body) for push, body in requests if len(body) <= MAX_BATCH_BYTES):
        unsent += _send(client, queue_url, batch, patience or Patience())
    return unsent


def _is_worth_repeating(report: Report) -> bool:
    if "topic" in report:
        code = report["error"]["code"] if "error" in report else "UNAVAILABLE"
        return "incomplete" in report and action_for(code) is Action.RETRY
    left = unserved(report)
    omitted = report["totals"]["incomplete"] > len(left)
    return omitted or any(action_for(code) is Action.RETRY for code in left.values())


def _invoke(client: LambdaClient, function_arn: str, push: Push) -> Report:
    answer = client.invoke(FunctionName=function_arn, InvocationType="RequestResponse", Payload=push.request())
    payload: Mapping[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise PushError(payload.get("errorType", "Unhandled"), payload.get("errorMessage", "no message"))
    return payload


def _batches(requests: Iterable[tuple[Push, str]]) -> Iterator[list[tuple[Push, str]]]:
    batch: list[tuple[Push, str]] = []
    size = 0
    for push, body in requests:
        if batch and (len(batch) == MAX_BATCH_MESSAGES or size + len(body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((push, body))
        size += len(body)
    if batch:
        yield batch


def _send(client: SqsClient, queue_url: str, batch: Sequence[tuple[Push, str]], patience: Patience) -> list[Unsent]:
    refused: list[Unsent] = []
    for last in patience:
        entries = [{"Id": str(number), "MessageBody": body} for number, (_, body) in enumerate(batch)]
        failed = client.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed") or []
        again = [each for each in failed if not (last or each["SenderFault"])]
        refused += [
            Unsent(
                batch[int(each["Id"])][0],
                each["Code"],
                Action.FIX_REQUEST if each["SenderFault"] else Action.RETRY,
            )
            for each in failed
            if each not in again
        ]
        if not again:
            return refused
        batch = [batch[int(each["Id"])] for each in again]
    raise ValueError("Patience must have at least one attempt.")
