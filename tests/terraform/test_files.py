"""Terraform's own tests, each file by itself, so that they share the machine with the other tests.

They are in a folder of their own because `init` and `validate` read the default one, with every version of Terraform.
"""

import re
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.terraform import MINIMUM_FOR_TESTS, TESTS, Terraform, copy_sources, find_program, terraform_environment

HERE = Path(__file__).parent
FILES = sorted(file.name for file in HERE.glob("*.tftest.hcl"))


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    folder = tmp_path_factory.mktemp("terraform")
    program = find_program(MINIMUM_FOR_TESTS)
    # The provider is not called, but it wants a Region.
    environment = terraform_environment(folder, program) | {
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    terraform = Terraform(program, copy_sources(folder / "checkout"), folder / "data", environment)
    terraform.init(TESTS)
    return terraform


@pytest.mark.parametrize("name", FILES)
def test_every_run_passes(module: Terraform, name: str) -> None:
    try:
        printed = module.run("test", "-no-color", TESTS, f"-filter=tests/terraform/{name}")
    except ToolError as failure:
        pytest.fail(str(failure), pytrace=False)
    runs = len(re.findall(r"^run ", (HERE / name).read_text(encoding="utf-8"), re.MULTILINE))
    assert f"Success! {runs} passed, 0 failed." in printed
