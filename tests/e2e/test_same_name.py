"""Two deployments of one name in an account and Region: the second is refused, and takes nothing of the first."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Workshop
from tools.errors import ToolError
from tools.terraform import Terraform

ROOT = """
provider "aws" {}

module "push" {
  source = "../"

  name                = "taken"
  allow_anonymous     = true
  deletion_protection = false
  push_queue          = {}
  alarms              = {}
  dashboard           = true
}
"""

TAKES_WHAT_EXISTS = {"aws_cloudwatch_dashboard", "aws_cloudwatch_metric_alarm", "aws_sqs_queue"}
"""What AWS hands out or overwrites where there is one of the name already, without an error."""


def make_root(workshop: Workshop, folder: Path) -> Terraform:
    """Make a root module with a state of its own."""
    checkout = shutil.copytree(
        workshop.checkout, folder / "checkout", ignore=shutil.ignore_patterns("*.zip", ".terraform")
    )
    root = checkout / "root"
    root.mkdir()
    (root / "main.tf").write_text(ROOT)
    terraform = Terraform(workshop.program, root, folder / "data", workshop.environment)
    terraform.init()
    return terraform


@pytest.fixture
def first(workshop: Workshop, tmp_path: Path) -> Iterator[Terraform]:
    """Return a deployment that has the name."""
    terraform = make_root(workshop, tmp_path / "first")
    try:
        terraform.run("apply", "-auto-approve", "-input=false", "-no-color")
        yield terraform
    finally:
        terraform.run("destroy", "-auto-approve", "-input=false", "-no-color")


def test_a_second_deployment_of_a_name_fails_and_leaves_the_first_whole(
    first: Terraform, workshop: Workshop, tmp_path: Path
) -> None:
    second = make_root(workshop, tmp_path / "second")
    with pytest.raises(ToolError, match="taken-clients"):
        second.run("apply", "-auto-approve", "-input=false", "-no-color")
    state = json.loads((second.root / "terraform.tfstate").read_text())
    assert not {each["type"] for each in state["resources"] if each["instances"]} & TAKES_WHAT_EXISTS
    second.run("destroy", "-auto-approve", "-input=false", "-no-color")
    first.run("plan", "-input=false", "-no-color", "-detailed-exitcode")
