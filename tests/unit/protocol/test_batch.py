import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.batch import QueuedMessage, is_batch, parse_batch, parse_queued_push
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import milliseconds_of, new_notification_id, parse_notification_id

NOW = 1_769_860_800_000
ID = new_notification_id(NOW * 1_000_000, bytes(8))
SOUND = '{"userId":"alice","content":1}'


def record(**changes: Any) -> dict[str, Any]:
    sound = {
        "messageId": "m1",
        "body": SOUND,
        "attributes": {"SentTimestamp": str(NOW)},
        "eventSource": "aws:sqs",
    }
    return sound | changes


def message(body: object = SOUND, *, message_id: str = "m1", sent_at: int | None = NOW) -> QueuedMessage:
    return QueuedMessage(message_id, sent_at, body)


def id_of(queued: QueuedMessage, now: int = NOW) -> str | None:
    return parse_queued_push(queued, now_milliseconds=now, max_frame_bytes=32768).notification_id


def test_the_messages_of_a_batch_in_their_order() -> None:
    event = {"Records": [record(), record(messageId="m2", body="nonsense")]}
    assert is_batch(event)
    assert parse_batch(event) == [message(), message("nonsense", message_id="m2")]


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"userId": "alice", "content": 1},
        {"Records": []},
        {"Records": "aws:sqs"},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [1, None]},
        {"userId": "alice", "content": {"Records": [record()]}},
    ],
)
def test_what_is_no_batch_is_left_to_the_check_of_requests(event: object) -> None:
    assert not is_batch(event)


@pytest.mark.parametrize(
    "broken",
    [1, {}, record(messageId=""), record(messageId=None), record(messageId=7), record(eventSource="aws:s3")],
)
def test_a_batch_that_cannot_be_answered_message_by_message_is_refused_whole(broken: object) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_batch({"Records": [record(), broken]})
    assert refusal.value.code == "INVALID_REQUEST"


def test_a_message_is_one_notification_however_often_it_is_received() -> None:
    first, later = id_of(message()), id_of(message(), now=NOW + 3_600_000)
    assert first == later
    assert first is not None
    assert parse_notification_id(first) == first
    assert milliseconds_of(first) == NOW


def test_two_messages_are_two_notifications_even_of_one_millisecond() -> None:
    ids = {id_of(message(message_id=str(number))) for number in range(1000)}
    assert len(ids) == 1000


@given(st.integers(0, 2**48 - 1), st.text())
def test_every_message_makes_a_uuid_of_version_7_that_holds_its_time(sent_at: int, message_id: str) -> None:
    made = uuid.UUID(id_of(message(message_id=message_id, sent_at=sent_at), now=2**48))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert milliseconds_of(str(made)) == sent_at


def test_an_id_of_the_requests_own_wins() -> None:
    assert id_of(message(json.dumps({"userId": "alice", "content": 1, "id": ID.upper()}), sent_at=None)) == ID
    assert id_of(message('{"userId":"alice","content":1,"id":null}')) == id_of(message())


@pytest.mark.parametrize(
    "sent",
    [None, 5, "", "x", "-1", "1.5", "9" * 5000, str(2**48), "\u0661"],
)
def test_a_message_without_a_time_fails_alone(sent: object) -> None:
    (parsed,) = parse_batch({"Records": [record(attributes={"SentTimestamp": sent})]})
    with pytest.raises(RequestError) as refusal:
        parse_queued_push(parsed, now_milliseconds=NOW, max_frame_bytes=32768)
    assert refusal.value.code == "INVALID_REQUEST"


def test_an_id_may_be_old_and_not_of_the_future() -> None:
    assert id_of(message(sent_at=0)) is not None
    with pytest.raises(RequestError) as refusal:
        id_of(message(sent_at=NOW + 60_001))
    assert refusal.value.code == "INVALID_ID"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "INVALID_REQUEST"),
        (7, "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
        ("nonsense", "INVALID_REQUEST"),
        ('{"userId":"alice","content":NaN}', "INVALID_REQUEST"),
        ("[1]", "INVALID_REQUEST"),
        ("[" * 100_000 + "]" * 100_000, "INVALID_REQUEST"),
        ('{"content":1}', "INVALID_RECIPIENT"),
        ('{"userId":"alice","content":1,"persits":true}', "UNKNOWN_FIELD"),
        (json.dumps({"userId": "alice", "content": "x" * 131_072}), "CONTENT_TOO_LARGE"),
        (json.dumps({"Records": [record()]}), "UNKNOWN_FIELD"),
    ],
)
def test_what_is_wrong_with_a_body_has_a_code(body: object, code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_queued_push(message(body), now_milliseconds=NOW, max_frame_bytes=32768)
    assert refusal.value.code is code


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "messageId", "body", "attributes", "SentTimestamp", "eventSource"]), inner
        )
    ),
)
records = st.builds(record, messageId=anything, body=anything, attributes=anything)


@given(st.fixed_dictionaries({"Records": st.lists(records | anything, max_size=4)}))
def test_no_event_makes_the_parser_raise_anything_but_a_refusal(event: dict[str, Any]) -> None:
    if not is_batch(event):
        return
    try:
        messages = parse_batch(event)
    except RequestError:
        return
    assert len(messages) == len(event["Records"])
    for each in messages:
        assert each.message_id
        try:
            parse_queued_push(each, now_milliseconds=NOW, max_frame_bytes=32768)
        except RequestError:
            continue
