"""The packages of a release in a folder: nothing is built, and what is not of the release is refused by the plan."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.plans.roots import calls, make_root, plan
from tools import release
from tools.errors import ToolError
from tools.package_sources import VARIANTS

PLAIN = [package for package in release.planned_packages() if package.runtime is None]
ALL = {
    "allow_anonymous": True,
    "control": {},
    "topics": {},
    "inbox": {},
    "events": {"event_bus_arn": "arn:aws:events:us-east-1:123456789012:event-bus/push"},
}
"""Inputs with which every such package is deployed."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build every package that needs no library."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    release.build_packages(folder, PLAIN)
    return folder


def call(folder: Path) -> Mapping[str, object]:
    return {**ALL, "packages_folder": str(folder)}


def test_nothing_is_built_and_nothing_differs(tmp_path: Path, released: Path) -> None:
    sensitive = {**ALL, "packages_folder": f'${{sensitive("{released}")}}'}
    modules = {"built": ALL, "released": call(released), "sensitive": sensitive}
    terraform = make_root(tmp_path, calls(modules))
    changes = plan(terraform)
    assert not [address for address in changes if address.startswith("module.released.module.lambda.terraform_data")]
    for function in sorted({VARIANTS.get(package.key, package.key) for package in PLAIN}):
        built, taken = (
            changes[f'module.{name}.module.lambda.aws_lambda_function.this["{function}"]']["change"]["after"]
            for name in ("built", "released")
        )
        assert taken["filename"] == f"{released}/{'push_extended' if function == 'push' else function}.zip"
        assert taken["source_code_hash"] == built["source_code_hash"]


def refused(folder: Path, modules: Mapping[str, Mapping[str, object]]) -> str:
    with pytest.raises(ToolError) as refusal:
        plan(make_root(folder, calls(modules)))
    return " ".join(str(refusal.value).replace("│", " ").split())


def test_what_is_not_of_the_release_is_refused(tmp_path: Path, released: Path) -> None:
    """One zip is missing, one was changed, and one is of another version."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for file in released.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "connect.zip").unlink()
    (folder / "poll.zip").write_bytes(b"changed")
    described = json.loads((folder / "packages.json").read_text())
    for package in described:
        if package["file"] == "push_extended.zip":
            package["sources_hash"] = "of another version"
    (folder / "packages.json").write_text(json.dumps(described))

    said = refused(tmp_path / "plan", {"released": call(folder)})
    assert "has no connect.zip" in said
    assert "poll.zip is not the file of the release" in said
    assert "holds the packages of another version" in said


def test_what_is_no_release_is_refused(tmp_path: Path, released: Path) -> None:
    folders = [tmp_path / "nothing", released / "poll.zip"]
    for number, described in enumerate(("{", "{}", "[1]", '[{"file": "poll.zip"}]')):
        folders.append(tmp_path / f"described{number}")
        shutil.copytree(released, folders[-1])
        (folders[-1] / "packages.json").write_text(described)
    modules = {
        f"call{number}": {"allow_anonymous": True, "packages_folder": str(folder)}
        for number, folder in enumerate(folders)
    }
    said = refused(tmp_path / "plan", modules)
    for folder in folders:
        assert f"packages_folder: {folder} has no connect.zip, or no packages.json that lists it" in said
    assert "Unsupported attribute" not in said
    assert "Error in function call" not in said
