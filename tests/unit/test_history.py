import asyncio
import json
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from websocket_push.aws.dynamodb import DynamoDB, QueryPage
from websocket_push.history import (
    MAX_POSITION_AHEAD_MILLISECONDS,
    MAX_REPEATS,
    OVERLAP_MILLISECONDS,
    Page,
    read_history,
)
from websocket_push.protocol.frames import max_notification_bytes
from websocket_push.protocol.identifiers import earliest_id_at, new_notification_id
from websocket_push.protocol.poll_request import MAX_LIMIT, parse_poll
from websocket_push.tables.notifications import Notification
from websocket_push.tables.stored import MAX_QUERIES, Part, Range, StoredNotifications

START = 1_769_860_800_000
PAGE_BYTES = max_notification_bytes(32 * 1024)
LARGEST = PAGE_BYTES - 150
"""Bytes of content that leave room for id and time."""

QUERY_BYTES = 1024 * 1024
"""Where DynamoDB ends a page of a query, whatever the limit is."""


class Row(NamedTuple):
    """A notification in the table, and whether its time is over."""

    notification: Notification
    expired: bool = False


class Table:
    """DynamoDB with one user's notifications, as its Query reads them.

    What was stored a moment ago is seen by a consistent read alone.
    """

    def __init__(self, *rows: Row | Notification) -> None:
        made = [each if isinstance(each, Row) else Row(each) for each in rows]
        self.rows = sorted(made, key=lambda row: row.notification.notification_id)
        self.queries: list[dict[str, Any]] = []

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        # DynamoDB reads it as a 32-bit number ("Limit", Query, API reference).
        assert 1 <= request["Limit"] < 2**31
        self.queries.append(dict(request))
        rows = [row for row in self.rows if self._asked_for(request, row.notification.notification_id)]
        if not request["ScanIndexForward"]:
            rows.reverse()
        items: list[dict[str, Any]] = []
        size = 0
        for number, row in enumerate(rows, 1):
            key = {"userId": {"S": "alice"}, "notificationId": {"S": row.notification.notification_id}}
            if not row.expired and request["ConsistentRead"]:
                items.append({**key, "content": {"S": row.notification.content}})
            size += len(row.notification.content) + 150
            # DynamoDB says where it ended even where nothing follows.
            if number == request["Limit"] or size > QUERY_BYTES:
                return QueryPage(items, key)
        return QueryPage(items, None)

    @staticmethod
    def _asked_for(request: dict[str, Any], notification_id: str) -> bool:
        bound: dict[str, str] = {
            name: value.get("S", "") for name, value in request["ExpressionAttributeValues"].items()
        }
        start = request.get("ExclusiveStartKey")
        if start is not None:
            behind = notification_id > start["notificationId"]["S"]
            if notification_id == start["notificationId"]["S"] or behind != request["ScanIndexForward"]:
                return False
        match request["KeyConditionExpression"].removeprefix("userId = :userId").removeprefix(" AND "):
            case "":
                return True
            case "notificationId > :low":
                return notification_id > bound[":low"]
            case "notificationId >= :low":
                return notification_id >= bound[":low"]
            case "notificationId < :high":
                return notification_id < bound[":high"]
            case "notificationId BETWEEN :low AND :high":
                return bound[":low"] <= notification_id <= bound[":high"]
        raise AssertionError(request)


def at(milliseconds: int, size: int = 1, mark: int = 0) -> Notification:
    content = json.dumps("x" * (size - 2)) if size > 2 else "1"
    return Notification(new_notification_id(milliseconds * 1_000_000, mark.to_bytes(8, "big")), content)


def expired(*notifications: Notification) -> list[Row]:
    return [Row(each, expired=True) for each in notifications]


def read(table: Table, *, page_bytes: int = PAGE_BYTES, now: int = START + 10**9, **message: Any) -> Page:
    page = asyncio.run(
        read_history(
            StoredNotifications(cast(DynamoDB, table), "notifications"),
            "alice",
            parse_poll({"action": "poll", **message}),
            page_bytes=page_bytes,
            now_milliseconds=now,
            deadline=1e9,
            together=asyncio.gather,
        )
    )
    assert sum(len(text.encode()) + 1 for text in page.texts) <= page_bytes or len(page.texts) == 1
    return page


def shown(page: Page) -> list[str]:
    return [json.loads(text)["id"] for text in page.texts]


def poll(table: Table, **message: Any) -> tuple[list[str], bool]:
    page = read(table, **message)
    return shown(page), page.next_position is not None


def ids(*notifications: Notification) -> list[str]:
    return [each.notification_id for each in notifications]


def test_nothing_stored_is_an_empty_page() -> None:
    assert poll(Table()) == ([], False)
    assert poll(Table(), after=earliest_id_at(START)) == ([], False)
    assert poll(Table(), before=earliest_id_at(START)) == ([], False)


def test_with_no_position_the_newest_come_oldest_first() -> None:
    rows = [at(START + n) for n in range(5)]
    assert poll(Table(*rows), limit=3) == (ids(*rows[2:]), True)
    assert poll(Table(*rows), limit=5) == (ids(*rows), False)


def test_before_pages_back_to_the_first_without_gap_or_repeat() -> None:
    rows = [at(START + n) for n in range(7)]
    assert poll(Table(*rows), before=rows[5].notification_id, limit=3) == (ids(*rows[2:5]), True)
    assert poll(Table(*rows), before=rows[2].notification_id, limit=3) == (ids(*rows[:2]), False)


def test_after_brings_what_is_new_and_repeats_what_lies_just_before_but_not_the_position() -> None:
    far, near, position, new = (at(START + n) for n in (-OVERLAP_MILLISECONDS - 1, -OVERLAP_MILLISECONDS, 0, 5))
    assert poll(Table(far, near, position, new), after=position.notification_id) == (ids(near, new), False)


def test_five_minutes_are_repeated_where_both_sides_are_read_apart() -> None:
    assert OVERLAP_MILLISECONDS == 5 * 60 * 1000
    far, near = at(START - OVERLAP_MILLISECONDS - 1), at(START - OVERLAP_MILLISECONDS)
    gone = expired(*(at(START - 1, mark=n) for n in range(200)))
    new = at(START + 5)
    assert poll(Table(far, near, *gone, new), after=earliest_id_at(START)) == (ids(near, new), False)


def test_limit_counts_what_is_new_only() -> None:
    rows = [at(START + n) for n in range(10)]
    assert poll(Table(*rows), after=rows[4].notification_id, limit=2) == (ids(*rows[:4], *rows[5:7]), True)


def test_repeats_are_bounded_and_the_latest_are_kept() -> None:
    rows = [at(START + n) for n in range(MAX_REPEATS + 20)]
    assert poll(Table(*rows), after=rows[-1].notification_id) == (ids(*rows[19:-1]), False)


def test_the_largest_notification_has_a_page_to_itself() -> None:
    rows = [at(START + n, size=LARGEST) for n in range(3)]
    assert poll(Table(*rows)) == (ids(rows[2]), True)
    assert poll(Table(*rows), before=rows[2].notification_id) == (ids(rows[1]), True)
    assert poll(Table(*rows), after=rows[0].notification_id) == (ids(rows[1]), True)


def test_one_that_was_stored_when_larger_ones_were_allowed_has_a_page_to_itself() -> None:
    rows = [at(START + n, size=100_000) for n in range(3)]
    assert poll(Table(*rows)) == (ids(rows[2]), True)
    assert poll(Table(*rows), before=rows[2].notification_id) == (ids(rows[1]), True)
    assert poll(Table(*rows), after=rows[0].notification_id) == (ids(rows[1]), True)


def test_a_page_is_full_to_the_byte_with_a_comma_after_each_notification() -> None:
    rows = [at(START + n, size=1000) for n in range(20)]
    texts = read(Table(*rows)).texts
    room = sum(len(text) + 1 for text in texts[-10:])
    ways: list[dict[str, Any]] = [{}, {"before": earliest_id_at(START + 20)}]
    for newest in ways:
        assert len(read(Table(*rows), page_bytes=room, **newest).texts) == 10
        assert len(read(Table(*rows), page_bytes=room - 1, **newest).texts) == 9
    beginning = earliest_id_at(START - 1)
    assert len(read(Table(*rows), page_bytes=room, after=beginning).texts) == 10
    assert len(read(Table(*rows), page_bytes=room - 1, after=beginning).texts) == 9


def test_recalls_fill_a_page_to_the_byte_as_well() -> None:
    recalls = [at(START + n, mark=n)._replace(content="", replaces=earliest_id_at(n)) for n in range(3)]

    class Recalls(Table):
        async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
            page = await super().query(request, deadline=deadline)
            for item, row in zip(page.items, self.rows[::-1], strict=False):
                del item["content"]
                item["replacesId"] = {"S": row.notification.replaces or ""}
            return page

    async def read_within(page_bytes: int) -> Page:
        return await read_history(
            StoredNotifications(cast(DynamoDB, Recalls(*recalls)), "notifications", recalls=True),
            "alice",
            parse_poll({"action": "poll"}),
            page_bytes=page_bytes,
            now_milliseconds=START + 10**9,
            deadline=1e9,
            together=asyncio.gather,
        )

    texts = asyncio.run(read_within(PAGE_BYTES)).recalls
    needed = sum(len(text.encode()) + 1 for text in texts)
    assert len(texts) == len(asyncio.run(read_within(needed)).recalls) == 3
    assert list(asyncio.run(read_within(needed - 1)).recalls) == list(texts[1:])


def test_what_was_stored_just_before_is_seen_wherever_a_page_is_read() -> None:
    rows = [at(START + n) for n in range(300)]
    ways: list[dict[str, Any]] = [{}, {"before": ids(*rows)[-1]}, {"after": ids(*rows)[0]}, {"after": ids(*rows)[200]}]
    for message in ways:
        table = Table(*rows)
        assert shown(read(table, **message))
        assert all(request["ConsistentRead"] is True for request in table.queries)


def test_a_client_at_the_head_of_the_log_costs_one_query_of_what_it_may_repeat() -> None:
    rows = [at(START + n * 60_000) for n in range(60)]
    table = Table(*rows)
    assert poll(table, after=rows[-1].notification_id, limit=100) == (ids(*rows[-6:-1]), False)
    assert len(table.queries) == 1


OLD = [at(START + n) for n in range(7000)]


@pytest.mark.parametrize("count", [2000, 6000])
@pytest.mark.parametrize("limit", [1, 20])
@pytest.mark.parametrize("way", ["newest", "before", "after", "continued"])
def test_a_small_limit_makes_no_more_queries_over_expired_rows_than_a_large_one(
    count: int, limit: int, way: str
) -> None:
    gone = OLD[:count]
    first, last = at(START - 10), at(START + count + 10)
    message: dict[str, Any] = {
        "newest": {},
        "before": {"before": last.notification_id},
        "after": {"after": first.notification_id},
        "continued": {"after": first.notification_id + "+"},
    }[way]
    counted = []
    for each in (limit, MAX_LIMIT):
        table = Table(first, *expired(*gone), last)
        page = read(table, limit=each, **message)
        assert shown(page) or page.next_position
        counted.append(len(table.queries))
    assert counted[0] <= counted[1] <= 6


def pages(table: Table, **message: Any) -> list[list[str]]:
    """Page to the end as the protocol says: by `next`."""
    way = "before" if "before" in message or "after" not in message else "after"
    found = []
    while True:
        page = read(table, **message)
        found.append(shown(page))
        if page.next_position is None:
            return found
        assert message.get(way) != page.next_position, "the page leads nowhere"
        message |= {way: page.next_position}


def test_more_contents_than_a_page_holds_are_not_followed_by_another_query() -> None:
    rows = [at(START + n, size=30_000) for n in range(100)]
    ways: list[dict[str, Any]] = [{}, {"after": f"{rows[0].notification_id}+"}]
    for message in ways:
        table = Table(*rows)
        assert len(read(table, **message).texts) == 1
        assert len(table.queries) == 1


def test_a_client_far_behind_gets_repeats_with_the_first_page_only() -> None:
    rows = [at(START + n) for n in range(1000)]
    position = 300
    found = pages(Table(*rows), after=rows[position].notification_id, limit=100)
    assert found[0] == ids(*rows[position - MAX_REPEATS : position], *rows[position + 1 : position + 101])
    assert [each for page in found[1:] for each in page] == ids(*rows[position + 101 :])


def test_rows_without_end_that_have_expired_end_a_page_that_says_where_to_go_on() -> None:
    """Each has the size that lets a query look at few of them."""
    count = 40 * MAX_QUERIES
    gone = [at(START + n, size=30_000) for n in range(count)]
    first, last = at(START - 10), at(START + count)
    table = Table(first, *expired(*gone), last)
    ways: list[tuple[dict[str, Any], list[str]]] = [
        ({"after": first.notification_id}, ids(last)),
        ({"after": first.notification_id + "+"}, ids(last)),
        ({"before": last.notification_id}, ids(first)),
    ]
    for message, expected in ways:
        table.queries.clear()
        empty = read(table, **message)
        assert (shown(empty), len(table.queries) <= 2 * MAX_QUERIES + 1) == ([], True)
        assert empty.next_position is not None
        found = pages(table, **message)
        assert [each for page in found for each in page] == expected


@pytest.mark.parametrize("ahead", [MAX_POSITION_AHEAD_MILLISECONDS + 1, 10**12])
def test_a_position_in_the_future_is_given_up_for_the_newest_page(ahead: int) -> None:
    rows = [at(START + n) for n in range(5)]
    for position in (earliest_id_at(START + ahead), earliest_id_at(START + ahead) + "+"):
        page = read(Table(*rows), after=position, limit=3, now=START)
        assert (shown(page), page.next_position, page.reset) == (ids(*rows[2:]), None, True)


def test_a_position_as_far_ahead_as_clocks_may_be_is_one() -> None:
    rows = [at(START + n) for n in range(5)]
    page = read(Table(*rows), after=earliest_id_at(START + MAX_POSITION_AHEAD_MILLISECONDS), limit=3, now=START)
    assert (shown(page), page.next_position, page.reset) == (ids(*rows), None, False)


stored_sizes = st.lists(st.integers(1, LARGEST) | st.just(1), max_size=30)


@given(stored_sizes, st.integers(1, 8), st.integers(0, 1000), st.booleans())
def test_paging_forward_reaches_every_new_notification_in_order(
    sizes: list[int], limit: int, gap: int, by_last_id: bool
) -> None:
    rows = [at(START + n * gap, size, mark=n) for n, size in enumerate(sizes)]
    table, position = Table(*rows), earliest_id_at(START - 1)
    seen: list[str] = []
    more: str | None = position
    while more:
        page = read(table, after=position, limit=limit)
        new = [each for each in shown(page) if each > position[:36]]
        more = page.next_position
        assert new or not more
        assert shown(page) == sorted(shown(page))
        seen += new
        position = (seen[-1] if by_last_id else more) if more else position
    assert seen == ids(*(row.notification for row in table.rows))


rows_of_any_kind = st.lists(st.tuples(st.integers(1, LARGEST), st.booleans()), max_size=300)


@given(rows_of_any_kind, st.integers(1, 100), st.sampled_from(["after", "newest"]))
@example([(1, True)] * 500, 1, "after")
@example([(1, True)] * 500, 1, "newest")
def test_paging_reaches_what_has_not_expired_and_nothing_else(
    made: list[tuple[int, bool]], limit: int, way: str
) -> None:
    rows = [Row(at(START + n, size), over) for n, (size, over) in enumerate(made)]
    message: dict[str, Any] = {"after": earliest_id_at(START - 1)} if way == "after" else {}
    found = pages(Table(*rows), limit=limit, **message)
    in_order = found if way == "after" else found[::-1]
    assert [each for page in in_order for each in page] == ids(*(row.notification for row in rows if not row.expired))


@given(stored_sizes, st.integers(1, 8))
def test_paging_back_reaches_every_notification_by_the_first_id_too(sizes: list[int], limit: int) -> None:
    table = Table(*(at(START + n, size) for n, size in enumerate(sizes)))
    seen, more = poll(table, limit=limit)
    while more:
        page, more = poll(table, before=seen[0], limit=limit)
        assert page
        seen = page + seen
    assert seen == ids(*(row.notification for row in table.rows))


@given(st.lists(st.integers(1, LARGEST), max_size=20), st.lists(st.integers(1, LARGEST), max_size=20))
def test_repeats_take_at_most_half_a_page_and_never_the_place_of_what_is_new(
    repeat_sizes: list[int], new_sizes: list[int]
) -> None:
    repeats = [at(START - len(repeat_sizes) + n, size) for n, size in enumerate(repeat_sizes)]
    new = [at(START + 1 + n, size) for n, size in enumerate(new_sizes)]

    page = read(Table(*repeats, *new), after=earliest_id_at(START), limit=20)

    kept = [text for text in page.texts if json.loads(text)["id"] < earliest_id_at(START)]
    assert shown(page) == ids(*repeats)[len(repeats) - len(kept) :] + ids(*new)[: len(page.texts) - len(kept)]
    assert sum(len(text) + 1 for text in kept) <= PAGE_BYTES // 2
    assert (page.next_position is not None) == (len(page.texts) - len(kept) < len(new))
    assert not new or len(page.texts) > len(kept)


class Counted:
    """A log that holds nothing but what ends the first query of a resume, and notes how much it is asked for."""

    def __init__(self, *found: Notification, ends: bool = True) -> None:
        self.found = found
        self.ends = ends
        self.counts: list[tuple[int, int]] = []

    async def read(
        self, key: str, part: Range, *, count: int, size: int, now: int, rows: int, deadline: float, queries: int
    ) -> Part:
        self.counts.append((count, queries))
        return Part(list(self.found), None if self.ends else self.found[-1].notification_id)


POSITION = earliest_id_at(START)


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        ({}, [(8, MAX_QUERIES)]),
        ({"before": POSITION}, [(8, MAX_QUERIES)]),
        ({"after": POSITION, "continued": True}, [(8, MAX_QUERIES)]),
        ({"after": POSITION}, [(MAX_REPEATS + 8, 1), (MAX_REPEATS + 1, MAX_QUERIES), (8, MAX_QUERIES)]),
    ],
)
def test_one_more_than_a_page_holds_is_read_to_know_whether_more_follow(
    message: dict[str, Any], counts: list[tuple[int, int]]
) -> None:
    log = Counted(at(START + 1), ends=False)
    continued = message.pop("continued", False)
    request = parse_poll({"action": "poll", "limit": 7, **message})
    asyncio.run(
        read_history(
            log,
            "alice",
            request._replace(continued=continued),
            page_bytes=PAGE_BYTES,
            now_milliseconds=START + 10**9,
            deadline=1e9,
            together=asyncio.gather,
        )
    )
    assert log.counts == counts


@pytest.mark.parametrize(("size", "queries"), [(7, 3), (8, 1)])
def test_one_query_is_enough_for_more_than_a_page_of_new_notifications(size: int, queries: int) -> None:
    log = Counted(*(at(START + 1 + n) for n in range(size)), ends=False)
    request = parse_poll({"action": "poll", "limit": 7, "after": POSITION})
    asyncio.run(
        read_history(
            log,
            "alice",
            request,
            page_bytes=PAGE_BYTES,
            now_milliseconds=START + 10**9,
            deadline=1e9,
            together=asyncio.gather,
        )
    )
    assert len(log.counts) == queries


def test_rows_that_cannot_be_read_are_counted_on_both_sides_of_the_position() -> None:
    def broken(milliseconds: int) -> Notification:
        return at(milliseconds)._replace(content="no JSON")

    before = [at(START + n) for n in range(MAX_REPEATS + 20)]
    table = Table(*before, broken(START + 200), broken(START + 400), at(START + 500))
    page = read(table, after=earliest_id_at(START + 300), limit=5)
    assert any("BETWEEN" in query["KeyConditionExpression"] for query in table.queries), "the sides are read apart"
    assert (len(page.texts), page.unreadable) == (MAX_REPEATS + 1, 2)


def test_what_has_expired_is_left_out_by_the_second() -> None:
    table = Table()
    read(table, now=START + 999)
    assert table.queries[0]["ExpressionAttributeValues"][":now"] == {"N": str(START // 1000)}
