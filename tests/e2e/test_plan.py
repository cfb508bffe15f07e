"""What a plan shows after an apply: nothing, unless something was changed."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, Workshop
from tools.terraform import Terraform

LAMBDA = "module.push.module.lambda"


@pytest.fixture
def moved(workshop: Workshop, stack: Stack, tmp_path: Path) -> Terraform:
    """Copy the applied checkout to another folder, without what apply built there."""
    checkout = tmp_path / "elsewhere"
    shutil.copytree(workshop.checkout, checkout, ignore=shutil.ignore_patterns(".terraform*", "*.zip"))
    assert list(checkout.rglob("*.zip")) == []
    terraform = Terraform(
        workshop.program, checkout / "examples" / "minimal", tmp_path / "data", workshop.environment, stack.state
    )
    terraform.init()
    return terraform


def test_second_plan_is_clean(workshop: Workshop, stack: Stack, tmp_path: Path) -> None:
    root = workshop.checkout / "examples" / "minimal"
    assert list(root.rglob("*.zip"))
    terraform = Terraform(workshop.program, root, tmp_path, workshop.environment, stack.state)
    terraform.init()
    assert terraform.planned_changes() == {}


def test_plan_in_another_folder_without_the_zips_is_clean(moved: Terraform) -> None:
    assert moved.planned_changes() == {}


def test_plan_needs_no_python(moved: Terraform, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert shutil.which("python3", path=str(empty)) is None
    without_programs = Terraform(
        moved.program, moved.root, moved.data, {**moved.environment, "PATH": str(empty)}, moved.state
    )
    assert without_programs.planned_changes() == {}


@pytest.mark.parametrize(
    ("source", "functions"),
    [
        ("handlers/poll.py", {"poll"}),
        ("handlers/push.py", {"push"}),
        ("services/clients.py", {"connect", "disconnect", "poll", "push"}),
    ],
)
def test_editing_a_source_changes_only_the_functions_that_hold_it(
    moved: Terraform, source: str, functions: set[str]
) -> None:
    path = moved.root.parent.parent / "lambda" / "websocket_push" / source
    path.write_text(path.read_text() + "\n# edited\n")
    changes = moved.planned_changes()
    packages = {f'{LAMBDA}.terraform_data.package["{each}"]' for each in functions}
    assert {name for name, actions in changes.items() if actions != ["update"]} == packages
    assert set(changes) - packages == {f'{LAMBDA}.aws_lambda_function.this["{each}"]' for each in functions}
