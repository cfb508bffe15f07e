"""What is built runs with its own content and the standard library, as in the Lambda runtime."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.package_sources import FUNCTIONS, LAMBDA

ROOT = LAMBDA.parent
EVENTS = ROOT / "tests" / "fixtures" / "events"

# Run with -I and -S: no site-packages, no PYTHONPATH, not the checkout.
PROGRAM = """
import importlib, json, sys
package, handler, event = sys.argv[1:]
sys.path.insert(0, package)
module, name = handler.rsplit(".", 1)
handle = getattr(importlib.import_module(module), name)

class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self):
        return 400

try:
    answer = handle(json.loads(event), Context())
except Exception as error:
    answer = {"errorType": type(error).__name__}
outside = [
    module.__file__ for module in sys.modules.values()
    if getattr(module, "__file__", None) and not module.__file__.startswith((package, *sys.path[1:]))
]
print(json.dumps({"answer": answer, "outside": outside, "path": sys.path[1:]}))
"""

# Nothing listens there. https, so that certificates are loaded too.
ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "https://127.0.0.1:9",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "CLIENTS_TABLE": "clients",
    "CLIENTS_INDEX": "userId-index",
    "NOTIFICATIONS_TABLE": "notifications",
    "CONNECTIONS_URL": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/live",
    "ALLOW_ANONYMOUS": "true",
    "ALLOWED_ORIGINS": "[]",
    "CLIENT_PUSH": "self",
    "PERSIST_BY_DEFAULT": "true",
    "NOTIFICATION_TTL": "60",
}

UNAVAILABLE = {"connect": {"statusCode": 503}, "disconnect": {"statusCode": 503}, "push": {"errorType": "UNAVAILABLE"}}


def event_for(function: str) -> object:
    if function == "push":
        return {"userId": "alice", "content": 1}
    return json.loads((EVENTS / f"{'message' if function == 'poll' else function}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_needs_nothing_that_the_runtime_does_not_have(function: str, tmp_path: Path) -> None:
    package = tmp_path / f"{function}.zip"
    builder = ROOT / "modules" / "lambda" / "build_package.py"
    subprocess.run(
        [sys.executable, builder, "--function", function, "--sources", LAMBDA, "--output", package], check=True
    )
    assert package.stat().st_size < 64 * 1024

    handler = json.loads((LAMBDA / "packages.json").read_text(encoding="utf-8"))[function]["handler"]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, package, handler, json.dumps(event_for(function))],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    log, result = map(json.loads, ran.stdout.splitlines())

    assert result["outside"] == []
    assert not [entry for entry in result["path"] if "site-packages" in entry]
    assert (log["message"], log["outcome"]) == (function, "UNAVAILABLE")
    if function == "poll":
        assert json.loads(result["answer"]["body"])["code"] == "UNAVAILABLE"
    else:
        assert result["answer"] == UNAVAILABLE[function]
