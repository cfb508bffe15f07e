import json
from collections import Counter

import pytest

from tests.chaos.faults import (
    CLOSE,
    POST,
    PUT,
    QUERY,
    SEND,
    WRITE,
    Fault,
    Kind,
    Plan,
    Rule,
    choose,
    operation_of,
    refusal,
)

THROTTLE = Rule((PUT, QUERY), 0.3, Fault(Kind.REFUSE, status=429))
RESET = Rule((PUT,), 0.2, Fault(Kind.RESET))


def kinds(rules: list[Rule], operation: str, seed: int = 1) -> Counter[str]:
    faults = (choose(rules, seed, operation, number) for number in range(4000))
    return Counter("none" if fault is None else fault.kind.name for fault in faults)


def test_shares_of_an_operation_follow_each_other() -> None:
    found = kinds([THROTTLE, RESET], PUT)
    assert found["REFUSE"] / 4000 == pytest.approx(0.3, abs=0.03)
    assert found["RESET"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert found["none"] / 4000 == pytest.approx(0.5, abs=0.03)
    assert kinds([THROTTLE, RESET], QUERY).keys() == {"REFUSE", "none"}
    assert kinds([THROTTLE, RESET], POST) == {"none": 4000}


def test_seed_alone_makes_the_choices() -> None:
    plans = [Plan([THROTTLE, RESET], seed) for seed in (7, 7, 8)]
    first, same, other = [[plan.next(PUT) for _ in range(200)] for plan in plans]
    assert first == same != other


def test_share_of_paths_meets_its_fault_at_every_request_and_no_other_does() -> None:
    full = Rule((POST,), 0.3, Fault(Kind.REFUSE, status=429), by_path=True)
    plan = Plan([full], 5)
    messages = [f"POST /live/@connections/c{number} HTTP/1.1".encode() for number in range(500)]
    first, again = [[plan.next(POST, message) for message in messages] for _ in range(2)]
    assert first == again
    assert sum(each is not None for each in first) / 500 == pytest.approx(0.3, abs=0.06)


def test_only_what_holds_the_words_is_meant() -> None:
    rule = Rule((PUT,), 1.0, Fault(Kind.HOLD, seconds=1), within=b"connectedAt")
    assert choose([rule], 1, PUT, 0, b'{"connectedAt": 1}') == rule.fault
    assert choose([rule], 1, PUT, 0, b'{"createdAt": 1}') is None


def test_each_operation_has_its_own_row_of_choices() -> None:
    mixed, alone = Plan([THROTTLE], 3), Plan([THROTTLE], 3)
    taken = []
    for _ in range(50):
        mixed.next(QUERY)
        taken.append(mixed.next(PUT))
    assert taken == [alone.next(PUT) for _ in range(50)]


@pytest.mark.parametrize(
    ("method", "path", "target", "operation"),
    [
        ("POST", "/", "DynamoDB_20120810.PutItem", PUT),
        ("POST", "/", "AmazonSQS.SendMessage", SEND),
        ("POST", "/live/@connections/abc%3D", "", POST),
        ("DELETE", "/live/@connections/abc%3D", "", CLOSE),
        ("GET", "/live/@connections/abc%3D", "", "GetConnection"),
        ("GET", "/key", "", "GET /key"),
    ],
)
def test_operation_is_told_from_the_request(method: str, path: str, target: str, operation: str) -> None:
    assert operation_of(method, path, target) == operation


@pytest.mark.parametrize(
    ("operation", "asked", "status", "code"),
    [
        (PUT, 429, 400, "ProvisionedThroughputExceededException"),
        (PUT, 500, 500, "InternalServerError"),
        (PUT, 503, 503, "ServiceUnavailableException"),
        (WRITE, 429, 400, "ProvisionedThroughputExceededException"),
        (SEND, 429, 400, "RequestThrottled"),
        (SEND, 503, 503, "ServiceUnavailable"),
        (POST, 429, 429, "LimitExceededException"),
        (POST, 500, 500, "InternalServerErrorException"),
        (POST, 503, 503, "ServiceUnavailableException"),
    ],
)
def test_refusal_is_worded_as_by_the_service(operation: str, asked: int, status: int, code: str) -> None:
    head, _, body = refusal(operation, asked).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert f"Content-Length: {len(body)}" in head
    named = json.loads(body).get("__type", "").rpartition("#")[2] or head.partition("x-amzn-ErrorType: ")[2].split()[0]
    assert named == code
