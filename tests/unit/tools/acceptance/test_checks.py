import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InfiniteLoopConfigError,
    InvalidConfigError,
    InvalidRegionError,
    MissingDependencyException,
    NoCredentialsError,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)

from tools.acceptance.account import explain
from tools.acceptance.checks import Check, Status, exit_status, failed, handshake, let_in, ok, refused, unchecked


def answered(code: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a message that names an account"}}, operation)


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (answered("AccessDeniedException"), "denied", "needs sqs:X"),
        (answered("AccessDenied"), "denied", "needs sqs:X"),
        (answered("ExpiredTokenException"), "credentials", "log in again"),
        (answered("ExpiredToken"), "credentials", "log in again"),
        (answered("UnrecognizedClientException"), "credentials", "log in again"),
        (answered("InvalidClientTokenId"), "credentials", "log in again"),
        (answered("InvalidClientTokenId"), "credentials", "Region is not enabled"),
        (answered("UnrecognizedClientException"), "credentials", "Region is not enabled"),
        (answered("OptInRequired"), "credentials", "name another Region"),
        (answered("RegionDisabledException", "AssumeRole"), "credentials", "name another Region"),
        (answered("AccessDenied", "AssumeRole"), "credentials", "AWS refuses sts:AssumeRole. Check the role"),
        (answered("AccessDenied", "AssumeRoleWithWebIdentity"), "credentials", "sts:AssumeRoleWithWebIdentity"),
        (answered("ForbiddenException", "GetRoleCredentials"), "credentials", "sso:GetRoleCredentials"),
        (InvalidRegionError(region_name="eu central"), "other", "such as eu-central-1"),
        (InvalidConfigError(error_msg="sso_region is missing"), "credentials", "sso_region is missing"),
        (InfiniteLoopConfigError(source_profile="a", visited_profiles=["a"]), "credentials", "the profile cannot"),
        (MissingDependencyException(msg="pip install botocore[crt]"), "credentials", "pip install"),
        (answered("ResourceNotFoundException"), "missing", "deleted"),
        (answered("AWS.SimpleQueueService.NonExistentQueue"), "missing", "deleted"),
        (answered("TooManyRequestsException"), "throttled", "quota"),
        (answered("ThrottlingException"), "throttled", "quota"),
        (answered("SomethingNew"), "other", "SomethingNew"),
        (ClientError({}, "Operation"), "other", "an error"),
        (NoCredentialsError(), "credentials", "AWS_PROFILE"),
        (UnauthorizedSSOTokenError(), "credentials", "log in"),
        (SSOTokenLoadError(error_msg="no"), "credentials", "log in"),
        (EndpointConnectionError(endpoint_url="https://x"), "unreachable", "Region"),
        (ConnectTimeoutError(endpoint_url="https://x"), "unreachable", "network"),
        (ValueError("Invalid endpoint: a b"), "other", "sqs:X"),
    ],
)
def test_what_aws_refuses_is_said_with_what_to_do(problem: Exception, kind: str, text: str) -> None:
    refusal = explain(problem, "sqs:X")
    assert refusal.kind == kind
    assert text in refusal.text
    assert "names an account" not in refusal.text


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", Status.UNCHECKED),
        ("ExpiredToken", Status.UNCHECKED),
        ("SomethingNew", Status.UNCHECKED),
        ("ResourceNotFoundException", Status.FAILED),
        ("TooManyRequestsException", Status.FAILED),
    ],
)
def test_what_is_gone_or_throttled_has_failed_and_the_rest_is_unknown(code: str, status: Status) -> None:
    assert refused("push", explain(answered(code), "lambda:InvokeFunction")).status is status


FINE, WRONG, UNKNOWN = ok("a", "fine"), failed("b", "wrong", "mend it"), unchecked("c", "why")


@pytest.mark.parametrize(
    ("checks", "status"),
    [([], 0), ([FINE], 0), ([FINE, UNKNOWN], 2), ([UNKNOWN, WRONG, FINE], 1), ([WRONG], 1)],
)
def test_exit_status(checks: list[Check], status: int) -> None:
    assert exit_status(checks) == status


def test_a_line_begins_with_the_verdict_and_the_advice_follows() -> None:
    assert [line.split() for line in WRONG.lines] == [["failed", "b:", "wrong"], ["mend", "it"]]
    assert len(FINE.lines) == 1
    assert UNKNOWN.lines[0].startswith("  could not be checked  c: why")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_what_is_wanted(status: int) -> None:
    assert let_in(status, "a token").status is Status.OK


@pytest.mark.parametrize("status", [101, 200, 404, 429, 500, 502, 503])
def test_anything_else_than_a_refusal_has_failed_with_advice(status: int) -> None:
    check = let_in(status, "a token")
    assert check.status is Status.FAILED
    assert check.advice


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 429, 500, 503])
def test_every_status_of_a_handshake_is_explained(status: int) -> None:
    meaning, advice = handshake(status)
    assert str(status) in meaning
    assert advice
