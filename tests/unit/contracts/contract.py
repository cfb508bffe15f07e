"""The contract, docs/asyncapi.yaml and docs/schemas, as something that values can be held to."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCS = Path(__file__).resolve().parents[3] / "docs"
_BASE = "https://websocket-push.example/"

CLIENT_MESSAGES = ("poll", "push", "ping", "subscribe", "unsubscribe", "mark")
SERVER_MESSAGES = (
    "history",
    "receipt",
    "pong",
    "subscribed",
    "state",
    "notification",
    "recall",
    "error",
    "bye",
    "unanswered",
)
_CONTROL_ACTIONS = ("connections", "online", "disconnect", "revoke", "unrevoke")
SCHEMAS = ("push-request", "push-report", "topic-report", "push-failure", "control-request", "control-reply", "event")


def problems(kind: str, value: object) -> list[str]:
    """Return what keeps a value from being a message or a document of a kind, such as `poll` or `push-report`."""
    return [f"{error.json_path}: {error.message}" for error in validator(kind).iter_errors(value)]


def kind_of(value: object) -> str | None:
    """Return the kind of a value, by the members that only that kind has; None for something else."""
    if not isinstance(value, dict):
        return None
    if "specversion" in value:
        return "event"
    if value.get("action") in _CONTROL_ACTIONS or (value.get("action") == "mark" and "userId" in value):
        return "control-request"
    if "type" in value or "action" in value:
        return str(value.get("type") or value.get("action"))
    if value.keys() >= {"message", "connectionId"}:
        return "unanswered"
    if "errorType" in value:
        return "push-failure"
    if "topic" in value and "persisted" in value:
        return "topic-report"
    if (
        value.keys() & {"users", "connecting", "more", "revoked", "state"}
        and "totals" not in value
        and "id" not in value
    ):
        return "control-reply"
    if "totals" in value:
        return "push-report"
    return (
        "push-request"
        if value.keys() & {"content", "recall"} and value.keys() & {"userId", "userIds", "topic"}
        else None
    )


@cache
def validator(kind: str) -> Draft202012Validator:
    """Return the validator of a message or a document."""
    if kind in SCHEMAS:
        reference = f"{_BASE}schemas/{kind}.schema.json"
    else:
        assert kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES), f"{kind} is no message of the protocol"
        reference = f"{_BASE}asyncapi.yaml#/components/messages/{kind}/payload"
    return Draft202012Validator({"$ref": reference}, registry=_registry())


@cache
def asyncapi() -> dict[str, Any]:
    """Read docs/asyncapi.yaml."""
    document: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
    return document


@cache
def schema(kind: str) -> dict[str, Any]:
    """Read one of docs/schemas."""
    text = (DOCS / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def examples() -> Iterator[tuple[str, str, object]]:
    """Yield the examples that the contract itself holds: a name, the kind and the value."""
    for kind, message in asyncapi()["components"]["messages"].items():
        for example in message["examples"]:
            yield f"{kind}-{example['name']}", kind, example["payload"]
    for kind in SCHEMAS:
        for number, example in enumerate(schema(kind)["examples"]):
            yield f"{kind}-{number}", kind, example


def references(node: object) -> Iterator[str]:
    """Yield the target of every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolves(reference: str, *, base: str = "asyncapi.yaml") -> bool:
    """Return whether a reference in a file leads somewhere; raises what `referencing` raises if not."""
    return _registry().resolver(_BASE + base).lookup(reference).contents is not None


@cache
def _registry() -> Registry[Any]:
    resources = {"asyncapi.yaml": asyncapi(), **{f"schemas/{kind}.schema.json": schema(kind) for kind in SCHEMAS}}
    return Registry().with_resources(
        (_BASE + name, Resource.from_contents(content, default_specification=DRAFT202012))
        for name, content in resources.items()
    )
