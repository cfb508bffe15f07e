"""The commands of the benchmarks, as `make` starts them."""

import os
import subprocess
import sys

from tools.paths import CHECKOUT


def test_they_start_without_the_functions_on_the_path() -> None:
    """Only the contenders, which have a process of their own each, import the functions."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "benchmarks", "check"]
    checked = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
