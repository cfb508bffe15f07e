import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import to_json
from websocket_push.protocol.segment import MAX_ONLY, MAX_SEGMENTS, Remaining, Segment, parse_segment, segment_text

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
        only=st.lists(st.builds(Remaining, st.just("a="), st.integers(0), st.integers(0)), max_size=3).map(tuple),
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


@pytest.mark.parametrize("noncharacter", ["\ufffe", "\uffff"])
def test_what_sqs_refuses_is_escaped(noncharacter: str) -> None:
    text = segment_text(Segment("*", ID, f'"{noncharacter}"', True, 0, 1))
    assert noncharacter not in text
    assert json.loads(text)["content"] == noncharacter


def test_a_segment_can_be_for_so_many_connections_and_no_more() -> None:
    most = Segment("*", ID, "1", True, 0, 1, only=(Remaining("a=", 1, 2),) * MAX_ONLY)
    assert parse_segment(segment_text(most)) == most
    with pytest.raises(RequestError):
        parse_segment(segment_text(most._replace(only=(*most.only, most.only[0]))))


WHOLE = {"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1}


@pytest.mark.parametrize(
    "members",
    [
        *({"segment": value} for value in (-1, 1, True, "0", None)),
        *({"of": value} for value in (0, MAX_SEGMENTS + 1, True, None)),
        *({"only": [each]} for each in (["a=", 1], ["a=", 1, True], ["a=", 1, "2"], [1, 1, 2], "a=1")),
        *({name: 5} for name in ("after", "until", "topic", "id", "persisted", "userId")),
    ],
)
def test_a_segment_of_other_members_is_refused(members: dict[str, object]) -> None:
    parse_segment(json.dumps(WHOLE))
    with pytest.raises(RequestError):
        parse_segment(json.dumps(WHOLE | members))


def test_the_largest_notification_fits_into_a_message() -> None:
    segment = Segment("x" * 128, ID, '"' + "\u20ac" * (127 * 1024 // 3) + '"', True, 99, 100, "y" * 128)
    assert len(segment_text(segment).encode()) < 256 * 1024


@given(st.text() | st.none() | contents.map(to_json))
def test_anything_else_is_refused(body: object) -> None:
    with pytest.raises(RequestError):
        parse_segment(body)
