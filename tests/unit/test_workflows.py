"""The workflows run what there is, pin what they use, and may do no more than they must."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONSUMER = sorted(ROOT.glob("examples/ci/**/*.yml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

BESIDE_TEST = {"versions", "interruptions", "acceptance"}
"""Targets for what is too slow for `make test`."""

every_workflow = pytest.mark.parametrize("path", [*WORKFLOWS, *CONSUMER], ids=lambda path: path.name)
our_workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read_text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from read(path)["jobs"].items()


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for _, job in jobs(path):
        yield from job.get("steps", [])


def commands(path: Path) -> Iterator[str]:
    yield from (step["run"] for step in steps(path) if "run" in step)


def test_there_are_workflows_for_lint_test_and_release() -> None:
    assert [path.stem for path in WORKFLOWS] == ["lint", "release", "test"]


@every_workflow
def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for reference in used:
        assert re.fullmatch(r"\./\.github/workflows/\w+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", reference), (
            reference
        )


def test_an_action_has_one_version_throughout() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in [*WORKFLOWS, *CONSUMER])
    used = set(re.findall(r"uses: *([\w-]+/[\w-]+)@(.*)$", text, re.MULTILINE))
    assert len(used) == len({action for action, _ in used})


@every_workflow
def test_a_workflow_may_read_and_only_the_release_may_write(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in jobs(path) if "permissions" in job}
    # A consumer's plan takes on a role by OpenID Connect.
    by_consumer = {"plan": {"contents": "read", "id-token": "write"}} if path in CONSUMER else {}
    # npm takes a release by OpenID Connect as well, and so stores no token.
    by_release = {"release": {"contents": "write"}, "npm": {"contents": "read", "id-token": "write"}}
    assert granted == (by_release if path.stem == "release" else by_consumer)


@every_workflow
def test_no_secret_is_used_and_no_token_is_left_in_the_checkout(path: Path) -> None:
    assert "secrets." not in path.read_text(encoding="utf-8")
    for step in steps(path):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@every_workflow
def test_nothing_is_put_into_a_command_but_by_its_environment(path: Path) -> None:
    """A title or a branch name within a command would be run."""
    assert not [command for command in commands(path) if "${{" in command]


@every_workflow
def test_every_job_has_an_end_and_a_machine_of_one_kind(path: Path) -> None:
    for name, job in jobs(path):
        if "uses" not in job:
            assert job["timeout-minutes"] <= 60, name
            assert job["runs-on"] == "ubuntu-24.04", name


@our_workflows
def test_every_target_and_program_exists(path: Path) -> None:
    for command in commands(path):
        for line in command.splitlines():
            words = line.split()
            if words[0] == "make" and words[1] != "$TARGETS":
                assert set(words[1:]) <= TARGETS, line
            if words[0].startswith(".ci/"):
                assert (ROOT / words[0]).stat().st_mode & 0o100, line
            if words[:2] == ["python3", "-m"]:
                assert (ROOT / f"{words[2].replace('.', '/')}.py").exists(), line


def matrix() -> list[Mapping[str, str]]:
    entries: list[Mapping[str, str]] = read(ROOT / ".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"][
        "include"
    ]
    return entries


def test_the_lowest_versions_are_those_that_are_promised() -> None:
    versions = (ROOT / "versions.tf").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lowest = matrix()[0]
    assert f'required_version = ">= {lowest["terraform"].removesuffix(".0")}"' in versions
    assert f'version = ">= {lowest["provider"].removesuffix(".0")}, ' in versions
    assert f'requires-python = ">={lowest["python"]}"' in project


def test_lowest_and_newest_run_on_both_programs() -> None:
    assert {(entry["provider"][0], entry.get("terraform"), entry.get("tofu")) for entry in matrix()} >= {
        ("5", "1.9.0", None),
        ("~", "latest", None),
        ("5", None, "1.9.0"),
        ("~", None, "latest"),
    }
    assert [entry["targets"].split() for entry in matrix()].count(sorted(BESIDE_TEST, reverse=True)) == 1
    for entry in matrix():
        targets = set(entry["targets"].split())
        assert targets <= TARGETS
        everything = {"test"} if entry.get("terraform") not in ("1.9.0", None) else {"lint", "unit", "e2e"}
        assert targets in (everything, BESIDE_TEST)


def test_what_make_test_leaves_out_has_a_target_that_is_run() -> None:
    """The workflow and the local run have every target that stands beside `make test`."""
    makefile, run = (read_text(name) for name in ("Makefile", ".ci/run"))
    left_out = re.findall(r"\S+", re.findall(r"^SLOW := (.*)$", makefile, re.MULTILINE)[0])
    for file in left_out:
        targets = re.findall(rf"^(\S+):.*\n\t@\$\(PYTEST\)[^\n]* {re.escape(file)}$", makefile, re.MULTILINE)
        assert set(targets) <= BESIDE_TEST
        assert targets
    assert set(re.findall(r"\S+", re.findall(r"^make (?!test)(.*)$", run, re.MULTILINE)[0])) == BESIDE_TEST
    assert run.endswith("\nmake test\n")
