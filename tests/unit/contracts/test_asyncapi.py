"""docs/asyncapi.yaml and docs/schemas are what they say they are, and everything written by hand agrees with them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from tests.unit.contracts import contract
from websocket_push.protocol.error_codes import ERROR_CODES

ROOT = contract.DOCS.parent
META_SCHEMA = ROOT / "tests" / "fixtures" / "asyncapi" / "3.0.0.json"
PAGES = [ROOT / "README.md", *sorted(contract.DOCS.glob("*.md")), *sorted(ROOT.glob("examples/*/README.md"))]
SOME_ID = "019c13a0-9c00-7000-8000-000000000000"


def test_the_document_is_asyncapi() -> None:
    meta_schema = json.loads(META_SCHEMA.read_text(encoding="utf-8"))
    found = [f"{error.json_path}: {error.message}" for error in Draft7Validator(meta_schema).iter_errors(DOCUMENT)]
    assert found == []


def test_something_else_is_not() -> None:
    """The meta-schema is cut down, so it must still refuse what it should."""
    meta_schema = Draft7Validator(json.loads(META_SCHEMA.read_text(encoding="utf-8")))
    changed = json.loads(json.dumps(DOCUMENT))
    changed["operations"]["poll"]["action"] = "subscribe"
    assert not meta_schema.is_valid(changed)
    changed = json.loads(json.dumps(DOCUMENT))
    changed["channels"]["connection"]["bindings"]["ws"]["cookies"] = {}
    assert not meta_schema.is_valid(changed)
    changed = json.loads(json.dumps(DOCUMENT))
    changed["components"]["messages"]["poll"]["payload"]["type"] = "record"
    assert not meta_schema.is_valid(changed)


@pytest.mark.parametrize("kind", contract.SCHEMAS)
def test_the_schemas_are_json_schema(kind: str) -> None:
    Draft202012Validator.check_schema(contract.schema(kind))
    assert contract.schema(kind)["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]


def test_every_reference_leads_somewhere() -> None:
    assert all(contract.resolves(reference) for reference in contract.references(DOCUMENT))
    for kind in contract.SCHEMAS:
        found = contract.references(contract.schema(kind))
        assert all(contract.resolves(reference, base=f"schemas/{kind}.schema.json") for reference in found)


def test_a_reference_stands_alone() -> None:
    """In the draft that AsyncAPI builds on, what stands beside a reference is not looked at."""

    def beside(node: object) -> Iterator[object]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str) and len(node) > 1:
                yield node
            for child in node.values():
                yield from beside(child)
        elif isinstance(node, list):
            for child in node:
                yield from beside(child)

    assert list(beside([DOCUMENT, *map(contract.schema, contract.SCHEMAS)])) == []


def test_every_message_is_in_the_channel_and_in_an_operation() -> None:
    messages = DOCUMENT["components"]["messages"].keys()
    assert messages == {*contract.CLIENT_MESSAGES, *contract.SERVER_MESSAGES}
    assert messages == DOCUMENT["channels"]["connection"]["messages"].keys()
    received = {name for each in OPERATIONS if each["action"] == "receive" for name in names(each["messages"])}
    sent = {name for each in OPERATIONS if each["action"] == "send" for name in names(each["messages"])}
    replied = {name for each in OPERATIONS if "reply" in each for name in names(each["reply"]["messages"])}
    assert received == set(contract.CLIENT_MESSAGES)
    assert sent | replied == set(contract.SERVER_MESSAGES)


def test_the_error_codes_are_the_closed_list() -> None:
    assert contract.schema("push-report")["$defs"]["errorCode"]["enum"] == list(ERROR_CODES)


@pytest.mark.parametrize(
    ("kind", "value"), [pytest.param(kind, value, id=name) for name, kind, value in contract.examples()]
)
def test_the_contracts_own_examples_keep_to_it(kind: str, value: object) -> None:
    assert contract.kind_of(value) == kind
    assert contract.problems(kind, value) == []


# --- The documents' examples


def written(text: str) -> Iterator[str]:
    """Find what looks like JSON objects: code blocks, code within a line, and the payload of a command."""
    yield from re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`(\{\s*\"[^`]*\})`", inline)
    yield from re.findall(r"--payload '(\{[^']*\})'", text)


def completed(text: str) -> str:
    """Put an id for a shortened one and for the name of one, and leave out what a page leaves out by three dots."""
    text = re.sub(r'"019c13a0-…"|(?<=:)ID\b', f'"{SOME_ID}"', text)
    text = re.sub(r"(?<=:)N\b", "50", text)
    text = re.sub(r'"\w+":\s*(…|\[…\]|\{…\})', "…", text)
    return re.sub(r",\s*…|…\s*,|…(?=\s*\})", "", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_keep_to_the_contract(page: Path) -> None:
    for text in written(page.read_text(encoding="utf-8")):
        check_example(text)


def test_the_reference_shows_every_kind() -> None:
    pages = [(contract.DOCS / name).read_text(encoding="utf-8") for name in ("protocol.md", "events.md")]
    found = [each for page in pages for each in written(page)]
    kinds = {contract.kind_of(json.loads(completed(text))) for text in found} - {None}
    assert kinds == {*contract.CLIENT_MESSAGES, *contract.SERVER_MESSAGES, *contract.SCHEMAS}


def check_example(text: str) -> None:
    value = json.loads(completed(text))
    if isinstance(value, dict) and "responsePayload" in value:  # Lambda's record of a failed invocation.
        assert contract.problems("push-failure", value["responsePayload"]) == [], text
        return
    kind = contract.kind_of(value)
    if kind is None:
        page_settings = {"url", "user", "tokenEndpoint"}  # The config.json of examples/browser.
        policy = {"Version", "Statement"}  # An IAM policy.
        assert set(value) in (page_settings, policy) or set(value) <= {"code", "message"}, f"what is this? {text}"
        return
    # Of an example that is shortened the rest must be right: only what is missing is forgiven.
    forgiven = ("required",) if completed(text) != text else ()
    found = [each for each in contract.validator(kind).iter_errors(value) if each.validator not in forgiven]
    assert [f"{each.json_path}: {each.message}" for each in found] == [], text


DOCUMENT = contract.asyncapi()
OPERATIONS = list(DOCUMENT["operations"].values())


def names(messages: list[dict[str, str]]) -> list[str]:
    return [message["$ref"].rpartition("/")[2] for message in messages]
