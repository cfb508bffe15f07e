from collections.abc import Sequence
from functools import partial, reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol import inbox
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import (
    FIELDS,
    MAX_EXCEPTIONS,
    MAX_IDS,
    MAX_WATERMARKS,
    Mark,
    State,
    Unread,
    marked,
    merged,
    parse_mark,
    read_state,
    state_member,
    state_text,
)

NOW = 1_769_860_800_000
IDS = [earliest_id_at(NOW - 12_000 + n * 1000) for n in range(12)]

ids = st.sampled_from(IDS)
times = st.integers(min_value=NOW - 20, max_value=NOW)
marks = st.builds(
    Mark,
    seen_up_to=st.one_of(st.just(""), ids),
    read_up_to=st.one_of(st.just(""), ids),
    read=st.lists(ids, max_size=3).map(tuple),
    unread=st.lists(ids, max_size=3).map(tuple),
    at=times,
)
few_marks = st.lists(marks, max_size=4)


NOTHING = State()


def after(given_marks: Sequence[Mark], state: State = NOTHING) -> State:
    return reduce(lambda before, mark: marked(before, mark, now=NOW), given_marks, state)


states = few_marks.map(after)


def latest_decides(given_marks: Sequence[Mark], notification_id: str) -> bool:
    """What a state has to say of a notification, by the marks themselves.

    At the same time one by itself is stronger than "read up to", and read is stronger than unread.
    """
    decided = [(-1, 0)]
    for mark in given_marks:
        at = mark.at or NOW
        if notification_id <= mark.read_up_to:
            decided.append((at, 0))
        if notification_id in mark.unread:
            decided.append((at, 1))
        if notification_id in mark.read:
            decided.append((at, 2))
    latest, strongest = max(decided)
    return latest >= 0 and strongest != 1


class TestMerging:
    @given(states, states)
    def test_the_order_makes_no_difference(self, one: State, other: State) -> None:
        assert merged(one, other) == merged(other, one)

    @given(states, states, states)
    def test_nor_does_what_is_merged_first(self, one: State, other: State, third: State) -> None:
        assert merged(merged(one, other), third) == merged(one, merged(other, third))

    @given(states, states)
    def test_nor_does_repetition(self, one: State, other: State) -> None:
        both = merged(one, other)
        assert merged(one, one) == one
        assert merged(both, one) == merged(both, other) == both

    @given(few_marks)
    def test_the_latest_mark_of_a_notification_decides(self, given_marks: list[Mark]) -> None:
        state = after(given_marks)
        assert [state.is_read(each) for each in IDS] == [latest_decides(given_marks, each) for each in IDS]
        assert state.seen_up_to == max((mark.seen_up_to for mark in given_marks), default="")

    @given(st.lists(marks, max_size=3))
    def test_marks_in_any_order_and_repeated_come_to_the_same(self, given_marks: list[Mark]) -> None:
        expected = after(given_marks)
        for order in permutations(given_marks):
            assert after([*order, *order[:1]]) == expected


@given(
    written=st.lists(st.tuples(st.integers(0, 2), marks), max_size=12),
    delivered=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=20),
    most=st.integers(1, MAX_EXCEPTIONS),
)
def test_three_devices_converge_whatever_reaches_them_in_which_order(
    written: list[tuple[int, Mark]], delivered: list[tuple[int, int]], most: int
) -> None:
    """Each merges the frames that it gets into what it knows: some, in any order, repeated, and the newest by a poll.

    That holds where there are more exceptions than a state lists, too: one that has given some up is above those that
    have not.
    """
    join = partial(merged, most=most)
    frames = [State()]
    for _, mark in written:
        frames.append(join(frames[-1], marked(State(), mark, now=NOW)))
    devices = [State(), State(), State()]
    for device, frame in delivered:
        devices[device] = join(devices[device], frames[frame % len(frames)])
    assert [join(device, frames[-1]) for device in devices] == [frames[-1]] * 3
    # A frame that was late changes nothing any more.
    assert join(frames[-1], frames[len(frames) // 2]) == frames[-1]


class TestLimits:
    def test_beyond_the_exceptions_everything_up_to_the_oldest_is_read(self) -> None:
        many = [earliest_id_at(NOW - 1_000_000 + n) for n in range(MAX_EXCEPTIONS + 2)]
        state = after([Mark(read=(each,), at=NOW - 500 + n) for n, each in enumerate(many)])
        assert list(state.read) == many[2:]
        assert state.floor == many[1]
        assert state.is_read(earliest_id_at(NOW - 1_000_001))
        assert not state.is_read(earliest_id_at(NOW))
        assert len(state_text(state)) < 12_000

    def test_one_that_was_marked_as_unread_long_ago_is_read_then(self) -> None:
        many = [earliest_id_at(NOW - 1_000_000 + n) for n in range(MAX_EXCEPTIONS + 1)]
        state = after([Mark(read_up_to=many[-1], at=NOW - 600), *(Mark(unread=(each,), at=NOW - 500) for each in many)])
        assert [state.is_read(each) for each in many] == [True] + [False] * MAX_EXCEPTIONS

    def test_reading_everything_leaves_no_exception(self) -> None:
        state = after([Mark(read=(IDS[0], IDS[2]), unread=(IDS[1],), at=NOW - 1), Mark(read_up_to=IDS[-1], at=NOW)])
        assert state == State("", {IDS[-1]: NOW}, {}, {})

    def test_marks_of_read_up_to_that_none_includes_are_joined(self) -> None:
        many = [earliest_id_at(NOW - n * 1000) for n in range(MAX_WATERMARKS + 3)]
        state = after([Mark(read_up_to=each, at=NOW - 100 + n) for n, each in enumerate(many)])
        assert len(state.read_up_to) == MAX_WATERMARKS
        assert state.floor == many[0]
        assert state.latest == NOW - 100 + len(many) - 1
        assert merged(state, state) == state

    def test_a_lower_mark_of_read_up_to_leaves_what_is_above_it(self) -> None:
        state = after(
            [
                Mark(read_up_to=IDS[9], at=NOW - 9),
                Mark(unread=(IDS[2], IDS[7]), at=NOW - 8),
                Mark(read_up_to=IDS[5], at=NOW - 7),
            ]
        )
        assert [state.is_read(IDS[2]), state.is_read(IDS[7])] == [True, False]


class TestTimes:
    def test_a_clock_that_is_ahead_gains_nothing(self) -> None:
        state = after([Mark(read=(IDS[0],), at=NOW + 3_600_000)])
        assert state.read == {IDS[0]: NOW}

    def test_a_clock_of_a_function_that_is_behind_keeps_no_mark_from_being_the_latest(self) -> None:
        state = after([Mark(read=(IDS[0],), at=NOW)])
        later = marked(state, Mark(unread=(IDS[0],), at=NOW + 1), now=NOW - 20)
        assert not later.is_read(IDS[0])

    def test_a_mark_without_a_time_is_later_than_what_there_is(self) -> None:
        state = after([Mark(read=(IDS[0],), at=NOW), Mark(unread=(IDS[0],))])
        assert not state.is_read(IDS[0])
        assert after([Mark(read=(IDS[0],))], state).is_read(IDS[0])

    def test_a_repeated_mark_does_not_overrule_a_later_one(self) -> None:
        first = Mark(read=(IDS[0],), at=NOW - 5)
        assert not after([first, Mark(unread=(IDS[0],), at=NOW - 4), first]).is_read(IDS[0])


class TestText:
    @given(states)
    def test_a_state_is_read_as_it_was_written(self, state: State) -> None:
        assert read_state(state_text(state)) == state

    def test_a_frame_says_the_version_and_the_count(self) -> None:
        state = State(IDS[1], {IDS[0]: 5}, {IDS[2]: 6}, {})
        assert state_member(state, 3, Unread(7, IDS[4])) == (
            f'{{"version":3,"seenUpTo":"{IDS[1]}","readUpTo":{{"{IDS[0]}":5}},"read":{{"{IDS[2]}":6}},"unread":{{}},'
            f'"unreadCount":7,"countedTo":"{IDS[4]}"}}'
        )
        assert state_member(State(), 0, Unread()) == (
            '{"version":0,"readUpTo":{},"read":{},"unread":{},"unreadCount":0}'
        )


def parse(request: dict[str, Any]) -> Mark:
    return parse_mark(request, ("action", *FIELDS), now=NOW)


class TestParsing:
    def test_what_is_marked(self) -> None:
        mark = parse(
            {"seenUpTo": IDS[0].upper(), "readUpTo": IDS[1], "read": [IDS[2], IDS[2]], "unread": [IDS[3]], "at": 5}
        )
        assert mark == Mark(IDS[0], IDS[1], (IDS[2],), (IDS[3],), 5)

    def test_nothing_is_a_question(self) -> None:
        assert parse({"action": "mark"}) == Mark()
        assert parse(dict.fromkeys(FIELDS)) == Mark()

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"readUpto": IDS[0]}, "UNKNOWN_FIELD"),
            ({"readUpTo": "x"}, "INVALID_ID"),
            ({"readUpTo": [IDS[0]]}, "INVALID_ID"),
            ({"seenUpTo": IDS[0] + "+"}, "INVALID_ID"),
            ({"readUpTo": earliest_id_at(NOW + 60_001)}, "INVALID_ID"),
            ({"read": [earliest_id_at(NOW + 60_001)]}, "INVALID_ID"),
            ({"read": IDS[0]}, "INVALID_MARK"),
            ({"read": []}, "INVALID_MARK"),
            ({"unread": [IDS[0]] * (MAX_IDS + 1)}, "INVALID_MARK"),
            ({"unread": [7]}, "INVALID_ID"),
            ({"read": [IDS[0]], "unread": [IDS[1], IDS[0]]}, "INVALID_MARK"),
            ({"at": "now"}, "INVALID_MARK"),
            ({"at": True}, "INVALID_MARK"),
            ({"at": -1}, "INVALID_MARK"),
            ({"at": 2**53}, "INVALID_MARK"),
        ],
    )
    def test_what_is_wrong_is_refused_by_name(self, request_: dict[str, Any], code: ErrorCode) -> None:
        with pytest.raises(RequestError) as refusal:
            parse(request_)
        assert refusal.value.code == code

    def test_an_id_of_now_is_not_in_the_future(self) -> None:
        assert parse({"readUpTo": earliest_id_at(NOW + 60_000)}).read_up_to == earliest_id_at(NOW + 60_000)


def test_the_largest_state_leaves_room_in_a_frame() -> None:
    ids_ = [earliest_id_at(NOW + n) for n in range(MAX_EXCEPTIONS + MAX_WATERMARKS)]
    state = State(ids_[0], dict.fromkeys(ids_[:MAX_WATERMARKS], NOW), dict.fromkeys(ids_[MAX_WATERMARKS:], NOW), {})
    assert len(state_member(state, 10**9, Unread(inbox.MAX_COUNT + 1, ids_[0]))) < 12_000
