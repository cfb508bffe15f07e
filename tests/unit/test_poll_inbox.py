"""How a page and the state of the inbox share the bytes of a frame."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.handlers.poll_inbox import read_with_inbox
from websocket_push.history import Page
from websocket_push.protocol.frames import history_frame, session
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import MAX_COUNT, State, state_text

NOW = 1_769_860_800
STATE = State(read={earliest_id_at(NOW * 1000): NOW * 1000})


class Table:
    """A state, and so many notifications that are unread that they are not counted to the end."""

    async def get_item(self, table: str, key: Item, *, deadline: float) -> Item:
        return {"inboxVersion": {"N": "7"}, "inboxState": {"S": state_text(STATE)}}

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        ids = [earliest_id_at(NOW * 1000 + 1000 + number) for number in range(MAX_COUNT + 1)]
        return QueryPage([{"notificationId": {"S": each}} for each in reversed(ids)], None)


def read(texts: Sequence[str], recalls: Sequence[str] = (), *, page_bytes: int) -> tuple[int, str]:
    """Read a page that has these texts; return for how many bytes it was asked, and the state."""
    asked: list[int] = []

    async def read_page(size: int) -> Page:
        asked.append(size)
        return Page(list(texts), None, recalls=recalls)

    page, state = asyncio.run(
        read_with_inbox(
            read_page, cast(DynamoDB, Table()), "notifications", "alice", page_bytes=page_bytes, now=NOW, deadline=1e9
        )
    )
    assert (page.texts, page.recalls) == (list(texts), recalls)
    return asked[0], state


def frame_bytes(state: str) -> int:
    about = session(user_id="a", connection_id="b=", expires_at="c", keepalive_action="poll", keepalive_seconds=240)
    return len(history_frame([], next_position=None, reset=False, session=about, request_id=None, state=state))


def test_the_page_is_asked_to_leave_exactly_the_room_that_the_largest_state_takes() -> None:
    asked, state = read([], page_bytes=10_000)
    assert 10_000 - asked == frame_bytes(state) - frame_bytes("")


@pytest.mark.parametrize(
    ("texts", "recalls"), [(['"x"'], ()), (['"x"', '"\u20ac"', '"y"'], ()), (['"x"'], ['"\u20ac"', '"z"'])]
)
def test_the_state_comes_along_as_long_as_all_that_is_in_the_page_leaves_room_for_it(
    texts: Sequence[str], recalls: Sequence[str]
) -> None:
    asked, _ = read([], page_bytes=10_000)
    # Each has a comma.
    room = sum(len(text.encode()) + 1 for text in (*texts, *recalls))
    assert read(texts, recalls, page_bytes=10_000 - asked + room)[1] != ""
    assert read(texts, recalls, page_bytes=10_000 - asked + room - 1)[1] == ""
