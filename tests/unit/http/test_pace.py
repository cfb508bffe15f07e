"""The pace: how many requests may be under way, from which subjects were accepted and refused."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.http.pace import Pace

MOST = 64
"""As many as a sender's pool has connections."""

ATTEMPTS, PATIENCE = 3, 30
"""After how many refusals of its own, and after how many flights at most, the simulation gives a subject up."""


def refuse(pace: Pace, subjects: Iterable[str], under_way: int = MOST) -> None:
    for subject in subjects:
        pace.refuse(subject, pace.wave, under_way)


def accept(pace: Pace, subjects: Iterable[str]) -> None:
    for subject in subjects:
        pace.accept(subject)


def different(count: int, name: str = "c") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def test_while_nothing_is_refused_the_bound_is_the_most_and_nothing_is_watched() -> None:
    pace = Pace(MOST)
    accept(pace, different(1000))
    assert (pace.bound, pace.slow, pace.watchful) == (MOST, False, False)


def test_a_round_of_different_subjects_that_are_refused_halves_the_bound() -> None:
    pace = Pace(MOST)
    refuse(pace, different(MOST - 1))
    assert pace.bound == MOST
    refuse(pace, ["one more"])
    assert (pace.bound, pace.slow, pace.watchful) == (MOST // 2, True, True)


def test_one_subject_that_is_refused_for_ever_changes_nothing() -> None:
    pace = Pace(MOST)
    for number in range(1000):
        refuse(pace, ["full"])
        accept(pace, [f"other{number}"])
        assert pace.bound == MOST
    refuse(pace, ["full"] * 1000)
    assert pace.bound == MOST


@pytest.mark.parametrize(("refused", "bound"), [(MOST // 4 - 1, MOST), (MOST // 4, MOST // 2)])
def test_a_quarter_of_a_round_must_be_refused(refused: int, bound: int) -> None:
    pace = Pace(MOST)
    refuse(pace, different(refused))
    accept(pace, different(MOST - refused, "accepted"))
    assert pace.bound == bound


def test_a_few_requests_at_a_time_are_judged_by_more_than_themselves() -> None:
    pace = Pace(2)
    refuse(pace, ["full"])
    accept(pace, ["other"])
    assert pace.bound == 2


def test_a_reduction_halves_what_was_under_way_and_not_what_could_be() -> None:
    pace = Pace(MOST)
    refuse(pace, different(MOST), under_way=10)
    assert pace.bound == 5


def test_what_was_sent_before_a_reduction_does_not_reduce_again() -> None:
    pace = Pace(MOST)
    wave = pace.wave
    refuse(pace, different(MOST))
    for subject in different(1000, "late"):
        pace.refuse(subject, wave, MOST)
    pace.refuse(None, wave, MOST)
    assert pace.bound == MOST // 2


def test_four_bad_rounds_in_a_row_reduce_again_if_anything_was_accepted() -> None:
    pace = Pace(MOST)
    refuse(pace, different(MOST))
    refuse(pace, different(10 * MOST, "all"))
    for number in range(4):
        assert pace.bound == MOST // 2
        accept(pace, ["other"])
        refuse(pace, different(MOST // 2 - 1, f"round {number}, "))
    assert pace.bound == MOST // 4


def test_a_good_round_lets_one_more_out_until_all_may() -> None:
    pace = Pace(8)
    refuse(pace, different(8))
    bounds = []
    while pace.slow:
        bounds.append(pace.bound)
        accept(pace, ["other"])
    assert bounds == [4] * 8 + [5] * 8 + [6] * 8 + [7] * 8
    assert (pace.bound, pace.watchful) == (8, False)


def test_subjects_that_are_refused_again_while_others_are_accepted_show_a_reduction_to_be_a_mistake() -> None:
    pace = Pace(MOST)
    full = different(MOST, "full")
    refuse(pace, full)
    refuse(pace, full[:8])
    accept(pace, different(MOST // 2 - 8))
    assert pace.bound == MOST


def test_subjects_that_are_accepted_at_last_show_that_a_reduction_was_right() -> None:
    pace = Pace(MOST)
    refused = different(MOST, "refused")
    refuse(pace, refused)
    accept(pace, refused[: MOST // 2])
    assert pace.bound == MOST // 2 + 1


def test_where_all_that_goes_out_are_retries_and_some_are_accepted_they_are_judged_by_themselves() -> None:
    pace = Pace(MOST)
    refused = different(4 * MOST, "refused")
    refuse(pace, refused)
    assert pace.bound == MOST // 2
    for number in range(4):
        assert pace.bound == MOST // 2
        accept(pace, refused[-1 - number :][:1])
        refuse(pace, refused[: MOST // 2 - 1])
    assert pace.bound == MOST // 4


def test_retries_alone_that_are_all_refused_are_full_buffers_and_change_nothing() -> None:
    pace = Pace(MOST)
    full = different(MOST, "full")
    refuse(pace, full)
    for _ in range(20):
        refuse(pace, full)
        assert pace.bound == MOST // 2


def test_whether_refusals_concern_the_whole_address_is_known() -> None:
    pace = Pace(MOST)
    full = different(MOST, "full")
    refuse(pace, full[: MOST // 8])
    accept(pace, different(MOST * 7 // 8))
    assert not pace.limited
    refuse(pace, different(MOST, "refused"))
    limited = pace.limited
    refuse(pace, full[: MOST // 8])
    accept(pace, different(MOST // 2 - MOST // 8))
    assert (limited, pace.limited) == (True, False)


def test_a_refusal_without_a_subject_halves_at_once() -> None:
    pace = Pace(MOST)
    pace.refuse(None, pace.wave, MOST)
    assert pace.bound == MOST // 2
    pace.refuse(None, pace.wave, MOST // 2)
    assert pace.bound == MOST // 4
    for _ in range(MOST // 4):
        pace.accept(None)
    assert pace.bound == MOST // 4 + 1


def test_the_memory_of_refused_subjects_is_bounded() -> None:
    pace = Pace(MOST)
    refuse(pace, different(20_000))
    assert len(pace._suspects) <= 4096


@given(
    st.integers(1, 64),
    st.lists(st.tuples(st.booleans(), st.one_of(st.none(), st.sampled_from(different(20)))), max_size=300),
)
def test_something_may_always_go_out_and_never_too_much(most: int, answers: list[tuple[bool, str | None]]) -> None:
    pace = Pace(most)
    for accepted, subject in answers:
        before = pace.bound
        if accepted:
            pace.accept(subject)
            assert pace.bound >= before // 2
        else:
            pace.refuse(subject, pace.wave, before)
            assert pace.bound >= max(1, before // 2)
        assert 1 <= pace.bound <= most
        assert pace.slow == (pace.bound < most)


class Flights:
    """A pool in discrete time: in each flight as many requests as the pace allows are sent, and all answered."""

    def __init__(self, subjects: Sequence[str], accepts: Callable[[str, int], bool]) -> None:
        self.pace = Pace(MOST)
        self.widths: list[int] = []
        self.last_accepted = 0
        self.own_refusals: Counter[str] = Counter()
        waiting = deque(subjects)
        pausing: dict[int, list[str]] = {}
        first: dict[str, int] = {}
        pauses = random.Random(1)  # noqa: S311 - the same pauses in each run
        while waiting or pausing:
            number = len(self.widths)
            waiting.extend(pausing.pop(number, ()))
            sent = [waiting.popleft() for _ in range(min(self.pace.bound, len(waiting)))]
            refused = self._answer(sent, accepts)
            for subject in refused:
                self.own_refusals[subject] += not self.pace.limited
                if self.own_refusals[subject] < ATTEMPTS and number < first.setdefault(subject, number) + PATIENCE:
                    pausing.setdefault(number + pauses.randint(1, 3), []).append(subject)
            self.widths.append(len(sent))
            if len(refused) < len(sent):
                self.last_accepted = number

    def _answer(self, sent: Sequence[str], accepts: Callable[[str, int], bool]) -> list[str]:
        wave, refused = self.pace.wave, []
        for position, subject in enumerate(sent):
            if not accepts(subject, position):
                refused.append(subject)
                self.pace.refuse(subject, wave, len(sent))
            elif self.pace.watchful:
                self.pace.accept(subject)
        return refused


def at_the_front(count: int, subjects: Sequence[str]) -> set[str]:
    return set(subjects[:count])


def at_the_end(count: int, subjects: Sequence[str]) -> set[str]:
    return set(subjects[-count:])


def spread(count: int, subjects: Sequence[str]) -> set[str]:
    return set(subjects[:: len(subjects) // count][:count])


@pytest.mark.parametrize("place", [at_the_front, at_the_end, spread])
@pytest.mark.parametrize("count", [1, 50, 250])
def test_full_buffers_cost_only_themselves_wherever_they_are(
    count: int, place: Callable[[int, Sequence[str]], set[str]]
) -> None:
    subjects = different(5_000)
    full = place(count, subjects)
    without = Flights(subjects, lambda subject, position: True)
    flights = Flights(subjects, lambda subject, position: subject not in full)
    assert flights.last_accepted <= 1.2 * without.last_accepted
    # A whole round at the end, and nothing after it, looks like the account's limit.
    if place is not at_the_end or count < MOST:
        assert len(flights.widths) <= 1.2 * len(without.widths)


@pytest.mark.parametrize("limit", [4, 16, 40])
def test_under_the_accounts_limit_the_pace_comes_down_to_it(limit: int) -> None:
    flights = Flights(different(5_000), lambda subject, position: position < limit)
    settled = flights.widths[len(flights.widths) // 2 : -10]
    assert sum(settled) / len(settled) <= limit * 4 / 3
    assert max(flights.own_refusals.values()) < ATTEMPTS
