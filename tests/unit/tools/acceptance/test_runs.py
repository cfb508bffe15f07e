import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.acceptance.account import Account
from tools.acceptance.runs import Run, create, find, in_state, unfinished
from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.terraform import Program

STATE = {
    "resources": [
        {
            "mode": "managed",
            "module": "module.push.module.lambda",
            "type": "aws_iam_role",
            "name": "function",
            "instances": [{"attributes": {"id": "verify-1-push"}}, {"attributes": {"id": "verify-1-poll"}}],
        },
        {"mode": "data", "type": "aws_region", "name": "this", "instances": [{"attributes": {"id": "x"}}]},
        {"mode": "managed", "type": "terraform_data", "name": "this", "instances": [{"attributes": {"id": "x"}}]},
        {"mode": "managed", "type": "aws_sqs_queue", "name": "this", "instances": [{"attributes": None}]},
    ]
}


def account() -> Account:
    def client(*arguments: Any) -> Any:
        raise AssertionError("no call is expected")

    return Account("123456789012", "eu-central-1", client, None)


def write_state(run: Run, state: object) -> None:
    path = run.folder / "checkout" / "examples" / "jwt" / "terraform.tfstate"
    path.write_text(json.dumps(state))


def test_a_state_is_listed_by_type_id_and_address() -> None:
    assert in_state(STATE) == [
        "aws_iam_role verify-1-push (module.push.module.lambda.aws_iam_role.function)",
        "aws_iam_role verify-1-poll (module.push.module.lambda.aws_iam_role.function)",
        "aws_sqs_queue unknown (aws_sqs_queue.this)",
    ]
    assert in_state({}) == []


def test_each_run_has_a_name_a_folder_and_a_copy_of_its_own(tmp_path: Path) -> None:
    one, other = create(tmp_path, account()), create(tmp_path, account())
    assert one.name != other.name
    for run in (one, other):
        for root in ("examples/jwt", "tools/acceptance/key_set"):
            assert (run.folder / "checkout" / root / "main.tf").read_text() == (CHECKOUT / root / "main.tf").read_text()
    assert find(tmp_path, one.name) == one
    assert unfinished(tmp_path) == []


def test_a_run_that_left_something_is_found_again_until_it_is_forgotten(tmp_path: Path) -> None:
    run = create(tmp_path, account())
    write_state(run, STATE)
    assert unfinished(tmp_path) == [run]
    assert len(run.recorded()) == 3
    with pytest.raises(ToolError, match=f"no verification another(.|\n)*{run.name}"):
        find(tmp_path, "another")
    (run.folder / "report.md").write_text("report")
    run.forget()
    assert unfinished(tmp_path) == []
    assert (run.folder / "report.md").exists()


def test_a_state_without_resources_leaves_nothing(tmp_path: Path) -> None:
    run = create(tmp_path, account())
    write_state(run, {"resources": []})
    (run.folder / "checkout" / "tools" / "acceptance" / "key_set" / "terraform.tfstate").write_text("")
    assert run.recorded() == []


def test_a_run_in_use_is_refused_to_another_command(tmp_path: Path) -> None:
    run = create(tmp_path, account())
    script = (
        "import sys; from pathlib import Path; from tools.acceptance.runs import find\n"
        "with find(Path(sys.argv[1]), sys.argv[2]).held(): pass"
    )
    command = [sys.executable, "-c", script, str(tmp_path), run.name]
    with run.held():
        refused = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "in use by another command" in refused.stderr
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 0


def test_the_region_asked_for_wins_and_nothing_but_aws_settings_is_passed_on(tmp_path: Path) -> None:
    run = create(tmp_path, account())
    configuration = tmp_path / "cli.tfrc"
    configuration.write_text("provider_installation {}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CLI_CONFIG_FILE", str(configuration))  # So that no provider is looked for.
        variables = {"AWS_PROFILE": "trial", "AWS_REGION": "us-west-2", "TF_VAR_name": "mine"}
        environment = run.environment(Program("terraform", (1, 11), "linux_amd64"), variables)
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert environment["AWS_PROFILE"] == "trial"
    assert "TF_VAR_name" not in environment


# A stand-in for Terraform that says what it was asked and fails to destroy one of the two.
STAND_IN = """#!/bin/sh
echo "$(basename "$PWD") $1" >> "$LOG"
case "$PWD $1" in *jwt\\ destroy) echo "Error: no"; exit 1 ;; esac
"""


def test_where_destroying_one_part_fails_the_other_is_destroyed_all_the_same(tmp_path: Path) -> None:
    run = create(tmp_path, account())
    for root in ("examples/jwt", "tools/acceptance/key_set"):
        (run.folder / "checkout" / root / "terraform.tfstate").write_text("{}")
    program = tmp_path / "terraform"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    log = tmp_path / "log"
    with pytest.raises(ToolError, match="Error: no"):
        run.destroy(
            Program(str(program), (1, 11), "linux_amd64"),
            {"LOG": str(log), "PATH": "/bin:/usr/bin"},
            lambda terraform: terraform.destroy(),
        )
    assert log.read_text().split("\n")[:-1] == ["jwt init", "jwt destroy", "key_set init", "key_set destroy"]
