import contextlib
import json
import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.values import (
    MAX_USER_ID_BYTES,
    parse_message,
    parse_push_message,
    parse_request_id,
    require_known_fields,
    require_user_id,
    user_id_problem,
)

Parse = Callable[[object], dict[str, object]]


@pytest.mark.parametrize(
    "user_id",
    ["alice", "auth0|5f7c", "zoë@example.org", "名", "a b", "山田\u3000太郎", "\U0001f600", "x" * MAX_USER_ID_BYTES],
)
def test_a_sound_user_id_has_no_problem(user_id: str) -> None:
    assert user_id_problem(user_id) is None
    assert require_user_id(user_id, "userId") == user_id


@pytest.mark.parametrize(
    ("user_id", "problem"),
    [
        (None, "must be a string"),
        (7, "must be a string"),
        (True, "must be a string"),
        (["alice"], "must be a string"),
        ("", "must not be empty"),
        (" \t ", "must not be empty"),
        ("x" * (MAX_USER_ID_BYTES + 1), "at most 256 bytes in UTF-8, got 257"),
        ("é" * 129, "got 258"),
        ("ali\x00ce", "control characters"),
        ("alice\n", "control characters"),
        ("alice\x7f", "control characters"),
        ("alice\x85", "control characters"),
        ("\ud800", "valid Unicode"),
        (" alice", "begin or end with a space"),
        ("alice ", "begin or end with a space"),
        ("\u3000山田", "begin or end with a space"),
        ("alice\xa0", "cannot be seen, got U+00A0"),
        ("alice\xa0smith", "cannot be seen, got U+00A0"),
        ("\u200b", "cannot be seen, got U+200B"),
        ("ali\u200bce", "cannot be seen, got U+200B"),
        ("\ufeff", "cannot be seen, got U+FEFF"),
        ("\ufeffalice", "cannot be seen, got U+FEFF"),
        ("\u3164", "cannot be seen, got U+3164"),
        ("\u202ealice", "cannot be seen, got U+202E"),
        ("a\u2066b\u2069", "cannot be seen, got U+2066"),
        ("a\u200db", "cannot be seen, got U+200D"),
        ("a\ufe0f", "cannot be seen, got U+FE0F"),
        ("a\U000e0061", "cannot be seen, got U+E0061"),
        ("\u2800", "cannot be seen, got U+2800"),
        ("\uffff", "cannot be seen, got U+FFFF"),
        ("\U0001fffe", "cannot be seen, got U+1FFFE"),
        ("a\U000effffb", "cannot be seen, got U+EFFFF"),
        ("\U00013430", "cannot be seen, got U+13430"),
        ("\U00016fe4", "cannot be seen, got U+16FE4"),
        ("\U0001d159", "cannot be seen, got U+1D159"),
        ("\ue000", "cannot be seen, got U+E000"),
    ],
)
def test_an_unsound_user_id_is_refused_with_its_field_and_the_reason(user_id: object, problem: str) -> None:
    assert problem in (user_id_problem(user_id) or "")
    with pytest.raises(RequestError, match=r"^userIds\[3\] ") as refusal:
        require_user_id(user_id, "userIds[3]")
    assert refusal.value.code == "INVALID_USER_ID"
    assert problem in refusal.value.message


@given(st.text())
def test_a_user_id_that_passes_can_be_stored_as_a_key(user_id: str) -> None:
    if user_id_problem(user_id) is None:
        assert 1 <= len(user_id.encode()) <= MAX_USER_ID_BYTES
        assert user_id.isprintable() or not any(ord(character) < 32 for character in user_id)


def test_no_character_that_shows_nothing_is_taken() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    hidden = [each for each in characters if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp", "Zs", "Co")]
    taken = [each for each in hidden if not user_id_problem(f"a{each}b")]
    # Two spaces that can be told apart, and the format characters of scripts that are drawn.
    assert taken[0] == " "
    assert "\u3000" in taken
    assert {unicodedata.name(each).split()[0] for each in taken} <= {
        *("SPACE", "IDEOGRAPHIC", "ARABIC", "SYRIAC", "KAITHI", "SHORTHAND")
    }
    assert "\u061c" not in taken


def test_no_noncharacter_is_taken() -> None:
    noncharacters = [
        *range(0xFDD0, 0xFDF0),
        *(plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)),
    ]
    assert [code for code in noncharacters if not user_id_problem(f"a{chr(code)}b")] == []


def test_a_misspelt_field_is_refused_by_name_and_the_known_ones_are_listed() -> None:
    with pytest.raises(RequestError) as refusal:
        require_known_fields({"persits": True, "content": 1}, ("content", "persist"))
    assert refusal.value.code == "UNKNOWN_FIELD"
    assert refusal.value.message == "Unknown field 'persits'; known are content, persist."


def test_many_or_long_or_odd_unknown_fields_make_a_short_and_printable_message() -> None:
    with pytest.raises(RequestError) as refusal:
        require_known_fields({f"{n}\n\ud800{'x' * 1000}": 1 for n in range(1000)}, ("content",))
    assert len(refusal.value.message) < 400
    assert refusal.value.message.isascii()
    assert refusal.value.message.isprintable()
    assert "995 more" in refusal.value.message


def test_a_json_object_is_read() -> None:
    assert parse_message('{"action": "poll", "limit": 5}') == {"action": "poll", "limit": 5}


@pytest.mark.parametrize(
    "body",
    [
        None, 7, b"{}", "", "poll", "[]", "null", '"x"', "{", "{'a': 1}", '{"a": NaN}', '{"a": -Infinity}',
        "[" * 200_000, '{"a":' * 200_000, '{"content":' * 200_000, '{"a": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("parse", [parse_message, parse_push_message])
def test_anything_else_is_an_invalid_request(parse: Parse, body: object) -> None:
    with pytest.raises(RequestError) as refusal:
        parse(body)
    assert refusal.value.code == "INVALID_REQUEST"


@pytest.mark.parametrize("parse", [parse_message, parse_push_message])
def test_a_member_that_stands_twice_is_refused_by_name_for_nothing_says_which_is_meant(parse: Parse) -> None:
    for name in ("content", "userId", "x"):
        with pytest.raises(RequestError, match=f"has the member '{name}' twice") as refusal:
            parse(f'{{"y":{{"z":1,"z":2}},"{name}":1,"{name}":1,"y":{{}}}}')
        assert refusal.value.code == "INVALID_REQUEST"


@pytest.mark.parametrize("parse", [parse_message, parse_push_message])
def test_of_members_within_a_member_the_last_counts(parse: Parse) -> None:
    assert parse('{"y":{"z":1,"z":2},"x":[{"z":1,"z":3}]}') == {"y": {"z": 2}, "x": [{"z": 3}]}


@given(st.text())
def test_no_text_makes_the_parser_raise_anything_else(body: str) -> None:
    for parse in (parse_message, parse_push_message):
        with contextlib.suppress(RequestError):
            assert isinstance(parse(body), dict)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(json_values)
def test_both_read_the_same_of_messages_without_content(value: object) -> None:
    text = json.dumps({"action": value, "x": {"content": value}})
    assert parse_message(text) == parse_push_message(text) == json.loads(text)


@pytest.mark.parametrize("request_id", ["", "a", "x" * 64, 0, -5, 2**53 - 1])
def test_a_request_id_is_a_short_text_or_an_integer_that_javascript_can_hold(request_id: object) -> None:
    assert parse_request_id({"requestId": request_id}) == request_id


def test_a_request_id_is_optional() -> None:
    assert parse_request_id({}) is None


@pytest.mark.parametrize("request_id", ["x" * 65, "é", "a\n", "\ud800", 2**53, -(2**53), 1.5, True, [], {}])
def test_other_request_ids_are_refused(request_id: object) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_request_id({"requestId": request_id})
    assert refusal.value.code == "INVALID_REQUEST_ID"
