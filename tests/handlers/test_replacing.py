"""What is replaced or recalled: live and by resuming, whatever the order and however often it is pushed."""

import json
from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from tests.unit.contracts import contract
from websocket_push.handlers import mark, poll, push
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.tables.notifications import Notification, inbox_key
from websocket_push.tables.replacements import Replacements

EventMaker = Callable[..., Event]
Pushes = Callable[..., dict[str, Any]]
Polls = Callable[..., dict[str, Any]]

START = 1_769_860_800_000
IDS = [earliest_id_at(START + n * 1000) for n in range(8)]
OLD, NEW, NEWER, LAST = IDS[:4]
KEY = "order-1"
SPACED = [earliest_id_at(START + n * 600_000) for n in range(8)]
"""Ids that are further from each other than a resume looks behind its position."""


@pytest.fixture(autouse=True)
def inbox(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INBOX", "true")
    environment.setenv("INBOX_TTL", "86400")


def push_of(number: int, **members: Any) -> dict[str, Any]:
    """Return a push of a notification of its own content."""
    content = {} if "recall" in members else {"content": number}
    return {"userId": "alice", "id": IDS[number], **content, **members}


def pushed(request: dict[str, Any]) -> dict[str, Any]:
    assert contract.problems("push-request", request) == []
    report: dict[str, Any] = json.loads(json.dumps(push.handler(request, Context())))
    assert contract.problems("push-report", report) == []
    return report


def refused(request: dict[str, Any]) -> str:
    try:
        push.handler(request, Context())
    except Exception as refusal:
        return type(refusal).__name__
    return ""


@pytest.fixture
def polled(event: EventMaker) -> Polls:
    def polled(**members: Any) -> dict[str, Any]:
        message = event("message", body={"action": "poll", **members}, authorizer={"userId": "alice"})
        frame: dict[str, Any] = json.loads(str(poll.handler(message, Context())["body"]))
        assert contract.problems("history", frame) == []
        return frame

    return polled


class Client:
    """What docs/protocol.md asks of a client that shows notifications and takes replacements into account."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self._gone: set[str] = set()
        self._latest: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def take(self, frames: Iterable[dict[str, Any]]) -> None:
        for frame in frames:
            key = frame.get("key")
            self._remove(frame.get("replaces") or frame.get("recalls"))
            if key is not None:
                self._latest[key] = max(frame.get("recalls", frame["id"]), self._latest.get(key, ""))
                for each, its in list(self._keys.items()):
                    if its == key and each < self._latest[key]:
                        self._remove(each)
            if "content" not in frame or frame["id"] in self._gone or frame["id"] < self._latest.get(key or "", ""):
                continue
            self.shown[frame["id"]] = frame["content"]
            if key is not None:
                self._keys[frame["id"]] = key

    def page(self, frame: dict[str, Any]) -> "Client":
        self.take([*frame["notifications"], *frame.get("recalls", [])])
        return self

    def _remove(self, notification_id: str | None) -> None:
        if notification_id is not None:
            self._gone.add(notification_id)
            self.shown.pop(notification_id, None)


def frames_of(management: ManagementServer, connection_id: str = "phone") -> list[dict[str, Any]]:
    frames = [json.loads(frame) for frame in management.received[connection_id]]
    for frame in frames:
        assert contract.problems(frame["type"], frame) == []
    return frames


class TestReplacing:
    def test_the_new_one_names_the_old_one_which_is_in_no_history(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(0))
        report = pushed(push_of(1, replaces=OLD))
        assert report["recipients"][0] | {"id": NEW, "persisted": True, "delivered": 1} == report["recipients"][0]
        assert frames_of(management)[1] == {
            "type": "notification",
            "id": NEW,
            "createdAt": "2026-01-31T12:00:01.000Z",
            "replaces": OLD,
            "content": 1,
        }
        newest = polled()
        assert [(each["id"], each["replaces"], each["content"]) for each in newest["notifications"]] == [(NEW, OLD, 1)]
        assert "recalls" not in newest
        assert polled(before=NEW)["notifications"] == []
        assert [each["id"] for each in polled(after=OLD)["notifications"]] == [NEW]
        assert newest["state"]["unreadCount"] == 1

    def test_a_late_push_of_what_was_replaced_is_not_sent_or_shown(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(1, replaces=OLD))
        for _ in range(2):
            report = pushed(push_of(0))
            assert report["recipients"][0]["superseded"] is True
            assert (report["totals"]["errors"], report["totals"]["delivered"]) == (0, 0)
        assert [frame["id"] for frame in frames_of(management)] == [NEW]
        assert [each["id"] for each in polled()["notifications"]] == [NEW]

    def test_one_in_the_middle_that_comes_last_still_frees_the_place_of_the_first(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(0))
        pushed(push_of(2, replaces=NEW))
        assert pushed(push_of(1, replaces=OLD))["recipients"][0]["superseded"] is True
        assert frames_of(management)[2] == {
            "type": "recall",
            "id": NEW,
            "createdAt": "2026-01-31T12:00:01.000Z",
            "recalls": OLD,
        }
        page = polled(after=OLD)
        assert [each["id"] for each in page["notifications"]] == [NEWER]
        assert [(each["id"], each["recalls"]) for each in page["recalls"]] == [(NEW, OLD)]

    def test_content_that_is_other_than_what_is_stored_is_refused(self, tables: Tables) -> None:
        pushed(push_of(1, replaces=OLD))
        assert refused(push_of(1, replaces=OLD, content="other")) == "INVALID_ID"

    def test_for_many_users_each_of_them(self, tables: Tables) -> None:
        users = [f"user-{n}" for n in range(5)]
        for request in (push_of(0), push_of(1, replaces=OLD)):
            del request["userId"]
            report = pushed({**request, "userIds": users})
            assert report["totals"]["persisted"] == 5
        rows = {(row["userId"], row["notificationId"]): row.get("content") for row in tables.notifications()}
        assert all(rows[user, OLD] is None and rows[user, NEW] == "1" for user in users)


class TestKeys:
    def test_the_latest_with_a_key_is_the_only_one(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        for number in range(3):
            pushed(push_of(number, key="order-42"))
        pushed(push_of(3, key="order-43"))
        assert [(frame["id"], frame["key"]) for frame in frames_of(management)] == [
            *((each, "order-42") for each in IDS[:3]),
            (LAST, "order-43"),
        ]
        assert [each["id"] for each in polled()["notifications"]] == [NEWER, LAST]

    def test_an_earlier_one_that_comes_late_is_not_sent(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(2, key="k"))
        assert pushed(push_of(1, key="k"))["recipients"][0]["superseded"] is True
        assert [frame["id"] for frame in frames_of(management)] == [NEWER]
        assert [each["id"] for each in polled()["notifications"]] == [NEWER]

    def test_what_an_interrupted_push_left_is_buried_by_the_next(
        self, tables: Tables, polled: Polls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pushed(push_of(0, key="k"))
        store = Replacements.store

        async def interrupted(*values: Any, **about: Any) -> bool:
            raise RuntimeError("the function is killed here")

        monkeypatch.setattr(Replacements, "store", interrupted)
        assert refused(push_of(1, key="k")) == "INTERNAL"
        monkeypatch.setattr(Replacements, "store", store)
        pushed(push_of(2, key="k"))
        assert [each["id"] for each in polled()["notifications"]] == [NEWER]
        # And where it is pushed again after that, nothing happens.
        assert pushed(push_of(1, key="k"))["recipients"][0]["superseded"] is True
        assert [each["id"] for each in polled()["notifications"]] == [NEWER]

    def test_two_at_once_leave_the_later_one(
        self, tables: Tables, management: ManagementServer, polled: Polls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(0, key="k"))
        point = Replacements.point

        async def overtaken(table: Replacements, user_id: str, key: str, notification_id: str, **about: Any) -> Any:
            pointed = await point(table, user_id, key, notification_id, **about)
            later = Notification(NEWER, "2", key="k")
            after = await point(table, user_id, key, NEWER, **about)
            assert after is not None
            assert await table.store(user_id, later, recalls=None, **about)
            for each in after.earlier:
                await table.bury(user_id, each, **about)
            return pointed

        monkeypatch.setattr(Replacements, "point", overtaken)
        assert pushed(push_of(1, key="k"))["recipients"][0]["superseded"] is True
        assert [each["id"] for each in polled()["notifications"]] == [NEWER]
        # The place of the first is free as well, for a client that missed the later one.
        assert [frame.get("recalls") for frame in frames_of(management)] == [None, OLD]


class TestRecalling:
    def test_it_is_taken_back_live_and_from_the_history(
        self, tables: Tables, management: ManagementServer, polled: Polls
    ) -> None:
        tables.add_client("phone")
        management.open("phone")
        pushed(push_of(0))
        pushed(push_of(1, recall=OLD))
        recall = {"id": NEW, "createdAt": "2026-01-31T12:00:01.000Z", "recalls": OLD}
        assert frames_of(management)[1] == {"type": "recall", **recall}
        page = polled(after=OLD)
        assert (page["notifications"], page["recalls"]) == ([], [recall])
        assert page["state"]["unreadCount"] == 0

    def test_with_its_key_it_takes_back_what_that_replaced(self, tables: Tables, polled: Polls) -> None:
        away = Client()
        pushed(push_of(0, key="k"))
        away.page(polled())
        assert away.shown == {OLD: 0}
        pushed(push_of(1, key="k"))
        pushed(push_of(2, recall=NEW))
        page = polled(after=OLD)
        assert page["recalls"] == [{"id": NEWER, "createdAt": "2026-01-31T12:00:02.000Z", "recalls": NEW, "key": "k"}]
        assert away.page(page).shown == {}
        pushed(push_of(3, key="k"))
        assert away.page(polled(after=NEWER)).shown == {LAST: 3}

    def test_what_has_taken_its_place_by_its_key_stays(self, tables: Tables, polled: Polls) -> None:
        for number in range(2):
            pushed(push_of(number, key="k"))
        away = Client().page(polled())
        pushed(push_of(2, recall=OLD))
        assert away.page(polled(after=NEW)).shown == {NEW: 1}
        assert Client().page(polled()).shown == {NEW: 1}

    def test_one_that_is_recalled_before_it_comes_frees_the_place_of_the_one_before(
        self, tables: Tables, polled: Polls
    ) -> None:
        away = Client()
        pushed(push_of(0, key="k"))
        away.page(polled())
        pushed(push_of(2, recall=NEW))
        pushed(push_of(1, key="k"))
        assert away.page(polled(after=OLD)).shown == {}


REQUESTS = [
    [push_of(0), push_of(1, replaces=OLD), push_of(2, replaces=NEW)],
    [push_of(0), push_of(1, replaces=OLD), push_of(2, recall=NEW)],
    [push_of(0, key="k"), push_of(1, key="k"), push_of(2, key="k")],
    [push_of(0, key="k"), push_of(1, key="k"), push_of(2, recall=NEW)],
    [push_of(0), push_of(1, recall=OLD), push_of(2)],
    [push_of(0, key="k"), push_of(1, key="j"), push_of(2, replaces=OLD), push_of(3, key="j")],
]


def left(requests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return what there is to see in the end: what is neither replaced nor recalled, of each key the latest."""
    requests = list(requests)
    gone = {request.get("replaces") or request.get("recall") for request in requests}
    latest: dict[str, str] = {}
    for request in requests:
        if "key" in request:
            latest[request["key"]] = max(request["id"], latest.get(request["key"], ""))
    # A recalled one was the latest of its key all the same.
    return {
        request["id"]: request["content"]
        for request in requests
        if "content" in request
        and request["id"] not in gone
        and request["id"] == latest.get(request.get("key", ""), request["id"])
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_order_and_repetition_all_clients_show_the_same_in_the_end(
    data: st.DataObject, tables: Tables, management: ManagementServer, event: EventMaker, polled: Polls
) -> None:
    """One is connected all the time, one from the first notification on and then away, one comes in the end."""
    requests = data.draw(st.sampled_from(REQUESTS))
    order = data.draw(st.permutations([*requests, *data.draw(st.lists(st.sampled_from(requests), max_size=2))]))
    user = f"alice-{uuid4().hex}"

    def read(**members: Any) -> dict[str, Any]:
        message = event("message", body={"action": "poll", **members}, authorizer={"userId": user})
        frame: dict[str, Any] = json.loads(str(poll.handler(message, Context())["body"]))
        return frame

    tables.add_client(user, user)
    management.open(user)
    leaves = data.draw(st.integers(0, len(order)))
    away, position = Client(), ""
    for number, request in enumerate(order):
        if number == leaves:
            page = read()
            away.page(page)
            seen = [each["id"] for each in (*page["notifications"], *page.get("recalls", []))]
            position = max(seen, default="")
        pushed({**request, "userId": user})
    live = Client()
    live.take(frames_of(management, user))
    expected = left(requests)
    assert Client().page(read()).shown == expected
    assert live.shown == expected
    resumed = read(after=position) if position else read()
    # A resume reads a little behind its position, so what came late is in it.
    assert away.page(resumed).shown == expected
    # What a client gets of the history is not replaced already, wherever it looks.
    assert {each["id"] for each in read(before=earliest_id_at(START + 60_000))["notifications"]} == expected.keys()


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return pushes in the order of their ids, each of which may replace or recall any one before it."""
    requests: list[dict[str, Any]] = []
    for number, notification_id in enumerate(SPACED[: draw(st.integers(2, len(SPACED)))]):
        earlier = [request["id"] for request in requests if "content" in request]
        kinds = ["plain", "key", *(["replaces", "recall"] if earlier else [])]
        match draw(st.sampled_from(kinds)):
            case "key":
                members = {"key": draw(st.sampled_from(["k", "j"]))}
            case "plain":
                members = {}
            case kind:
                members = {kind: draw(st.sampled_from(earlier))}
        requests.append(push_of(number, **members) | {"id": notification_id})
    return requests


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_client_that_is_away_for_longer_than_a_resume_looks_back_is_told_of_every_replacement(
    data: st.DataObject, tables: Tables, event: EventMaker
) -> None:
    user, away, position = f"alice-{uuid4().hex}", Client(), ""
    done: list[dict[str, Any]] = []

    def resume(limit: int) -> None:
        nonlocal position
        following: dict[str, Any] = {"after": position, "limit": limit} if position else {}
        while True:
            message = event("message", body={"action": "poll", **following}, authorizer={"userId": user})
            page = json.loads(str(poll.handler(message, Context())["body"]))
            assert {each["id"] for each in page["notifications"]} <= left(done).keys()
            away.page(page)
            position = max([position, *(each["id"] for each in (*page["notifications"], *page.get("recalls", [])))])
            if not page["more"] or not following:
                return
            following = {"after": page["next"], "limit": limit}

    for request in data.draw(histories()):
        done.append(request)
        pushed({**request, "userId": user})
        if data.draw(st.booleans()):
            pushed({**data.draw(st.sampled_from(done)), "userId": user})
        if data.draw(st.booleans()):
            resume(data.draw(st.integers(1, 3)))
            assert away.shown == left(done)
    resume(1)
    assert away.shown == left(done)


def test_three_pushes_in_every_order(tables: Tables, management: ManagementServer, event: EventMaker) -> None:
    for number, requests in enumerate(REQUESTS[:5]):
        for turn, order in enumerate(permutations(requests)):
            user = f"user-{number}-{turn}"
            tables.add_client(user, user)
            management.open(user)
            for request in order:
                pushed({**request, "userId": user})
            live = Client()
            live.take(frames_of(management, user))
            assert live.shown == left(requests), order


class TestRefusals:
    @pytest.mark.parametrize(
        ("members", "code"),
        [
            ({"replaces": "x"}, "INVALID_REPLACEMENT"),
            ({"replaces": NEW}, "INVALID_REPLACEMENT"),
            ({"replaces": earliest_id_at(4_000_000_000_000)}, "INVALID_REPLACEMENT"),
            ({"replaces": OLD, "key": "k"}, "INVALID_REPLACEMENT"),
            ({"replaces": OLD, "persist": False}, "INVALID_REPLACEMENT"),
            ({"recall": OLD, "content": 1}, "INVALID_REPLACEMENT"),
            ({"key": ""}, "INVALID_REPLACEMENT"),
            ({"key": "a b"}, "INVALID_REPLACEMENT"),
            ({"key": "x" * 129}, "INVALID_REPLACEMENT"),
            ({"key": 42}, "INVALID_REPLACEMENT"),
            ({"replaces": OLD, "content": "x" * 31_700}, "CONTENT_TOO_LARGE"),
        ],
    )
    def test_what_is_wrong_changes_nothing(self, tables: Tables, members: dict[str, Any], code: str) -> None:
        assert refused(push_of(1, **members)) == code
        assert tables.notifications() == []

    def test_topics_have_none(self, tables: Tables) -> None:
        request = {"topic": "org/7", "content": 1, "key": "k"}
        assert refused(request) == "INVALID_REPLACEMENT"

    def test_without_persistence_by_default_neither(self, tables: Tables, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("PERSIST_BY_DEFAULT", "false")
        assert refused(push_of(1, replaces=OLD)) == "INVALID_REPLACEMENT"
        assert pushed(push_of(1, replaces=OLD, persist=True))["totals"]["persisted"] == 1

    def test_without_inboxes_it_is_refused(self, tables: Tables, environment: pytest.MonkeyPatch) -> None:
        environment.delenv("INBOX")
        assert refused(push_of(1, replaces=OLD)) == "INBOX_DISABLED"
        assert tables.notifications() == []

    def test_after_they_are_given_up_what_was_replaced_stays_away(
        self, tables: Tables, environment: pytest.MonkeyPatch, event: EventMaker
    ) -> None:
        pushed(push_of(0))
        pushed(push_of(1, recall=OLD))
        environment.delenv("INBOX")
        from tests.handlers.conftest import redeploy

        redeploy()
        message = event("message", body={"action": "poll"}, authorizer={"userId": "alice"})
        frame = json.loads(str(poll.handler(message, Context())["body"]))
        assert (frame["notifications"], "recalls" in frame) == ([], False)


@pytest.mark.parametrize("taken", [{}, {"recall": OLD}])
def test_a_recall_with_the_id_of_something_else_is_refused_and_takes_nothing_back(
    tables: Tables, polled: Polls, taken: dict[str, str]
) -> None:
    pushed(push_of(1))
    for _ in range(2):
        assert pushed(push_of(2, **taken))["totals"]["errors"] == 0
    before = polled()
    assert refused(push_of(2, recall=NEW)) == "INVALID_ID"
    assert polled() == before


@pytest.mark.parametrize("earlier", [[], [0]])
def test_one_with_a_key_and_the_id_of_something_else_is_refused_and_leaves_the_key(
    tables: Tables, polled: Polls, earlier: list[int]
) -> None:
    for number in earlier:
        pushed(push_of(number, key="k"))
    pushed(push_of(2))
    before = polled()
    for _ in range(2):
        assert refused(push_of(2, key="k", content="other")) == "INVALID_ID"
    assert polled() == before
    # Neither is one before it superseded, nor is it buried by one after it.
    for number in (1, 3):
        assert "superseded" not in pushed(push_of(number, key="k"))["recipients"][0]
    assert [each["id"] for each in polled()["notifications"]] == [NEWER, LAST]


def test_a_recall_names_the_key_of_one_that_comes_while_it_is_stored(
    tables: Tables, polled: Polls, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_key = Replacements.find_key

    async def then_it_comes(self: Replacements, user_id: str, notification_id: str, *, deadline: float) -> str | None:
        key = await find_key(self, user_id, notification_id, deadline=deadline)
        tables.add_notification(NEW, replaceKey="k")
        return key

    monkeypatch.setattr(Replacements, "find_key", then_it_comes)
    pushed(push_of(2, recall=NEW))
    page = polled()
    assert (page["notifications"], [each.get("key") for each in page["recalls"]]) == ([], ["k"])


@pytest.mark.parametrize("members", [{}, {"replacesId": OLD}])
def test_a_key_that_no_page_can_hold_hides_no_other_row(
    tables: Tables, event: EventMaker, log_lines: Callable[[], list[dict[str, Any]]], members: dict[str, str]
) -> None:
    tables.add_notification(NEW, replaceKey="a\n", **members)
    tables.add_notification(NEWER, replaceKey=r"\"")
    message = event("message", body={"action": "poll"}, authorizer={"userId": "alice"})
    frame = json.loads(str(poll.handler(message, Context())["body"]))
    assert [(each["id"], each["key"]) for each in frame["notifications"]] == [(NEWER, r"\"")]
    assert [line["RowsUnreadable"] for line in log_lines()] == [1]


def test_what_was_marked_as_unread_and_recalled_is_not_counted(tables: Tables, event: EventMaker) -> None:
    def marked(**members: Any) -> int:
        message = event("message", body={"action": "mark", **members}, authorizer={"userId": "alice"})
        return int(json.loads(str(mark.handler(message, Context())["body"]))["state"]["unreadCount"])

    pushed(push_of(0))
    assert marked(readUpTo=OLD) == 0
    assert marked(unread=[OLD]) == 1
    pushed(push_of(1, recall=OLD))
    assert marked() == 0


@pytest.mark.parametrize(
    "damage",
    [{}, {"currentId": OLD}, {"unburied": []}, {"currentId": 5, "unburied": []}, {"currentId": OLD, "unburied": "x"}],
)
def test_what_cannot_be_read_of_a_key_is_written_over(tables: Tables, polled: Polls, damage: dict[str, Any]) -> None:
    tables.add_notification(f"key#{KEY}", inbox_key("alice"), content=None, **damage)
    for number in range(2):
        assert pushed(push_of(number, key=KEY))["totals"]["errors"] == 0
    assert [each["id"] for each in polled()["notifications"]] == [NEW]


def test_a_recall_whose_row_cannot_be_read_hides_no_notification(tables: Tables, polled: Polls) -> None:
    tables.add_notification(OLD)
    tables.add_notification(NEW, content=5, replacesId=OLD)
    tables.add_notification(NEWER, replacesId=OLD[:-1])
    tables.add_notification(LAST, replaceKey=5)
    page = polled()
    assert [each["id"] for each in page["notifications"]] == [OLD]
    assert "recalls" not in page
