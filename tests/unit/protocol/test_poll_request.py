import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.poll_request import DEFAULT_LIMIT, PollRequest, continued_position, parse_poll

ID = earliest_id_at(1_769_860_800_000)


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        ({}, PollRequest(None, None, DEFAULT_LIMIT)),
        ({"after": ID.upper()}, PollRequest(ID, None, DEFAULT_LIMIT)),
        ({"after": continued_position(ID)}, PollRequest(ID, None, DEFAULT_LIMIT, continued=True)),
        ({"before": ID, "limit": 1}, PollRequest(None, ID, 1)),
        ({"after": None, "before": None, "limit": None}, PollRequest(None, None, DEFAULT_LIMIT)),
        ({"limit": 100, "requestId": "r"}, PollRequest(None, None, 100)),
    ],
)
def test_a_sound_poll_is_read(message: dict[str, object], request_: PollRequest) -> None:
    assert parse_poll({"action": "poll", **message}) == request_


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"after": ID, "before": ID}, "INVALID_RANGE"),
        ({"after": "yesterday"}, "INVALID_ID"),
        ({"before": 5}, "INVALID_ID"),
        ({"after": ""}, "INVALID_ID"),
        ({"after": "+"}, "INVALID_ID"),
        ({"after": ID + "++"}, "INVALID_ID"),
        ({"before": continued_position(ID)}, "INVALID_ID"),
        ({"limit": 0}, "INVALID_LIMIT"),
        ({"limit": 101}, "INVALID_LIMIT"),
        ({"limit": 1.0}, "INVALID_LIMIT"),
        ({"limit": "5"}, "INVALID_LIMIT"),
        ({"limit": True}, "INVALID_LIMIT"),
        ({"userId": "bob"}, "UNKNOWN_FIELD"),
    ],
)
def test_what_is_wrong_is_refused(message: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_poll({"action": "poll", **message})
    assert refusal.value.code is code


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(ID) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from(["action", "requestId", "after", "before", "limit", "x"]), values))
def test_no_poll_makes_the_parser_raise_anything_but_a_refusal(message: dict[str, object]) -> None:
    with contextlib.suppress(RequestError):
        assert 1 <= parse_poll(message).limit <= 100
