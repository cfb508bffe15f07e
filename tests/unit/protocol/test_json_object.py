import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from websocket_push.protocol.frames import JsonText
from websocket_push.protocol.json_object import parse_object
from websocket_push.protocol.json_text import DuplicateMemberError

DEEP = 200

EXACT = [
    "10000000000000000.01",
    "0.12345678901234567890",
    "1E400",
    "-1e-400",
    "-0",
    "-0.0",
    "1.0",
    "1e5",
    "9" * 5000,
    "-" + "9" * 5000,
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{"content":1,"content":2}',
    '[{"a":{"a":1,"a":[]}}]',
    r'"\u0041\/\ud83d\ude00\ud800"',
    '"é\U0001f600\u2028"',
    "{ \"a\" :\t[ 1 ,\r\n2 ] }",
    "[" * DEEP + "]" * DEEP,
    "null",
    '""',
]  # fmt: skip


def content_of(text: str) -> object:
    parsed = parse_object(text, as_written="content")
    assert parsed is not None
    return parsed["content"]


def is_refused(text: str) -> bool:
    try:
        parse_object(text, as_written="content")
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("text", EXACT, ids=lambda text: text[:30])
@pytest.mark.parametrize("space", ["", " \t\r\n"])
def test_the_member_is_passed_on_as_the_characters_that_came_in(text: str, space: str) -> None:
    for message in (
        f'{space}{{{space}"content"{space}:{space}{text}{space}}}{space}',
        f'{{"a":[],"content":{space}{text}{space},"z":"}}"}}',
        f'{{"\\u0063ontent":{space}{text}{space}}}',
    ):
        content = content_of(message)
        assert isinstance(content, JsonText)
        assert content == text


def test_an_unpaired_surrogate_becomes_the_escape_that_json_has_for_it() -> None:
    content = content_of('{"content":"\ud800é\udfff"}')
    assert content == '"\\ud800é\\udfff"'
    assert json.loads(str(content)) == "\ud800é\udfff"


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "Infinity", "-Infinity", "[NaN]", "01", "+1", "1.", ".5", "1e", "-", "0x1", "1_0", "\u0661",
        "'a'", '"a', '"\n"', r'"\x41"', r'"\u12"', "[1,]", "[1 2]", '{"a":1,}', '{"a"}', "{a:1}", "undefined", "",
        "1 2", "\xa01", "\ufeff1", "//", "nul", "True",
    ],
)  # fmt: skip
def test_what_is_no_json_value_is_refused(text: str) -> None:
    for message in (f'{{"content":{text}}}', f'{{"other":{text}}}'):
        assert is_refused(message)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1', '{"a":1}}', '{"a":1} x', "{,}", '{"a":1,}', '\ufeff{"a":1}', "{}{}", '{"a" 1}', "{1:1}"]
)
def test_what_is_no_object_from_end_to_end_is_refused(text: str) -> None:
    assert is_refused(text)


@pytest.mark.parametrize("text", ["1", "[]", '"{}"', " null ", '[{"content":1}]'])
def test_a_value_that_is_no_object_is_none(text: str) -> None:
    assert parse_object(text, as_written="content") is None


def test_a_member_that_stands_twice_is_named() -> None:
    with pytest.raises(DuplicateMemberError) as refusal:
        parse_object('{"content":1,"a":2,"\\u0063ontent":1}', as_written="content")
    assert str(refusal.value) == "content"


def test_the_empty_object() -> None:
    assert parse_object(" { } ", as_written="content") == {}


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
objects = st.dictionaries(st.text(max_size=3) | st.just("content"), values)
indents = st.none() | st.integers(0, 2)


@given(objects, indents, st.booleans())
def test_json_reads_the_same(value: dict[str, object], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    parsed = parse_object(text, as_written="content")

    assert parsed is not None
    content = parsed.get("content")
    if isinstance(content, JsonText):
        assert content in text or not ascii_only
        parsed["content"] = json.loads(content)
    assert parsed == value


pieces = st.sampled_from(
    [*'{}[]:,"\\ \n1-.eE', '"content"', "null", "true", "NaN", "1.5", '"a":', '"content":', "\ufeff"]
)


@given(st.lists(pieces, max_size=12).map("".join))
@example('{"content":{"content":1,"content":2}}')
def test_it_takes_and_refuses_what_json_does(text: str) -> None:
    def refuse(_: str) -> object:
        raise ValueError

    def single(members: list[tuple[str, object]]) -> object:
        return dict(members)

    try:
        expected = json.loads(text, parse_constant=refuse, object_pairs_hook=single)
    except ValueError:
        assert is_refused(text)
        return
    try:
        parsed = parse_object(text, as_written="content")
    except DuplicateMemberError:
        return
    if parsed is None:
        assert not isinstance(expected, dict)
        return
    if isinstance(parsed.get("content"), JsonText):
        parsed["content"] = json.loads(str(parsed["content"]))
    assert parsed == expected
