"""Validates the Terraform configuration: `python -m tools.checks`.

It works on a copy of the sources, so that nothing is left in the checkout and no lock file of it matters.
"""

import sys
import tempfile
from pathlib import Path

from tools.errors import ToolError
from tools.paths import BUILD
from tools.processes import end_on_signals
from tools.terraform import Program, Terraform, copy_sources, find_program, terraform_environment

# The provider is not called, but it wants a region.
_NO_ACCOUNT = {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def main() -> int:
    """Validate everything."""
    end_on_signals()
    BUILD.mkdir(exist_ok=True)
    try:
        program = find_program()
        with tempfile.TemporaryDirectory(prefix="check-", dir=BUILD) as folder:
            validate(program, Path(folder))
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


if __name__ == "__main__":
    sys.exit(main())
