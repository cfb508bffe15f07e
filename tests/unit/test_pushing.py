"""How long a push is said to have taken."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from websocket_push.handlers import pushing
from websocket_push.protocol.push_request import PushRequest, parse_push
from websocket_push.push.pusher import Defaults, Pusher
from websocket_push.push.report import Report
from websocket_push.runtime.invocation import Invocation

COUNTED = ("recipients", "persisted", "connections", "delivered", "gone", "failed", "unclosed")
REPORT: Report = {"totals": dict.fromkeys(COUNTED, 1)}


class Pushed:
    """What pushes, to users and to topics alike."""

    defaults = Defaults(persist=True, ttl=60)

    async def push(self, *_: object) -> Report:
        return REPORT


def request_for(**recipient: str) -> PushRequest:
    return parse_push({**recipient, "content": 1}, now_milliseconds=0, max_frame_bytes=32_768)


@pytest.mark.parametrize("recipient", [{"userId": "alice"}, {"topic": "org/7"}])
def test_the_latency_is_the_milliseconds_since_the_invocation_began(
    recipient: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "time", SimpleNamespace(monotonic=lambda: 100.25))
    pushed, fields = cast(Any, Pushed()), dict[str, Any]()
    invocation = Invocation(pushing.Warm(*[pushed] * len(pushing.Warm._fields)), 100.0, 200.0, fields)
    asyncio.run(pushing.counted_push(cast(Pusher, pushed), request_for(**recipient), invocation))
    assert fields["PushLatency"] == [250.0]
