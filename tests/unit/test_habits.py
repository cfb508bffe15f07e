"""The files that projects of this kind have are there, and say what is so."""

import configparser
import re
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def parsed(name: str) -> Any:
    return yaml.safe_load(read(name))


def test_the_changelog_is_kept() -> None:
    """As keepachangelog.com/en/1.1.0 has it: newest first, dated, changes under six headings."""
    titles = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert titles[0] == "Unreleased" or re.fullmatch(r"\d.*", titles[0])
    released = [title for title in titles if title != "Unreleased"]
    versions = []
    for title in released:
        found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d{2}-\d{2})", title)
        assert found, title
        versions.append((tuple(map(int, found.groups()[:3])), date.fromisoformat(found[4])))
    assert versions == sorted(versions, reverse=True)
    assert set(re.findall(r"^### (.*)$", read("CHANGELOG.md"), re.MULTILINE)) <= {
        *("Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"),
    }


def test_the_licence_is_apache_2() -> None:
    licence = " ".join(read("LICENSE").split())
    assert licence.startswith("Apache License Version 2.0, January 2004")
    for part in ("Grant of Patent License", "Disclaimer of Warranty", "END OF TERMS AND CONDITIONS"):
        assert part in licence
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "Apache License 2.0" in read(page)


def test_the_editor_is_told_what_the_formatters_do() -> None:
    settings = configparser.ConfigParser()
    settings.read_string("[top]\n" + read(".editorconfig"))
    assert (
        settings["*"]["max_line_length"]
        == re.findall(r"^line-length = (\d+)$", read("pyproject.toml"), re.MULTILINE)[0]
    )
    assert settings["*"]["end_of_line"] == "lf"
    assert settings["Makefile"]["indent_style"] == "tab"


def test_hooks_call_what_there_is() -> None:
    configuration = parsed(".pre-commit-config.yaml")
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"], "hooks elsewhere need a pin"
    for hook in configuration["repos"][0]["hooks"]:
        program, *arguments = shlex.split(hook["entry"])
        assert hook["language"] == "system"
        assert program in ("make", "terraform", ".venv/bin/python"), hook["id"]
        if program == "make":
            assert arguments[-1] in TARGETS
        for name in (each for each in arguments if "/" in each):
            assert (ROOT / name).exists(), name
        if "files" in hook:
            files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("*")] + ["lambda/x.py", "docs/x.md"]
            assert any(re.search(hook["files"], name) for name in files), hook["id"]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_form_is_one(name: str) -> None:
    """docs.github.com, "Syntax for issue forms": what GitHub requires, without which it shows no form."""
    form = parsed(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    assert len({field["id"] for field in fields}) == len(fields)
    for field in form["body"]:
        assert field["type"] in ("markdown", "input", "textarea", "dropdown", "checkboxes")
        assert field["attributes"]["value" if field["type"] == "markdown" else "label"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"])
def test_links_lead_somewhere_and_targets_exist(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)", read(page)):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
    for command in re.findall(r"(?:^|`)make ([a-z0-9-]+)", read(page), re.MULTILINE):
        assert command in TARGETS, command
    for name in re.findall(r"`((?:tests|tools|docs|requirements|lambda)/[\w./-]*)`", read(page)):
        assert (ROOT / name).exists(), name
