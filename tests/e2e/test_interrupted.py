"""An apply that is interrupted, and finished by a machine that has the state and nothing else, as a CI runner does."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stack import Workshop
from tools.errors import ToolError
from tools.terraform import Terraform

ROOT = """
provider "aws" {}

module "push" {
  source = "../"

  name                = "interrupted"
  allow_anonymous     = true
  deletion_protection = false
}
"""

CTRL_C = signal.SIGINT
KILL = signal.SIGKILL

POINTS = (
    # Packages are built, and functions missing.
    (CTRL_C, 'terraform_data.package["push"]: Creation complete'),
    (KILL, 'terraform_data.package["push"]: Creating...'),
    (CTRL_C, 'aws_lambda_function.this["connect"]: Creating...'),
    (CTRL_C, "module.api.aws_apigatewayv2_api.this: Creation complete"),
    (CTRL_C, "aws_dynamodb_table.clients: Creation complete"),
    (CTRL_C, 'aws_iam_role.this["push"]: Creation complete'),
    (CTRL_C, 'terraform_data.package["connect"]: Creation complete'),
    (CTRL_C, 'aws_lambda_function.this["poll"]: Creation complete'),
    (CTRL_C, "aws_apigatewayv2_deployment.this: Creation complete"),
    (CTRL_C, "aws_apigatewayv2_stage.this: Creation complete"),
    (CTRL_C, "aws_dynamodb_tag.deployed[0]: Creating..."),
    (KILL, 'terraform_data.package["connect"]: Creating...'),
    (KILL, 'terraform_data.package["disconnect"]: Creating...'),
    (KILL, 'terraform_data.package["poll"]: Creating...'),
)
"""The signal, and what Terraform prints when it gets it.

What Terraform is creating when it is killed exists without the state knowing of it. Killed, Terraform has no time to
write what it has created a moment before either, so it is killed while it builds a package and does nothing else.
"""

TAKEN = re.compile(r"\(([^()]+)\): [^\n]*(?:lready ?[Ee]xist|ResourceInUse)[^\n]*\n\s+with (\S+),")
"""How Terraform reports what exists already: its name, and its address in the configuration."""


def make_root(workshop: Workshop, folder: Path) -> Terraform:
    """Make a root module beside a fresh copy of the sources."""
    checkout = shutil.copytree(
        workshop.checkout, folder / "checkout", ignore=shutil.ignore_patterns("*.zip", ".terraform")
    )
    root = checkout / "interrupted"
    root.mkdir()
    (root / "main.tf").write_text(ROOT)
    return Terraform(workshop.program, root, folder / "data", workshop.environment)


def interrupt_apply(terraform: Terraform, point: str, by: signal.Signals) -> None:
    """Apply until Terraform prints the point, and send it the signal, with all that it started where that kills."""
    command = [terraform.program.path, "apply", "-input=false", "-no-color", "-auto-approve"]
    if by is KILL:
        command.append("-parallelism=1")
    environment = {**terraform.environment, "TF_DATA_DIR": str(terraform.data / "data")}
    with subprocess.Popen(
        command,
        cwd=terraform.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        seen = False
        for line in process.stdout or ():
            if point in line and not seen:
                seen = True
                os.kill(process.pid, by) if by is CTRL_C else os.killpg(process.pid, by)
    assert seen, f"Terraform never printed {point!r}."


def finish(terraform: Terraform) -> None:
    """Apply; where something exists that the state does not hold, import it first, as docs/operations.md says.

    On a signal the provider gives up the request that is under way, which AWS may have carried out
    (https://github.com/hashicorp/terraform-provider-aws/issues/31731).
    """
    imported: set[str] = set()
    while True:
        try:
            terraform.apply()
        except ToolError as problem:
            found = {address: name for name, address in TAKEN.findall(str(problem)) if address not in imported}
            if not found:
                raise
            for address, name in found.items():
                terraform.run("import", "-input=false", "-no-color", address, name)
            imported |= found.keys()
        else:
            return


@pytest.mark.parametrize(("by", "point"), POINTS)
def test_an_interrupted_apply_is_finished_elsewhere(
    workshop: Workshop, tmp_path: Path, by: signal.Signals, point: str
) -> None:
    here = make_root(workshop, tmp_path / "here")
    here.init()
    interrupt_apply(here, point, by)
    elsewhere = make_root(workshop, tmp_path / "elsewhere")
    shutil.copy(here.root / "terraform.tfstate", elsewhere.root)
    elsewhere.init()
    try:
        finish(elsewhere)
        assert elsewhere.planned_changes() == {}
    finally:
        elsewhere.destroy()
