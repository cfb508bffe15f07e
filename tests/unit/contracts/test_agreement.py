"""The schemas and the code refuse the same: what one takes, the other takes, for made-up requests and messages."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.contracts import contract
from websocket_push.protocol import control_request, identifiers, inbox, poll_request, push_request, topics
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import max_notification_bytes
from websocket_push.protocol.inbox import parse_mark
from websocket_push.protocol.poll_request import parse_poll
from websocket_push.protocol.push_request import parse_client_push, parse_push
from websocket_push.protocol.topics import parse_subscription
from websocket_push.protocol.values import parse_request_id

NOW = 1_769_860_800_000
MAX_FRAME_BYTES = 32 * 1024
ID = "019c13a0-9c00-7000-8000-000000000000"
OTHER = "019c13a0-9c00-7000-8000-000000000001"

# Whole numbers with a fraction are left out: to JSON Schema 1.0 is an integer, to the functions it is not.
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 200), st.floats(0.1, 0.9), st.text(max_size=3))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner))

characters = st.characters(codec="utf-8") | st.sampled_from(" \t\n\x00\x1f\x7f\x85\xa0\u1680\u2003\u2028\u3000\ufeff")
user_ids = st.text(characters, max_size=5) | st.sampled_from(["alice", "x" * 256, "x" * 257, "", " ", "a\n", "é" * 128])
ids = st.sampled_from([ID, ID.upper(), ID[:-1], ID + "\n", f" {ID}", ID.replace("-7", "-4"), ID.replace("-8", "-c")])
other_ids = st.sampled_from([OTHER, OTHER.upper(), OTHER[:-1], f"{OTHER}+"])
topic_names = st.from_regex(r"[a-zA-Z0-9_.:@=+/*-]{0,6}", fullmatch=True) | st.sampled_from(["*", "org/7"])
ttls = st.sampled_from([0, 1, 31_536_000, 31_536_001, -1, True])
request_ids = st.text(max_size=3) | st.sampled_from(["x" * 64, "x" * 65, "a\n", 2**53 - 1, 2**53, -(2**53), True])

EDGES: dict[str, list[object]] = {
    "at": [0, 1, NOW, NOW + 1, 2**53 - 1, 2**53, -1, True, 0.5, "1", None],
    "ids": [[], [ID], [ID, ID.upper()], [ID] * 100, [ID] * 101, [ID[:-1]], [ID + "\n"], [1], [None], ID, {}, 1, None],
    "upTo": [ID, ID.upper(), ID[:-1], ID + "\n", f"{ID}+", ID.replace("-7", "-4"), "", 1, [ID], None],
    "after": [
        ID,
        ID.upper(),
        ID[:-1],
        ID + "\n",
        f"{ID}+",
        f"{ID}++",
        "+",
        f"+{ID}",
        ID.replace("-7", "-4"),
        ID.replace("-8", "-c"),
        "",
        1,
        None,
    ],
    "content": [None, False, 0, "", [], {}],
    "id": [ID, ID.upper(), ID[:-1], ID + "\n", ID.replace("-7", "-4"), ID.replace("-8", "-c"), "", 1, None],
    "limit": [0, 1, 100, 101, True, 0.5, "1", None],
    "key": ["a", "order-42", "x" * 128, "x" * 129, "", " ", "a b", "!~", "a\n", "\x7f", "é", 1, True, [], None],
    "onFailure": ["report", "raise", "", "Raise", True, None],
    "persist": [True, False, 0, 1, "true", None],
    "requestId": ["", "x" * 64, "x" * 65, " ~", "é", "a\n", 2**53 - 1, 2**53, 1 - 2**53, -(2**53), True, 0.5, None],
    "topic": [
        *("*", "**", "a", "org/7", "a/b/c", "x" * 128, "x" * 129, "", "/", "/a", "a/", "a//b", "org/*", "*/a"),
        *("a b", "a\n", "a\x00", "é", "a#b", "_.:@=+-", "a\\b", 1, True, [], None),
    ],
    "topics": [
        *([], ["a"], ["a", "a"], ["a"] * 100, ["a"] * 101, ["x" * 128], ["x" * 129], "a", {}, None, 1),
        *(
            [topic]
            for topic in ("", "/", "/a", "a/", "a//b", "a/b", "*", "a/*", "a b", "a\n", "a\n/b", "é", "a#", 1, None)
        ),
        ["a", "_.:@=+-"],
        ["a", ""],
    ],
    "ttl": [0, 1, 31_536_000, 31_536_001, True, 0.5, "1", None],
    "userId": [
        *(
            "x" * 256,
            "x" * 257,
            "é" * 128,
            "",
            "a b",
            "a\n",
            "a\x00",
            "a\x1f",
            "a\x7f",
            "a\x9f",
            "a\u2028",
            1,
            True,
            None,
        ),
        *(" ", "\t", "\x85", "\xa0", "\u1680", "\u2000", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"),
        *(
            "\u200b",
            "\ufeff",
            "\U0001f600",
            "\xa0a",
            " a",
            "a ",
            "a\u3000",
            "a\u3000b",
            "a\u200db",
            "\u3164",
            "\u2800",
            "\U00013430",
            "\U0001fffe",
        ),
        *(
            "a\U0001bca0",
            "\U0001d173",
            "\U000e0001",
            "\U000e0fff",
            "\U000e1000",
            "\U0010ffff",
            "\ud7ff",
            "\ufffc",
            "\ufffd",
        ),
    ],
    "userIds": [[], ["a"], ["a", "a"], ["a", ""], [None], "alice", None],
}
"""Values that stand at the edge of what is taken; the made-up ones below may miss it."""

MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "action": st.just("push"),
    "after": ids | values,
    "before": ids | values,
    "content": values,
    "id": ids | values,
    "key": st.sampled_from(["a", "order-42", "a b", ""]) | values,
    "limit": st.sampled_from([0, 1, 100, 101, True]) | values,
    "onFailure": st.sampled_from(["report", "raise", "x"]) | values,
    "persist": st.booleans() | values,
    "recall": other_ids | values,
    "replaces": other_ids | values,
    "requestId": request_ids | values,
    **dict.fromkeys(("seenUpTo", "readUpTo"), ids | values),
    **{name: st.lists(ids, max_size=2) | values for name in ("read", "unread")},
    "at": st.integers(-1, 3) | values,
    "topics": st.lists(st.text("a/*_ \n", max_size=4), max_size=3) | values,
    "topic": topic_names | values,
    "ttl": ttls | values,
    "userId": user_ids | values,
    "userIds": st.lists(user_ids, max_size=3) | values,
}


def made_of(required: dict[str, st.SearchStrategy[Any]], *members: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make objects with some of the members, now and then with one that is not known."""
    optional = {name: MEMBERS[name] for name in members}
    known = st.fixed_dictionaries(required, optional=optional)
    return known | st.tuples(known, st.text(max_size=4), values).map(lambda made: {**made[0], made[1]: made[2]})


replacing = ("replaces", "key", "recall")
pushes = made_of({}, "userId", "userIds", "topic", "content", "persist", "ttl", "id", "onFailure", *replacing)
sound_recipients = st.sampled_from(
    [{"userId": "alice"}, {"userIds": ["alice", "bob"]}, {"topic": "org/7"}, {"topic": "*"}]
)
likely_pushes = st.tuples(
    made_of({"content": values}, "persist", "ttl", "id", "onFailure", "replaces")
    | made_of({"content": values}, "persist", "key")
    | made_of({}, "persist", "recall", "content"),
    sound_recipients,
).map(lambda made: {**made[0], **made[1]})


def test_the_members_are_those_that_the_code_knows() -> None:
    messages = contract.asyncapi()["components"]["messages"]
    assert tuple(contract.schema("push-request")["properties"]) == push_request._FIELDS
    assert tuple(messages["push"]["payload"]["properties"]) == push_request._CLIENT_FIELDS
    assert tuple(messages["poll"]["payload"]["properties"]) == poll_request._FIELDS
    assert tuple(messages["subscribe"]["payload"]["properties"]) == topics._FIELDS
    assert tuple(messages["mark"]["payload"]["properties"]) == ("action", "requestId", *inbox.FIELDS)
    of_backends = contract.schema("control-request")["$defs"]["mark"]["properties"]
    assert tuple(of_backends) == control_request.FIELDS["mark"] == ("action", "userId", *inbox.FIELDS)
    assert tuple(messages["unsubscribe"]["payload"]["properties"]) == topics._FIELDS


@pytest.mark.parametrize("member", ["userId", "userIds", "topic", "content", "persist", "ttl", "id", "onFailure"])
def test_the_edges_of_a_push_request(member: str) -> None:
    for value in EDGES[member]:
        check_push_request({"userId": "alice", "content": 1, member: value})
        check_push_request({"userIds": ["alice"], "content": 1, member: value})
        check_push_request({"topic": "org/7", "content": 1, member: value})


@pytest.mark.parametrize("member", ["requestId", "userId", "content"])
def test_the_edges_of_a_clients_push(member: str) -> None:
    for value in EDGES[member]:
        check_message("push", client_push, {"action": "push", "userId": "alice", "content": 1, member: value})


@pytest.mark.parametrize("member", ["requestId", "after", "before", "limit"])
def test_the_edges_of_a_poll(member: str) -> None:
    for value in EDGES["after" if member == "before" else member]:
        check_message("poll", parse_poll, {"action": "poll", member: value})


@settings(deadline=None)
@given(likely_pushes | pushes | values)
@example({"userId": "alice", "userIds": None, "content": None, "persist": None, "ttl": None, "id": None})
@example({"userId": "alice", "content": 1, "persist": False, "ttl": 1})
def test_a_push_request(request: object) -> None:
    check_push_request(request)


@settings(deadline=None)
@given(made_of({"action": st.just("push")}, "requestId", "userId", "content"))
def test_a_clients_push(message: dict[str, object]) -> None:
    check_message("push", client_push, message)


@settings(deadline=None)
@given(made_of({"action": st.just("poll")}, "requestId", "after", "before", "limit"))
@example({"action": "poll", "after": ID, "before": ID})
@example({"action": "poll", "after": ID, "before": None})
def test_a_poll(message: dict[str, object]) -> None:
    check_message("poll", parse_poll, message)


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
@pytest.mark.parametrize("member", ["requestId", "topics"])
def test_the_edges_of_a_subscription(action: str, member: str) -> None:
    for value in EDGES[member]:
        check_message(action, parse_subscription, {"action": action, "topics": ["a"], member: value})


@settings(deadline=None)
@given(made_of({"action": st.just("subscribe")}, "requestId", "topics"))
def test_a_subscription(message: dict[str, object]) -> None:
    check_message("subscribe", parse_subscription, message)


MARKS = {"seenUpTo": "upTo", "readUpTo": "upTo", "read": "ids", "unread": "ids", "at": "at", "requestId": "requestId"}


@pytest.mark.parametrize("member", MARKS)
def test_the_edges_of_a_mark(member: str) -> None:
    for value in EDGES[MARKS[member]]:
        check_message("mark", mark, {"action": "mark", member: value})


@settings(deadline=None)
@given(
    made_of({"action": st.just("mark")}, "requestId", "seenUpTo", "readUpTo", "read", "at")
    | made_of({"action": st.just("mark")}, "unread")
)
def test_a_mark(message: dict[str, object]) -> None:
    check_message("mark", mark, message)


@pytest.mark.parametrize("member", ["replaces", "key", "recall"])
def test_the_edges_of_what_replaces(member: str) -> None:
    for value in EDGES["key" if member == "key" else "upTo"]:
        for request in ({"userId": "alice", "content": 1}, {"userId": "alice"}, {"topic": "a", "content": 1}):
            check_push_request({**request, member: value})
            check_push_request({**request, member: value, "persist": False})
            check_push_request({**request, member: value, "replaces": OTHER})


CONTROL: dict[str, list[dict[str, object]]] = {
    "connections": [{"userId": "alice"}],
    "online": [{"userIds": ["alice"]}],
    "disconnect": [{"userId": "alice"}, {"connectionId": "c="}, {"userId": "alice", "except": "c="}],
    "revoke": [{"userId": "alice"}, {"userId": "alice", "tokenId": "t"}, {"userId": "alice", "issuedBefore": 1}],
    "unrevoke": [{"userId": "alice"}, {"userId": "alice", "tokenId": "t"}],
    "mark": [{"userId": "alice"}],
}
"""Sound requests of the control function, by their action."""

CONNECTION_IDS: list[object] = ["c=", "+/-_", "x" * 128, "x" * 129, "", "a#b", "c=\n", 1, [], None]

CONTROL_EDGES: dict[str, list[object]] = {
    **{name: EDGES[name] for name in ("userId", "userIds", "limit", "at")},
    **dict.fromkeys(("seenUpTo", "readUpTo"), EDGES["upTo"]),
    **dict.fromkeys(("read", "unread"), EDGES["ids"]),
    **dict.fromkeys(("connectionId", "except", "next"), CONNECTION_IDS),
    "reason": [
        "a",
        "a_1",
        "x" * 64,
        "x" * 65,
        "",
        "A",
        "1",
        "_",
        "a\n",
        "revoked",
        "revoked_",
        "token_expired",
        1,
        None,
    ],
    "reconnect": [True, False, 0, "true", None],
    "issuedBefore": [0, 1, NOW // 1000, -1, True, 0.5, "1", None],
    "tokenId": ["t", "x" * 256, "x" * 257, "", " ", "\n", 1, None],
}


@pytest.mark.parametrize(("action", "member"), [(a, m) for a, its in control_request.FIELDS.items() for m in its[1:]])
def test_the_edges_of_a_control_request(action: str, member: str) -> None:
    for request in CONTROL[action]:
        for value in CONTROL_EDGES[member]:
            check_control_request({"action": action, **request, member: value})


def test_a_list_of_recipients_has_an_end() -> None:
    for count in (push_request.MAX_RECIPIENTS, push_request.MAX_RECIPIENTS + 1):
        request = {"userIds": ["a"] * count, "content": None}
        refused = push_refusal(request)
        assert bool(contract.problems("push-request", request)) == (refused == "INVALID_RECIPIENT")
        assert (refused is None) == (count == push_request.MAX_RECIPIENTS)


def test_the_code_goes_further_where_a_schema_cannot() -> None:
    """These are the exceptions that the schema's description names."""
    beyond = {
        "INVALID_USER_ID": {"userId": "é" * 129, "content": 1},
        "CONTENT_TOO_LARGE": {"userId": "alice", "content": "x" * 31_744},
        "INVALID_TTL": {"userId": "alice", "content": 1, "ttl": 60.0},
        "INVALID_ID": {"userId": "alice", "content": 1, "id": "ffffffff-ffff-7000-8000-000000000000"},
        "INVALID_REPLACEMENT": {"userId": "alice", "content": 1, "id": ID, "replaces": ID},
    }
    for code, request in beyond.items():
        assert contract.problems("push-request", request) == []
        assert push_refusal(request) is code


def test_the_limits_in_words_are_the_codes() -> None:
    said = contract.schema("push-request")["description"]
    assert f"{max_notification_bytes(MAX_FRAME_BYTES):,} bytes" in said
    assert f"{identifiers.MAX_AHEAD_MILLISECONDS // 1000} s ahead" in said


def check_push_request(request: object) -> None:
    refused = push_refusal(request)
    assert (refused is None) == (contract.problems("push-request", request) == []), (request, refused)


def check_control_request(request: dict[str, object]) -> None:
    code = None
    try:
        control_request.parse_control(request, now=NOW // 1000)
        if request["action"] == "mark":
            parse_mark(request, control_request.FIELDS["mark"], now=NOW)
    except RequestError as refusal:
        code = refusal.code
    assert (code is None) == (contract.problems("control-request", request) == []), (request, code)


def check_message(action: str, parse: Callable[[dict[str, object]], object], message: dict[str, object]) -> None:
    if message["action"] != action:  # API Gateway would not bring it here.
        return
    refused = refusal(lambda: (parse_request_id(message), parse(message)))
    assert (refused is None) == (contract.problems(action, message) == []), (message, refused)


def client_push(message: dict[str, object]) -> object:
    return parse_client_push(message, max_frame_bytes=MAX_FRAME_BYTES)


def mark(message: dict[str, object]) -> object:
    return parse_mark(message, ("action", "requestId", *inbox.FIELDS), now=NOW)


def push_refusal(request: object) -> ErrorCode | None:
    return refusal(lambda: parse_push(request, now_milliseconds=NOW, max_frame_bytes=MAX_FRAME_BYTES))


def refusal(parse: Callable[[], object]) -> ErrorCode | None:
    try:
        parse()
    except RequestError as error:
        return error.code
    return None
