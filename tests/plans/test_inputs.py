"""What the inputs take, refuse and warn of, and with which message, by the cases in the folder inputs.

A case is a call of the module. An argument whose line has a comment with "refused:" or "warned:" must give an error or
a warning that begins so; every other argument must be accepted. All cases are planned at once, by the real provider,
and without the resources of the module: what an input refuses depends on the inputs alone, and with resources each case
would take seconds.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.plans.roots import PROVIDER
from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.terraform import Terraform, find_program, terraform_environment

CASES = Path(__file__).with_name("inputs")
INPUTS = ("checks.tf", "given.tf", "variables.tf", "versions.tf")
"""The module's files that say what its inputs are, and refer to nothing else of it."""

PROVIDERS: Mapping[str, Mapping[str, Any]] = {
    "cn_north_1": {"region": "cn-north-1"},
    "us_gov_west_1": {"region": "us-gov-west-1"},
    "ap_east_1": {"region": "ap-east-1"},
    "tagged_1": {"default_tags": {"tags": {"NAME": "a"}}},
    "tagged_2": {"default_tags": {"tags": {"Team": "a"}}},
    "tagged_3": {"default_tags": {"tags": {"a": "1", "b": "2"}}},
    "tagged_4": {"default_tags": {"tags": {"team": "a", "Name": "b"}}},
    "tagged_5": {"default_tags": {"tags": {"cost#center": "a"}}},
    "tagged_6": {"default_tags": {"tags": {"team": "a & b"}}},
    "tagged_7": {"default_tags": {"tags": {"team": "a" * 257}}},
    "tagged_8": {"default_tags": {"tags": {"AWS:team": "a"}}},
    "tagged_9": {"default_tags": {"tags": {"websocket-push:deployed": "a"}}},
    "eu_south_2": {"region": "eu-south-2"},
}
"""Providers beside the default one, by the aliases that cases name."""


class Line(NamedTuple):
    """A line of a case."""

    file: str
    number: int


class Outcome(NamedTuple):
    """What was said of which line, and what of which case when nothing was refused any more."""

    refusals: Mapping[Line, list[str]]
    warnings: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Plan all cases, without those that are refused until none is."""
    terraform = configured(tmp_path_factory.mktemp("inputs"))
    found: dict[Line, list[str]] = {}
    while new := refusals(terraform):
        found |= new
        for line in new:
            take_out(terraform.root / line.file, line.number)
    return Outcome(found, warnings(terraform))


def configured(folder: Path) -> Terraform:
    """Make a root module of the cases, beside the module's inputs alone."""
    root = folder / CASES.relative_to(CHECKOUT)
    shutil.copytree(CASES, root)
    here = {**PROVIDER, "region": "eu-central-1"}
    others = [{**here, **settings, "alias": alias} for alias, settings in PROVIDERS.items()]
    (root / "providers.tf.json").write_text(json.dumps({"provider": {"aws": [here, *others]}}))
    for name in INPUTS:
        shutil.copy2(CHECKOUT / name, folder / name)
    program = find_program()
    terraform = Terraform(program, root, folder / "data", terraform_environment(folder, program))
    terraform.init()
    return terraform


def refusals(terraform: Terraform) -> dict[Line, list[str]]:
    """Plan once. What shows without looking at other inputs or at the provider is said first, and alone."""
    printed: list[str] = []
    with suppress(ToolError):
        terraform.run("plan", "-json", "-input=false", f"-out={terraform.data / 'plan'}", listen=printed.append)
    found: dict[Line, list[str]] = {}
    for diagnostic in errors(printed):
        place = diagnostic["range"]
        found.setdefault(Line(place["filename"], place["start"]["line"]), []).append(diagnostic["detail"])
    return found


def errors(printed: list[str]) -> Iterator[Mapping[str, Any]]:
    for line in printed:
        message = json.loads(line)
        if message["type"] == "diagnostic" and message["@level"] == "error":
            yield message["diagnostic"]


def warnings(terraform: Terraform) -> dict[str, list[str]]:
    """Return what the checks of the last plan found, by case."""
    shown = json.loads(terraform.run("show", "-json", str(terraform.data / "plan")))
    found: dict[str, list[str]] = {}
    for check in shown["checks"]:
        for instance in check["instances"] if check["address"]["kind"] == "check" else []:
            for problem in instance.get("problems", []):
                found.setdefault(instance["address"]["module"].removeprefix("module."), []).append(problem["message"])
    return found


def take_out(file: Path, number: int) -> None:
    """Replace the case that has this line by as many empty lines, unless that was done for another of its lines."""
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines[number - 1]:
        return
    first = max(index for index in range(number) if lines[index].startswith("module "))
    last = lines.index("}", first)
    lines[first : last + 1] = [""] * (last + 1 - first)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def cases() -> Iterator[tuple[Line, str, str]]:
    """Yield each line of each case, with the name of the case."""
    for file in sorted(CASES.glob("*.tf")):
        name = ""
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if begun := re.match(r'module "(\w+)"', line):
                name = begun[1]
            yield Line(file.name, number), name, line


def marked(word: str) -> Iterator[tuple[Line, str, str]]:
    """Yield the lines that have such a comment, with the name of the case and how the message begins."""
    for place, name, line in cases():
        if comment := re.search(rf"# .*{word}: (.+)$", line):
            yield place, name, comment[1]


def test_what_is_wrong_is_refused_and_nothing_else(outcome: Outcome) -> None:
    assert outcome.refusals.keys() == {place for place, _, _ in marked("refused")}


def test_what_may_fail_is_warned_of_and_nothing_else(outcome: Outcome) -> None:
    expected = {name: message for _, name, message in marked("warned")}
    assert outcome.warnings.keys() == expected.keys()
    assert all(each[0].startswith(expected[name]) for name, each in outcome.warnings.items())


def test_the_message_is_that_of_the_rule(outcome: Outcome) -> None:
    for place, _, message in marked("refused"):
        said = outcome.refusals[place]
        assert any(each.startswith(message) for each in said), (place, said)


def test_every_rule_refuses_something(outcome: Outcome) -> None:
    """A message ends with the place of the rule: `variables.tf:12,3-13`."""
    rules = {
        number
        for number, line in enumerate((CHECKOUT / "variables.tf").read_text(encoding="utf-8").splitlines(), start=1)
        if line.strip() == "validation {"
    }
    used = {
        int(number)
        for said in outcome.refusals.values()
        for number in re.findall(r"variables\.tf:(\d+),", "".join(said))
    }
    assert used == rules
