"""What events are made of: sound ones, and all that can be wrong with them."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from websocket_push.protocol.identifiers import new_notification_id

Event = Any

_RECORDED = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parent.parent / "fixtures" / "events").glob("*.json")
}

# Unpaired surrogates among them: JSON can escape one, so an event can hold it.
texts = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
ids = st.builds(
    new_notification_id,
    # Up to a century away, and now.
    st.integers(0, 4_000_000_000_000_000_000) | st.just(1_769_860_800_000_000_000),
    st.binary(min_size=8, max_size=8),
)
user_ids = st.sampled_from(["alice", "bob", "Zoë", "a" * 256]) | texts


def members(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of these members, mostly sound and now and then anything, and seldom with one more."""
    sound = st.fixed_dictionaries({}, optional={name: choice | anything for name, choice in choices.items()})
    return st.one_of(
        sound, sound, st.builds(lambda known, more: {**known, **more}, sound, st.dictionaries(texts, anything))
    )


contents = anything | st.sampled_from(["x" * 31_000, "x" * 32_000])
topics = st.sampled_from(["org/7", "news/a", "news/b", "*", "org/*", "x" * 128, "topic#a"]) | texts
push_requests = members(
    userId=user_ids,
    userIds=st.lists(user_ids, max_size=5),
    topic=topics,
    content=contents,
    persist=st.booleans(),
    ttl=st.integers(-1, 40_000_000),
    id=ids | ids.map(str.upper),
    onFailure=st.sampled_from(["report", "raise"]),
)
request_ids = texts | st.integers() | st.sampled_from(["x" * 64, "x" * 65])
polls = members(requestId=request_ids, after=ids, before=ids, limit=st.integers(-1, 101))
subscriptions = members(requestId=request_ids, topics=st.lists(topics, max_size=5))
segments = members(
    segment=st.integers(-1, 3),
    of=st.integers(0, 3) | st.just(101),
    after=texts,
    until=texts,
    topic=topics,
    id=ids,
    persisted=st.booleans(),
    content=contents,
)
times = st.integers(0, 2_000_000_000_000)
control_fields: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "connections": {"userId": user_ids, "limit": st.integers(-1, 101), "next": texts},
    "online": {"userIds": st.lists(user_ids, max_size=5)},
    "disconnect": {
        "userId": user_ids,
        "connectionId": st.sampled_from(["c1", "c1=", "revoked#alice"]) | texts,
        "reason": st.sampled_from(["signed_out", "revoked"]) | texts,
        "reconnect": st.booleans(),
        "except": texts,
    },
    "revoke": {"userId": user_ids, "issuedBefore": st.integers(0, 2_000_000_000), "tokenId": texts},
    "unrevoke": {"userId": user_ids, "tokenId": texts},
    "mark": {"userId": user_ids, "seenUpTo": ids, "readUpTo": ids, "read": st.lists(ids, max_size=3), "at": times},
}


def _asking(action: str, fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return requests with an action: those that can be carried out as often as others."""
    named = {"userIds": st.just(["alice", "bob"])} if "userIds" in fields else {"userId": st.just("alice")}
    others = {name: choice for name, choice in fields.items() if name not in ("userId", "userIds", "connectionId")}
    sound = st.fixed_dictionaries(named, optional=others)
    return st.one_of(sound, members(**fields)).map(lambda request: {"action": action, **request})


control_requests = st.one_of(
    *(_asking(action, fields) for action, fields in control_fields.items()),
    members(action=st.sampled_from(sorted(control_fields)), userId=user_ids),
)
marks = members(
    requestId=request_ids,
    seenUpTo=ids,
    readUpTo=ids,
    read=st.lists(ids, max_size=3),
    unread=st.lists(ids, max_size=3),
    at=times,
)
control_messages = members(
    sweep=user_ids,
    revokedAt=times,
    close=st.lists(texts, max_size=3),
    reason=texts,
    reconnect=st.booleans(),
    since=times,
)
event_messages = st.one_of(
    members(left=user_ids, connectionId=texts, at=times),
    members(
        undelivered=ids,
        userIds=st.lists(user_ids, max_size=5),
        at=times,
        expiresAt=st.integers(0, 2_000_000_000),
        text=texts,
    ),
    members(finished=ids, topic=topics, part=st.integers(-1, 3), of=st.integers(-1, 3), at=st.integers(-1, 10**13)),
)
client_pushes = members(requestId=request_ids, userId=user_ids, content=contents)


def bodies(action: str, messages: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """Return bodies of WebSocket messages with this action, or of none."""
    sound = messages.map(lambda message: json.dumps({"action": action, **message}))
    # Deeper than a parser can follow, and not JSON although Python takes it for that.
    odd = st.sampled_from(["[" * 100_000, '{"limit": NaN}', '{"content": Infinity}', "", "null", "[]", '"' * 3])
    return st.one_of(sound, sound, sound, odd, texts, anything)


@st.composite
def events(draw: st.DrawFn, /, name: str, **members_of_it: st.SearchStrategy[Any]) -> Event:
    """Return a recorded event with members replaced, and at times with a few places damaged, or something else."""
    if draw(st.integers(0, 49)) == 0:
        return draw(anything)
    event = deepcopy(_RECORDED[name])
    for member, choice in members_of_it.items():
        event[member] = draw(choice)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        _damage(draw, event)
    return event


def _damage(draw: st.DrawFn, event: Any) -> None:
    """Remove something from an event, or replace it, at any depth."""
    place = event
    while True:
        names = list(place) if isinstance(place, Mapping) else list(range(len(place)))
        if not names:
            return
        name = draw(st.sampled_from(names))
        inner = place[name]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        if draw(st.booleans()):
            del place[name]
        else:
            place[name] = draw(anything)
        return


authorizers = st.none() | members(
    userId=user_ids,
    expiresAt=st.sampled_from(["1", "4000000000", "x", "9" * 20]) | st.integers(),
    topics=st.sampled_from(["org/7 news/*", "openid  news/a", "", "*"]) | texts,
    issuedAt=st.sampled_from(["1", "1769860800", "x"]) | st.integers(),
    tokenId=texts,
)


@st.composite
def contexts(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Return the request context of a recorded event, with or without what an authorizer has found out."""
    context = deepcopy(_RECORDED[name]["requestContext"])
    authorizer = draw(authorizers)
    if authorizer is not None:
        context["authorizer"] = authorizer
    return dict(context)


values_of_attributes: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"S": texts}),
    st.fixed_dictionaries({"N": st.one_of(st.integers(-(10**38), 10**38), st.floats(allow_nan=False)).map(str)}),
    st.just({"NULL": True}),
    st.fixed_dictionaries({"SS": st.lists(texts, min_size=1, max_size=2)}),
    st.just({"M": {}}),
)
rows = st.fixed_dictionaries(
    {"connectionId": texts.map(lambda text: {"S": text or "c1"})},
    optional={
        "userId": user_ids.map(lambda user_id: {"S": user_id}) | values_of_attributes,
        "connectedAt": st.just({"N": "1769860800000"}) | values_of_attributes,
        "expiresAt": st.just({"N": "1769868060"}) | values_of_attributes,
        "endCause": st.just({"S": "control"}) | values_of_attributes,
        "endReason": values_of_attributes,
        "endCode": st.just({"N": "1001"}) | values_of_attributes,
    },
)
"""Items of the clients table, with whatever may be written into them."""


@st.composite
def streams(draw: st.DrawFn) -> Event:
    """Return a batch of a stream: what Lambda says of a change is sound, the row need not be."""
    records = []
    for number in range(draw(st.integers(1, 4))):
        record = deepcopy(_RECORDED["stream"]["Records"][0])
        images = draw(st.sampled_from([("NewImage",), ("OldImage",), ("NewImage", "OldImage")]))
        del record["dynamodb"]["NewImage"]
        record["dynamodb"] |= {image: draw(rows) for image in images}
        record["eventID"] = f"{number:032x}"
        if draw(st.booleans()):
            record["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        records.append(record)
    return {"Records": records}


def batches(bodies_of_messages: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    """Return batches of SQS messages, no two with the same id, and damaged ones."""
    records = st.lists(
        st.fixed_dictionaries(
            {
                "messageId": st.uuids().map(str),
                "body": bodies_of_messages,
                "attributes": st.fixed_dictionaries(
                    {}, optional={"SentTimestamp": st.sampled_from(["1769860800000", "0", "x", "9" * 15]) | anything}
                ),
                "eventSource": st.just("aws:sqs"),
            }
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda record: record["messageId"],
    )
    return _damaged(records.map(lambda found: {"Records": found}))


@st.composite
def _damaged(draw: st.DrawFn, whole: st.SearchStrategy[Event]) -> Event:
    event = draw(whole)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        _damage(draw, event)
    return event
