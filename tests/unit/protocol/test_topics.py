import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.topics import (
    EVERYBODY,
    MAX_TOPIC_CHARACTERS,
    MAX_TOPICS_AT_ONCE,
    Grants,
    is_topic,
    parse_grants,
    parse_subscription,
    require_topic,
    sound_grants,
)

CHARACTERS = string.ascii_letters + string.digits + "_.:@=+-"
PARTS = st.text(CHARACTERS, min_size=1, max_size=8)
TOPICS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)

NO_TOPICS: list[object] = [
    *("", "/", "/a", "a/", "a//b", "*", "a/*", "*/a", "a b", "a\n", "\n", "é", "a\x00", "a#b", "a,b", "a/b/", "\ud800"),
    *("x" * (MAX_TOPIC_CHARACTERS + 1), None, 7, True, ["a"], {}),
]


@given(TOPICS)
def test_parts_joined_by_slashes_name_a_topic(topic: str) -> None:
    assert is_topic(topic)
    assert require_topic(topic, "topic") == topic


@pytest.mark.parametrize("topic", ["a", "org/7", "user:7@x=+-._", "x" * MAX_TOPIC_CHARACTERS, "a/b/c/d/e"])
def test_what_the_rules_allow_is_a_topic(topic: str) -> None:
    assert require_topic(topic, "topic") == topic


@pytest.mark.parametrize("value", NO_TOPICS)
def test_what_they_do_not_allow_is_none_and_is_not_shown(value: object) -> None:
    assert not is_topic(value)
    with pytest.raises(RequestError) as refusal:
        require_topic(value, "topic")
    assert refusal.value.code == "INVALID_TOPIC"
    assert refusal.value.message.startswith("topic must be")


@given(st.text())
def test_any_text_is_a_topic_or_is_refused(text: str) -> None:
    parts = text.split("/")
    sound = len(text) <= MAX_TOPIC_CHARACTERS and all(part and not set(part) - set(CHARACTERS) for part in parts)
    assert is_topic(text) is sound


@given(TOPICS, st.lists(PARTS, min_size=1, max_size=3))
def test_a_prefix_grants_what_is_below_it_and_nothing_else(prefix: str, below: list[str]) -> None:
    grants = Grants((f"{prefix}/*",))
    assert grants.allow("/".join([prefix, *below]))
    assert not grants.allow(prefix)
    assert not grants.allow(f"{prefix}{below[0]}/x")


@given(TOPICS, TOPICS)
def test_a_name_grants_itself_alone(name: str, other: str) -> None:
    assert Grants((name,)).allow(other) is (name == other)


@given(TOPICS)
def test_nothing_grants_nothing_and_everything_all(topic: str) -> None:
    assert not Grants().allow(topic)
    assert Grants(everything=True).allow(topic)


def test_entries_that_are_no_topics_grant_nothing() -> None:
    entries = ["*", "/*", "a//*", "a/*/b", "a*", "", "org/7", "org/7", "https://x.test/", 7, None, "news/*"]
    assert sound_grants(entries) == ("org/7", "news/*")
    assert not Grants(sound_grants(entries)).allow("a/b")


@given(st.lists(st.one_of(TOPICS, TOPICS.map(lambda topic: f"{topic}/*")), unique=True))
def test_grants_are_read_as_they_were_written(entries: list[str]) -> None:
    assert parse_grants(" ".join(entries)).entries == tuple(entries)


@given(st.text())
def test_any_text_of_an_authorizer_can_be_read(text: str) -> None:
    assert not parse_grants(text).everything


def test_a_message_names_each_topic_once_in_its_order() -> None:
    message: dict[str, object] = {"action": "subscribe", "requestId": 1, "topics": ["b", "a", "b"]}
    assert parse_subscription(message) == ("b", "a")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "INVALID_TOPIC"),
        ({"topics": []}, "INVALID_TOPIC"),
        ({"topics": "org/7"}, "INVALID_TOPIC"),
        ({"topics": {"org/7": 1}}, "INVALID_TOPIC"),
        ({"topics": ["a"] * (MAX_TOPICS_AT_ONCE + 1)}, "INVALID_TOPIC"),
        ({"topics": ["a", EVERYBODY]}, "INVALID_TOPIC"),
        ({"topics": ["a"], "topic": "b"}, "UNKNOWN_FIELD"),
        *(({"topics": ["a", value]}, "INVALID_TOPIC") for value in NO_TOPICS),
    ],
)
def test_an_unsound_message_is_refused(members: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_subscription({"action": "subscribe", **members})
    assert refusal.value.code is code
