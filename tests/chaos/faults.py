"""Which request meets which fault: pure, and the same for the same seed.

The n-th request of an operation always meets the same fault. Which request is the n-th is up to the timing of the run.
"""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

PUT, GET, DELETE, QUERY = "PutItem", "GetItem", "DeleteItem", "Query"
SCAN, UPDATE, WRITE = "Scan", "UpdateItem", "BatchWriteItem"
POST, CLOSE = "PostToConnection", "DeleteConnection"
SEND = "SendMessage"
DYNAMODB = (PUT, GET, DELETE, QUERY, SCAN, UPDATE, WRITE)


class Kind(Enum):
    """What is done to a request."""

    DELAY = auto()
    """It is passed on after `seconds`."""

    DROP = auto()
    """It goes nowhere, and is never answered."""

    HOLD = auto()
    """It is passed on, and its answer comes after `seconds`."""

    LOSE = auto()
    """It is passed on, and its answer goes nowhere."""

    RESET = auto()
    """Its connection is reset before it is passed on."""

    CUT = auto()
    """It is passed on, and its connection is reset in the middle of the answer."""

    REFUSE = auto()
    """It is answered with `status`, as AWS words it, and not passed on."""

    DUPLICATE = auto()
    """It is passed on twice, at the same time."""

    REORDER = auto()
    """It is passed on after the next request of the same operation, or after `seconds` if none comes."""

    KILL = auto()
    """The process that has sent it is killed; it is not passed on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, with what it needs."""

    kind: Kind
    seconds: float = 0.0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A share, from 0 to 1, of the requests of some operations meets a fault.

    Parameters
    ----------
    within
        What a request has to hold to be meant.
    by_path
        Whether it is a share of the paths, of connections that is, each of whose requests meets it.
    """

    operations: Sequence[str]
    share: float
    fault: Fault
    within: bytes = b""
    by_path: bool = False


@dataclass(slots=True)
class Plan:
    """The rules in force, and how many requests of each operation they have seen.

    Parameters
    ----------
    rules
        The shares of those that name the same operation are taken one after the other from all of its requests.
    seed
        Makes the choices.
    """

    rules: Sequence[Rule] = ()
    seed: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def next(self, operation: str, message: bytes = b"") -> Fault | None:
        """Return the fault for the next request of an operation; None passes it on as it is."""
        number = self.seen[operation]
        self.seen[operation] += 1
        return choose(self.rules, self.seed, operation, number, message)


def choose(rules: Sequence[Rule], seed: int, operation: str, number: int, message: bytes = b"") -> Fault | None:
    """Return the fault for the n-th request of an operation."""
    draw = random.Random(f"{seed}/{operation}/{number}").random()
    for rule in rules:
        if operation not in rule.operations or rule.within not in message:
            continue
        if rule.by_path:
            path = message.split(b" ", 2)[1].decode()
            if random.Random(f"{seed}/{path}").random() < rule.share:
                return rule.fault
            continue
        draw -= rule.share
        if draw < 0:
            return rule.fault
    return None


def operation_of(method: str, path: str, target: str) -> str:
    """Name the operation of a request: by `X-Amz-Target` (AWS JSON protocol), or by method and path."""
    if target:
        return target.rpartition(".")[2]
    if "/@connections/" in path:
        return {"POST": POST, "DELETE": CLOSE}.get(method, "GetConnection")
    return f"{method} {path}"


def refusal(operation: str, status: int) -> bytes:
    """Write an error as the service of the operation does.

    DynamoDB throttles with status 400 and names the error in the body ("Error handling with DynamoDB", DynamoDB
    developer guide), so a 429 from it becomes one, and a 403 a denial. The management API throttles with
    `LimitExceededException` and status 429 ("PostToConnection", API Gateway management API reference).
    """
    if operation in DYNAMODB:
        sent, code = {
            403: (400, "com.amazon.coral.service#AccessDeniedException"),
            429: (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
            500: (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
            503: (503, "com.amazon.coral.availability#ServiceUnavailableException"),
        }[status]
        return _answer(sent, {"__type": code, "message": "planted"}, "application/x-amz-json-1.0")
    if operation == SEND:
        sent, code = {429: (400, "RequestThrottled"), 503: (503, "ServiceUnavailable")}[status]
        return _answer(
            sent, {"__type": f"com.amazonaws.sqs#{code}", "message": "planted"}, "application/x-amz-json-1.0"
        )
    codes = {429: "LimitExceededException", 500: "InternalServerErrorException", 503: "ServiceUnavailableException"}
    return _answer(status, {"message": "planted"}, "application/json", f"x-amzn-ErrorType: {codes[status]}\r\n")


def _answer(status: int, body: dict[str, str], content_type: str, headers: str = "") -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Planted\r\nContent-Type: {content_type}\r\n{headers}Content-Length: {len(text)}\r\n\r\n"
    return head.encode() + text
