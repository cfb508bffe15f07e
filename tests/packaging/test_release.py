"""What is attached to a release, and whether it is ready."""

import base64
import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import CHECKOUT
from tools import release
from tools.errors import ToolError
from tools.package_sources import FUNCTIONS, VARIANTS, package_sources

PLAIN = [package for package in release.planned_packages() if package.runtime is None]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every package that needs no library."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    folder.mkdir()
    (folder / "left-over.zip").touch()
    (folder / "notes.txt").touch()
    release.build_packages(folder, PLAIN)
    return folder


def test_every_function_is_released_for_wherever_it_can_run() -> None:
    planned = list(release.planned_packages())
    assert {package.key for package in planned} == {*FUNCTIONS, *VARIANTS}
    assert len({package.name for package in planned}) == len(planned)
    assert [package.name for package in planned if package.runtime] == [
        f"verify_jwt-python3.{minor}-{architecture}.zip"
        for minor in range(11, 15)
        for architecture in ("arm64", "x86_64")
    ]


def test_the_runtimes_and_architectures_are_those_that_the_module_takes() -> None:
    variables = (CHECKOUT / "variables.tf").read_text(encoding="utf-8")
    for setting, values in (("runtime", release.RUNTIMES), ("architecture", release.ARCHITECTURES)):
        (accepted,) = re.findall(rf"contains\(\[([^\]]*)\], settings\.{setting}\)", variables)
        assert tuple(re.findall(r'"([^"]+)"', accepted)) == values


def test_the_folder_holds_the_zips_and_what_to_check_them_by(output: Path) -> None:
    names = {package.name for package in PLAIN}
    assert {path.name for path in output.iterdir()} == names | {"SHA256SUMS", "packages.json", "notes.txt"}
    for key in ("connect", "push", "push_extended"):
        with zipfile.ZipFile(output / f"{key}.zip") as archive:
            assert sorted(archive.namelist()) == package_sources(key)
    # Two spaces, as `sha256sum --check` wants them.
    sums = dict(line.split("  ") for line in (output / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    assert {name: hashlib.sha256((output / name).read_bytes()).hexdigest() for name in names} == {
        name: digest for digest, name in sums.items()
    }


def test_the_description_gives_the_hashes_that_terraform_compares(output: Path) -> None:
    for described in json.loads((output / "packages.json").read_text(encoding="utf-8")):
        digest = hashlib.sha256((output / described["file"]).read_bytes())
        assert described["sha256"] == digest.hexdigest()
        assert base64.b64decode(described["source_code_hash"]) == digest.digest()
        assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", described["sources_hash"])
        assert described["sources_hash"] != described["source_code_hash"]


def test_the_same_sources_give_the_same_release(output: Path, tmp_path: Path) -> None:
    release.build_packages(tmp_path / "again", PLAIN)
    assert (tmp_path / "again" / "SHA256SUMS").read_text() == (output / "SHA256SUMS").read_text()


def test_a_package_that_cannot_be_built_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ToolError, match=r"Cannot build push\.zip: cannot read .*packages\.json"):
        release.build_packages(tmp_path / "dist", [release.Package("push.zip", "push")], sources=tmp_path)
    assert capsys.readouterr().out == "building push.zip\n"


# --- Notes

CHANGELOG = """# Changelog

## Unreleased

## 1.2.0 - 2026-01-31

### Added

- Something.

## [1.1.0] - 2026-01-01

- Less.

[1.1.0]: https://example.org

## 1.0.1 - 2025-12-01

## 1.0.0

- No date.
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def notes(checkout: Path, tag: str, version: str | None = None) -> str:
    (checkout / "pyproject.toml").write_text(f'[project]\nversion = "{version or tag[1:]}"\n')
    return release.release_notes(tag, checkout)


def test_the_notes_are_the_section_of_the_version(checkout: Path) -> None:
    assert notes(checkout, "v1.2.0") == "### Added\n\n- Something.\n"
    assert notes(checkout, "v1.1.0") == "- Less.\n"


@pytest.mark.parametrize(
    ("tag", "version", "said"),
    [
        ("1.2.0", "1.2.0", "not a version"),
        ("v1.2", "1.2", "not a version"),
        ("v01.2.0", "01.2.0", "not a version"),
        ("v1.2.0+a", "1.2.0+a", "not a version"),
        ("v1.2.0", "1.1.0", "pyproject.toml has another version"),
        ("v1.0.1", None, "says nothing of 1.0.1"),
        ("v1.0.0", None, "no section"),
        ("v9.0.0", None, "no section"),
    ],
)
def test_what_is_not_ready_is_not_released(checkout: Path, tag: str, version: str | None, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        notes(checkout, tag, version)
