import io
import zipfile

import pytest

from benchmarks.cold import event_of, is_answer
from benchmarks.contenders.harness import measure
from benchmarks.definitions import FUNCTIONS
from benchmarks.emulated import percentile, reference_package
from benchmarks.progress import Progress


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_an_event(function: str) -> None:
    event = event_of(function)
    user_id = event["userId"] if function == "push" else event["requestContext"]["authorizer"]["userId"]
    assert user_id == {"push": "c1-u0"}.get(function, "alice")


@pytest.mark.parametrize(
    ("function", "answer", "accepted"),
    [
        ("connect", {"statusCode": 200}, True),
        ("poll", {"statusCode": 500}, False),
        ("push", {"totals": {"delivered": 1}}, True),
        ("push", {"totals": {"delivered": 0}}, False),
    ],
)
def test_only_a_function_that_did_its_work_is_measured(
    function: str, answer: dict[str, object], accepted: bool
) -> None:
    assert is_answer(function, answer) is accepted


def test_a_task_is_repeated_and_its_warm_up_is_not_counted() -> None:
    pushed: list[list[str]] = []

    def push(users: object) -> int:
        assert isinstance(users, list)
        pushed.append(users)
        return 6

    cost = measure(push, {"users": 2, "connections": 3, "seconds": 0.0, "warm": 4})
    assert pushed == [["c3-u0", "c3-u1"]] * 5
    assert cost["pushes"] == 1
    assert cost["wall"] >= 0
    assert cost["peak"] > 1_000_000


def test_a_contender_that_does_not_reach_everybody_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="5 connections instead of 6"):
        measure(lambda users: 5, {"users": 2, "connections": 3, "seconds": 0.0, "warm": 0})


def test_a_percentile_is_exceeded_by_the_rest() -> None:
    samples = [float(each) for each in range(1, 201)]
    assert percentile(samples, 50) == pytest.approx(100.5)
    assert sum(each > percentile(samples, 99) for each in samples) == 2


def test_the_boto3_function_brings_its_sdk_and_only_the_services_it_calls() -> None:
    with zipfile.ZipFile(io.BytesIO(reference_package())) as package:
        names = package.namelist()
    assert "push.py" in names
    assert "boto3/__init__.py" in names
    services = {name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 2}
    assert services == {"dynamodb", "apigatewaymanagementapi"}


def test_progress_numbers_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(2)
    progress.step("first")
    progress.step("second")
    progress.finish()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["[1/2", "[2/2"]
    assert [line.rpartition("] ")[2] for line in lines] == ["first", "second"]
