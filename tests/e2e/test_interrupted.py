"""An apply that is interrupted, and finished by a machine that has the state and nothing else, as a CI runner does."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stack import Workshop
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

POINTS = (
    'terraform_data.package["push"]: Creation complete',
    'aws_lambda_function.this["connect"]: Creating...',
    "module.api.aws_apigatewayv2_api.this: Creation complete",
    "aws_dynamodb_table.clients: Creation complete",
    'aws_iam_role.this["push"]: Creation complete',
    'terraform_data.package["connect"]: Creation complete',
    'aws_lambda_function.this["poll"]: Creation complete',
    "aws_apigatewayv2_deployment.this: Creation complete",
    "aws_apigatewayv2_stage.this: Creation complete",
    "aws_dynamodb_tag.deployed[0]: Creating...",
)
"""What Terraform prints when it is interrupted. At the first, packages are built and functions missing."""

COUNT = int(os.environ.get("INTERRUPTIONS", "1"))
"""How many of the points are tried: all ten take ten minutes."""


def make_root(workshop: Workshop, folder: Path) -> Terraform:
    """Make a root module beside a fresh copy of the sources."""
    checkout = shutil.copytree(
        workshop.checkout, folder / "checkout", ignore=shutil.ignore_patterns("*.zip", ".terraform")
    )
    root = checkout / "interrupted"
    root.mkdir()
    (root / "main.tf").write_text(ROOT)
    return Terraform(workshop.program, root, folder / "data", workshop.environment)


def interrupt_apply(terraform: Terraform, point: str) -> None:
    """Apply until Terraform prints the point, and interrupt it as Ctrl-C does."""
    command = [terraform.program.path, "apply", "-input=false", "-no-color", "-auto-approve"]
    environment = {**terraform.environment, "TF_DATA_DIR": str(terraform.data / "data")}
    with subprocess.Popen(
        command, cwd=terraform.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        seen = False
        for line in process.stdout or ():
            if point in line and not seen:
                seen = True
                process.send_signal(signal.SIGINT)
    assert seen, f"Terraform never printed {point!r}."


@pytest.mark.parametrize("point", POINTS[:COUNT])
def test_an_interrupted_apply_is_finished_elsewhere(workshop: Workshop, tmp_path: Path, point: str) -> None:
    here = make_root(workshop, tmp_path / "here")
    here.init()
    interrupt_apply(here, point)
    elsewhere = make_root(workshop, tmp_path / "elsewhere")
    shutil.copy(here.root / "terraform.tfstate", elsewhere.root)
    elsewhere.init()
    try:
        elsewhere.apply()
        assert elsewhere.planned_changes() == {}
    finally:
        elsewhere.destroy()
