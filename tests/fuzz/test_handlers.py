"""Every handler, given all kinds of events: no unhandled exception, a documented code, no write on refusal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import events
from tests.fuzz.aws import Answer, row
from tests.fuzz.support import FUZZ, Invoke, Outcome
from tests.unit.tokens.jwks_server import JwksServer, keys
from tests.unit.tokens.support import CLAIMS, ec_key, jwk, segment, token
from websocket_push.handlers import (
    connect,
    control,
    disconnect,
    fanout,
    mark,
    poll,
    push,
    subscriptions,
    verify_jwt,
)
from websocket_push.handlers import events as events_handler
from websocket_push.protocol.error_codes import ERROR_CODES

CODES = frozenset(ERROR_CODES)
DONE_IN_PART = {"UNAVAILABLE", "AWS_REFUSED", "INTERNAL", "INCOMPLETE"}
"""The codes of what may have been begun; every other refuses before anything is written."""

DENIED: Answer = (400, {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"})
REFUSALS = st.sampled_from(
    [
        *([{}] * 6),
        {"PutItem": DENIED},
        {"Query": DENIED},
        {"GetItem": DENIED},
        {"DeleteItem": DENIED},
        {"UpdateItem": DENIED},
        {"BatchWriteItem": DENIED},
        {"Scan": DENIED},
        {"SendMessage": DENIED},
        {"PutEvents": DENIED},
        {"PostToConnection": (410, {"message": "gone"})},
        {"PostToConnection": (400, {"message": "no"}), "DeleteConnection": (400, {"message": "no"})},
    ]
)
MARKED = "019c13a0-9c00-7000-8000-000000000000"
CONNECTIONS = st.lists(st.sampled_from([row("c1", "alice"), row("c2", "alice")]), max_size=2)


def operations(outcome: Outcome) -> list[str]:
    return [operation for operation, _ in outcome.written]


def check_log(outcome: Outcome, *, answered: str | None) -> None:
    """Check that the line has the code that the caller received, or OK, and no stack trace."""
    assert outcome.line["outcome"] in CODES | {"OK"}
    if answered is not None:
        assert outcome.line["outcome"] == answered
    assert "Traceback" not in json.dumps(outcome.line)


@FUZZ
@given(
    event=events.events("connect", requestContext=events.contexts("connect")),
    refuse=REFUSALS,
    allowed_origins=st.sampled_from(["[]", '["https://app.example.org"]', '["https://other.example.org"]', '["self"]']),
    allow_anonymous=st.sampled_from(["true", "false"]),
)
def test_connect(
    invoke: Invoke,
    environment: pytest.MonkeyPatch,
    event: Any,
    refuse: Mapping[str, Answer],
    allowed_origins: str,
    allow_anonymous: str,
) -> None:
    environment.setenv("ALLOWED_ORIGINS", allowed_origins)
    environment.setenv("ALLOW_ANONYMOUS", allow_anonymous)
    outcome = invoke(connect.handler, event, refuse=refuse)
    assert outcome.error is None
    assert outcome.answer["statusCode"] in {200, 400, 401, 403, 500, 503}
    assert operations(outcome) == ["PutItem"] * (outcome.answer["statusCode"] == 200)
    check_log(outcome, answered="OK" if outcome.answer["statusCode"] == 200 else None)


@FUZZ
@given(event=events.events("disconnect", requestContext=events.contexts("disconnect")), refuse=REFUSALS)
def test_disconnect(invoke: Invoke, event: Any, refuse: Mapping[str, Answer]) -> None:
    outcome = invoke(disconnect.handler, event, refuse=refuse)
    assert outcome.error is None
    assert outcome.answer["statusCode"] in {200, 400, 500, 503}
    assert operations(outcome) == ["DeleteItem"] * (outcome.answer["statusCode"] == 200)
    check_log(outcome, answered="OK" if outcome.answer["statusCode"] == 200 else None)


def frame_of(outcome: Outcome, expected: str) -> dict[str, Any]:
    """Return the frame of a reply, which is of the type expected, or an error with a documented code."""
    assert outcome.error is None
    assert outcome.answer["statusCode"] == 200
    outcome.answer["body"].encode()  # API Gateway gets it as UTF-8.
    frame: dict[str, Any] = json.loads(outcome.answer["body"])
    assert frame["type"] in {expected, "error"}
    if frame["type"] == "error":
        assert frame["code"] in CODES
        assert frame["message"]
        if frame["code"] not in DONE_IN_PART:
            assert outcome.written == []
    check_log(outcome, answered="OK" if frame["type"] == expected else frame["code"])
    return frame


@FUZZ
@given(
    event=events.events("message", requestContext=events.contexts("message"), body=events.bodies("poll", events.polls)),
    refuse=REFUSALS,
    owner=st.sampled_from(["alice", "alice", None]),
    kept=st.lists(events.ids, max_size=3),
)
def test_poll(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], owner: str | None, kept: list[str]) -> None:
    history = [{"notificationId": {"S": each}, "content": {"S": '"kept"'}} for each in kept]
    outcome = invoke(poll.handler, event, refuse=refuse, owner=owner, history=history)
    frame_of(outcome, "history")
    assert outcome.written == []


@FUZZ
@given(
    event=events.events(
        "message", requestContext=events.contexts("message"), body=events.bodies("push", events.client_pushes)
    ),
    refuse=REFUSALS,
    owner=st.sampled_from(["alice", "alice", None]),
    connections=CONNECTIONS,
    client_push=st.sampled_from(["none", "self", "any"]),
)
def test_push_by_a_client(
    invoke: Invoke,
    environment: pytest.MonkeyPatch,
    event: Any,
    refuse: Mapping[str, Answer],
    owner: str | None,
    connections: list[Any],
    client_push: str,
) -> None:
    environment.setenv("CLIENT_PUSH", client_push)
    context = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(context, dict) or "connectionId" not in context:
        return  # Then it is no message, but a request: see below.
    outcome = invoke(push.handler, event, refuse=refuse, owner=owner, connections=connections)
    frame = frame_of(outcome, "receipt")
    stored = [told for operation, told in outcome.written if operation == "PutItem"]
    if frame["type"] == "receipt":
        assert len(stored) == frame["totals"]["persisted"]
    if client_push == "none":
        assert outcome.written == []


@FUZZ
@given(event=events.push_requests | events.anything, refuse=REFUSALS, connections=CONNECTIONS)
def test_push_by_a_backend(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    outcome = invoke(push.handler, event, refuse=refuse, connections=connections)
    if outcome.error is not None:
        assert outcome.error in CODES
        assert outcome.message
        if outcome.error not in DONE_IN_PART:
            assert outcome.written == []
        check_log(outcome, answered=outcome.error)
        return
    check_log(outcome, answered="OK")
    json.dumps(outcome.answer).encode()
    if "topic" in outcome.answer:
        check_topic_report(outcome)
    else:
        check_report(outcome)


def check_topic_report(outcome: Outcome) -> None:
    """See that the report of a push to a topic says what was done."""
    report, written = outcome.answer, operations(outcome)
    assert written.count("PutItem") == report["persisted"]
    assert ("accepted" in report) + ("totals" in report) + (
        report.get("incomplete", False) and "totals" not in report
    ) == 1
    assert written.count("SendMessage") == (2 if "accepted" in report else 0)
    if "totals" in report:
        totals = report["totals"]
        assert written.count("PostToConnection") == totals["delivered"]
        assert totals["connections"] == totals["delivered"] + totals["gone"] + totals["failed"]
    assert report.get("error", {"code": "INTERNAL"})["code"] in CODES


def check_report(outcome: Outcome) -> None:
    """See that a report says what was done."""
    totals, recipients = outcome.answer["totals"], outcome.answer["recipients"]
    written = operations(outcome)
    assert written.count("PutItem") == totals["persisted"] == sum(each["persisted"] for each in recipients)
    assert written.count("PostToConnection") == totals["delivered"]
    for each in recipients:
        assert each["connections"] == each["delivered"] + each["gone"] + each["failed"]
        assert each.get("error", {"code": "INTERNAL"})["code"] in CODES


@FUZZ
@given(
    event=events.batches(events.bodies("", events.push_requests) | events.push_requests.map(json.dumps)),
    refuse=REFUSALS,
    connections=CONNECTIONS,
)
def test_push_by_a_queue(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    outcome = invoke(push.handler, event, refuse=refuse, connections=connections)
    records = event.get("Records") if isinstance(event, dict) else None
    if outcome.error is not None:
        # The batch as a whole, which Lambda then receives again.
        assert outcome.error in CODES
        assert outcome.written == []
        return
    failed = [each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]]
    assert isinstance(records, list)
    assert len(failed) == len(set(failed))
    assert set(failed) <= {record["messageId"] for record in records}
    assert outcome.line["outcome"] in CODES | {"OK"}
    if len(failed) == len(records) and not refuse:
        assert outcome.written == []


@FUZZ
@given(
    event=events.events(
        "message",
        requestContext=events.contexts("message"),
        body=events.bodies("subscribe", events.subscriptions) | events.bodies("unsubscribe", events.subscriptions),
    ),
    refuse=REFUSALS,
    owner=st.sampled_from(["alice", "alice", None]),
    allow_anonymous=st.sampled_from(["true", "false"]),
)
def test_subscriptions(
    invoke: Invoke,
    environment: pytest.MonkeyPatch,
    event: Any,
    refuse: Mapping[str, Answer],
    owner: str | None,
    allow_anonymous: str,
) -> None:
    environment.setenv("ALLOW_ANONYMOUS", allow_anonymous)
    outcome = invoke(subscriptions.handler, event, refuse=refuse, owner=owner)
    frame = frame_of(outcome, "subscribed")
    if frame["type"] == "subscribed":
        assert {each["code"] for each in frame["refused"]} <= {"TOPIC_NOT_ALLOWED", "TOO_MANY_TOPICS"}
        assert operations(outcome) in ([], ["BatchWriteItem", "UpdateItem"])


@FUZZ
@given(
    event=events.batches(events.bodies("", events.segments) | events.segments.map(json.dumps)),
    refuse=REFUSALS,
    connections=CONNECTIONS,
)
def test_fanout(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    outcome = invoke(fanout.handler, event, refuse=refuse, connections=connections)
    records = event.get("Records") if isinstance(event, dict) else None
    if outcome.error is not None:
        assert outcome.error in CODES
        assert outcome.written == []
        return
    failed = {each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]}
    assert isinstance(records, list)
    assert failed <= {record["messageId"] for record in records}
    assert outcome.line["outcome"] in CODES | {"OK"}
    if len(failed) == len(records) and not refuse:
        assert outcome.written == []


@FUZZ
@given(event=events.control_requests | events.anything, refuse=REFUSALS, connections=CONNECTIONS)
def test_control(
    invoke: Invoke, environment: pytest.MonkeyPatch, event: Any, refuse: Mapping[str, Answer], connections: list[Any]
) -> None:
    environment.setenv("INBOX_TTL", "3600")
    outcome = invoke(control.handler, event, refuse=refuse, connections=connections)
    removed = {str(key) for operation, key in outcome.written if operation == "DeleteItem"}
    assert not any("revoked#" in key for key in removed) or event["action"] == "unrevoke"
    if outcome.error is not None:
        assert outcome.error in CODES
        assert outcome.message
        if outcome.error not in DONE_IN_PART:
            assert outcome.written == []
        check_log(outcome, answered=outcome.error)
        return
    check_log(outcome, answered="OK")
    json.dumps(outcome.answer).encode()


@FUZZ
@given(
    event=events.batches(events.bodies("", events.control_messages) | events.control_messages.map(json.dumps)),
    refuse=REFUSALS,
    connections=CONNECTIONS,
)
def test_control_by_its_queue(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    outcome = invoke(control.handler, event, refuse=refuse, connections=connections)
    if outcome.error is None:
        check_log(outcome, answered="OK")
        json.dumps(outcome.answer).encode()
        return
    # The message is received again, and is safe to repeat.
    assert outcome.error in CODES
    assert outcome.message
    check_log(outcome, answered=outcome.error)


INBOXES = st.sampled_from(
    [
        None,
        {"inboxState": {"S": '{"readUpTo":{},"read":{},"unread":{}}'}, "inboxVersion": {"N": "1"}},
        {
            "inboxState": {"S": json.dumps({"readUpTo": {MARKED: 5}, "read": {MARKED: 7}, "unread": {}})},
            "inboxVersion": {"N": "7"},
        },
    ]
)


@FUZZ
@given(
    event=events.events("message", requestContext=events.contexts("message"), body=events.bodies("mark", events.marks)),
    refuse=REFUSALS,
    owner=st.sampled_from(["alice", "alice", None]),
    connections=CONNECTIONS,
    kept=st.lists(events.ids, max_size=3),
    inbox=INBOXES,
)
def test_mark(
    invoke: Invoke,
    environment: pytest.MonkeyPatch,
    event: Any,
    refuse: Mapping[str, Answer],
    owner: str | None,
    connections: list[Any],
    kept: list[str],
    inbox: dict[str, object] | None,
) -> None:
    environment.setenv("INBOX_TTL", "3600")
    history = [{"notificationId": {"S": each}, "content": {"S": '"kept"'}} for each in kept]
    outcome = invoke(
        mark.handler, event, refuse=refuse, owner=owner, connections=connections, history=history, inbox=inbox
    )
    frame = frame_of(outcome, "state")
    written = operations(outcome)
    assert set(written) <= {"UpdateItem", "PostToConnection"}
    if frame["type"] == "state":
        # What is marked already is neither written nor sent.
        assert written.count("UpdateItem") <= 1
        assert "PostToConnection" not in written or "UpdateItem" in written


@pytest.fixture
def events_queue(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EVENTS_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/events")


@pytest.mark.usefixtures("events_queue")
@FUZZ
@given(event=events.streams(), refuse=REFUSALS, connections=CONNECTIONS)
def test_events_by_the_stream(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    """A row that cannot be read is passed over: a batch that fails is passed again, and keeps all others waiting."""
    outcome = invoke(events_handler.handler, event, refuse=refuse, connections=connections)
    if outcome.error is None:
        assert outcome.answer == {"batchItemFailures": []}
        check_log(outcome, answered="OK")
        return
    assert refuse
    assert outcome.error == "AWS_REFUSED"


@pytest.mark.usefixtures("events_queue")
@FUZZ
@given(
    event=events.batches(events.bodies("", events.event_messages) | events.event_messages.map(json.dumps)),
    refuse=REFUSALS,
    connections=CONNECTIONS,
)
def test_events_by_its_queue(invoke: Invoke, event: Any, refuse: Mapping[str, Answer], connections: list[Any]) -> None:
    outcome = invoke(events_handler.handler, event, refuse=refuse, connections=connections)
    records = event.get("Records") if isinstance(event, dict) else None
    if outcome.error is not None:
        assert outcome.error in CODES
        assert outcome.written == []
        # What is no batch of the queue may be taken for one of the stream, and then cannot be taken apart.
        return
    failed = {each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]}
    assert isinstance(records, list)
    assert failed <= {record["messageId"] for record in records}
    assert {each["outcome"] for each in outcome.line.get("failures", ())} <= CODES - {"INTERNAL"}


@pytest.fixture
def issuer(environment: pytest.MonkeyPatch) -> Iterator[JwksServer]:
    verify_jwt._verifiers.cache_clear()
    with JwksServer(keys(jwk(ec_key("P-256"), "a"))) as server:
        settings = {
            "jwksUri": server.uri,
            "issuer": "https://issuer.test/",
            "audience": ["app"],
            "algorithms": ["ES256"],
            "leeway": 10,
            "jwksCacheSeconds": 86_400,
            "allowInsecureLoopback": True,
        }
        environment.setenv("JWT", json.dumps(settings))
        environment.setattr(verify_jwt, "_now", lambda: CLAIMS["iat"] + 5.0)
        yield server
    verify_jwt._verifiers.cache_clear()


claims = events.members(
    sub=events.user_ids,
    iss=st.just(CLAIMS["iss"]),
    aud=st.just("app") | st.lists(events.texts, max_size=2),
    exp=st.just(CLAIMS["exp"]) | events.numbers,
    nbf=st.just(CLAIMS["nbf"]) | events.numbers,
    iat=st.just(CLAIMS["iat"]) | events.numbers,
)
headers = events.members(
    alg=st.sampled_from(["ES256", "RS256", "none"]),
    kid=st.just("a"),
    typ=st.sampled_from(["JWT", "at+jwt", "logout+jwt"]) | events.texts,
)
tokens = st.one_of(
    st.builds(lambda head, body: token(ec_key("P-256"), "ES256", header=head, claims=body), headers, claims),
    st.builds(
        lambda body: token(ec_key("P-256"), "ES256", header={"alg": "ES256", "kid": "a"}, claims={**CLAIMS, **body}),
        claims,
    ),
    st.builds(lambda head, body, tail: f"{segment(head)}.{segment(body)}.{tail}", headers, claims, events.texts),
    events.texts,
)


@FUZZ
@given(
    event=events.events(
        "authorizer",
        multiValueHeaders=st.one_of(
            tokens.map(lambda text: {"Authorization": [f"Bearer {text}"]}),
            tokens.map(lambda text: {"Sec-WebSocket-Protocol": [f"bearer, {text}"]}),
            events.anything,
        ),
        multiValueQueryStringParameters=st.just({}) | tokens.map(lambda text: {"token": [text]}) | events.anything,
    )
)
def test_authorizer(invoke: Invoke, issuer: JwksServer, event: Any) -> None:
    outcome = invoke(verify_jwt.handler, event)
    assert outcome.written == []
    check_log(outcome, answered=None)
    if outcome.error is not None:
        assert outcome.message in {"Unauthorized", "Internal Server Error"}
        assert (outcome.message == "Unauthorized") == (outcome.line["outcome"] == "MISSING_TOKEN")
        return
    (statement,) = outcome.answer["policyDocument"]["Statement"]
    assert statement["Effect"] == ("Allow" if outcome.line["outcome"] == "OK" else "Deny")
    assert len(json.dumps(outcome.answer)) < 8_192
