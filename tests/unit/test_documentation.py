"""The documents name what there is, and nothing that there is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from websocket_push.protocol.error_codes import ERROR_CODES

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/*/README.md"))]


def names_in(kind: str) -> set[str]:
    return set(re.findall(rf'^{kind} "(\w+)"', (ROOT / f"{kind}s.tf").read_text(encoding="utf-8"), re.MULTILINE))


def table_names(title: str) -> set[str]:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_readme_lists_every_input_and_output() -> None:
    assert table_names("Inputs") == names_in("variable")
    assert table_names("Outputs") == names_in("output")


def test_the_protocol_explains_every_error_code_and_no_other() -> None:
    section = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split("\n## Errors\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)) == sorted(ERROR_CODES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#][^)]*)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve()
        assert linked.exists(), target
        if anchor:
            linked = linked / "README.md" if linked.is_dir() else linked
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}, target


COMMANDS = {
    match
    for document in DOCUMENTS
    for match in re.findall(
        r"(PYTHONPATH=lambda )?(?:\S*/)?python3? -m\s+([a-z]\w*(?:\.\w+)*)", document.read_text("utf-8")
    )
    if (ROOT / match[1].partition(".")[0]).is_dir()
}


@pytest.mark.parametrize(("path", "module"), sorted(COMMANDS))
def test_a_program_that_a_document_names_can_be_started_as_it_says(path: str, module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path:
        environment["PYTHONPATH"] = "lambda"
    main = f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module
    subprocess.run([sys.executable, "-c", f"import {main}"], cwd=ROOT, env=environment, check=True, timeout=60)  # noqa: S603 - the interpreter that runs this


def test_names_that_would_be_those_of_another_instance_are_listed() -> None:
    """One that is called as another, and then some, must not share a queue, an alarm, a table or a function with it."""
    root, inputs = ((ROOT / f"{name}.tf").read_text(encoding="utf-8") for name in ("main", "variables"))
    kinds = [
        re.findall(r'= "\$\{var\.name\}-([a-z-]+)"', root.split(f"  {kind} = {{\n")[1].split("\n  }\n")[0])
        for kind in ("queue_names", "table_names")
    ]
    functions = root.split("function_keys = concat(")[1].split("\n  )\n")[0]
    alarms = inputs.split("thresholds = optional(object({\n")[1].split("}), {})")[0]
    kinds += [
        [name.replace("_", "-") for name in names]
        for names in (re.findall(r'"(\w+)"', functions), re.findall(r"(\w+) += optional", alarms))
    ]
    assert [len(names) for names in kinds] == [8, 3, 10, 15]
    taken = {
        long.removesuffix(f"-{short}")
        for names in kinds
        for long in names
        for short in names
        if long.endswith(f"-{short}")
    }
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    described = inputs.split('variable "name" {')[1].split("\n}\n")[0].split("(docs/operations.md)")[0]
    assert {*re.findall(r"`x-([a-z-]+)`", page.split("If an instance is called `x`")[1].split(". A ")[0])} == taken
    assert {*re.findall(r" -([a-z-]+)", described)} == taken


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("the API's", r"CONNECTIONS_URL"),
        ("SQS", r"_QUEUE_URL|local\.report_events"),
        ("EventBridge", r"EVENT_BUS_ARN"),
    ],
)
def test_the_routes_out_of_a_vpc_are_those_of_the_functions_that_are_told_of_a_service(service: str, told: str) -> None:
    folder = ROOT / "modules" / "lambda"
    page = (folder / "README.md").read_text(encoding="utf-8").split("## In a VPC")[1].split("\n## ")[0]
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    documented = [cells[1] for cells in rows if cells[2].strip().startswith(service)]
    text = (
        (folder / "functions.tf").read_text(encoding="utf-8").split("  functions = {\n")[1].split("\n  issuers = ")[0]
    )
    blocks = re.split(r"^ {4}(\w+) = \{\n", text, flags=re.MULTILINE)[1:]
    functions = {
        key
        for key, block in zip(blocks[::2], blocks[1::2], strict=True)
        if re.search(told, block.split("statements")[0])
    }
    assert {name for who in documented for name in re.sub(r"\(.*?\)", "", who).replace(",", " ").split()} == functions


# --- Roles

ACTION = re.compile(r'"((?!aws:)[a-z0-9-]+:[A-Z]\w+)"')
ANYONES = {"logs:CreateLogStream", "logs:PutLogEvents", "sts:AssumeRole"}
"""What goes with every function."""

CONDITIONS = {"kms:ViaService", "lambda:SourceFunctionArn"}
"""Keys of conditions, which look like actions."""


def documented_actions() -> dict[str, set[str]]:
    """Return the actions of the table in docs/security.md by who may do them; a row without a name continues."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    who: list[str] = []
    for row in page.split("<!-- roles: begin -->")[1].split("<!-- roles: end -->")[0].strip().splitlines()[2:]:
        cells = row.split("|")
        who = re.findall(r"\w[\w ]*\w", cells[1]) or who
        for name in who:
            found.setdefault(name, set()).update(re.findall(r"`([a-z0-9-]+:\w+)`", cells[2]))
    return found


def test_the_table_of_roles_is_what_the_policies_say() -> None:
    text = (ROOT / "modules" / "lambda" / "functions.tf").read_text(encoding="utf-8")
    starts = [*re.finditer(r'^ {4}(?:for .* : )?"?(\w+)"? =>? \{\n {6}description', text, re.MULTILINE)]
    documented = documented_actions()
    assert [match[1] for match in starts] == [
        *(
            "connect",
            "disconnect",
            "poll",
            "push",
            "control",
            "mark",
            "fanout",
            "subscriptions",
            "events",
            "verify_jwt",
        ),
    ]
    shared = {
        name: set(ACTION.findall(body))
        for name, body in re.findall(r"^ {2}(\w+) = (?:.* )?[\[{]\n(.*?)^ {2}[\]}]$", text, re.MULTILINE | re.DOTALL)
        if name != "functions"
    }
    for start, end in zip(starts, [*(each.start() for each in starts[1:]), len(text)], strict=True):
        block = text[start.start() : end]
        actions = {
            *ACTION.findall(block),
            *(each for name in shared if f"local.{name}" in block for each in shared[name]),
        }
        assert documented[start[1]] >= actions, start[1]
    everywhere = {action for file in ROOT.glob("modules/**/*.tf") for action in ACTION.findall(file.read_text("utf-8"))}
    assert set.union(*documented.values()) == everywhere - ANYONES - CONDITIONS
