"""Makes the virtual environments from the locked requirements: `python3 -m tools.environments dev emulator`.

Runs on any Python 3, with the standard library alone: it is what says that another Python is needed.
"""

import argparse
import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tools.paths import CHECKOUT, MINIMUM_PYTHON, executable

FOLDERS = {
    "bench": CHECKOUT / ".venv-bench",
    "checkov": CHECKOUT / ".venv-checkov",
    "dev": CHECKOUT / ".venv",
    "emulator": CHECKOUT / ".venv-emulator",
    "terraform-1.9": CHECKOUT / ".venv-terraform-1.9",
    "terraform-1.10": CHECKOUT / ".venv-terraform-1.10",
    "terraform-1.15": CHECKOUT / ".venv-terraform-1.15",
    "mutation": CHECKOUT / ".venv-mutation",
}
_STAMP = "requirements.sha256"


def main() -> int:
    """Make the environments that are named, where they are missing or their requirements have changed."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.environments")
    parser.add_argument("environments", nargs="+", choices=sorted(FOLDERS))
    names = parser.parse_args().environments
    problem = missing()
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    # Both unwind subprocess.run, which then ends pip; SIGINT also where it was inherited as ignored, as under nohup.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in names:
        if not is_current(name):
            make(name)
    return 0


def missing() -> str:
    """Return what this Python lacks, and what to do about it; nothing if it will do."""
    if sys.version_info < MINIMUM_PYTHON:
        wanted, found = ".".join(map(str, MINIMUM_PYTHON)), ".".join(map(str, sys.version_info[:3]))
        return f"Python {wanted} or newer is needed; {sys.executable} is {found}. Name another: make PYTHON=..."
    try:
        import ensurepip  # noqa: F401 - Debian leaves it out of python3
        import venv  # noqa: F401
    except ImportError:
        return f"{sys.executable} cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    return ""


def is_current(name: str) -> bool:
    """Return whether an environment exists, made from the current requirements by this version of Python."""
    stamp = FOLDERS[name] / _STAMP
    python = executable(FOLDERS[name], "python")
    return python.exists() and stamp.is_file() and stamp.read_text() == _stamp(name)


def make(name: str) -> None:
    """Make an environment from scratch.

    The stamp is written last, so that an interrupted environment is made again.
    """
    folder = FOLDERS[name]
    sys.stdout.write(f"Making {folder.name} from {_requirements(name).relative_to(CHECKOUT)} (about a minute, once)\n")
    sys.stdout.flush()
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    _run([str(executable(folder, "python")), *install, "--requirement", str(_requirements(name))])
    (folder / _STAMP).write_text(_stamp(name))


def _requirements(name: str) -> Path:
    return CHECKOUT / "requirements" / f"{name}.txt"


def _stamp(name: str) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    return f"python {version} {hashlib.sha256(_requirements(name).read_bytes()).hexdigest()}\n"


def _run(command: "list[str]") -> None:
    # What pip and venv say matters only if they fail.
    outcome = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if outcome.returncode != 0:
        sys.stderr.write(outcome.stdout.decode(errors="replace"))
        sys.stderr.write(f"This failed: {' '.join(command)}\n")
        sys.exit(outcome.returncode)


if __name__ == "__main__":
    sys.exit(main())
