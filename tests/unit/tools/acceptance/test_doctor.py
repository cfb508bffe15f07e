"""What the doctor makes of connections and of AWS's answers, with stand-ins for both."""

import contextlib
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.http11 import Response

from tests.unit.tools.acceptance.fakes import client, error
from tools.acceptance import doctor
from tools.acceptance.checks import Check, Status
from tools.acceptance.deployment import Deployment

TOKEN = "a-token-of-the-test-user"
SECRET = "a user's notification"
DEPLOYMENT = Deployment(
    "wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live",
    "arn:aws:lambda:eu-central-1:123456789012:function:mine-push",
    "tester",
    TOKEN,
    None,
)


class Api:
    """An API that lets the test user in, and the function that pushes to it."""

    def __init__(self) -> None:
        self.pushed: list[dict[str, Any]] = []
        self.user = "tester"
        self.frame: Any = None
        self.fault: Exception | None = None
        self.statuses = {None: 401, "not-a-token": 403, TOKEN: 101}
        self.history = True
        self.poll_reply: dict[str, Any] | None = None

    @contextlib.asynccontextmanager
    async def device(self, local: None, url: str, *, headers: dict[str, str], **query: str) -> AsyncIterator["Api"]:
        if self.fault is not None:
            raise self.fault
        token = headers.get("Authorization", "").removeprefix("Bearer ") or None
        status = self.statuses[token]
        if status != 101:
            raise InvalidStatus(Response(status, "", Headers()))
        yield self

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["action"] == "ping":
            return {"type": "pong"}
        if self.poll_reply is not None:
            return self.poll_reply
        found = [{"id": str(number)} for number in range(len(self.pushed))] if self.history else []
        return {"type": "history", "notifications": found, "session": {"userId": self.user}}

    async def next_notification(self) -> Any:
        if isinstance(self.frame, Exception):
            raise self.frame
        return {"id": str(len(self.pushed) - 1)}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        self.pushed.append(json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps({"id": str(len(self.pushed) - 1)}).encode())}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(doctor, "device", made.device)
    return made


def examine(api: Api, **answers: Any) -> dict[str, Check]:
    checks = list(doctor.examine(DEPLOYMENT, client(**{"invoke": api.invoke, **answers}), lambda: None))
    printed = "\n".join(line for check in checks for line in check.lines)
    assert TOKEN not in printed
    assert SECRET not in printed
    return {check.name: check for check in checks}


def verdicts(found: dict[str, Check]) -> list[Status]:
    return [found[step].status for step in ("connect", "push", "resume")]


OK, FAILED, UNCHECKED = Status.OK, Status.FAILED, Status.UNCHECKED


def test_a_deployment_that_is_well(api: Api) -> None:
    assert verdicts(examine(api)) == [OK, OK, OK]
    assert {request["userId"] for request in api.pushed} == {"tester"}
    assert all(request["ttl"] == 60 for request in api.pushed)


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (error("AccessDeniedException"), UNCHECKED, "needs lambda:InvokeFunction on arn:aws:lambda"),
        (error("ExpiredTokenException"), UNCHECKED, "log in again"),
        (NoCredentialsError(), UNCHECKED, "no credentials"),
        (error("ResourceNotFoundException"), FAILED, "deleted"),
        (error("TooManyRequestsException"), FAILED, "throttles"),
    ],
)
def test_a_push_that_aws_refuses(api: Api, answer: Exception, status: Status, text: str) -> None:
    found = examine(api, invoke=answer)
    assert verdicts(found) == [OK, status, UNCHECKED]
    assert text in found["push"].found


def test_a_push_function_that_fails_is_named_by_its_code(api: Api) -> None:
    failing = {
        "Payload": io.BytesIO(b'{"errorType": "UNAVAILABLE", "errorMessage": "no"}'),
        "FunctionError": "Unhandled",
    }
    found = examine(api, invoke=failing)
    assert verdicts(found) == [OK, FAILED, UNCHECKED]
    assert "UNAVAILABLE" in found["push"].found


@pytest.mark.parametrize(
    "frame",
    [TimeoutError("no frame came within 15 s"), AssertionError(SECRET), ConnectionClosedError(None, None)],
)
def test_a_notification_that_does_not_come(api: Api, frame: Exception) -> None:
    api.frame = frame
    assert verdicts(examine(api)) == [OK, FAILED, UNCHECKED]


def test_a_notification_that_is_not_in_the_history(api: Api) -> None:
    api.history = False
    assert verdicts(examine(api)) == [OK, OK, FAILED]


@pytest.mark.parametrize(
    "fault",
    [
        socket.gaierror(-2, "Name or service not known"),
        ConnectionRefusedError(111, "Connection refused"),
        TimeoutError("timed out during opening handshake"),
        ssl.SSLCertVerificationError("certificate verify failed"),
    ],
)
def test_an_address_that_cannot_be_reached(api: Api, fault: Exception) -> None:
    api.fault = fault
    found = examine(api)
    assert verdicts(found) == [FAILED, UNCHECKED, UNCHECKED]
    assert "websocket_url" in found["connect"].advice
    assert api.pushed == []


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_handshake_that_is_refused_to_the_test_user(api: Api, status: int) -> None:
    api.statuses[TOKEN] = status
    found = examine(api)
    assert verdicts(found) == [FAILED, UNCHECKED, UNCHECKED]
    assert found["connect"].found.startswith(str(status))


@pytest.mark.parametrize("status", [101, 500])
def test_a_wrong_token_that_is_not_refused_has_failed(api: Api, status: int) -> None:
    api.statuses["not-a-token"] = status
    found = examine(api)
    assert found["a token that is none is refused"].status is FAILED
    assert found["a client without a token is refused"].status is OK


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"type": "error", "code": "TOKEN_EXPIRED", "message": "no"}, "TOKEN_EXPIRED"),
        ({"message": "Internal server error", "connectionId": "a", "requestId": "b"}, "Internal server error"),
    ],
)
def test_a_poll_that_is_answered_with_an_error(api: Api, reply: dict[str, Any], text: str) -> None:
    api.poll_reply = reply
    found = examine(api)
    assert verdicts(found) == [FAILED, UNCHECKED, UNCHECKED]
    assert text in found["connect"].found


def test_nothing_is_pushed_to_another_user_than_the_test_user(api: Api) -> None:
    api.user = "alice"
    assert verdicts(examine(api)) == [OK, UNCHECKED, UNCHECKED]
    assert api.pushed == []
