"""How unread notifications are counted: by how many reads, and up to where."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import MAX_COUNT, State, Unread
from websocket_push.tables.inboxes import Inboxes
from websocket_push.tables.stored import MAX_QUERIES, MAX_ROWS, QUERY_GROWTH

START = 1_769_860_800_000
NOW = START // 1000
ONCE_MORE = MAX_COUNT + 1
UNMARKED = State()


def ids(count: int, *, since: int = 0) -> list[str]:
    """Return ids of notifications, the newest first."""
    return [earliest_id_at(START + since + number) for number in reversed(range(count))]


class Log:
    """What the reads above the highest mark find, page by page, and the notifications below it with their expiry."""

    def __init__(self, *pages: Sequence[str], below: dict[str, int] | None = None) -> None:
        self.pages = pages
        self.below = below or {}
        self.limits: list[int] = []
        self.asked: list[str] = []

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        self.limits.append(request["Limit"])
        page = int(request.get("ExclusiveStartKey", {}).get("page", "0"))
        more = page + 1 < len(self.pages)
        return QueryPage(
            [{"notificationId": {"S": each}} for each in self.pages[page]],
            cast(Item, {"page": page + 1}) if more else None,
        )

    async def get_items(self, table: str, keys: Sequence[Item], *, attributes: str, deadline: float) -> list[Item]:
        self.asked += [key["notificationId"]["S"] for key in keys]
        found = [each for each in self.asked if each in self.below]
        return [
            {"notificationId": {"S": each}, "expiresAt": {"N": str(self.below[each])}, "content": {"S": "1"}}
            for each in found
        ]

    def count(self, state: State = UNMARKED) -> Unread:
        inboxes = Inboxes(cast(DynamoDB, self), "notifications")
        return asyncio.run(inboxes.count("alice", state, now=NOW, deadline=1e9))


@pytest.mark.parametrize("count", [0, 1, MAX_COUNT, ONCE_MORE])
def test_all_are_counted_up_to_one_more_than_is_shown(count: int) -> None:
    log = Log(ids(count))
    assert log.count() == (count, ids(count)[0] if count else "")
    assert log.limits == [ONCE_MORE]


def test_a_page_that_shows_all_but_one_is_not_the_end() -> None:
    newest, older = ids(MAX_COUNT, since=10_000), ids(400)
    log = Log(newest, older, older)
    # However many the next one shows.
    assert log.count() == (ONCE_MORE, newest[0])
    assert len(log.limits) == 2


@pytest.mark.parametrize("sizes", [(1, 1, 1), (98, 0, 1), (0, 0, 98, 1), (99, 1), (0, 100)])
def test_every_page_is_counted_until_there_are_enough(sizes: tuple[int, ...]) -> None:
    every = ids(sum(sizes))
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    log = Log(*(every[start : start + size] for start, size in zip(starts, sizes, strict=True)))
    assert log.count() == (len(every), every[0])
    assert len(log.limits) == len(sizes)


def test_each_further_read_looks_at_more_rows_and_there_is_an_end_to_them() -> None:
    log = Log(*[[]] * (MAX_QUERIES + 1))
    assert log.count() == (0, "")
    growing = [ONCE_MORE * QUERY_GROWTH**number for number in range(4)]
    assert log.limits == [*growing, *[MAX_ROWS] * (MAX_QUERIES - len(growing))]


def test_those_that_were_read_by_themselves_take_no_place_of_an_unread_one() -> None:
    floor, *above = reversed(ids(11))
    state = State(read_up_to={floor: 1}, read={**dict.fromkeys(above[:4], 2), earliest_id_at(START - 1): 2})
    log = Log(list(reversed(above)))
    assert log.count(state) == (6, above[-1])
    # Only those above the mark are among what is read.
    assert log.limits == [ONCE_MORE + 4]


@pytest.mark.parametrize(("expires_at", "counts"), [(NOW, 0), (NOW + 1, 1)])
def test_one_below_the_mark_that_was_marked_as_unread_counts_while_it_is_there(expires_at: int, counts: int) -> None:
    floor, unread = ids(2)
    log = Log([], below={unread: expires_at})
    assert log.count(State(read_up_to={floor: 1}, unread={unread: 2})) == (counts, floor)


def test_the_mark_itself_can_be_unread() -> None:
    (floor,) = ids(1)
    log = Log([], below={floor: NOW + 1})
    assert log.count(State(read_up_to={floor: 1}, unread={floor: 2})) == (1, floor)


def test_nothing_is_read_of_those_below_the_mark_where_there_are_enough_above() -> None:
    above, (floor, unread) = ids(ONCE_MORE, since=10_000), ids(2)
    log = Log(above, below={unread: NOW + 1})
    assert log.count(State(read_up_to={floor: 1}, unread={unread: 2})).number == ONCE_MORE
    assert log.asked == []
