"""Where the browser of the tests comes from, on machines made of small programs."""

import shutil
from pathlib import Path

import pytest

from tools import browser
from tools.errors import ToolError

RUNS = "#!/bin/sh\necho Chromium 150.0\n"
ASKS_FOR_A_SNAP = "#!/bin/sh\necho 'requires the chromium snap' >&2\nexit 1\n"


def put(folder: Path, name: str, script: str) -> str:
    """Write a program, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH, on a machine where no browser can be had."""
    folder = tmp_path / "bin"
    put(folder, "sh", f'#!{shutil.which("sh")}\nexec {shutil.which("sh")} "$@"\n')
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "_FOLDER", tmp_path / "browser")
    monkeypatch.setattr(browser, "_from_playwright", refuse)
    return folder


def refuse() -> str:
    raise ToolError("no network")


def test_one_on_the_path_is_taken(path: Path) -> None:
    chromium = put(path, "google-chrome", RUNS)
    browser.make_available()
    assert browser.find() == chromium


def test_one_that_does_not_start_is_passed_over(path: Path) -> None:
    put(path, "chromium-browser", ASKS_FOR_A_SNAP)
    chrome = put(path, "google-chrome", RUNS)
    browser.make_available()
    assert browser.find() == chrome


def test_the_one_that_is_named_is_taken(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "chromium", RUNS)
    named = put(tmp_path / "my browsers", "chrome", RUNS)
    monkeypatch.setenv("CHROMIUM", named)
    browser.make_available()
    assert browser.find() == named


@pytest.mark.parametrize("script", [None, ASKS_FOR_A_SNAP])
def test_one_that_is_named_and_does_not_start_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    put(path, "chromium", RUNS)
    named = put(tmp_path, "chrome", script) if script else "/no/such/chrome"
    monkeypatch.setenv("CHROMIUM", named)
    with pytest.raises(ToolError, match=f"CHROMIUM={named} is not a program that runs. Install"):
        browser.make_available()


def test_the_download_is_used_and_remembered(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloaded = put(tmp_path / "cache", "chrome", RUNS)
    monkeypatch.setattr(browser, "_from_playwright", lambda: downloaded)
    browser.make_available()
    monkeypatch.setattr(browser, "_from_playwright", refuse)
    browser.make_available()
    assert browser.find() == downloaded


def test_a_download_that_does_not_start_is_followed_by_debians_package(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded = put(tmp_path / "cache", "chrome", ASKS_FOR_A_SNAP)
    monkeypatch.setattr(browser, "_from_playwright", lambda: downloaded)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    put(path, "apt-get", f"#!/bin/sh\ncase \"$*\" in *install*chromium) echo '{RUNS}' > {path}/chromium;;\nesac\n")
    put(path, "chromium", RUNS)  # Only so that it can be executed; empty until the package is there.
    (path / "chromium").write_text("#!/bin/sh\nexit 1\n")
    browser.make_available()
    assert browser.find() == str(path / "chromium")


def test_npm_carries_the_last_one(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    unpacked = put(tmp_path / "unpacked", "chromium", RUNS)
    monkeypatch.setattr(browser, "_node", lambda: (put(tmp_path, "node", f"#!/bin/sh\necho {unpacked}\n"), "npm"))
    browser.make_available()
    assert browser.find() == unpacked


def test_where_there_is_none_the_message_says_what_was_tried_and_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    put(path, "apt-get", "#!/bin/sh\nexit 0\n")
    node = put(path, "node", "#!/bin/sh\necho 'npm error network timeout' >&2\necho '  at 7' >&2\nexit 1\n")
    monkeypatch.setattr(browser, "_node", lambda: (node, "npm"))
    with pytest.raises(ToolError) as problem:
        browser.make_available()
    said = str(problem.value)
    for part in ("download: no network", "package: only root may install it", "from npm: npm error network timeout"):
        assert part in said
    assert "apt-get install chromium" in said
    assert "make test CHROMIUM=" in said
    assert browser.find() is None
    assert "Trying Playwright" in capsys.readouterr().err
