import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.aws import retry


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_throttling_and_server_failures_pass(status: int) -> None:
    assert retry.is_transient(status, str(status))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 413, 501])
def test_every_other_status_is_final(status: int) -> None:
    assert not retry.is_transient(status, str(status))


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "LimitExceededException",
        "TransactionInProgressException",
        "ReplicatedWriteConflictException",
    ],
)
def test_codes_that_pass_whatever_the_status(code: str) -> None:
    assert retry.is_transient(400, code)


def test_what_botocore_retries_by_its_code_is_retried_here() -> None:
    codes: list[str] = [
        *vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"],
        *vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"],
    ]
    assert [code for code in codes if not retry.is_transient(400, code)] == []
    assert len(codes) > 10


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "ExpiredTokenException", "ExpiredToken", "RequestTimeTooSkewed", "ValidationException"],
)
def test_codes_that_do_not_pass(code: str) -> None:
    assert not retry.is_transient(400, code)


def test_gone_is_never_transient() -> None:
    assert not retry.is_transient(410, "ThrottlingException")
    assert not retry.is_throttling(410, "ThrottlingException")


def test_too_many_requests_are_known_by_the_status_and_by_what_botocore_takes_for_throttling() -> None:
    assert retry.is_throttling(429, "429")
    codes: list[str] = vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]
    assert [code for code in codes if not retry.is_throttling(400, code)] == []
    assert not retry.is_throttling(503, "ServiceUnavailable")
    assert not retry.is_throttling(400, "ValidationException")


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.integers(0, 30))
def test_the_delay_is_jittered_fully_and_bounded(failures: int, drawn: float, asked: int) -> None:
    delay = retry.delay(failures, lambda: drawn, asked)
    assert delay == pytest.approx(asked + drawn * min(1.0, 0.05 * 2 ** min(failures - 1, 100)))
    assert retry.delay(failures, lambda: 0.0) == 0.0


@pytest.mark.parametrize(("failures", "bound"), [(1, 0.05), (2, 0.1), (3, 0.2), (5, 0.8), (6, 1.0), (60, 1.0)])
def test_the_bound_doubles_up_to_the_cap(failures: int, bound: float) -> None:
    assert retry.delay(failures, lambda: 1.0) == pytest.approx(bound)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        (b"", 0),
        (b"0", 0),
        (b"1", 1),
        (b"2", 1),
        (b"3600", 1),
        (b"9" * 5000, 1),
        (b"-1", 0),
        (b"1.5", 0),
        (b"Sat, 22 Nov 2025 15:21:00 GMT", 0),
    ],
)
def test_retry_after(value: bytes | None, seconds: int) -> None:
    assert retry.parse_retry_after(value) == seconds


def test_the_default_jitter_is_a_fraction() -> None:
    drawn = [retry.random() for _ in range(1000)]
    assert all(0 <= number < 1 for number in drawn)
    assert max(drawn) - min(drawn) > 0.9
