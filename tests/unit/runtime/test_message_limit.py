import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.errors import RequestError
from websocket_push.runtime import message_limit
from websocket_push.runtime.invocation import read_rate
from websocket_push.runtime.message_limit import MessageLimit, Rate
from websocket_push.settings import SettingsError


def accepted(limit: MessageLimit, now: float, connection_id: str = "a") -> bool:
    try:
        limit.require(connection_id, now)
    except RequestError as refusal:
        if refusal.code != "RATE_LIMITED":
            raise
        return False
    return True


@given(
    per_second=st.integers(1, 50),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 3) | st.sampled_from([0.0, 0.1, 0.5, 1.0]), max_size=60),
)
def test_no_more_than_the_rate_and_a_burst_in_any_time(per_second: int, burst: int, gaps: list[float]) -> None:
    limit, now, times = MessageLimit(per_second, burst), 1e6, []
    for gap in gaps:
        now += gap
        if accepted(limit, now):
            times.append(now)
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + (times[last] - start) * per_second + 1e-3


@given(per_second=st.integers(1, 50), burst=st.integers(1, 50), pause=st.floats(0, 5))
def test_what_is_refused_is_accepted_after_the_time_that_it_says(per_second: int, burst: int, pause: float) -> None:
    limit = MessageLimit(per_second, burst)
    assert [accepted(limit, 0.0) for _ in range(burst)] == [True] * burst
    with pytest.raises(RequestError) as refused:
        limit.require("a", 0.0)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 1
    assert accepted(limit, refused.value.retry_after + pause)


@given(per_second=st.integers(1, 50), burst=st.integers(1, 50))
def test_a_message_at_each_interval_is_accepted(per_second: int, burst: int) -> None:
    limit = MessageLimit(per_second, burst)
    assert all(accepted(limit, number / per_second) for number in range(500))


def test_connections_have_buckets_of_their_own() -> None:
    limit = MessageLimit(1, 1)
    assert [accepted(limit, 0.0, each) for each in "abab"] == [True, True, False, False]


def test_the_connection_that_is_silent_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_limit, "MAX_CONNECTIONS", 2)
    limit = MessageLimit(1, 1)
    assert [accepted(limit, 0.0, each) for each in "abac"] == [True, True, False, True]
    # Now "b" is forgotten and has a full bucket.
    assert [accepted(limit, 0.0, each) for each in "ab"] == [False, True]


def test_there_is_a_limit_only_where_one_is_set() -> None:
    assert read_rate({}) is None
    assert read_rate({"MESSAGES_PER_SECOND": "1", "MESSAGE_BURST": "2"}) == Rate(1, 2)
    with pytest.raises(SettingsError, match="MESSAGE_BURST"):
        read_rate({"MESSAGES_PER_SECOND": "1"})
    with pytest.raises(SettingsError, match="MESSAGES_PER_SECOND"):
        read_rate({"MESSAGES_PER_SECOND": "x", "MESSAGE_BURST": "2"})
