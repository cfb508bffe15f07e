"""The documents name what there is, and nothing that there is not."""

import re
from pathlib import Path

import pytest

from websocket_push.protocol.errors import ErrorCode

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
    assert sorted(code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)) == sorted(ErrorCode)


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
