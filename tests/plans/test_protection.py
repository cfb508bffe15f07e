"""While the tables are protected, a destroy fails before anything is destroyed."""

import re
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment


def test_a_destroy_is_refused_until_the_protection_is_off(tmp_path: Path) -> None:
    program = find_program()
    root = copy_sources(tmp_path / "checkout") / "modules" / "protection"
    terraform = Terraform(program, root, tmp_path / "data", terraform_environment(tmp_path, program))
    terraform.init()
    terraform.apply("-var=enabled=true")
    with pytest.raises(ToolError, match="deletion_protection is on"):
        terraform.destroy("-var=enabled=true")
    # What is written in the configuration alone is not applied yet.
    with pytest.raises(ToolError, match="deletion_protection is on"):
        terraform.destroy("-var=enabled=false")
    terraform.apply("-var=enabled=false")
    terraform.destroy("-var=enabled=false")


def test_a_count_of_0_is_a_destroy_and_a_block_that_is_gone_refuses_nothing(tmp_path: Path) -> None:
    """Terraform runs no provisioner of a block that is not in the configuration, which docs/operations.md says."""
    program = find_program()
    root = copy_sources(tmp_path / "checkout") / "root"
    root.mkdir()
    call = 'module "push" {{\n  source = "../modules/protection"\n  count = {}\n  enabled = true\n}}\n'
    terraform = Terraform(program, root, tmp_path / "data", terraform_environment(tmp_path, program))
    (root / "main.tf").write_text(call.format(1))
    terraform.init()
    terraform.apply()
    (root / "main.tf").write_text(call.format(0))
    with pytest.raises(ToolError, match="deletion_protection is on"):
        terraform.apply()
    (root / "main.tf").write_text("")
    assert terraform.planned_changes() == {"module.push[0].terraform_data.this": ["delete"]}
    terraform.apply()


def test_topics_are_taken_away_once_the_protection_is_off(tmp_path: Path) -> None:
    """Their table is protected, too, and what else there is for topics does not go before it."""
    program = find_program()
    root = copy_sources(tmp_path / "checkout") / "modules" / "protection"
    terraform = Terraform(program, root, tmp_path / "data", terraform_environment(tmp_path, program))
    terraform.init()
    terraform.apply("-var=enabled=true", "-var=topics=true")
    for enabled in ("true", "false"):
        with pytest.raises(ToolError, match="deletion_protection is on and protects the table of subscriptions"):
            terraform.apply(f"-var=enabled={enabled}", "-var=topics=false")
        terraform.apply("-var=enabled=true", "-var=topics=true")
    terraform.apply("-var=enabled=false", "-var=topics=true")
    terraform.apply("-var=enabled=false", "-var=topics=false")
    terraform.apply("-var=enabled=true", "-var=topics=true")


def test_it_is_destroyed_before_every_other_module() -> None:
    text = (CHECKOUT / "main.tf").read_text(encoding="utf-8")
    modules = {*re.findall(r'^module "(\w+)"', text, re.MULTILINE)} - {"protection"}
    depended = re.search(r'module "protection" \{.*?depends_on = \[(.*?)\]', text, re.DOTALL)
    assert depended is not None
    assert {*re.findall(r"module\.(\w+)", depended[1])} == modules
