"""`verify` and `doctor`, as they are run on AWS, on the local AWS: its variables are all that is different."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, Workshop, new_user
from tools.acceptance.doctor import USER
from tools.aws import leftovers, wait_until
from tools.emulator.server import free_port
from tools.issuer import Issuer
from tools.paths import CHECKOUT

COMMAND = [sys.executable, "-m", "tools.acceptance"]
LONG = 1200.0
NOT_HERE = ["API Gateway new connections per second"]
"""What cannot be checked on the local AWS: it has no Service Quotas."""


def variables(workshop: Workshop, **more: str) -> dict[str, str]:
    return {**os.environ, **workshop.environment, "PYTHONUNBUFFERED": "1", **more}


# --- verify


@contextlib.contextmanager
def verifying(workshop: Workshop, folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*COMMAND, "verify", "--folder", str(folder), *arguments]
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=variables(workshop),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def has_made(folder: Path, kind: str) -> bool:
    return any(f'"type": "{kind}"' in state.read_text() for state in folder.rglob("terraform.tfstate"))


def test_a_verification_passes_and_leaves_a_report_and_nothing_else(workshop: Workshop, tmp_path: Path) -> None:
    with verifying(workshop, tmp_path, "--yes", "--connections", "1,10") as process:
        printed, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0, printed
    (folder,) = tmp_path.iterdir()
    assert leftovers(workshop.emulator, folder.name) == []
    assert {path.name for path in folder.iterdir()} == {"lock", "report.json", "report.md", "run.json"}
    report = json.loads((folder / "report.json").read_text())
    assert report["passed"] is True
    assert report["left"] == report["problems"] == []
    assert [(each["connections"], each["missing"]) for each in report["latencies"]] == [(1, 0), (10, 0)]
    assert all(0 < each["p50"] <= each["p95"] <= each["p99"] for each in report["latencies"])
    found = {finding["question"]: finding["answer"] for finding in report["findings"]}
    for size in (32, 64, 127):
        assert f"A frame of {size} KB to a client" in found
        assert f"A push of {size} KB" in found
    assert "UNKNOWN_ACTION" in found["A frame that is not JSON, for $default"]
    assert found["A handshake with no token"] == "401"
    assert found["A handshake with a token of another key"] == "403"
    assert any("throttle" in question for question in found)
    assert found["An open connection while the API is deployed again"].startswith("stays open")
    assert [quota["name"] for quota in report["quotas"] if quota["verdict"] == "unknown"] == NOT_HERE
    assert "passed" in (folder / "report.md").read_text().splitlines()[0]


def test_an_interrupted_verification_destroys_everything_however_often_it_is_interrupted(
    workshop: Workshop, tmp_path: Path
) -> None:
    with verifying(workshop, tmp_path, "--yes") as process:
        wait_until(lambda: has_made(tmp_path, "aws_api_gateway_rest_api"), "an API to be made", seconds=LONG)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=LONG)
    assert process.returncode == 130, printed
    assert "Interrupted" in printed
    (folder,) = tmp_path.iterdir()
    assert leftovers(workshop.emulator, folder.name) == []
    report = json.loads((folder / "report.json").read_text())
    assert (report["left"], report["passed"]) == ([], False)


def test_what_a_killed_verification_has_made_is_found_and_destroyed_later(workshop: Workshop, tmp_path: Path) -> None:
    with verifying(workshop, tmp_path, "--yes"):
        # The last of the first root module: nothing is under way then that no state knows of yet.
        wait_until(lambda: has_made(tmp_path, "aws_api_gateway_stage"), "a stage to be made", seconds=LONG)
    (folder,) = tmp_path.iterdir()
    with verifying(workshop, tmp_path) as unasked:
        printed, _ = unasked.communicate(timeout=LONG)
    assert unasked.returncode == 1
    assert f"CLEAN={folder.name}" in printed
    assert "YES=1" in printed
    assert leftovers(workshop.emulator, folder.name) != []
    with verifying(workshop, tmp_path, "--clean", folder.name) as cleaning:
        printed, _ = cleaning.communicate(timeout=LONG)
    assert cleaning.returncode == 0, printed
    assert leftovers(workshop.emulator, folder.name) == []


# --- doctor

WITHOUT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def examined(workshop: Workshop, outputs: Mapping[str, Any], **more: str) -> tuple[int, dict[str, str], str]:
    """Run the doctor, and give its exit status, its verdicts by check, and all that it printed."""
    command = [*COMMAND, "doctor", "--websocket-url", outputs["websocket_url"]]
    command += ["--push-function-arn", outputs["push_function_arn"]]
    ended = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=variables(workshop, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    lines = re.findall(r"^  (ok|failed|could not be checked) +(.+?): ", ended.stdout, re.MULTILINE)
    printed = ended.stdout + ended.stderr
    assert "Traceback" not in printed
    return ended.returncode, {name: verdict for verdict, name in lines}, printed


def others(verdicts: Mapping[str, str]) -> dict[str, str]:
    """Return the verdicts that are not `ok`, without what cannot be checked here."""
    return {name: verdict for name, verdict in verdicts.items() if verdict != "ok" and name not in NOT_HERE}


def test_a_deployment_with_tokens_is_well_and_no_token_or_content_is_printed(
    workshop: Workshop, authorized: Stack, tokens: Issuer
) -> None:
    token = tokens.token(USER)
    status, verdicts, printed = examined(workshop, authorized.outputs, DOCTOR_TOKEN=token)
    assert others(verdicts) == {}, printed
    assert status == 2, "the local AWS has no Service Quotas"
    assert {"a client without a token is refused", "a token that is none is refused"} <= verdicts.keys()
    assert {"connect", "push", "resume", "dead-letter queue"} <= verdicts.keys()
    assert token not in printed
    assert "a test" not in printed
    assert {row["userId"]["S"] for row in authorized.backend.notifications(USER)} == {USER}


def test_without_a_token_only_what_needs_one_is_left_out(workshop: Workshop, authorized: Stack) -> None:
    status, verdicts, printed = examined(workshop, authorized.outputs)
    assert others(verdicts) == dict.fromkeys(["connect", "push", "resume"], "could not be checked")
    assert "DOCTOR_TOKEN" in printed
    assert status == 2


def test_nothing_is_pushed_to_anybody_but_the_test_user(workshop: Workshop, authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    status, verdicts, _ = examined(workshop, authorized.outputs, DOCTOR_TOKEN=tokens.token(alice))
    assert others(verdicts) == dict.fromkeys(["push", "resume"], "could not be checked")
    assert authorized.backend.notifications(alice) == []
    assert status == 2
    _, verdicts, _ = examined(workshop, authorized.outputs, DOCTOR_TOKEN=tokens.token(alice), DOCTOR_USER=alice)
    assert others(verdicts) == {}
    assert len(authorized.backend.notifications(alice)) == 2


def test_a_token_that_is_refused_is_a_failure(workshop: Workshop, authorized: Stack, tokens: Issuer) -> None:
    token = tokens.token(USER, seconds=-1)
    status, verdicts, printed = examined(workshop, authorized.outputs, DOCTOR_TOKEN=token)
    assert (status, verdicts["connect"], verdicts["push"]) == (1, "failed", "could not be checked")
    assert token not in printed


def test_dead_letters_are_found_and_anonymous_clients_are_named(workshop: Workshop, queued: Stack) -> None:
    queues = ["dead-letter queue", "push queue", "push queue's dead-letter queue"]
    status, verdicts, printed = examined(workshop, queued.outputs)
    assert others(verdicts) == {}, printed
    assert {*queues, "anonymous clients", "push", "resume"} <= verdicts.keys()
    sqs = queued.client("sqs")
    mapping = queued.client("lambda").list_event_source_mappings(FunctionName=queued.outputs["push_function_arn"])
    name = mapping["EventSourceMappings"][0]["EventSourceArn"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    dead = sqs.get_queue_url(QueueName=json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2])["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="a secret notification")
    try:
        status, verdicts, printed = examined(workshop, queued.outputs)
    finally:
        sqs.purge_queue(QueueUrl=dead)
    assert others(verdicts) == {"push queue's dead-letter queue": "failed"}
    assert "secret" not in printed
    assert status == 1


def test_what_the_credentials_may_not_do_is_named(workshop: Workshop, stack: Stack) -> None:
    iam = stack.client("iam")
    name = new_user("doctor")
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="push", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        status, verdicts, printed = examined(
            workshop,
            stack.outputs,
            AWS_ACCESS_KEY_ID=key["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"],
        )
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="push")
        iam.delete_user(UserName=name)
    assert (verdicts["push"], verdicts["resume"]) == ("ok", "ok"), printed
    for check, permission in (
        ("dead-letter queue", "lambda:GetFunctionEventInvokeConfig"),
        ("push queue", "lambda:ListEventSourceMappings"),
        ("alarms", "cloudwatch:DescribeAlarms"),
        ("API Gateway requests per second", "apigateway:GET on /account"),
    ):
        assert verdicts[check] == "could not be checked"
        assert f"needs {permission}" in printed
    assert status == 2


def test_without_credentials_the_connection_is_checked_all_the_same(workshop: Workshop, stack: Stack) -> None:
    status, verdicts, printed = examined(workshop, stack.outputs, **WITHOUT_CREDENTIALS)
    assert verdicts["connect"] == "ok", printed
    assert verdicts["push"] == verdicts["dead-letter queue"] == verdicts["alarms"] == "could not be checked"
    assert "no credentials" in printed
    assert status == 2


def test_a_function_that_is_gone_and_an_address_that_is_gone_have_failed(workshop: Workshop, stack: Stack) -> None:
    arn = stack.outputs["push_function_arn"].rpartition(":")[0] + ":deleted-push"
    status, verdicts, printed = examined(workshop, {**stack.outputs, "push_function_arn": arn})
    assert (status, verdicts["connect"], verdicts["push"]) == (1, "ok", "failed"), printed
    assert "deleted" in printed
    unused = f"http://127.0.0.1:{free_port()}"
    status, verdicts, printed = examined(workshop, stack.outputs, AWS_ENDPOINT_URL=unused)
    assert (status, verdicts["connect"], verdicts["push"]) == (1, "failed", "could not be checked"), printed


@pytest.mark.parametrize(
    ("command", "more", "text"),
    [
        (["verify", "--yes"], WITHOUT_CREDENTIALS, "no credentials"),
        (["verify", "--yes"], {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "No Region"),
        (["verify", "--yes"], {"AWS_PROFILE": "missing"}, "missing"),
        (["verify", "--yes"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        (["verify", "--yes", "--region", "no region"], {}, "account cannot be used"),
        (["verify", "--clean", "verify-none"], {}, "There is no verification verify-none"),
        (["verify", "--yes", "--connections", "0"], {}, "from 1 to 10000"),
        (["doctor"], {}, "Which deployment"),
        (["doctor", "--websocket-url", "wss://x/live", "--push-function-arn", "push"], {}, "push_function_arn"),
    ],
)
def test_what_cannot_begin_says_why_and_makes_nothing(
    workshop: Workshop, tmp_path: Path, command: list[str], more: dict[str, str], text: str
) -> None:
    own = ["--folder", str(tmp_path)] if command[0] == "verify" else []
    ended = subprocess.run(
        [*COMMAND, *command, *own],
        cwd=CHECKOUT,
        env=variables(workshop, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    assert ended.returncode in (1, 2)
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
