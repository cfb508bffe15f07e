import pytest

from tests.unit.tokens.support import NOW
from websocket_push.tokens.key_cache import RENEWAL_SECONDS, RETRY_SECONDS, KeyCache, KeysUnavailable

TTL = 300


class Source:
    """Returns a new value each time it is asked, unless it is down."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False

    def __call__(self) -> int:
        self.asked += 1
        if self.down:
            raise KeysUnavailable(f"down at {self.asked}")
        return self.asked


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache(source: Source) -> KeyCache[int]:
    return KeyCache(source, TTL)


def test_keys_are_fetched_when_first_needed_and_when_their_time_is_up(source: Source, cache: KeyCache[int]) -> None:
    assert source.asked == 0
    assert [cache.current(NOW), cache.current(NOW + TTL - 1), cache.current(NOW + TTL)] == [1, 1, 2]
    assert source.asked == 2


def test_a_clock_set_back_does_not_prolong_their_life(cache: KeyCache[int]) -> None:
    assert [cache.current(NOW), cache.current(NOW - 3600)] == [1, 2]


def test_the_last_good_ones_serve_while_the_source_is_down(source: Source, cache: KeyCache[int]) -> None:
    cache.current(NOW)
    source.down = True
    late = NOW + 10 * TTL
    assert cache.current(late) == 1
    assert cache.failure == "down at 2"
    assert cache.current(late + RETRY_SECONDS - 1) == 1
    assert source.asked == 2
    assert cache.current(late + RETRY_SECONDS) == 1
    assert source.asked == 3
    source.down = False
    assert cache.current(late + 2 * RETRY_SECONDS) == 4
    assert cache.failure is None


def test_a_source_that_never_answered_is_asked_again_but_not_by_everybody(source: Source, cache: KeyCache[int]) -> None:
    source.down = True
    for seconds in (0, 1, RETRY_SECONDS - 1):
        with pytest.raises(KeysUnavailable, match="down at 1"):
            cache.current(NOW + seconds)
    assert source.asked == 1
    source.down = False
    assert cache.current(NOW + RETRY_SECONDS) == 2


def test_keys_that_did_not_do_are_renewed_once_and_then_not_for_a_while(source: Source, cache: KeyCache[int]) -> None:
    cache.current(NOW)
    assert cache.renewed(NOW + 1) == 2
    assert [cache.renewed(NOW + 1 + seconds) for seconds in (0, 1, RENEWAL_SECONDS - 1)] == [None, None, None]
    assert source.asked == 2
    assert cache.renewed(NOW + 1 + RENEWAL_SECONDS) == 3


def test_keys_fetched_in_this_invocation_are_as_new_as_can_be(source: Source, cache: KeyCache[int]) -> None:
    cache.current(NOW)
    assert cache.renewed(NOW) is None
    assert source.asked == 1


def test_a_renewal_that_fails_leaves_the_keys_and_counts(source: Source, cache: KeyCache[int]) -> None:
    cache.current(NOW)
    source.down = True
    assert cache.renewed(NOW + 1) is None
    assert cache.failure == "down at 2"
    source.down = False
    assert cache.renewed(NOW + 1 + RETRY_SECONDS) is None
    assert source.asked == 2
    assert cache.current(NOW + 2) == 1
    assert cache.renewed(NOW + 1 + RENEWAL_SECONDS) == 3


def test_a_renewed_set_has_its_full_time(source: Source, cache: KeyCache[int]) -> None:
    cache.current(NOW)
    cache.renewed(NOW + 200)
    assert cache.current(NOW + 200 + TTL - 1) == 2
    assert cache.current(NOW + 200 + TTL) == 3
