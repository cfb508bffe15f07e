"""Whom a push reports as not reached, and with which content."""

import asyncio
import json
from typing import Any, cast

import pytest

from websocket_push.aws.queue import Queue
from websocket_push.push.outcome import Outcome
from websocket_push.push.undelivered import Undelivered
from websocket_push.tables.notifications import Notification

ID = "0193a5b0-7c00-7abc-9def-0123456789ab"


class Messages:
    """The queue of the events function."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []

    async def send(self, body: str, *, deadline: float) -> None:
        self.taken.append(json.loads(body))


def reported(outcome: Outcome, *, content: str = "1") -> list[dict[str, Any]]:
    messages = Messages()
    undelivered = Undelivered(cast(Queue, messages), include_content=True)
    asyncio.run(undelivered.report(Notification(ID, content), [outcome], now=5, expires_at=9, deadline=1e9))
    return messages.taken


@pytest.mark.parametrize(
    ("members", "is_reported"),
    [
        ({"persisted": True}, True),
        ({"persisted": True, "connections": 2, "gone": 2}, True),
        ({"persisted": True, "connections": 2, "gone": 1, "connecting": 1}, False),
        ({"persisted": True, "connections": 1, "delivered": 1}, False),
        # There may be connections that could not be looked up.
        ({"persisted": True, "missed": True}, False),
        ({"persisted": False}, False),
        # Another had taken its place before it came.
        ({"persisted": True, "superseded": True}, False),
    ],
)
def test_those_are_reported_for_whom_it_is_kept_and_who_had_no_open_connection(
    members: dict[str, int], is_reported: bool
) -> None:
    outcome = Outcome("alice")
    for name, value in members.items():
        setattr(outcome, name, value)
    assert [each["userIds"] for each in reported(outcome)] == ([["alice"]] if is_reported else [])


@pytest.mark.parametrize(("size", "has_content"), [(3, True), (64 * 1024, True), (64 * 1024 + 1, False)])
def test_content_is_in_the_message_up_to_a_size(size: int, has_content: bool) -> None:
    outcome = Outcome("alice")
    outcome.persisted = True
    content = "1" * (size - len('""'))
    (message,) = reported(outcome, content=content)
    assert (message.get("text") == content) is has_content


def test_a_message_names_so_many_users_and_no_more() -> None:
    messages, outcomes = Messages(), [Outcome(str(number)) for number in range(401)]
    for outcome in outcomes:
        outcome.persisted = True
    undelivered = Undelivered(cast(Queue, messages), include_content=False)
    asyncio.run(undelivered.report(Notification(ID, "1"), outcomes, now=5, expires_at=9, deadline=1e9))
    named = [each["userIds"] for each in messages.taken]
    assert [len(each) for each in named] == [200, 200, 1]
    assert [user for each in named for user in each] == [str(number) for number in range(401)]
