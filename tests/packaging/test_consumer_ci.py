"""examples/ci: a consumer's plan and the policy over it, on a machine that has Terraform and nothing else."""

import json
import re
import shutil
import subprocess
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
    """A clean runner: the checkout, a shell, and a PATH on which Terraform is all there is."""

    def __init__(self, folder: Path) -> None:
        program = find_program()
        self.root = copy_sources(folder / "checkout") / "examples" / "ci"
        (self.root / "offline_override.tf").write_text(OFFLINE)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "terraform").symlink_to(Path(program.path).resolve())
        self._environment = {**terraform_environment(folder / "data", program), "PATH": str(programs)}

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        shell = shutil.which("sh")
        assert shell is not None
        return subprocess.run(
            [shell, "-euc", commands], cwd=self.root, env=self._environment, capture_output=True, text=True, check=False
        )

    @property
    def plan_file(self) -> Path:
        return self.root / "policy" / "plan.json"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    runner = Runner(tmp_path_factory.mktemp("runner"))
    for command in documented_commands():
        finished = runner.run(command)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return runner


def documented_commands() -> list[str]:
    page = (CHECKOUT / "examples" / "ci" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    commands: list[str] = block.splitlines()
    return commands


@pytest.fixture
def judge(runner: Runner) -> Callable[[Callable[[Plan], None]], str]:
    """Change the plan, and give what the policy says of it: nothing if it passes."""

    def changed(change: Callable[[Plan], None]) -> str:
        before = runner.plan_file.read_text()
        plan: Plan = json.loads(before)
        change(plan)
        runner.plan_file.write_text(json.dumps(plan))
        try:
            finished = runner.run("terraform -chdir=policy test -no-color")
        finally:
            runner.plan_file.write_text(before)
        return "" if finished.returncode == 0 else finished.stdout + finished.stderr

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


def policy(action: object, resource: object, effect: str = "Allow") -> Mapping[str, object]:
    return {"policy": json.dumps({"Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})}


CLIENTS = "module.push.module.dynamodb.aws_dynamodb_table.clients"
LOGS = 'module.push.module.lambda.aws_cloudwatch_log_group.this["push"]'
CONNECT = 'module.push.module.websocket_api.aws_apigatewayv2_route.this["$connect"]'
STAGE = "module.push.module.websocket_api.aws_apigatewayv2_stage.this"


def test_the_documented_commands_need_terraform_alone(runner: Runner) -> None:
    assert json.loads(runner.plan_file.read_text())["resource_changes"]
    assert not list(runner.root.rglob("*.zip"))


def test_the_workflow_runs_the_documented_commands() -> None:
    workflow = yaml.safe_load((CHECKOUT / "examples" / "ci" / "workflow.yml").read_text(encoding="utf-8"))
    commands = "".join(step.get("run", "") for step in workflow["jobs"]["plan"]["steps"])
    lines = [line.replace(" -input=false", "") for line in commands.splitlines() if line.startswith("terraform ")]
    assert lines == documented_commands()


def test_what_is_planned_keeps_the_rules(judge: Callable[[Callable[[Plan], None]], str]) -> None:
    assert judge(lambda plan: None) == ""
    assert judge(added("aws_iam_role_policy", policy(["xray:PutTraceSegments"], ["*"]))) == ""
    assert judge(added("aws_iam_role_policy", policy("*", "*", effect="Deny"))) == ""


@pytest.mark.parametrize(
    ("change", "rule", "address"),
    [
        (replaced(CLIENTS), "data_connections_and_url_stay", CLIENTS),
        (replaced(STAGE), "data_connections_and_url_stay", STAGE),
        (added("aws_instance", {}), "nothing_unexpected", "aws_instance.x"),
        (after(CLIENTS, deletion_protection_enabled=False), "tables_are_protected", CLIENTS),
        (after(CLIENTS, point_in_time_recovery=[]), "tables_are_protected", CLIENTS),
        (after(CLIENTS, server_side_encryption=[]), "tables_are_protected", CLIENTS),
        (added("aws_iam_role_policy", policy("dynamodb:*", "arn")), "least_privilege", "aws_iam_role_policy.x"),
        (added("aws_iam_role_policy", policy(["dynamodb:Scan"], ["*"])), "least_privilege", "aws_iam_role_policy.x"),
        (added("aws_lambda_permission", {"source_arn": None}), "least_privilege", "aws_lambda_permission.x"),
        (after(LOGS, retention_in_days=0), "logs_end", LOGS),
        (after(CONNECT, authorization_type="NONE"), "clients_are_authorized", CONNECT),
    ],
)
def test_a_broken_rule_is_named_with_the_resource(
    judge: Callable[[Callable[[Plan], None]], str], change: Callable[[Plan], None], rule: str, address: str
) -> None:
    said = judge(change)
    assert re.findall(r'run "(\w+)"\.\.\. fail', said) == [rule]
    # Terraform breaks lines.
    assert address.replace(" ", "") in re.sub(r"[\s│]", "", said)


def test_every_rule_is_explained_and_seen_to_fail() -> None:
    rules = re.findall(
        r'^run "(\w+)"', (CHECKOUT / "examples/ci/policy/tests/policy.tftest.hcl").read_text("utf-8"), re.MULTILINE
    )
    page = (CHECKOUT / "examples" / "ci" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == rules
    (mark,) = test_a_broken_rule_is_named_with_the_resource.pytestmark  # type: ignore[attr-defined]
    assert {case[1] for case in mark.args[1]} == set(rules)
