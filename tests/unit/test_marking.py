"""Which devices of a user learn of a mark, and how long the reply waits for them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from tests import virtual
from websocket_push.aws.dynamodb import Item, QueryPage
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.marking import POSTS_AT_ONCE, Marking
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import Mark, State, Unread
from websocket_push.tables.clients import Clients
from websocket_push.tables.inboxes import Inboxes, Stored

NOW = 1_769_860_800_000
MARK = Mark(seen_up_to=earliest_id_at(NOW))


class World:
    """A user's state and connections, which an index shows page by page."""

    def __init__(self, *pages: list[str]) -> None:
        self.stored = Stored()
        self.pages = pages
        self.answers_lost = 0
        self.unreadable_page = len(pages)
        self.posted: list[str] = []
        self.expiries: dict[str, int] = {}
        self.deadlines: set[float] = set()
        self.attempts: set[int] = set()
        self.posting: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)

    async def find(self, user_id: str, *, deadline: float) -> Stored:
        return self.stored

    async def write(self, user_id: str, state: State, *, over: int, expires_at: int, deadline: float) -> bool:
        self.stored = Stored(state, over + 1)
        self.answers_lost -= 1
        # Sent again, a write whose answer was lost finds its own version.
        return self.answers_lost < 0

    async def count(self, user_id: str, state: State, *, now: int, deadline: float) -> Unread:
        return Unread()

    async def page(self, user_id: str, start: Item | None, *, deadline: float) -> QueryPage:
        number = int(cast(str, start)) if start is not None else 0
        if number == self.unreadable_page:
            raise AwsError("InternalServerError", status=500)
        rows = [
            {
                "connectionId": {"S": each},
                "connectedAt": {"N": "1"},
                "expiresAt": {"N": str(self.expiries.get(each, NOW // 1000 + 1))},
            }
            for each in self.pages[number]
        ]
        return QueryPage(rows, cast(Item, str(number + 1)) if number + 1 < len(self.pages) else None)

    async def post(self, connection_id: str, payload: Payload, *, deadline: float, attempts: int) -> None:
        self.deadlines.add(deadline)
        self.attempts.add(attempts)
        await self.posting()
        self.posted.append(connection_id)

    def mark(self, *, deadline: float = 1000, sender: str | None = None) -> list[str]:
        """Mark, and return which connections were sent the state."""
        marking = Marking(
            cast(Inboxes, self), cast(Clients, self), cast(Management, self), ttl=60, now=lambda: NOW, deadline=deadline
        )
        virtual.run(marking.mark("alice", MARK, sender=sender))
        return self.posted


def test_connections_on_every_page_of_the_index_learn_of_a_mark_but_not_the_one_it_came_over() -> None:
    assert World(["phone", "laptop"], ["tv"]).mark(sender="laptop") == ["phone", "tv"]


def test_those_on_the_pages_before_one_that_cannot_be_read_learn_of_it_all_the_same() -> None:
    world = World(["phone"], ["tv"])
    world.unreadable_page = 1
    assert world.mark() == ["phone"]


def test_one_whose_authorization_has_expired_learns_of_nothing_more() -> None:
    world = World(["phone", "tv"], ["laptop"])
    world.expiries = {"phone": NOW // 1000, "laptop": NOW // 1000 - 1}
    assert world.mark() == ["tv"]


def test_what_changes_nothing_is_sent_to_none() -> None:
    world = World(["phone"])
    world.mark()
    assert world.mark() == ["phone"]


def test_a_mark_whose_answer_was_lost_is_sent_all_the_same() -> None:
    world = World(["phone"])
    world.answers_lost = 1
    assert world.mark() == ["phone"]


@pytest.mark.parametrize(("deadline", "until"), [(1000, 5), (4, 4)])
def test_the_reply_waits_for_an_attempt_without_an_answer_and_another(deadline: float, until: float) -> None:
    world = World(["phone", "tv"])
    world.mark(deadline=deadline)
    assert (world.deadlines, world.attempts) == ({until}, {3})


def test_posts_go_side_by_side_up_to_a_bound() -> None:
    names = [str(number) for number in range(2 * POSTS_AT_ONCE)]
    world = World(names)
    under_way = most = 0

    async def count() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1

    world.posting = count
    assert sorted(world.mark()) == sorted(names)
    assert most == POSTS_AT_ONCE == 64
