"""What is built runs with its own content and the standard library, as in the Lambda runtime."""

import base64
import json
import platform
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from tools.package_sources import FUNCTIONS, LAMBDA, REQUIREMENTS, VARIANTS

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
    "ALLOWED_ORIGINS": "[]",
    "ALLOW_ANONYMOUS": "true",
    "CLIENT_PUSH": "self",
    "PERSIST_BY_DEFAULT": "true",
    "REVOCABLE": "false",
    "NOTIFICATION_TTL": "60",
    "MAX_FRAME_BYTES": "32768",
    "KEEPALIVE_ACTION": "poll",
    "KEEPALIVE_SECONDS": "240",
    "CONTROL_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/control",
    "REVOCATION_TTL": "60",
}

OPTIONS = {
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "FANOUT_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/fanout",
    "FANOUT_SEGMENTS": "2",
    "IMMEDIATE_CONNECTIONS": "500",
    "POSTS_PER_SECOND": "2500",
    "MAX_TOPICS_PER_CONNECTION": "20",
    "INBOX_TTL": "86400",
    "EVENT_BUS_ARN": "arn:aws:events:eu-west-1:123456789012:event-bus/push",
    "EVENT_SOURCE": "push",
    "EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
    "EVENTS_INCLUDE_CONTENT": "false",
    "OFFLINE_AFTER": "30",
}
WITH_OPTIONS = ("events", "fanout", "mark", "push_extended", "subscriptions")

MOST_BYTES = {"push_extended": 80 * 1024}
"""How large a package may be, if not 64 KB."""

ID = "019c13a0-9c00-7000-8000-000000000000"

UNAVAILABLE = {
    **{key: {"statusCode": 503} for key in ("connect", "disconnect")},
    **{key: {"errorType": "UNAVAILABLE"} for key in ("push", "push_extended", "control", "events")},
}


def event_for(function: str) -> object:
    if function == "push":
        return {"userId": "alice", "content": 1}
    if function == "push_extended":
        return {"topic": "org/7", "content": 1}
    if function == "control":
        return {"action": "revoke", "userId": "alice"}
    if function == "fanout":
        segment = {"segment": 0, "of": 1, "topic": "*", "id": ID, "persisted": True, "content": 1}
        return {"Records": [recorded("queue")["Records"][0] | {"body": json.dumps(segment)}]}
    if function == "subscriptions":
        return recorded("message") | {"body": json.dumps({"action": "subscribe", "topics": ["org/7"]})}
    if function == "events":
        return recorded("stream")
    return recorded("message" if function in ("poll", "mark") else function)


def recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def build(function: str, folder: Path) -> Path:
    """Build a function's package for this machine, and unpack it as Lambda does."""
    package = folder / f"{function}.zip"
    builder = ROOT / "modules" / "lambda" / "build_package.py"
    architecture = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    command: list[str | Path] = [
        sys.executable,
        builder,
        "--function",
        function,
        "--sources",
        LAMBDA,
        "--output",
        package,
    ]
    command += ["--runtime", f"python3.{sys.version_info.minor}", "--architecture", architecture]
    subprocess.run(command, check=True)
    assert function in REQUIREMENTS or package.stat().st_size < MOST_BYTES.get(function, 64 * 1024)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / function)
    return folder / function


def run(function: str, package: Path, event: object, environment: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    """Have a package handle an event in a bare interpreter, and return its log line and its answer."""
    handler = json.loads((LAMBDA / "packages.json").read_text(encoding="utf-8"))[function]["handler"]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, package, handler, json.dumps(event)],
        env={**environment},
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    line, result = map(json.loads, ran.stdout.splitlines())
    assert result["outside"] == []
    assert not [entry for entry in result["path"] if "site-packages" in entry]
    return line, result["answer"]


@pytest.mark.parametrize("function", [key for key in (*FUNCTIONS, *VARIANTS) if key not in REQUIREMENTS])
def test_a_package_needs_nothing_that_the_runtime_does_not_have(function: str, tmp_path: Path) -> None:
    environment = ENVIRONMENT | (OPTIONS if function in WITH_OPTIONS else {})
    line, answer = run(function, build(function, tmp_path), event_for(function), environment)
    assert (line["message"], line["outcome"]) == (VARIANTS.get(function, function), "UNAVAILABLE")
    if function in ("poll", "mark", "subscriptions"):
        assert json.loads(answer["body"])["code"] == "UNAVAILABLE"
    elif function == "fanout":
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
            event["messageId"] for event in recorded("queue")["Records"][:1]
        ]
    else:
        assert answer == UNAVAILABLE[function]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"topic": "org/7", "content": 1}, "TOPICS_DISABLED"),
        ({"userId": "alice", "content": 1, "key": "order-42"}, "INBOX_DISABLED"),
        ({"userId": "alice", "recall": ID}, "INBOX_DISABLED"),
    ],
)
def test_the_smaller_package_of_push_refuses_what_it_leaves_out(
    request_: dict[str, object], code: str, tmp_path: Path
) -> None:
    line, answer = run("push", build("push", tmp_path), request_, ENVIRONMENT)
    assert line["outcome"] == code
    assert answer == {"errorType": code}


# --- verify_jwt, which carries libraries: tokens of an issuer need nothing else, boto3 included.


@pytest.fixture(scope="module")
def verify_jwt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    return build("verify_jwt", tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def issuer(key: RSAPrivateKey) -> Iterator[str]:
    """Where the key set is."""
    numbers = key.public_key().public_numbers()
    members = {
        name: encoded(number.to_bytes((number.bit_length() + 7) // 8))
        for name, number in (("n", numbers.n), ("e", numbers.e))
    }
    body = json.dumps({"keys": [{"kty": "RSA", "kid": "1", **members}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(key: RSAPrivateKey, claims: Mapping[str, object]) -> str:
    parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims)]
    signature = key.sign(".".join(parts).encode(), PKCS1v15(), SHA256())
    return ".".join([*parts, encoded(signature)])


@pytest.mark.parametrize("spoilt", [False, True], ids=["valid", "spoilt"])
def test_verify_jwt_needs_nothing_but_the_libraries_that_it_carries(
    verify_jwt: Path, key: RSAPrivateKey, issuer: str, spoilt: bool
) -> None:
    token = sign(key, {"sub": "alice", "exp": int(time.time()) + 600})
    token = token.replace(".", ".e30", 1) if spoilt else token
    event = json.loads((EVENTS / "authorizer.json").read_text(encoding="utf-8"))
    event["headers"]["Authorization"] = f"Bearer {token}"
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {token}"]
    settings = {"jwksUri": issuer, "algorithms": ["RS256"], "allowInsecureLoopback": True}

    line, answer = run("verify_jwt", verify_jwt, event, {"JWT": json.dumps(settings)})

    assert line["message"] == "verify-jwt"
    effect = answer["policyDocument"]["Statement"][0]["Effect"]
    if spoilt:
        assert effect == "Deny"
    else:
        assert (effect, answer["context"]["userId"], line["outcome"]) == ("Allow", "alice", "OK")
