"""The files that projects of this kind have are there, and say what is so."""

import ast
import configparser
import re
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
WRITTEN = (
    ".py",
    ".md",
    ".tf",
    ".hcl",
    ".js",
    ".mjs",
    ".ts",
    ".tsx",
    ".html",
    ".json",
    ".yml",
    ".yaml",
    ".in",
    ".toml",
    "Makefile",
)
NOT_OURS = {"fixtures", "node_modules", "package-lock.json", "style.md", "test_habits.py"}
"""Recorded and generated files, and the two files that list what not to write."""

ODD = re.compile(
    r"\b(?:whoever|nobody|somebody|anybody|anew|of (?:yours|ours|theirs)|put up with|comes? again|for good"
    r"|to no avail|in vain|(?:is|are|was|were|be|been|being) told(?! apart)|hear[sd]? of"
    r"|what is left of|hand(?:s|ed|ing)? over|(?:became|becomes?|came|comes?) of|is none of|by case only"
    r"|(?:is|are|was) no (?:folder|login|number|segment|version|success))\b",
    re.IGNORECASE,
)
GIVES = re.compile(r'"""Gives? |/\*\* ?Gives? ')
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


def written() -> list[Path]:
    """Return the files of the checkout that are written by hand."""
    found = []
    for place in ROOT.iterdir():
        if place.name.startswith(".") and place.name != ".github":
            continue
        for path in [place] if place.is_file() else place.rglob("*"):
            parts = path.relative_to(ROOT).parts
            hidden = any(part.startswith(".") for part in parts[1:])
            if path.is_file() and path.name.endswith(WRITTEN) and not hidden and not NOT_OURS & set(parts):
                found.append(path)
    return found


def odd(text: str) -> list[str]:
    """Return the places that break docs/style.md; a phrase may continue on the next line."""
    joined = re.sub(r"\n\s*(?:#|//|\*)?[ \t]*(?=\S)", " ", text)
    return [
        joined[max(0, each.start() - 40) : each.end() + 20] for rule in (ODD, GIVES) for each in rule.finditer(joined)
    ]


SECTION = re.compile(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", re.MULTILINE | re.DOTALL)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def typed_entries(source: str) -> list[str]:
    """Return the parameters and attributes whose types a docstring repeats: the signature has them."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED))
    sections = [section for node in nodes for section in SECTION.findall(ast.get_docstring(node) or "")]
    return [entry for section in sections for entry in re.findall(r"^[*\w, ]+ : .+$", section, re.MULTILINE)]


def test_types_are_in_the_signature_alone() -> None:
    found = {str(path): typed_entries(path.read_text("utf-8")) for path in written() if path.suffix == ".py"}
    assert {name: entries for name, entries in found.items() if entries} == {}


def test_types_in_docstrings_are_found() -> None:
    source = (
        'def f(a, *b):\n    """Do.\n\n    Parameters\n    ----------\n    a{}\n        One.\n    *b\n        More.\n\n'
    )
    source += '    Returns\n    -------\n    x : int\n        It.\n    """\n'
    assert typed_entries(source.format("")) == []
    assert typed_entries(source.format(" : int")) == ["a : int"]


def test_prose_is_plain() -> None:
    """The words of docs/style.md, in documents, comments, docstrings, descriptions and messages."""
    files = written()
    assert {path.suffix for path in files} >= {".py", ".md", ".tf", ".hcl", ".js"}
    found = {str(path.relative_to(ROOT)): odd(path.read_text(encoding="utf-8")) for path in files}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("text", "is_odd"),
    [
        ("# Nobody said who this is.", True),
        ("# The message comes\n# again.", True),
        ("A Lambda function of\nyours.", True),
        ('"""Give the rows."""', True),
        ("/** Gives the rows. */", True),
        ("# The log says what became of it.", True),
        ("This tag is no version.", True),
        ("Two ids that cannot be told apart.", False),
        ('"""Return the rows."""', False),
    ],
)
def test_odd_prose_is_found(text: str, is_odd: bool) -> None:
    assert bool(odd(text)) is is_odd
