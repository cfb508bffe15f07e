"""Where things are in the checkout."""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
BUILD = CHECKOUT / ".build"
"""What the tooling writes, ignored by git."""

EMULATOR_ENVIRONMENT = CHECKOUT / ".venv-emulator"
MINIMUM_PYTHON = (3, 11)


def executable(environment: Path, name: str) -> Path:
    """Return where a virtual environment keeps a program."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return environment / folder / name
