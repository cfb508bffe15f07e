"""What a function imports until its first answer: a budget for its cold start that no clock has a say in."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.handlers.conftest import CLIENTS, NOTIFICATIONS, Event
from tests.unit.aws.support import Server, environment, reply
from tools.package_sources import LAMBDA, PACKAGE

LISTED = json.loads((Path(__file__).parent.parent / "fixtures" / "imports.json").read_text(encoding="utf-8"))
"""What may be imported of the standard library, packages as a whole, under any version of Python that Lambda has.

And of this project, module by module, while all is off that has to be asked for.
"""

OWN = LISTED["modules of websocket_push, with every feature off"]
OF_FEATURES = {
    "topics": (
        "handlers.poll_topics",
        "listening",
        "logs",
        "push.topic_push",
        "protocol.topics",
        "tables.subscriptions",
    ),
    "control": ("control", "tables.revocations", "tables.registry"),
    "limits": ("control.connection_limit", "runtime.message_limit"),
    "events": ("aws.queue", "push.undelivered", "tables.endings", "tables.tracking"),
    "inbox": ("handlers.poll_inbox", "marking", "protocol.inbox", "protocol.replacement", "tables.inboxes"),
}

PROGRAM = """
import sys
before = set(sys.modules)
folder, module, event = sys.argv[1:]
sys.path.insert(0, folder)
__import__(module)
class Context:
    aws_request_id = "id"
    def get_remaining_time_in_millis(self):
        return 60_000
import json
answer = sys.modules[module].handler(json.loads(event), Context())
print(json.dumps([answer, sorted(set(sys.modules) - before)]))
"""
NOTHING_FOUND = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"Items":[]}'


def imported(function: str, event: Event) -> list[str]:
    with Server(reply(NOTHING_FOUND)) as server:
        variables = environment(
            server.port,
            CLIENTS_TABLE=CLIENTS,
            CLIENTS_INDEX="userId-index",
            NOTIFICATIONS_TABLE=NOTIFICATIONS,
            CONNECTIONS_URL=f"http://127.0.0.1:{server.port}/prod",
            ALLOW_ANONYMOUS="false",
            ALLOWED_ORIGINS="[]",
            CLIENT_PUSH="none",
            PERSIST_BY_DEFAULT="true",
            REVOCABLE="false",
            NOTIFICATION_TTL="3600",
            MAX_FRAME_BYTES="32768",
            KEEPALIVE_ACTION="poll",
            KEEPALIVE_SECONDS="240",
            PATH=os.environ["PATH"],
        )
        command = [sys.executable, "-I", "-B", "-c", PROGRAM, str(LAMBDA), f"{PACKAGE}.handlers.{function}"]
        output = subprocess.run(  # noqa: S603 - the interpreter that runs this
            [*command, json.dumps(event)], env=variables, capture_output=True, check=True, text=True, timeout=60
        ).stdout
    answer, found = json.loads(output.splitlines()[-1])
    assert answer.get("statusCode", 200) == 200
    assert server.requests, "the function called nothing"
    return [str(name) for name in found]


@pytest.mark.parametrize("function", ["connect", "disconnect", "poll", "push"])
def test_a_function_imports_no_more_than_its_budget(event: Callable[..., Event], function: str) -> None:
    authorizer = {"userId": "alice", "expiresAt": "4000000000"}
    found = imported(
        function,
        {
            "connect": event("connect", authorizer=authorizer),
            "disconnect": event("disconnect", authorizer=authorizer),
            "poll": event("message", body={"action": "poll"}, authorizer=authorizer),
            "push": {"userId": "alice", "content": "hello"},
        }[function],
    )
    own = {name.removeprefix(f"{PACKAGE}.") for name in found if name.startswith(PACKAGE)}
    assert own == {*OWN["every function"], *OWN[f"{function} besides"]}
    # What begins with an underscore comes with a module that does not, and differs between versions of Python.
    standard = {name.partition(".")[0] for name in found} - {PACKAGE}
    public = {name for name in standard if not name.startswith("_")}
    budget = {*LISTED["every function"], *(LISTED["push besides, for asyncio"] if function == "push" else ())}
    assert public <= budget
    assert {"hashlib", "json", "socket"} <= public


@pytest.mark.parametrize("feature", OF_FEATURES)
def test_no_function_may_import_what_belongs_to_a_feature_that_is_off(feature: str) -> None:
    for name in OF_FEATURES[feature]:
        place = LAMBDA / PACKAGE / name.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file()
        assert all(name not in names for names in OWN.values())
