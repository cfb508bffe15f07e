"""Checks of the Terraform configuration: `python -m tools.checks validate`, `python -m tools.checks test`.

They work on a copy of the sources, so that nothing is left in the checkout and no lock file of it matters.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.errors import ToolError
from tools.paths import BUILD
from tools.processes import end_on_signals
from tools.terraform import (
    MINIMUM,
    MINIMUM_FOR_TESTS,
    Program,
    Terraform,
    copy_sources,
    find_program,
    terraform_environment,
)

# The provider is not called, but it wants a region.
_NO_ACCOUNT = {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one kind of check."""
    parser = argparse.ArgumentParser(prog="python -m tools.checks")
    parser.add_argument("check", choices=["programs", "test", "validate"])
    check = parser.parse_args(arguments).check
    end_on_signals()
    try:
        program = find_program(MINIMUM if check == "validate" else MINIMUM_FOR_TESTS)
        if check != "programs":
            BUILD.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="check-", dir=BUILD) as folder:
                (validate if check == "validate" else test)(program, Path(folder))
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def validate(program: Program, folder: Path) -> None:
    """Validate the module and every example, each as a user would: with its own init."""
    environment = terraform_environment(folder, program) | _NO_ACCOUNT
    checkout = copy_sources(folder / "checkout")
    examples = sorted({file.parent for file in checkout.glob("examples/*/*.tf")})
    for root in (checkout, *examples):
        name = "the module" if root == checkout else str(root.relative_to(checkout))
        sys.stdout.write(f"terraform validate: {name}\n")
        sys.stdout.flush()
        terraform = Terraform(program, root, folder / "data" / root.name, environment)
        terraform.init()
        terraform.validate()


def test(program: Program, folder: Path) -> None:
    """Run every tests/terraform/*.tftest.hcl."""
    environment = terraform_environment(folder, program) | _NO_ACCOUNT
    checkout = copy_sources(folder / "checkout")
    terraform = Terraform(program, checkout, folder / "data", environment)
    terraform.test(listen=lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
