import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import to_json
from websocket_push.protocol.segment import MAX_SEGMENTS, Segment, parse_segment, segment_text

ID = "019c13a0-9c00-7000-8000-000000000000"

contents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
segments = st.integers(1, MAX_SEGMENTS).flatmap(
    lambda of: st.builds(
        Segment,
        topic=st.sampled_from(["*", "org/7", "x" * 128]),
        notification_id=st.just(ID),
        content=contents.map(to_json),
        persisted=st.booleans(),
        part=st.integers(0, of - 1),
        of=st.just(of),
        after=st.sampled_from(["", "L0SM9cOFvHcCIhw=", '"\\']),
        until=st.sampled_from(["", "L0SM9cOFvHcCIhw=", '"\\']),
    )
)


@given(segments)
def test_a_segment_is_read_as_it_was_written(segment: Segment) -> None:
    read = parse_segment(segment_text(segment))
    assert read._replace(content="") == segment._replace(content="")
    assert json.loads(read.content) == json.loads(segment.content)


@given(segments)
def test_a_message_holds_only_what_sqs_takes(segment: Segment) -> None:
    text = segment_text(segment)
    assert not any(ord(each) < 0x20 or 0xD800 <= ord(each) <= 0xDFFF or each in "\ufffe\uffff" for each in text)


def test_the_largest_notification_fits_into_a_message() -> None:
    segment = Segment("x" * 128, ID, '"' + "\u20ac" * (127 * 1024 // 3) + '"', True, 99, 100, "y" * 128)
    assert len(segment_text(segment).encode()) < 256 * 1024


@given(st.text() | st.none() | contents.map(to_json))
def test_anything_else_is_refused(body: object) -> None:
    with pytest.raises(RequestError):
        parse_segment(body)
