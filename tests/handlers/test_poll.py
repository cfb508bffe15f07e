import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables
from websocket_push.handlers.poll import handler
from websocket_push.history import OVERLAP_MILLISECONDS
from websocket_push.protocol.identifiers import earliest_id_at

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

START = 1_769_860_800_000
ALICE = {"userId": "alice"}
SOME_ID = earliest_id_at(START)


def poll(message: Event) -> dict[str, Any]:
    response = handler(message, Context())
    assert response["statusCode"] == 200
    body = response["body"]
    assert isinstance(body, str)
    frame: dict[str, Any] = json.loads(body)
    return frame


def fill(tables: Tables, count: int, *, apart: int = 1000) -> list[str]:
    ids = [earliest_id_at(START + n * apart) for n in range(count)]
    for notification_id in ids:
        tables.add_notification(notification_id)
    return ids


def ids_of(frame: dict[str, Any]) -> list[str]:
    return [each["id"] for each in frame["notifications"]]


@pytest.mark.usefixtures("environment")
class TestAuthorized:
    def test_the_newest_page_comes_oldest_first_with_what_the_client_needs_to_go_on(
        self, tables: Tables, event: EventMaker
    ) -> None:
        ids = fill(tables, 3)
        frame = poll(event("message", body={"action": "poll", "limit": 2, "requestId": 5}, authorizer=ALICE))
        assert frame == {
            "type": "history",
            "requestId": 5,
            "notifications": [
                {"id": ids[1], "createdAt": "2026-01-31T12:00:01.000Z", "content": "hello"},
                {"id": ids[2], "createdAt": "2026-01-31T12:00:02.000Z", "content": "hello"},
            ],
            "more": True,
            "next": ids[1],
            "session": {
                "userId": "alice",
                "connectionId": "WKtlFcYLjoECFvg=",
                "expiresAt": "2026-01-31T14:00:00.000Z",
                "keepalive": {"action": "poll", "seconds": 240},
                "pingIntervalSeconds": 300,
            },
        }

    def test_after_resumes_and_before_scrolls_back(self, tables: Tables, event: EventMaker) -> None:
        ids = fill(tables, 5, apart=OVERLAP_MILLISECONDS + 1)
        resumed = poll(event("message", body={"action": "poll", "after": ids[1], "limit": 2}, authorizer=ALICE))
        assert (ids_of(resumed), resumed["more"]) == (ids[2:4], True)
        scrolled = poll(event("message", body={"action": "poll", "before": ids[2]}, authorizer=ALICE))
        assert (ids_of(scrolled), scrolled["more"]) == (ids[:2], False)

    def test_what_was_written_late_under_an_earlier_id_is_found_by_resuming(
        self, tables: Tables, event: EventMaker
    ) -> None:
        seen = earliest_id_at(START)
        late = earliest_id_at(START - 5_000)
        tables.add_notification(seen)
        tables.add_notification(late)
        assert ids_of(poll(event("message", body={"action": "poll", "after": seen}, authorizer=ALICE))) == [late]

    def test_repeats_come_with_the_first_of_several_pages(self, tables: Tables, event: EventMaker) -> None:
        ids = fill(tables, 6)
        first = poll(event("message", body={"action": "poll", "after": ids[2], "limit": 1}, authorizer=ALICE))
        assert ids_of(first) == [*ids[:2], ids[3]]
        second = poll(event("message", body={"action": "poll", "after": first["next"]}, authorizer=ALICE))
        assert (ids_of(second), second["more"], "next" in second) == (ids[4:], False, False)

    def test_a_position_in_the_future_is_answered_with_the_newest_page_and_logged(
        self, tables: Tables, event: EventMaker, log_lines: LogLines
    ) -> None:
        ids = fill(tables, 3)
        ahead = earliest_id_at(4_102_444_800_000)
        frame = poll(event("message", body={"action": "poll", "after": ahead, "limit": 2}, authorizer=ALICE))
        assert (ids_of(frame), frame["more"], frame["reset"]) == (ids[1:], False, True)
        assert [line["reset"] for line in log_lines()] == [True]

    def test_nobody_reads_anothers_history_whatever_the_message_says(self, tables: Tables, event: EventMaker) -> None:
        tables.add_notification(earliest_id_at(START), user_id="bob")
        tables.add_client("WKtlFcYLjoECFvg=", user_id="bob")
        assert ids_of(poll(event("message", body={"action": "poll"}, authorizer=ALICE))) == []
        named = poll(event("message", body={"action": "poll", "userId": "bob"}, authorizer=ALICE))
        assert named["code"] == "UNKNOWN_FIELD"

    def test_what_has_expired_is_not_returned_even_if_the_table_still_holds_it(
        self, tables: Tables, event: EventMaker
    ) -> None:
        ids = fill(tables, 4)
        for notification_id in ids[1:3]:
            tables.add_notification(notification_id, expiresAt=START // 1000)
        frame = poll(event("message", body={"action": "poll", "limit": 2}, authorizer=ALICE))
        assert (ids_of(frame), frame["more"]) == ([ids[0], ids[3]], False)

    @pytest.mark.parametrize("max_frame_bytes", [32 * 1024, 128 * 1024])
    def test_a_page_is_cut_by_bytes_and_the_rest_follows(
        self, tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, max_frame_bytes: int
    ) -> None:
        environment.setenv("MAX_FRAME_BYTES", str(max_frame_bytes))
        ids = [earliest_id_at(START + n) for n in range(20)]
        for notification_id in ids:
            tables.add_notification(notification_id, content=json.dumps("é" * 5_000, ensure_ascii=False))
        response = handler(event("message", body={"action": "poll"}, authorizer=ALICE), Context())
        body = response["body"]
        assert isinstance(body, str)
        assert max_frame_bytes * 0.6 < len(body.encode()) <= max_frame_bytes
        seen = ids_of(json.loads(body))
        while len(seen) < len(ids):
            seen = ids_of(poll(event("message", body={"action": "poll", "before": seen[0]}, authorizer=ALICE))) + seen
        assert seen == ids

    def test_after_the_token_has_expired_nothing_is_answered_but_that(self, tables: Tables, event: EventMaker) -> None:
        fill(tables, 1)
        expired = {"userId": "alice", "expiresAt": "1769860800"}
        assert poll(event("message", body={"action": "poll"}, authorizer=expired))["code"] == "TOKEN_EXPIRED"

    def test_the_session_ends_with_the_token(self, tables: Tables, event: EventMaker) -> None:
        current = {"userId": "alice", "expiresAt": "4102444800"}
        connected = event("message", body={"action": "poll"}, authorizer=current)
        connected["requestContext"]["connectedAt"] = 4_102_444_000_000
        assert poll(connected)["session"]["expiresAt"] == "2100-01-01T00:00:00.000Z"

    @pytest.mark.parametrize(
        ("body", "code", "request_id"),
        [
            ("not json", "INVALID_REQUEST", None),
            ("[]", "INVALID_REQUEST", None),
            ('{"action":"poll","requestId":{}}', "INVALID_REQUEST_ID", None),
            ('{"action":"poll","requestId":"r","limit":0}', "INVALID_LIMIT", "r"),
            ('{"action":"poll","requestId":7,"after":"x"}', "INVALID_ID", 7),
            (f'{{"action":"poll","after":"{SOME_ID}","before":"{SOME_ID}"}}', "INVALID_RANGE", None),
            ('{"action":"poll","x":1}', "UNKNOWN_FIELD", None),
        ],
    )
    def test_what_is_wrong_is_answered_with_its_code(
        self, event: EventMaker, log_lines: LogLines, body: str, code: str, request_id: object
    ) -> None:
        frame = poll(event("message", body=body, authorizer=ALICE))
        assert (frame["type"], frame["code"], frame.get("requestId")) == ("error", code, request_id)
        assert frame["message"]
        assert [line["outcome"] for line in log_lines()] == [code]

    def test_content_and_user_do_not_get_into_the_log(
        self, tables: Tables, event: EventMaker, log_lines: LogLines
    ) -> None:
        tables.add_notification(earliest_id_at(START), content='"secret"')
        poll(event("message", body={"action": "poll"}, authorizer=ALICE))
        (line,) = log_lines()
        assert (line["notifications"], line["more"]) == (1, False)
        assert "secret" not in json.dumps(line)


DAMAGED: list[dict[str, Any]] = [
    {"content": 7},
    {"content": {"text": "hello"}},
    {"content": ""},
    {"content": "hello"},
    {"content": '{"text":'},
    {"content": '1,"id":"x"'},
    {"content": "NaN"},
    {"notification_id": earliest_id_at(START + 2)[:-1]},
    {"notification_id": f'{earliest_id_at(START + 2)[:-1]}"'},
    {"notification_id": f"{earliest_id_at(START + 2)}A"},
]
"""Attributes that make a row unreadable."""


@pytest.mark.parametrize("position", [{}, {"after": SOME_ID}, {"before": earliest_id_at(START + 10**9)}])
@pytest.mark.parametrize("topics", [False, True])
def test_rows_that_cannot_be_read_hide_no_other_and_are_counted(
    tables: Tables,
    event: EventMaker,
    environment: pytest.MonkeyPatch,
    log_lines: LogLines,
    position: dict[str, str],
    topics: bool,
) -> None:
    user_id = "alice"
    if topics:
        environment.setenv("TOPICS", "true")
        tables.add_client("WKtlFcYLjoECFvg=")
        user_id = "topic#*"
    ids = [earliest_id_at(START + milliseconds) for milliseconds in (1, 3 + len(DAMAGED))]
    for each in ids:
        tables.add_notification(each, user_id, topic="*")
    for number, damage in enumerate(DAMAGED):
        row: dict[str, Any] = {"notification_id": earliest_id_at(START + 3 + number), "topic": "*", **damage}
        tables.add_notification(user_id=user_id, **row)
    frame = poll(event("message", body={"action": "poll", **position}, authorizer=ALICE))
    assert ids_of(frame) == ids
    (line,) = log_lines()
    assert (line["RowsUnreadable"], line["notifications"]) == (len(DAMAGED), 2)


@pytest.mark.parametrize(
    "damage", [{"connectedAt": "yesterday"}, {"expiresAt": {"soon": True}}, {"userId": 7}, {"connectedAt": 1.5}]
)
@pytest.mark.parametrize("topics", [False, True])
def test_a_connection_whose_row_cannot_be_read_is_told_to_connect_again(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, damage: dict[str, Any], topics: bool
) -> None:
    if topics:
        environment.setenv("TOPICS", "true")
    attributes = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in damage.items()}
    tables.add_connection(connectionId="WKtlFcYLjoECFvg=", **attributes)
    frame = poll(event("message", body={"action": "poll"}, authorizer=ALICE if topics else None))
    assert frame["code"] == "UNKNOWN_CONNECTION"


def test_an_anonymous_connection_polls_as_the_user_it_registered_as(tables: Tables, event: EventMaker) -> None:
    ids = fill(tables, 1)
    tables.add_client("WKtlFcYLjoECFvg=", user_id="alice")
    assert ids_of(poll(event("message", body={"action": "poll"}))) == ids


def test_an_anonymous_connection_without_row_is_told_to_connect_anew(tables: Tables, event: EventMaker) -> None:
    assert poll(event("message", body={"action": "poll"}))["code"] == "UNKNOWN_CONNECTION"


def test_without_authorizer_and_permission_nobody_polls(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ALLOW_ANONYMOUS", "false")
    tables.add_client("WKtlFcYLjoECFvg=", user_id="alice")
    assert poll(event("message", body={"action": "poll"}))["code"] == "MISSING_USER_ID"


def test_a_table_out_of_reach_is_told_as_such(event: EventMaker, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    response = handler(event("message", body={"action": "poll", "requestId": 1}, authorizer=ALICE), Context(600))
    body = response["body"]
    assert isinstance(body, str)
    frame = json.loads(body)
    assert (frame["code"], frame["requestId"]) == ("UNAVAILABLE", 1)


@pytest.mark.parametrize(
    "unsound", [None, [], "poll", {}, {"requestContext": {}}, {"requestContext": {"connectionId": "c"}}]
)
def test_an_event_of_another_kind_ends_in_an_error_frame(environment: pytest.MonkeyPatch, unsound: Any) -> None:
    assert poll(unsound)["code"] in ("INTERNAL", "INVALID_REQUEST")
