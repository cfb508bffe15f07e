import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Subscriptions, Tables, redeploy
from websocket_push.handlers import disconnect, poll, poll_topics
from websocket_push.handlers.subscriptions import handler
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.tables.notifications import topic_key
from websocket_push.tables.subscriptions import Subscriptions as Rows

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

ME = "WKtlFcYLjoECFvg="
START = 1_769_860_800_000
ALICE = {"userId": "alice", "topics": "org/7 news/* openid"}


@pytest.fixture
def send(event: EventMaker) -> Callable[..., dict[str, Any]]:
    def send(action: str, *topics: str, authorizer: Event | None = ALICE, **members: Any) -> dict[str, Any]:
        body = {"action": action, "topics": list(topics), **members}
        response = handler(event("message", body=body, authorizer=authorizer), Context())
        assert response["statusCode"] == 200
        frame: dict[str, Any] = json.loads(str(response["body"]))
        return frame

    return send


Send = Callable[..., dict[str, Any]]


class TestSubscribing:
    def test_a_client_listens_to_what_it_may_and_is_told_what_it_may_not(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, log_lines: LogLines
    ) -> None:
        tables.add_client(ME, connected_at=START)
        frame = send("subscribe", "org/7", "org/8", "news/today", requestId=4)
        assert frame == {
            "type": "subscribed",
            "requestId": 4,
            "topics": ["news/today", "org/7"],
            "refused": [{"topic": "org/8", "code": "TOPIC_NOT_ALLOWED"}],
        }
        assert subscriptions.topics(ME) == {"org/7", "news/today"}
        assert subscriptions.rows()[0] | {"topic": ""} == {
            "topic": "",
            "connectionId": ME,
            "userId": "alice",
            "connectedAt": START,
            "expiresAt": 4_000_000_000,
        }
        assert tables.clients()[0]["topics"] == {"org/7", "news/today"}
        assert [(line["outcome"], line["topics"], line["refused"]) for line in log_lines()] == [("OK", 2, 1)]

    def test_subscribing_adds_and_repeating_it_is_harmless(
        self, tables: Tables, subscriptions: Subscriptions, send: Send
    ) -> None:
        tables.add_client(ME)
        assert send("subscribe", "org/7")["topics"] == ["org/7"]
        for _ in range(2):
            assert send("subscribe", "news/a", "org/7") == {
                "type": "subscribed",
                "topics": ["news/a", "org/7"],
                "refused": [],
            }
        assert subscriptions.topics(ME) == {"org/7", "news/a"}

    def test_no_more_than_the_setting_says(self, tables: Tables, subscriptions: Subscriptions, send: Send) -> None:
        tables.add_client(ME)
        send("subscribe", "news/a", "news/b")
        frame = send("subscribe", "news/c", "news/a", "news/d")
        assert frame["topics"] == ["news/a", "news/b", "news/c"]
        assert frame["refused"] == [{"topic": "news/d", "code": "TOO_MANY_TOPICS"}]
        assert subscriptions.topics(ME) == {"news/a", "news/b", "news/c"}
        send("unsubscribe", "news/a")
        assert send("subscribe", "news/d")["refused"] == []

    def test_one_with_more_than_a_lowered_limit_keeps_what_it_has(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, environment: pytest.MonkeyPatch
    ) -> None:
        tables.add_client(ME)
        send("subscribe", "news/a", "news/b")
        environment.setenv("MAX_TOPICS_PER_CONNECTION", "1")
        redeploy()
        frame = send("subscribe", "news/b", "news/c")
        assert frame["topics"] == ["news/a", "news/b"]
        assert frame["refused"] == [{"topic": "news/c", "code": "TOO_MANY_TOPICS"}]

    def test_a_row_that_was_lost_is_written_again(
        self, tables: Tables, subscriptions: Subscriptions, send: Send
    ) -> None:
        tables.add_client(ME)
        send("subscribe", "org/7")
        subscriptions._table.delete_item(Key={"topic": "org/7", "connectionId": ME})
        assert send("subscribe", "org/7")["topics"] == ["org/7"]
        assert subscriptions.topics(ME) == {"org/7"}

    @pytest.mark.parametrize(
        ("authorizer", "allowed"),
        [({"userId": "alice"}, []), ({"userId": "alice", "topics": "*"}, []), (None, ["x/y"])],
    )
    def test_without_a_grant_there_is_nothing_to_listen_to_but_in_trials(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, authorizer: Event | None, allowed: list[str]
    ) -> None:
        tables.add_client(ME)
        assert send("subscribe", "x/y", authorizer=authorizer)["topics"] == allowed

    def test_nothing_is_granted_where_nothing_was_authorized(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("ALLOW_ANONYMOUS", "false")
        tables.add_client(ME)
        assert send("subscribe", "x/y", authorizer=None)["topics"] == []

    def test_a_connection_that_is_gone_leaves_nothing(
        self, tables: Tables, subscriptions: Subscriptions, send: Send
    ) -> None:
        assert send("subscribe", "org/7")["code"] == "UNKNOWN_CONNECTION"
        assert send("unsubscribe", "org/7")["code"] == "UNKNOWN_CONNECTION"
        assert subscriptions.rows() == []
        assert tables.clients() == []

    def test_a_connection_that_ends_meanwhile_leaves_nothing(
        self,
        tables: Tables,
        subscriptions: Subscriptions,
        send: Send,
        event: EventMaker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        tables.add_client(ME)
        write = Rows.write

        async def then_disconnect(rows: Rows, *values: Any, deadline: float) -> None:
            await write(rows, *values, deadline=deadline)
            assert disconnect.handler(event("disconnect"), Context()) == {"statusCode": 200}

        monkeypatch.setattr(Rows, "write", then_disconnect)
        assert send("subscribe", "org/7", "news/a")["code"] == "UNKNOWN_CONNECTION"
        assert subscriptions.rows() == []
        assert tables.clients() == []

    def test_messages_of_a_connection_at_the_same_time_do_not_exceed_the_bound(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables.add_client(ME)
        write, others = Rows.write, iter([["news/a", "news/b"]])

        async def meanwhile(rows: Rows, *values: Any, deadline: float) -> None:
            await write(rows, *values, deadline=deadline)
            for topics in others:
                assert send("subscribe", *topics)["topics"] == topics

        monkeypatch.setattr(Rows, "write", meanwhile)
        frame = send("subscribe", "news/b", "news/c", "news/d")
        assert frame["topics"] == ["news/a", "news/b", "news/c"]
        assert frame["refused"] == [{"topic": "news/d", "code": "TOO_MANY_TOPICS"}]
        assert subscriptions.topics(ME) == set(frame["topics"])

    @pytest.mark.parametrize("outer", ["subscribe", "unsubscribe"])
    @pytest.mark.parametrize("moment", range(4))
    def test_one_that_unsubscribes_at_the_same_time_leaves_no_topic_listed_without_its_row(
        self,
        tables: Tables,
        subscriptions: Subscriptions,
        send: Send,
        monkeypatch: pytest.MonkeyPatch,
        outer: str,
        moment: int,
    ) -> None:
        """Of two messages at once, one is handled before a call to AWS of the other."""
        tables.add_client(ME)
        send("subscribe", "news/a", "news/b")
        inner = "unsubscribe" if outer == "subscribe" else "subscribe"
        moments = iter(range(moment + 1))

        def before(step: Any) -> Any:
            async def stepping(*values: Any, **named: Any) -> Any:
                if next(moments, None) == moment:
                    send(inner, "news/a")
                return await step(*values, **named)

            return stepping

        with monkeypatch.context() as patched:
            for step in ("find", "write", "list_also", "delete", "list_no_more"):
                patched.setattr(Rows, step, before(getattr(Rows, step)))
            reply = send(outer, "news/a")
        assert reply["type"] == "subscribed"
        (row,) = tables.clients()
        assert row["topics"] <= subscriptions.topics(ME)
        # Whichever was handled last is in its reply.
        assert ("news/a" in reply["topics"]) is (outer == "subscribe")

    def test_a_connection_that_ends_while_it_subscribes_again_leaves_nothing(
        self,
        tables: Tables,
        subscriptions: Subscriptions,
        send: Send,
        event: EventMaker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        tables.add_client(ME)
        send("subscribe", "org/7")
        write = Rows.write

        async def after_disconnect(rows: Rows, *values: Any, deadline: float) -> None:
            assert disconnect.handler(event("disconnect"), Context()) == {"statusCode": 200}
            await write(rows, *values, deadline=deadline)

        monkeypatch.setattr(Rows, "write", after_disconnect)
        assert send("subscribe", "org/7", "news/a")["code"] == "UNKNOWN_CONNECTION"
        assert subscriptions.rows() == []

    def test_an_authorization_that_is_over_grants_nothing(
        self, tables: Tables, subscriptions: Subscriptions, send: Send
    ) -> None:
        tables.add_client(ME)
        assert send("subscribe", "org/7", authorizer=ALICE | {"expiresAt": "1"})["code"] == "TOKEN_EXPIRED"
        assert subscriptions.rows() == []


class TestUnsubscribing:
    def test_what_is_left_holds(self, tables: Tables, subscriptions: Subscriptions, send: Send) -> None:
        tables.add_client(ME)
        tables.add_client("other")
        subscriptions.add("org/7", "other")
        send("subscribe", "org/7", "news/a")
        frame = send("unsubscribe", "org/7", "news/never", requestId="u")
        assert frame == {"type": "subscribed", "requestId": "u", "topics": ["news/a"], "refused": []}
        assert subscriptions.topics(ME) == {"news/a"}
        assert subscriptions.topics("other") == {"org/7"}

    def test_the_last_one_goes_too(self, tables: Tables, subscriptions: Subscriptions, send: Send) -> None:
        tables.add_client(ME)
        send("subscribe", "org/7")
        assert send("unsubscribe", "org/7")["topics"] == []
        assert "topics" not in tables.clients()[0]
        assert subscriptions.rows() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "subscribe"}, "INVALID_TOPIC"),
        ({"action": "subscribe", "topics": ["*"]}, "INVALID_TOPIC"),
        ({"action": "unsubscribe", "topics": ["a//b"]}, "INVALID_TOPIC"),
        ({"action": "subscribe", "topics": ["a"], "user": "bob"}, "UNKNOWN_FIELD"),
        ("no JSON", "INVALID_REQUEST"),
    ],
)
def test_an_unsound_message_changes_nothing(
    tables: Tables, subscriptions: Subscriptions, event: EventMaker, body: object, code: str
) -> None:
    tables.add_client(ME)
    response = handler(event("message", body=body, authorizer=ALICE), Context())
    assert json.loads(str(response["body"]))["code"] == code
    assert subscriptions.rows() == []


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_an_event_of_another_route_changes_nothing(
    tables: Tables, subscriptions: Subscriptions, event: EventMaker, name: str
) -> None:
    response = handler(event(name, body={"action": "subscribe", "topics": ["org/7"]}, authorizer=ALICE), Context())
    assert json.loads(str(response["body"]))["code"] == "INVALID_REQUEST"
    assert subscriptions.rows() == []


def test_disconnecting_removes_every_subscription_of_the_connection(
    tables: Tables, subscriptions: Subscriptions, send: Send, event: EventMaker
) -> None:
    tables.add_client(ME)
    subscriptions.add("org/7", "other")
    send("subscribe", "org/7", "news/a")
    assert disconnect.handler(event("disconnect"), Context()) == {"statusCode": 200}
    assert [row["connectionId"] for row in subscriptions.rows()] == ["other"]
    assert tables.clients() == []


class TestPolling:
    @pytest.fixture
    def history(self, event: EventMaker) -> Callable[..., list[tuple[str, str | None]]]:
        def history(authorizer: Event | None = ALICE, **members: Any) -> list[tuple[str, str | None]]:
            message = event("message", body={"action": "poll", **members}, authorizer=authorizer)
            frame = json.loads(str(poll.handler(message, Context())["body"]))
            return [(each["id"], each.get("topic")) for each in frame["notifications"]]

        return history

    def test_topics_and_broadcasts_come_with_the_users_own_in_one_order(
        self, tables: Tables, subscriptions: Subscriptions, send: Send, history: Callable[..., Any]
    ) -> None:
        tables.add_client(ME)
        ids = [earliest_id_at(START + n * 1000) for n in range(5)]
        for notification_id, topic in zip(ids, (None, "org/7", "*", "org/8", None), strict=True):
            attributes = {} if topic is None else {"topic": topic}
            user_id = "alice" if topic is None else topic_key(topic)
            tables.add_notification(notification_id, user_id, **attributes)
        assert history() == [(ids[0], None), (ids[2], "*"), (ids[4], None)]
        send("subscribe", "org/7")
        expected = [(ids[0], None), (ids[1], "org/7"), (ids[2], "*"), (ids[4], None)]
        assert history() == expected
        assert history(after=ids[1]) == [expected[0], *expected[2:]]
        send("unsubscribe", "org/7")
        assert history() == [(ids[0], None), (ids[2], "*"), (ids[4], None)]

    def test_one_that_listens_since_a_reading_is_not_served_by_it(
        self, tables: Tables, subscriptions: Subscriptions, history: Callable[..., Any]
    ) -> None:
        tables.add_client(ME, topics={"org/7"})
        assert history() == []
        tables.add_notification(earliest_id_at(START), topic_key("org/7"), topic="org/7")
        tables.add_client(ME, topics={"org/7"}, listeningSince=4_000_000_000_000)
        assert history() == [(earliest_id_at(START), "org/7")]

    def test_the_rows_of_a_user_that_is_called_like_a_topic_are_no_topics(
        self, tables: Tables, subscriptions: Subscriptions, history: Callable[..., Any]
    ) -> None:
        """An earlier version kept them under the user id itself."""
        tables.add_client(ME)
        tables.add_notification(earliest_id_at(START), "topic#*")
        assert history() == []

    def test_a_connection_that_is_not_registered_is_told_so(
        self, tables: Tables, subscriptions: Subscriptions, event: EventMaker
    ) -> None:
        message = event("message", body={"action": "poll"}, authorizer=ALICE)
        assert json.loads(str(poll.handler(message, Context())["body"]))["code"] == "UNKNOWN_CONNECTION"

    def test_without_topics_nothing_of_them_is_read(
        self, tables: Tables, event: EventMaker, history: Callable[..., Any]
    ) -> None:
        tables.add_notification(earliest_id_at(START), topic_key("*"), topic="*")
        assert history() == []


def test_readings_that_serve_other_polls_are_timed_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_topics, "time", SimpleNamespace(time_ns=lambda: START * 1_000_000 + 999_999))
    assert poll_topics.tails().now() == START


def test_a_revoked_token_subscribes_to_nothing(
    tables: Tables, subscriptions: Subscriptions, send: Send, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REVOCABLE", "true")
    tables.add_client(ME, connected_at=START)
    tables.add_client("revoked#alice", issuedBefore=100)
    for action in ("subscribe", "unsubscribe"):
        frame = send(action, "org/7", authorizer={**ALICE, "issuedAt": "99"})
        assert (frame["type"], frame["code"]) == ("error", "TOKEN_REVOKED")
    assert subscriptions.rows() == []
    assert send("subscribe", "org/7", authorizer={**ALICE, "issuedAt": "100"})["topics"] == ["org/7"]
