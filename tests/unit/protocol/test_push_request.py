import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import max_notification_bytes, notification_frame
from websocket_push.protocol.identifiers import MAX_AHEAD_MILLISECONDS, earliest_id_at, new_notification_id, rfc_3339
from websocket_push.protocol.push_request import (
    MAX_RECIPIENTS,
    MAX_TTL_SECONDS,
    PushRequest,
    parse_client_push,
    parse_push,
)

NOW = 1_769_860_800_000
MAX_FRAME_BYTES = 32 * 1024
MAX_NOTIFICATION_BYTES = max_notification_bytes(MAX_FRAME_BYTES)
ID = new_notification_id(NOW * 1_000_000, bytes(8))
SOUND: dict[str, Any] = {"userId": "alice", "content": {"text": "hello"}}


def parse(request: object) -> PushRequest:
    return parse_push(request, now_milliseconds=NOW, max_frame_bytes=MAX_FRAME_BYTES)


def refusal_of(request: object) -> RequestError:
    with pytest.raises(RequestError) as refusal:
        parse(request)
    return refusal.value


def test_the_least_request_leaves_the_rest_to_the_settings() -> None:
    assert parse(SOUND) == PushRequest(recipients=("alice",), content='{"text":"hello"}')


def test_a_request_may_say_everything() -> None:
    request = {"userIds": ["bob", "alice"], "content": 1, "persist": True, "ttl": 60, "id": ID.upper()}
    assert parse(request) == PushRequest(("bob", "alice"), "1", persist=True, ttl=60, notification_id=ID)


def test_a_recipient_named_twice_is_one_recipient() -> None:
    assert parse({"userIds": ["a", "b", "a", "a"], "content": 1}).recipients == ("a", "b")


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"userId": None}, "INVALID_RECIPIENT", "got none"),
        ({"userIds": ["bob"]}, "INVALID_RECIPIENT", "got userId and userIds"),
        ({"topic": "org/7"}, "INVALID_RECIPIENT", "got userId and topic"),
        ({"userIds": ["bob"], "topic": "*"}, "INVALID_RECIPIENT", "got userId and userIds and topic"),
        ({"userId": None, "topic": "org/*"}, "INVALID_TOPIC", "topic must be"),
        ({"userId": None, "topic": ""}, "INVALID_TOPIC", "topic must be"),
        ({"userId": None, "topic": "**"}, "INVALID_TOPIC", "topic must be"),
        ({"userId": None, "topic": 7}, "INVALID_TOPIC", "topic must be"),
        ({"userId": ""}, "INVALID_USER_ID", "userId must not be empty"),
        ({"userId": 7}, "INVALID_USER_ID", "userId must be a string"),
        ({"userId": "x" * 257}, "INVALID_USER_ID", "at most 256 bytes"),
        ({"userId": None, "userIds": []}, "INVALID_RECIPIENT", "1 to 10000"),
        ({"userId": None, "userIds": "alice"}, "INVALID_RECIPIENT", "must be a list"),
        ({"userId": None, "userIds": {"alice": 1}}, "INVALID_RECIPIENT", "must be a list"),
        ({"userId": None, "userIds": ["a"] * (MAX_RECIPIENTS + 1)}, "INVALID_RECIPIENT", "1 to 10000"),
        ({"userId": None, "userIds": ["a", ""]}, "INVALID_USER_ID", "userIds[1] must not be empty"),
        ({"persist": "yes"}, "INVALID_PERSIST", "true or false"),
        ({"persist": 1}, "INVALID_PERSIST", "true or false"),
        ({"ttl": 0}, "INVALID_TTL", "from 1 to 31536000"),
        ({"ttl": -1}, "INVALID_TTL", "from 1 to"),
        ({"ttl": 1.5}, "INVALID_TTL", "whole number"),
        ({"ttl": "60"}, "INVALID_TTL", "whole number"),
        ({"ttl": True}, "INVALID_TTL", "whole number"),
        ({"ttl": MAX_TTL_SECONDS + 1}, "INVALID_TTL", "to 31536000"),
        ({"ttl": 60, "persist": False}, "INVALID_TTL", "only for what is persisted"),
        ({"id": "abc"}, "INVALID_ID", "UUIDv7"),
        ({"id": 7}, "INVALID_ID", "UUIDv7"),
        ({"id": "6f2b0d3e-53a5-4a52-9cf2-0cfa0e4b2c11"}, "INVALID_ID", "UUIDv7"),
        ({"id": earliest_id_at(NOW + MAX_AHEAD_MILLISECONDS + 1)}, "INVALID_ID", "60 s in the future"),
        ({"persits": True}, "UNKNOWN_FIELD", "'persits'"),
        ({"content": float("nan")}, "INVALID_CONTENT", "NaN"),
        ({"content": [float("-inf")]}, "INVALID_CONTENT", "Infinity"),
        ({"content": "x" * MAX_FRAME_BYTES}, "CONTENT_TOO_LARGE", "32887 bytes; at most 31744"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_a_code_and_what_to_change(
    change: dict[str, object], code: ErrorCode, said: str
) -> None:
    refusal = refusal_of(SOUND | change)
    assert refusal.code is code
    assert said in refusal.message


@pytest.mark.parametrize("request_", [None, [], "alice", 7, True, [SOUND]])
def test_what_is_not_an_object_is_refused(request_: object) -> None:
    assert refusal_of(request_).code == "INVALID_REQUEST"


def test_missing_content_is_refused_and_null_is_content() -> None:
    assert refusal_of({"userId": "alice"}).code == "MISSING_CONTENT"
    assert parse({"userId": "alice", "content": None}).content == "null"


def test_content_that_is_nested_without_end_is_refused() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert refusal_of(SOUND | {"content": nested}).code == "INVALID_CONTENT"


def test_an_id_just_ahead_or_long_ago_is_taken() -> None:
    for id_ in (earliest_id_at(NOW + MAX_AHEAD_MILLISECONDS), earliest_id_at(0)):
        assert parse(SOUND | {"id": id_}).notification_id == id_


def test_the_largest_content_that_is_accepted_makes_the_largest_frame_that_is_allowed() -> None:
    fitting = MAX_NOTIFICATION_BYTES - len(notification_frame(ID, rfc_3339(NOW), '""'))

    content = parse(SOUND | {"content": "x" * fitting}).content

    assert len(notification_frame(ID, rfc_3339(NOW), content).encode()) == MAX_NOTIFICATION_BYTES
    assert refusal_of(SOUND | {"content": "x" * (fitting + 1)}).code == "CONTENT_TOO_LARGE"


def test_content_is_measured_in_bytes_not_characters() -> None:
    assert refusal_of(SOUND | {"content": "é" * (MAX_NOTIFICATION_BYTES // 2)}).code == "CONTENT_TOO_LARGE"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)  # fmt: skip


@given(json_values)
def test_content_survives_with_its_numbers_and_the_order_of_its_keys(content: object) -> None:
    text = parse(SOUND | {"content": content}).content
    assert json.dumps(json.loads(text)) == json.dumps(content)
    text.encode()


def test_an_unpaired_surrogate_is_kept_as_an_escape() -> None:
    assert parse(SOUND | {"content": "\ud800"}).content == '"\\ud800"'


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["userId", "userIds", "content", "persist", "ttl", "id", "x"]), inner)
    ),
)


@given(anything)
def test_no_request_makes_the_parser_raise_anything_but_a_refusal(request_: object) -> None:
    try:
        parsed = parse(request_)
    except RequestError:
        return
    assert parsed.recipients
    json.loads(parsed.content)


def test_a_client_names_one_user_and_the_content() -> None:
    message = {"action": "push", "requestId": 1, "userId": "alice", "content": [1]}
    assert parse_client_push(message, max_frame_bytes=MAX_FRAME_BYTES) == PushRequest(
        recipients=("alice",), content="[1]"
    )


@pytest.mark.parametrize("field", ["id", "ttl", "persist", "userIds"])
def test_a_client_decides_neither_id_nor_keeping(field: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_client_push(
            {"action": "push", "userId": "alice", "content": 1, field: None}, max_frame_bytes=MAX_FRAME_BYTES
        )
    assert refusal.value.code == "UNKNOWN_FIELD"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"content": 1}, "INVALID_RECIPIENT"),
        ({"userId": None, "content": 1}, "INVALID_USER_ID"),
        ({"userId": "alice"}, "MISSING_CONTENT"),
    ],
)
def test_a_clients_push_is_checked_as_a_backends(message: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_client_push({"action": "push", **message}, max_frame_bytes=MAX_FRAME_BYTES)
    assert refusal.value.code is code
