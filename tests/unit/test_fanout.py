"""How the fanout function handles the outcome of a segment, and how it divides its time."""

import asyncio
import json
from typing import Any, cast

import pytest

from tests import virtual
from websocket_push.handlers import fanout
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.segment import MAX_ONLY, Segment, segment_text
from websocket_push.push.fan_out import Means, Position
from websocket_push.push.intake import Intake
from websocket_push.push.outcome import Outcome
from websocket_push.push.schedule import Schedule
from websocket_push.runtime.invocation import Invocation
from websocket_push.tables.clients import Connection
from websocket_push.telemetry.explain import Failure

SEGMENT = Segment("*", "0193a5b0-7c00-7abc-9def-0123456789ab", "1", persisted=True, part=0, of=1, after="a=")
DENIED = Failure("AWS_REFUSED", "denied")


def is_received_again(
    monkeypatch: pytest.MonkeyPatch,
    *,
    delivered: int = 0,
    failed: int = 0,
    unclosed: int = 0,
    after: str = "b=",
    finished: bool = True,
) -> bool:
    outcome = Outcome("*")
    outcome.persisted = True
    outcome.delivered, outcome.failed, outcome.unclosed = delivered, failed, unclosed
    outcome.error = DENIED if failed else None

    async def spread(*_: object, **__: object) -> tuple[Outcome, Position]:
        return outcome, Position(after, finished)

    monkeypatch.setattr(fanout, "spread", spread)
    means = Means(*cast(Any, [None] * len(Means._fields)))
    try:
        answer = asyncio.run(fanout._spread(SEGMENT, means, Schedule(1), 1e9))
    except RequestError:
        return True
    assert answer == (outcome, (after, finished))
    return False


@pytest.mark.parametrize(
    ("what", "again"),
    [
        ({}, False),
        ({"delivered": 1, "finished": False}, False),
        # Nothing of it could be begun.
        ({"after": "a=", "finished": False}, True),
        ({"after": "a=", "finished": True}, False),
        # API Gateway takes nothing: going on would close one connection after the other.
        ({"failed": 2, "finished": False}, True),
        ({"failed": 2, "delivered": 1, "finished": False}, False),
        # All were closed, so that their clients resume, and there are no more.
        ({"failed": 2}, False),
        ({"failed": 2, "unclosed": 1}, True),
        ({"failed": 2, "unclosed": 1, "delivered": 1}, False),
        # A message names no more.
        ({"failed": MAX_ONLY, "unclosed": MAX_ONLY, "delivered": 1}, False),
        ({"failed": MAX_ONLY + 1, "unclosed": MAX_ONLY + 1, "delivered": 1}, True),
    ],
)
def test_a_segment_is_received_again_where_going_on_would_do_harm(
    what: dict[str, Any], again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_received_again(monkeypatch, **what) is again


def test_no_segment_is_started_when_no_connection_could_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[float] = []

    async def take_none(messages: object, send: object, *, starts_until: float) -> list[Intake]:
        starts.append(starts_until)
        return []

    monkeypatch.setattr(fanout, "take_in", take_none)
    warm = fanout.Warm(fanout.Settings("", "", "", "", 1), *cast(Any, [None] * 5))
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": "", "attributes": {}}
    asyncio.run(fanout._fan_out({"Records": [record]}, Invocation(warm, 100.0, 200.0, {})))
    assert starts == [pytest.approx(170)]


class Passed:
    """The fan-out queue: what was sent to it, until when sending could take, and after how long it is received."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], float, int]] = []

    async def send(self, body: str, *, deadline: float, delay: int = 0) -> None:
        self.sent.append((json.loads(body), deadline, delay))


def test_all_of_the_time_that_is_not_for_posts_and_closes_is_for_passing_on_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[float] = []

    async def spread(means: Means, *_: object, until: float, **__: object) -> tuple[Outcome, Position]:
        times.extend((until, means.clocks.posts_until, means.clocks.closes_until))
        outcome = Outcome("*")
        outcome.delivered, outcome.left = 1, [Connection("stuck=", "", 1, 2)]
        return outcome, Position("b=", finished=False)

    monkeypatch.setattr(fanout, "spread", spread)
    queue = Passed()
    warm = fanout.Warm(fanout.Settings("", "", "", "", 1), *cast(Any, [None, None, None, queue, None]))
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": segment_text(SEGMENT), "attributes": {}}
    answer = virtual.run(fanout._fan_out({"Records": [record]}, Invocation(warm, 0.0, 100.0, {})))
    assert answer == {"batchItemFailures": []}
    assert times == pytest.approx([70, 85, 95])
    (only, *_), (rest, *_) = queue.sent
    assert only["only"] == [["stuck=", 1, 2]]
    assert (rest["after"], "only" in rest) == ("b=", False)
    assert [each[1:] for each in queue.sent] == [(100.0, fanout.AGAIN_SECONDS), (100.0, 0)]
