"""examples/ci: a consumer's plan and the rules over it, on a machine that has Terraform, Python and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.conftest import CHECKOUT
from tools.terraform import copy_sources, find_program, terraform_environment

# No account is asked: the plan is all that is wanted.
OFFLINE = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "made-up"
  secret_key                  = "made-up"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""

Plan = dict[str, Any]


class Runner:
    """A clean runner: the checkout, a shell, and a PATH on which Terraform and Python are all there is."""

    def __init__(self, folder: Path) -> None:
        program = find_program()
        checkout = copy_sources(folder / "checkout")
        (checkout / "tools").mkdir()
        shutil.copy(CHECKOUT / "tools" / "policy.py", checkout / "tools")
        self.root = checkout / "examples" / "ci"
        (self.root / "offline_override.tf").write_text(OFFLINE)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "terraform").symlink_to(Path(program.path).resolve())
        # Not the environment's link, by which Python would find what is installed there.
        (programs / "python3").symlink_to(Path(sys.executable).resolve())
        self._environment = {**terraform_environment(folder / "data", program), "PATH": str(programs)}

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        shell = shutil.which("sh")
        assert shell is not None
        return subprocess.run(
            [shell, "-euc", commands], cwd=self.root, env=self._environment, capture_output=True, text=True, check=False
        )

    @property
    def plan_file(self) -> Path:
        return self.root / "plan.json"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    runner = Runner(tmp_path_factory.mktemp("runner"))
    for command in documented_commands():
        finished = runner.run(command)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return runner


def documented_commands() -> list[str]:
    page = (CHECKOUT / "examples" / "ci" / "README.md").read_text(encoding="utf-8")
    block, _ = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    commands: list[str] = block.splitlines()
    return commands


@pytest.fixture
def judge(runner: Runner) -> Callable[[Callable[[Plan], None]], str]:
    """Change the plan, and return what is said of it: nothing if it passes."""

    def changed(change: Callable[[Plan], None]) -> str:
        before = runner.plan_file.read_text()
        plan: Plan = json.loads(before)
        change(plan)
        runner.plan_file.write_text(json.dumps(plan))
        try:
            finished = runner.run(documented_commands()[-1])
        finally:
            runner.plan_file.write_text(before)
        assert finished.returncode == bool(finished.stdout), finished.stderr
        return finished.stdout

    return changed


def find(plan: Plan, address: str) -> dict[str, Any]:
    (found,) = (each for each in plan["resource_changes"] if each["address"] == address)
    change: dict[str, Any] = found["change"]
    return change


def after(address: str, **values: object) -> Callable[[Plan], None]:
    return lambda plan: find(plan, address)["after"].update(values)


def replaced(address: str) -> Callable[[Plan], None]:
    return lambda plan: find(plan, address).update(actions=["delete", "create"])


def added(kind: str, values: Mapping[str, object]) -> Callable[[Plan], None]:
    change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
    resource = {"address": f"{kind}.x", "mode": "managed", "type": kind, "name": "x", "change": change}
    return lambda plan: plan["resource_changes"].append(resource)


def policy(action: object, resource: object, effect: str = "Allow", **more: object) -> Mapping[str, object]:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {"name": "x", "policy": json.dumps({"Statement": statement}), "sqs_managed_sse_enabled": True}


CLIENTS = "module.push.module.dynamodb.aws_dynamodb_table.clients"
LOGS = 'module.push.module.lambda.aws_cloudwatch_log_group.this["push"]'
CONNECT = 'module.push.module.websocket_api.aws_apigatewayv2_route.this["$connect"]'
STAGE = "module.push.module.websocket_api.aws_apigatewayv2_stage.this"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:x"


def test_the_documented_commands_need_terraform_and_python_alone(runner: Runner) -> None:
    assert json.loads(runner.plan_file.read_text())["resource_changes"]
    assert not list(runner.root.rglob("*.zip"))


def test_the_workflow_runs_the_documented_commands() -> None:
    workflow = yaml.safe_load((CHECKOUT / "examples" / "ci" / "workflow.yml").read_text(encoding="utf-8"))
    commands = "".join(f"{step.get('run', '')}\n" for step in workflow["jobs"]["plan"]["steps"])
    lines = [line.replace(" -input=false", "") for line in commands.splitlines() if re.match("terraform|python3", line)]
    # A consumer's own root has the module where Terraform puts it, under the name of its block.
    assert [line.replace(".terraform/modules/push/", "../../") for line in lines] == documented_commands()
    assert 'module "push"' in (CHECKOUT / "examples" / "ci" / "main.tf").read_text(encoding="utf-8")


def test_what_is_planned_keeps_the_rules(judge: Callable[[Callable[[Plan], None]], str]) -> None:
    assert judge(lambda plan: None) == ""
    assert judge(added("aws_iam_role_policy", policy(["xray:PutTraceSegments"], ["*"]))) == ""
    assert judge(added("aws_iam_role_policy", policy("*", "*", effect="Deny"))) == ""
    assert judge(added("aws_sqs_queue", policy("sqs:*", QUEUE, effect="Deny", Principal="*"))) == ""


@pytest.mark.parametrize(
    ("change", "rule", "address"),
    [
        (replaced(CLIENTS), "data, connections and the URL stay", CLIENTS),
        (replaced(STAGE), "data, connections and the URL stay", STAGE),
        (added("aws_instance", {}), "only expected types", "aws_instance.x"),
        (after(CLIENTS, deletion_protection_enabled=False), "a table is protected", CLIENTS),
        (after(CLIENTS, point_in_time_recovery=[]), "a table is protected", CLIENTS),
        (after(CLIENTS, server_side_encryption=[]), "a table is encrypted", CLIENTS),
        (after(LOGS, retention_in_days=0), "a log group says how long it keeps", LOGS),
        (after(CONNECT, authorization_type="NONE"), "clients are authorized", CONNECT),
        (
            added("aws_iam_role_policy", policy("s3:GetObject", "arn:aws:s3:::*")),
            "a policy names its resources",
            "aws_iam_role_policy.x",
        ),
        (
            added("aws_iam_role_policy", policy(["dynamodb:*"], "arn")),
            "a policy names its actions",
            "aws_iam_role_policy.x",
        ),
        (
            added("aws_lambda_permission", {"principal": "*", "source_arn": QUEUE}),
            "a permission names who invokes",
            "aws_lambda_permission.x",
        ),
        (
            added("aws_lambda_permission", {"principal": "sns.amazonaws.com", "source_arn": None}),
            "a permission names its source",
            "aws_lambda_permission.x",
        ),
        (added("aws_sqs_queue", {"sqs_managed_sse_enabled": False}), "a queue is encrypted", "aws_sqs_queue.x"),
        (
            added("aws_sqs_queue", policy("sqs:SendMessage", QUEUE, Principal={"AWS": "*"})),
            "a policy names who it is for",
            "aws_sqs_queue.x",
        ),
    ],
)
def test_a_broken_rule_is_named_with_the_resource(
    judge: Callable[[Callable[[Plan], None]], str], change: Callable[[Plan], None], rule: str, address: str
) -> None:
    assert judge(change) == f"{address}: violated: {rule}\n"


def test_rules_are_left_out_and_types_expected_as_documented(runner: Runner) -> None:
    plan = json.loads(runner.plan_file.read_text())
    added("aws_sns_topic", {"kms_master_key_id": "alias/x"})(plan)
    after(CONNECT, authorization_type="NONE")(plan)
    changed = runner.root / "changed.json"
    changed.write_text(json.dumps(plan))
    command = documented_commands()[-1].replace("plan.json", "changed.json")
    assert runner.run(command).returncode == 1
    said = runner.run(f'{command} --leave-out "clients are authorized" --expect aws_sns_topic')
    assert (said.returncode, said.stdout) == (0, "")
