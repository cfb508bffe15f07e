"""How long a push may take, and how long it is said to have taken."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from websocket_push.handlers import push_route, pushing
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


@pytest.mark.parametrize(("deadline", "until"), [(160.0, 127.0), (127.5, 127.0), (110.0, 110.0)])
def test_a_push_on_the_route_ends_two_seconds_before_api_gateway_stops_waiting(
    deadline: float, until: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 29 s ("Integration timeout"), or when the function itself has to end."""
    ends: list[float] = []

    async def push_one(request: PushRequest, invocation: object, *, until: float) -> Report:
        ends.append(until)
        return {"id": "0193a5b0-7c00-7abc-9def-0123456789ab", "recipients": [{"userId": "alice"}], **REPORT}

    monkeypatch.setattr(push_route, "push_one", push_one)
    monkeypatch.setattr(push_route, "receipt_frame", lambda report, request_id: "")
    settings = SimpleNamespace(max_frame_bytes=32_768, allow_anonymous=False, revocable=False, client_push="self")
    warm = pushing.Warm(*cast(Any, [settings, *[None] * (len(pushing.Warm._fields) - 1)]))
    event: Any = {
        "requestContext": {"connectionId": "phone", "eventType": "MESSAGE", "authorizer": {"userId": "alice"}},
        "body": '{"action":"push","userId":"alice","content":1}',
    }
    asyncio.run(push_route.push_from_client(event, Invocation(warm, 100.0, deadline, {})))
    assert ends == [until]
