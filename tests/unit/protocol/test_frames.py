import json
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.frames import (
    HISTORY_ENVELOPE_BYTES,
    bye_frame,
    error_frame,
    history_frame,
    notification_frame,
    notification_text,
    receipt_frame,
    session,
)
from websocket_push.protocol.identifiers import earliest_id_at, rfc_3339
from websocket_push.protocol.poll_request import continued_position
from websocket_push.protocol.values import (
    MAX_REQUEST_ID_CHARACTERS,
    MAX_SAFE_INTEGER,
    MAX_USER_ID_BYTES,
    parse_request_id,
    user_id_problem,
)

ID, AT = earliest_id_at(5), rfc_3339(5)
polled_session = partial(session, keepalive_action="poll", keepalive_seconds=240)
user_ids = st.text(max_size=256).filter(lambda text: user_id_problem(text) is None)
request_ids = st.none() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | st.text(max_size=10)


def test_a_notification_keeps_the_text_of_its_content() -> None:
    content = '{"b":1.0,"a":12345678901234567890}'
    assert notification_frame(ID, AT, content) == (
        f'{{"type":"notification","id":"{ID}","createdAt":"{AT}","content":{content}}}'
    )
    assert json.loads(notification_text(ID, AT, content)) == {"id": ID, "createdAt": AT, "content": json.loads(content)}


@given(user_ids, request_ids, st.none() | st.just(ID), st.booleans())
def test_a_history_says_what_it_holds(
    user_id: str, request_id: str | int | None, next_position: str | None, reset: bool
) -> None:
    about = polled_session(user_id=user_id, connection_id="L0SM9cOFvHcCIhw=", expires_at=AT)
    note = notification_text(ID, AT, "null")
    frame = json.loads(
        history_frame([note] * 2, next_position=next_position, reset=reset, session=about, request_id=request_id)
    )
    assert frame.pop("next", None) == next_position
    assert frame.pop("reset", False) is reset
    assert frame.pop("requestId", None) == request_id
    assert frame == {
        "type": "history",
        "notifications": [{"id": ID, "createdAt": AT, "content": None}] * 2,
        "more": next_position is not None,
        "session": {
            "userId": user_id,
            "connectionId": "L0SM9cOFvHcCIhw=",
            "expiresAt": AT,
            "keepalive": {"action": "poll", "seconds": 240},
            "pingIntervalSeconds": 300,
        },
    }


def test_all_but_the_notifications_of_a_history_fits_into_the_room_kept_for_it() -> None:
    # The longest that is accepted: quotes and backslashes take two bytes in JSON.
    about = polled_session(user_id='"' * MAX_USER_ID_BYTES, connection_id="x" * 64, expires_at=AT)
    longest = "\\" * MAX_REQUEST_ID_CHARACTERS
    assert parse_request_id({"requestId": longest}) == longest
    frame = history_frame([], next_position=continued_position(ID), reset=True, session=about, request_id=longest)
    assert len(frame) < HISTORY_ENVELOPE_BYTES


def test_a_client_that_knows_pings_only_pings_as_often_as_it_is_to_keep_alive() -> None:
    about = session(user_id="alice", connection_id="c", expires_at=AT, keepalive_action="ping", keepalive_seconds=540)
    assert about["keepalive"] == {"action": "ping", "seconds": 540}
    assert about["pingIntervalSeconds"] == 540


@given(request_ids, st.text(st.characters()))
def test_an_error_carries_code_message_and_request_id(request_id: str | int | None, message: str) -> None:
    frame = json.loads(error_frame("INVALID_TTL", message, request_id))
    assert frame.pop("requestId", None) == request_id
    assert frame == {"type": "error", "code": "INVALID_TTL", "message": message}


@given(request_ids)
def test_a_receipt_is_the_report_with_its_type(request_id: str | int | None) -> None:
    frame = json.loads(receipt_frame({"id": ID, "recipients": []}, request_id))
    assert frame.pop("requestId", None) == request_id
    assert frame == {"type": "receipt", "id": ID, "recipients": []}


def test_a_bye_says_why() -> None:
    assert json.loads(bye_frame("token_expired")) == {"type": "bye", "reason": "token_expired"}
