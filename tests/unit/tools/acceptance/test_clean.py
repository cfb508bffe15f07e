"""Destroying what an earlier verification has left, with a stand-in for Terraform."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.acceptance.fakes import client, error
from tools.acceptance import verify
from tools.acceptance.account import Account
from tools.acceptance.runs import Run, create
from tools.demo.transcript import Transcript
from tools.errors import ToolError

STATE = {
    "resources": [
        {"mode": "managed", "type": "aws_iam_role", "name": "this", "instances": [{"attributes": {"id": "the-role"}}]}
    ]
}
LISTED = (
    *("describe_alarms", "list_dashboards", "get_apis", "list_event_source_mappings", "list_functions"),
    *("describe_log_groups", "list_queues", "get_rest_apis", "list_roles", "list_tables"),
)
NOTHING: dict[str, Any] = {operation: {} for operation in LISTED}
VERSION = '{"terraform_version": "1.9.0", "platform": "linux_amd64"}'
SUCCEEDS = "echo '{\"resources\": []}' > terraform.tfstate"
FAILS = 'echo "Error: deleting IAM Role: DeleteConflict"; exit 1'


def left_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, made: Any, destroy: str, number: str = "123456789012"
) -> Run:
    """Make a run that has left a role, and a Terraform that destroys it or fails."""
    run = create(folder / "runs", Account("123456789012", "eu-central-1", client(), None))
    (run.folder / "checkout" / "examples" / "jwt" / "terraform.tfstate").write_text(json.dumps(STATE))
    program = folder / "terraform"
    program.write_text(f"#!/bin/sh\ncase $1 in version) echo '{VERSION}' ;; destroy) {destroy} ;; esac\n")
    program.chmod(0o755)
    configuration = folder / "cli.tfrc"
    configuration.write_text("provider_installation {}")
    monkeypatch.setenv("TERRAFORM", str(program))
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(configuration))  # So that no provider is looked for.
    monkeypatch.setattr(verify, "open_account", lambda region: Account(number, region, made, None))
    return run


def clean(run: Run) -> tuple[int, str]:
    printed = io.StringIO()
    return verify.clean(run.name, run.folder.parent, Transcript(printed)), printed.getvalue()


def test_what_is_destroyed_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = left_run(tmp_path, monkeypatch, client(**NOTHING), SUCCEEDS)
    status, printed = clean(run)
    assert status == 0
    assert "Everything was destroyed" in printed
    assert not (run.folder / "checkout").exists()


def test_where_destroying_fails_it_says_what_is_left_and_how_to_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_run(tmp_path, monkeypatch, client(**NOTHING), FAILS)
    status, printed = clean(run)
    assert status == 1
    for text in ("DeleteConflict", "account 123456789012, eu-central-1", "aws_iam_role the-role", f"CLEAN={run.name}"):
        assert text in printed
    assert run.recorded(), "the state is kept"


def test_what_the_state_does_not_know_of_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def groups(**_: Any) -> Any:
        return {"logGroups": [{"logGroupName": f"/aws/lambda/{run.name}-push"}, {"logGroupName": "/aws/lambda/other"}]}

    made = client(**NOTHING | {"describe_log_groups": groups})
    run = left_run(tmp_path, monkeypatch, made, SUCCEEDS)
    status, printed = clean(run)
    assert status == 1
    assert f"log group /aws/lambda/{run.name}-push" in printed
    assert "other" not in printed


def test_where_credentials_end_meanwhile_the_state_says_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client(**NOTHING | {"list_roles": error("ExpiredToken")})
    run = left_run(tmp_path, monkeypatch, made, 'echo "Error: ExpiredToken"; exit 1')
    status, printed = clean(run)
    assert status == 1
    assert "aws_iam_role the-role" in printed


def test_another_accounts_credentials_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = left_run(tmp_path, monkeypatch, client(), SUCCEEDS, number="999999999999")
    with pytest.raises(ToolError, match=r"in account 123456789012.*999999999999"):
        clean(run)
    assert run.recorded()
