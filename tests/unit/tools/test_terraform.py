import sys
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.terraform import MINIMUM_FOR_TESTS, TESTS, Program, Terraform, find_program, main


def fake(folder: Path, version: str) -> Path:
    """Write a program that says that it is Terraform of this version."""
    path = folder / "terraform"
    path.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}", "platform": "linux_amd64"}}\'\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["1.9.0", "1.11.4", "2.0.0"])
def test_program_is_found_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("TERRAFORM", str(fake(tmp_path, version)))
    assert find_program().version == tuple(map(int, version.split(".")))


def test_missing_program_is_named_with_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM", "no-such-terraform")
    with pytest.raises(ToolError, match=r"no-such-terraform is not on the PATH(.|\n)*developer.hashicorp.com"):
        find_program()


def test_old_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM", str(fake(tmp_path, "1.8.5")))
    with pytest.raises(ToolError, match=r"Terraform 1\.8\.5; 1\.9 or newer"):
        find_program()


def test_program_too_old_for_the_tests_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRAFORM", str(fake(tmp_path, "1.10.0")))
    with pytest.raises(ToolError, match=r"1\.11 or newer.*override_during"):
        find_program(MINIMUM_FOR_TESTS)


@pytest.mark.parametrize(
    "script",
    [
        "echo Usage: something else",
        "echo '{}'",
        """echo '{"terraform_version": 1.11, "platform": "linux_amd64"}'""",
        """echo '{"terraform_version": "unknown", "platform": "linux_amd64"}'""",
        """echo '{"terraform_version": "1.11.4", "plat'""",
        r"printf '\\377\\376{\\377'",
        "echo broken >&2; exit 3",
    ],
)
def test_what_does_not_answer_as_terraform_is_refused_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    path = tmp_path / "terraform"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("TERRAFORM", str(path))
    with pytest.raises(ToolError, match=r"did not answer version -json(.|\n)*developer.hashicorp.com"):
        find_program()


def test_what_is_no_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "terraform"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    monkeypatch.setenv("TERRAFORM", str(path))
    with pytest.raises(ToolError, match="did not answer version -json"):
        find_program()


@pytest.mark.parametrize(
    ("arguments", "version", "status"),
    [([], "1.9.0", 0), ([], "1.8.5", 1), (["tests"], "1.10.5", 1), (["tests"], "1.11.0", 0)],
)
def test_the_check_before_all_others_says_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    version: str,
    status: int,
) -> None:
    monkeypatch.setenv("TERRAFORM", str(fake(tmp_path, version)))
    assert main(arguments) == status
    assert ("or newer is needed" in capsys.readouterr().err) is bool(status)


def test_failure_shows_the_error_alone(tmp_path: Path) -> None:
    script = "print('Refreshing'); print(); print('Error: broken'); print('  on main.tf'); raise SystemExit(1)"
    terraform = Terraform(Program(sys.executable, (1, 11), "linux_amd64"), tmp_path, tmp_path, {})
    with pytest.raises(ToolError) as failed:
        terraform.run("-c", script)
    assert "Error: broken\n  on main.tf" in str(failed.value)
    assert "Refreshing" not in str(failed.value)


def test_no_test_file_lies_where_init_and_validate_read_it() -> None:
    """Terraform 1.9 and 1.10 and OpenTofu do not know `override_during`, and fail over the whole configuration."""
    assert [*CHECKOUT.glob("*.tftest.*"), *CHECKOUT.glob("tests/*.tftest.*")] == []
    assert [*(CHECKOUT / TESTS.removeprefix("-test-directory=")).glob("*.tftest.hcl")]
