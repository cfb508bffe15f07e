"""What the backend example sends keeps to docs/schemas, and it knows the codes that there are."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.unit.contracts import contract
from websocket_push.protocol.push_request import parse_push

FILE = contract.DOCS.parent / "examples" / "backend" / "notifications.py"


@pytest.fixture(scope="module")
def backend() -> Iterator[ModuleType]:
    specification = importlib.util.spec_from_file_location("backend_example", FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # Where dataclasses looks for what their annotations name.
    specification.loader.exec_module(module)
    yield module
    del sys.modules[specification.name]


@pytest.mark.parametrize(
    "options", [{}, {"persist": False}, {"persist": True, "ttl": 60}, {"ttl": 31_536_000}], ids=json.dumps
)
@pytest.mark.parametrize("on_failure", ["report", "raise"])
def test_its_requests_are_accepted(backend: ModuleType, options: dict[str, object], on_failure: str) -> None:
    for user_ids, content in ((("alice",), None), (("alice", "é" * 128), {"a": [1, "\u2028"]})):
        made = backend.Push(user_ids, content, **options)
        request = json.loads(made.request(on_failure=on_failure))
        assert contract.problems("push-request", request) == []
        now = int(made.id[:8] + made.id[9:13], 16)
        assert parse_push(request, now_milliseconds=now, max_frame_bytes=32 * 1024).recipients == user_ids


def test_what_it_splits_is_accepted_part_by_part(backend: ModuleType) -> None:
    many = backend.Push(tuple(f"user-{number}" for number in range(10_001)), "hi")
    parts = [json.loads(part.request()) for part in many.split()]
    assert [len(part["userIds"]) for part in parts] == [10_000, 1]
    assert contract.problems("push-request", parts[1]) == []
    assert {part["id"] for part in parts} == {many.id}


def test_it_names_codes_that_there_are(backend: ModuleType) -> None:
    codes = contract.schema("push-report")["$defs"]["errorCode"]["enum"]
    assert backend._ACTIONS.keys() <= set(codes)


def test_it_reads_every_report(backend: ModuleType) -> None:
    unserved = [backend.unserved(report) for report in contract.schema("push-report")["examples"]]
    assert unserved == [{}, {"bob": "UNAVAILABLE"}]
