"""What a plan shows after an apply: nothing, unless something was changed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, Workshop
from tools.terraform import Terraform

LAMBDA = "module.push.module.lambda"


class Applied:
    """The applied checkout with its state, to be copied."""

    def __init__(self, workshop: Workshop, state: Path) -> None:
        self._workshop = workshop
        self._state = state

    def copy(self, folder: Path, *, left_out: tuple[str, ...]) -> Terraform:
        checkout = folder / "elsewhere"
        shutil.copytree(self._workshop.checkout, checkout, ignore=shutil.ignore_patterns(*left_out))
        root = checkout / "examples" / "minimal"
        shutil.copy(self._state, root / "terraform.tfstate")
        terraform = Terraform(self._workshop.program, root, folder / "data", self._workshop.environment)
        terraform.init()
        return terraform


@pytest.fixture
def applied(workshop: Workshop, stack: Stack, minimal: Any) -> Applied:
    """Return examples/minimal as it was applied; depends on `stack` for that."""
    return Applied(workshop, Path(minimal.work_dir).parent / "terraform.tfstate")


@pytest.fixture
def moved(applied: Applied, tmp_path: Path) -> Terraform:
    """Copy the applied checkout to another folder, without what apply built there."""
    terraform = applied.copy(tmp_path, left_out=("*.zip",))
    assert list(terraform.root.rglob("*.zip")) == []
    return terraform


def test_second_plan_is_clean(applied: Applied, tmp_path: Path) -> None:
    terraform = applied.copy(tmp_path, left_out=())
    assert list(terraform.root.rglob("*.zip"))
    assert terraform.planned_changes() == {}


def test_plan_in_another_folder_needs_neither_the_zips_nor_python(moved: Terraform, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**moved.environment, "PATH": str(empty)}
    assert Terraform(moved.program, moved.root, moved.data, environment).planned_changes() == {}


def test_editing_a_handler_changes_only_its_function(moved: Terraform) -> None:
    path = moved.root.parent.parent / "lambda" / "websocket_push" / "handlers" / "poll.py"
    path.write_text(path.read_text() + "\n# edited\n")
    changes = moved.planned_changes()
    assert changes.pop(f'{LAMBDA}.aws_lambda_function.this["poll"]') == ["update"]
    # The package, and the tag that notes which packages the functions have.
    assert set(changes) == {f'{LAMBDA}.terraform_data.package["poll"]', f"{LAMBDA}.aws_dynamodb_tag.deployed[0]"}


@pytest.mark.parametrize(
    "replaced",
    [
        pytest.param("module.push.module.dynamodb.aws_dynamodb_table.clients", id="table"),
        pytest.param(f'{LAMBDA}.aws_lambda_function.this["push"]', id="function"),
    ],
)
def test_what_cannot_exist_twice_is_destroyed_before_it_is_created_again(moved: Terraform, replaced: str) -> None:
    # The deployment is created before its predecessor is destroyed, and Terraform would treat all that it depends on
    # alike; a second table or function of the same name is refused.
    assert moved.planned_changes(f"-replace={replaced}")[replaced] == ["delete", "create"]
