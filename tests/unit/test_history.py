import asyncio
import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from websocket_push.history import (
    MAX_REPEATS,
    OVERLAP_MILLISECONDS,
    PAGE_BYTES,
    assemble_resumed,
    read_history,
)
from websocket_push.protocol.identifiers import earliest_id_at, new_notification_id
from websocket_push.protocol.poll_request import PollRequest
from websocket_push.tables.notifications import Notification, Notifications, Range

START = 1_769_860_800_000


class Stored:
    """A user's notifications in memory, read as the table reads them."""

    def __init__(self, *notifications: Notification) -> None:
        self.rows = sorted(notifications, key=lambda each: each.notification_id)

    async def read(self, user_id: str, part: Range, *, count: int, size: int, **_: Any) -> list[Notification]:
        rows = [each for each in self.rows if self._within(part, each.notification_id)]
        found: list[Notification] = []
        for each in reversed(rows) if part.newest_first else rows:
            if len(found) >= count or sum(len(one.content) for one in found) > size:
                break
            found.append(each)
        return found

    @staticmethod
    def _within(part: Range, notification_id: str) -> bool:
        match part.condition:
            case "":
                return True
            case "notificationId > :low":
                return notification_id > part.low
            case "notificationId < :high":
                return notification_id < part.high
            case "notificationId BETWEEN :low AND :high":
                return part.low <= notification_id <= part.high
        raise AssertionError(part)


def at(milliseconds: int, size: int = 1, mark: int = 0) -> Notification:
    content = json.dumps("x" * (size - 2)) if size > 2 else "1"
    return Notification(new_notification_id(milliseconds * 1_000_000, mark.to_bytes(8, "big")), content)


def poll(
    stored: Stored, *, after: str | None = None, before: str | None = None, limit: int = 50
) -> tuple[list[str], bool]:
    page, more = asyncio.run(
        read_history(
            cast(Notifications, stored),
            "alice",
            PollRequest(after, before, limit),
            now=START // 1000,
            deadline=1e9,
            together=asyncio.gather,
        )
    )
    assert sum(len(text.encode()) + 1 for text in page) <= PAGE_BYTES
    return [json.loads(text)["id"] for text in page], more


def ids(*notifications: Notification) -> list[str]:
    return [each.notification_id for each in notifications]


def test_nothing_stored_is_an_empty_page() -> None:
    assert poll(Stored()) == ([], False)
    assert poll(Stored(), after=earliest_id_at(START)) == ([], False)
    assert poll(Stored(), before=earliest_id_at(START)) == ([], False)


def test_with_no_position_the_newest_come_oldest_first() -> None:
    rows = [at(START + n) for n in range(5)]
    assert poll(Stored(*rows), limit=3) == (ids(*rows[2:]), True)
    assert poll(Stored(*rows), limit=5) == (ids(*rows), False)


def test_before_pages_back_to_the_first_without_gap_or_repeat() -> None:
    rows = [at(START + n) for n in range(7)]
    assert poll(Stored(*rows), before=rows[5].notification_id, limit=3) == (ids(*rows[2:5]), True)
    assert poll(Stored(*rows), before=rows[2].notification_id, limit=3) == (ids(*rows[:2]), False)


def test_after_brings_what_is_new_and_repeats_what_lies_just_before_but_not_the_position() -> None:
    far, near, position, new = (at(START + n) for n in (-OVERLAP_MILLISECONDS - 1, -OVERLAP_MILLISECONDS, 0, 5))
    assert poll(Stored(far, near, position, new), after=position.notification_id) == (ids(near, new), False)


def test_limit_counts_what_is_new_only() -> None:
    rows = [at(START + n) for n in range(10)]
    assert poll(Stored(*rows), after=rows[4].notification_id, limit=2) == (ids(*rows[:4], *rows[5:7]), True)


def test_repeats_are_bounded_and_the_latest_are_kept() -> None:
    rows = [at(START + n) for n in range(MAX_REPEATS + 20)]
    assert poll(Stored(*rows), after=rows[-1].notification_id) == (ids(*rows[19:-1]), False)


def test_the_largest_notification_has_a_page_to_itself() -> None:
    rows = [at(START + n, size=129_900) for n in range(3)]
    assert poll(Stored(*rows)) == (ids(rows[2]), True)
    assert poll(Stored(*rows), before=rows[2].notification_id) == (ids(rows[1]), True)
    assert poll(Stored(*rows), after=rows[0].notification_id) == (ids(rows[1]), True)


stored_sizes = st.lists(st.integers(1, 129_900) | st.just(1), max_size=30)


@given(stored_sizes, st.integers(1, 8), st.integers(0, 1000))
def test_paging_forward_reaches_every_new_notification_in_order(sizes: list[int], limit: int, gap: int) -> None:
    rows = [at(START + n * gap, size, mark=n) for n, size in enumerate(sizes)]
    stored, position = Stored(*rows), earliest_id_at(START - 1)
    seen: list[str] = []
    more = True
    while more:
        page, more = poll(stored, after=position, limit=limit)
        new = [each for each in page if each > position]
        assert new or not more
        assert page == sorted(page)
        seen += new
        position = seen[-1] if seen else position
    assert seen == ids(*stored.rows)


@given(stored_sizes, st.integers(1, 8))
def test_paging_back_reaches_every_notification(sizes: list[int], limit: int) -> None:
    stored = Stored(*(at(START + n, size) for n, size in enumerate(sizes)))
    seen, more = poll(stored, limit=limit)
    while more:
        page, more = poll(stored, before=seen[0], limit=limit)
        assert page
        seen = page + seen
    assert seen == ids(*stored.rows)


@given(st.lists(st.integers(1, PAGE_BYTES - 1), max_size=20), st.lists(st.integers(1, PAGE_BYTES - 1), max_size=20))
def test_repeats_take_at_most_half_a_page_and_never_the_place_of_what_is_new(
    repeat_sizes: list[int], new_sizes: list[int]
) -> None:
    repeats = ["r" * size for size in repeat_sizes]
    new = ["n" * size for size in new_sizes]

    page, more = assemble_resumed(repeats, new, limit=20)

    kept = [text for text in page if text.startswith("r")]
    assert page == kept[:] + new[: len(page) - len(kept)]
    assert kept == repeats[: len(kept)][::-1]
    assert sum(len(text) + 1 for text in kept) <= PAGE_BYTES // 2
    assert sum(len(text) + 1 for text in page) <= PAGE_BYTES
    assert more == (len(page) - len(kept) < len(new))
    assert not new or len(page) > len(kept)
