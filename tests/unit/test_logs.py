import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_history import START, Row, Table, at
from websocket_push.aws.dynamodb import DynamoDB, QueryPage
from websocket_push.history import OVERLAP_MILLISECONDS, Page, read_history
from websocket_push.logs import MAX_TAILS, SKEW_MILLISECONDS, TAIL_MILLISECONDS, Logs, Tails, merged
from websocket_push.protocol.frames import max_notification_bytes
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.poll_request import parse_poll
from websocket_push.tables.notifications import Notification, topic_key
from websocket_push.tables.stored import Part, Range, StoredNotifications

NOW = START + 10**9
PAGE_BYTES = max_notification_bytes(32 * 1024)


class Store:
    """DynamoDB with several logs, each a table of its own."""

    def __init__(self, **logs: Sequence[Row | Notification]) -> None:
        self.tables = {key: Table(*rows) for key, rows in logs.items()}

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        key = request["ExpressionAttributeValues"][":userId"]["S"]
        assert ("attribute_exists(topic)" in request["FilterExpression"]) is key.startswith("topic#")
        name = key.removeprefix("topic#").replace("*", "everybody")
        return await self.tables.setdefault(name, Table()).query(request, deadline=deadline)

    def queries(self, name: str) -> int:
        return len(self.tables[name].queries)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def read(store: Store, tails: Tails, topics: Sequence[str], *, since: int = START, **message: Any) -> Page:
    notifications = StoredNotifications(cast(DynamoDB, store), "notifications")
    return asyncio.run(
        read_history(
            Logs(notifications, topics, since=since, tails=tails, together=asyncio.gather),
            "alice",
            parse_poll({"action": "poll", **message}),
            page_bytes=PAGE_BYTES,
            now_milliseconds=tails.now(),
            deadline=1e9,
            together=asyncio.gather,
        )
    )


def ids_of(page: Page) -> list[str]:
    return [text.split('"')[3] for text in page.texts]


ROWS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3), st.booleans()), max_size=30)
"""Notifications: their minute, which log they are in, and whether their time is over."""


@given(ROWS, st.integers(1, 7), st.one_of(st.none(), st.integers(0, 40)))
def test_pages_of_several_logs_are_those_of_one_log_with_all_of_them(
    rows: list[tuple[int, int, bool]], limit: int, after: int | None
) -> None:
    """Whatever the pages, a client that resumes gets everything behind its position once, in the order of the ids."""
    notifications = [
        (log, Row(at(START + minute * OVERLAP_MILLISECONDS * 2, mark=number), gone))
        for number, (minute, log, gone) in enumerate(rows)
    ]
    store = Store(
        alice=[row for log, row in notifications if log == 1],
        org=[row for log, row in notifications if log == 2],
        everybody=[row for log, row in notifications if log == 3],
    )
    living = sorted(row.notification.notification_id for _, row in notifications if not row.expired)
    position = earliest_id_at(START + (after or 0) * OVERLAP_MILLISECONDS * 2)
    expected = [each for each in living if each > position] if after is not None else living
    seen: list[str] = []
    message: dict[str, Any] = {"after": position} if after is not None else {}
    for _ in range(len(rows) + 2):
        page = read(store, Tails(Clock()), ("org", "*"), limit=limit, **message)
        seen = [*seen, *ids_of(page)] if after is not None else [*ids_of(page), *seen]
        if page.next_position is None:
            break
        message = {"after" if after is not None else "before": page.next_position}
    assert seen == expected


PARTS = st.lists(
    st.tuples(st.lists(st.integers(0, 50), unique=True, max_size=10), st.one_of(st.none(), st.integers(0, 50)))
)


@given(PARTS, st.booleans())
def test_nothing_is_taken_from_behind_where_a_log_has_not_been_read(
    logs: list[tuple[list[int], int | None]], newest_first: bool
) -> None:
    parts = [
        Part(
            [Notification(f"{n:03}", "1") for n in sorted(numbers, reverse=newest_first)],
            None if end is None else f"{end:03}",
        )
        for numbers, end in logs
    ]
    whole = merged(parts, newest_first=newest_first)
    found = [each.notification_id for each in whole.found]
    assert found == sorted(set(found), reverse=newest_first)
    ends = [part.reached for part in parts if part.reached is not None]
    if not ends:
        assert whole.reached is None
        assert set(found) == {each.notification_id for part in parts for each in part.found}
    else:
        assert whole.reached == (max(ends) if newest_first else min(ends))
        assert all((each >= whole.reached) if newest_first else (each <= whole.reached) for each in found)


@pytest.mark.parametrize(
    ("newest_first", "one", "other", "expected"),
    [(True, ["3", "2"], ["5", "2", "1"], ["5", "3", "2"]), (False, ["1", "2"], ["2", "3"], ["1", "2"])],
)
def test_the_row_to_which_all_logs_were_read_is_part_of_it(
    newest_first: bool, one: list[str], other: list[str], expected: list[str]
) -> None:
    whole = merged(
        [
            Part([Notification(each, "1") for each in one], "2"),
            Part([Notification(each, "1") for each in other], None),
        ],
        newest_first=newest_first,
    )
    assert ([each.notification_id for each in whole.found], whole.reached) == (expected, "2")


def test_logs_are_read_side_by_side_up_to_a_bound() -> None:
    at_once: list[int] = []

    async def together(*reads: Coroutine[Any, Any, Part]) -> list[Part]:
        at_once.append(len(reads))
        return [await each for each in reads]

    topics = [f"org/{n}" for n in range(20)]
    notifications = StoredNotifications(cast(DynamoDB, Store()), "notifications")
    logs = Logs(notifications, topics, since=0, tails=Tails(Clock()), together=together)
    asyncio.run(
        logs.read("alice", Range(newest_first=True), count=1, size=1, now=NOW // 1000, rows=1, deadline=1e9, queries=1)
    )
    assert at_once == [8, 8, 5]


def test_a_notification_says_which_topic_it_came_by() -> None:
    store = Store(alice=[at(START)], org=[at(START + 1)], everybody=[at(START + 2)])
    texts = read(store, Tails(Clock()), ("org", "*")).texts
    assert ['"topic":"org"' in text for text in texts] == [False, True, False]
    assert ['"topic":"*"' in text for text in texts] == [False, False, True]


def test_an_id_that_is_in_two_logs_comes_once() -> None:
    both = at(START)
    page = read(Store(alice=[both], org=[both]), Tails(Clock()), ("org",))
    assert ids_of(page) == [both.notification_id]
    assert '"topic"' not in page.texts[0]


class TestTails:
    def test_a_storm_of_polls_reads_a_topic_once(self) -> None:
        store, tails = Store(org=[at(START + n) for n in range(5)]), Tails(Clock())
        for n in range(100):
            # Each was away since another moment, the longest the first: none needs more than has been read.
            assert len(read(store, tails, ("org",), after=earliest_id_at(START + 10 + n)).texts) == 5
        assert store.queries("org") == 1
        assert store.queries("alice") == 100

    def test_so_does_a_storm_of_clients_that_are_new(self) -> None:
        store, tails = Store(org=[at(START + n) for n in range(5)]), Tails(Clock())
        assert all(len(read(store, tails, ("org",), limit=3).texts) == 3 for _ in range(100))
        assert store.queries("org") == 1

    def test_what_was_read_serves_for_a_moment(self) -> None:
        clock = Clock()
        store, tails = Store(org=[at(START)]), Tails(clock)
        for after, queries in ((0, 1), (TAIL_MILLISECONDS - 1, 1), (TAIL_MILLISECONDS, 2), (-5, 3)):
            clock.now = NOW + after
            read(store, tails, ("org",))
            assert store.queries("org") == queries

    def test_a_client_that_began_to_listen_since_is_not_served_by_it(self) -> None:
        clock = Clock()
        store, tails = Store(org=[]), Tails(clock)
        assert ids_of(read(store, tails, ("org",))) == []
        late = at(START)
        store.tables["org"].rows.append(Row(late))
        clock.now = NOW + 10
        assert ids_of(read(store, tails, ("org",), since=NOW - SKEW_MILLISECONDS)) == [late.notification_id]
        assert ids_of(read(store, tails, ("org",), since=NOW - SKEW_MILLISECONDS - 1)) == [late.notification_id]
        assert store.queries("org") == 2

    @given(
        moments=st.lists(st.integers(0, 2 * TAIL_MILLISECONDS), min_size=4, max_size=4, unique=True).map(sorted),
        ahead=st.integers(-SKEW_MILLISECONDS, SKEW_MILLISECONDS),
    )
    def test_a_poll_after_subscribing_misses_nothing_however_far_the_clocks_may_differ(
        self, moments: list[int], ahead: int
    ) -> None:
        """Another client polls, a notification is stored, a client subscribes and polls: the push did not find it."""
        polled, stored, subscribed, polled_again = moments
        clock = Clock()
        store, tails = Store(org=[]), Tails(clock)
        clock.now = NOW + polled + ahead
        read(store, tails, ("org",))
        late = at(NOW + stored)
        store.tables["org"].rows.append(Row(late))
        clock.now = NOW + polled_again + ahead
        assert ids_of(read(store, tails, ("org",), since=NOW + subscribed)) == [late.notification_id]

    def test_a_client_that_was_away_for_longer_reads_more(self) -> None:
        store, tails = Store(org=[at(START + n * 1000) for n in range(9)]), Tails(Clock())
        later, earlier = (earliest_id_at(START + OVERLAP_MILLISECONDS + 1000 * n) for n in (7, 3))
        assert len(read(store, tails, ("org",), after=later).texts) == 2
        assert len(read(store, tails, ("org",), after=earlier).texts) == 6
        assert store.queries("org") == 2
        assert len(read(store, tails, ("org",), after=later).texts) == 2
        assert store.queries("org") == 2

    def test_a_part_that_does_not_reach_the_end_is_not_kept(self) -> None:
        tails = Tails(Clock())
        tails.keep("org", Range("notificationId >= :low", low="0"), Part([], "5"), read_at=NOW)
        assert tails.find("org", Range("notificationId >= :low", low="0"), count=1, since=0) is None

    @pytest.mark.parametrize(
        "part",
        [
            Range("notificationId < :high", high="5", newest_first=True),
            Range("notificationId BETWEEN :low AND :high", low="1", high="5", newest_first=True),
            Range("notificationId > :low", low="1"),
        ],
    )
    def test_what_does_not_read_to_the_end_or_leaves_out_its_beginning_serves_no_other(self, part: Range) -> None:
        store, tails = Store(org=[]), Tails(Clock())
        notifications = StoredNotifications(cast(DynamoDB, store), "notifications")
        logs = Logs(notifications, ("org",), since=0, tails=tails, together=asyncio.gather)
        for _ in range(2):
            asyncio.run(logs.read("alice", part, count=1, size=1, now=NOW // 1000, rows=1, deadline=1e9))
        assert store.queries("org") == 2
        assert tails.find("org", Range(newest_first=True), count=1, since=0) is None

    def test_what_is_kept_is_bounded(self) -> None:
        tails, newest = Tails(Clock()), Range(newest_first=True)
        for n in range(MAX_TAILS + 1):
            tails.keep(f"org/{n}", newest, Part([], None), read_at=NOW)
        assert tails.find("org/0", newest, count=1, since=0) is None
        assert tails.find("org/1", newest, count=1, since=0) is not None

    def test_what_was_used_last_is_kept_longest(self) -> None:
        tails, newest = Tails(Clock()), Range(newest_first=True)
        for topic in (*(f"org/{n}" for n in range(MAX_TAILS)), "org/0", "another"):
            tails.keep(topic, newest, Part([], None), read_at=NOW)
        assert tails.find("org/0", newest, count=1, since=0) is not None
        assert tails.find("org/1", newest, count=1, since=0) is None

    @pytest.mark.parametrize(("reached", "count", "serves"), [("1", 2, True), ("1", 3, False), (None, 3, True)])
    def test_as_many_as_were_found_serve_those_that_want_no_more(
        self, reached: str | None, count: int, serves: bool
    ) -> None:
        tails, newest = Tails(Clock()), Range(newest_first=True)
        found = Part([Notification("3", "1"), Notification("2", "1")], reached)
        tails.keep("org", newest, found, read_at=NOW)
        assert tails.find("org", newest, count=count, since=0) == (found if serves else None)

    @pytest.mark.parametrize(("low", "serves"), [("1", False), ("2", True), ("3", True)])
    def test_what_was_read_from_a_position_on_serves_from_there_on(self, low: str, serves: bool) -> None:
        tails = Tails(Clock())
        tails.keep("org", Range("notificationId >= :low", low="2"), Part([Notification("3", "1")], None), read_at=NOW)
        found = tails.find("org", Range("notificationId >= :low", low=low), count=1, since=0)
        assert (None if found is None else len(found.found)) == (1 if serves else None)

    def test_what_is_kept_does_not_outlive_its_time(self) -> None:
        store = Store(org=[])
        read(store, Tails(Clock()), ("org",))
        (query,) = store.tables["org"].queries
        until = int(query["ExpressionAttributeValues"][":now"]["N"])
        assert until * 1000 >= NOW + TAIL_MILLISECONDS
        assert query["ExpressionAttributeValues"][":userId"] == {"S": topic_key("org")}
