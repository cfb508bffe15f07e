"""Write README.md's tables of inputs and outputs from variables.tf and outputs.tf: `python -m tools.readme_tables`.

It reads what `terraform fmt` has formatted, so a block ends at the first `}` at the beginning of a line, and an
argument is at two spaces. What it cannot read it does not guess.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tools.errors import ToolError
from tools.paths import CHECKOUT

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
_ARGUMENT = re.compile(r"^  (\w+) += (.*?)(?=\n(?:  \w|  #|\n|$))", re.DOTALL | re.MULTILINE)
_ATTRIBUTE = re.compile(r"^\s+(\w+) += (.+)$", re.MULTILINE)
_OPTIONAL = re.compile(r"optional\((.*)\)")


class Declared(NamedTuple):
    """A variable or an output as it is declared: its name and the text of each argument."""

    name: str
    arguments: Mapping[str, str]

    @property
    def description(self) -> str:
        """What it says of itself, on one line."""
        written = self.arguments.get("description", "")
        if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', written):
            raise ToolError(f"{self.name} has no description in one line of quoted text.")
        text: str = json.loads(written)
        return text


def main() -> int:
    """Write the tables into README.md."""
    readme = CHECKOUT / "README.md"
    try:
        readme.write_text(with_tables(readme.read_text(encoding="utf-8"), tables()), encoding="utf-8")
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def tables(checkout: Path = CHECKOUT) -> dict[str, str]:
    """Give the tables by the name of their place in README.md, from the declarations in a folder."""
    inputs = [
        f"| `{each.name}` | {_type(each)} | {_default(each)} | {_cell(each.description)}{_members(each)} |"
        for each in declared(checkout / "variables.tf")
    ]
    outputs = [f"| `{each.name}` | {_cell(each.description)} |" for each in declared(checkout / "outputs.tf")]
    return {
        "inputs": "\n".join(["| name | type | default | meaning |", "| --- | --- | --- | --- |", *inputs, ""]),
        "outputs": "\n".join(["| name | meaning |", "| --- | --- |", *outputs, ""]),
    }


def with_tables(text: str, written: Mapping[str, str]) -> str:
    """Put each table into its place, between `<!-- name: begin -->` and `<!-- name: end -->`.

    Raises
    ------
    ToolError
        If a place is not there.
    """
    for name, table in written.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not opened or not closed:
            raise ToolError(f"README.md has no place for the {name}: {begin.strip()} and {end}, each on its own line.")
        text = f"{before}{begin}{table}{end}{after}"
    return text


def declared(file: Path) -> Iterator[Declared]:
    """Read the variables or outputs of a file, in their order.

    Raises
    ------
    ToolError
        If the file declares more of them than can be read.
    """
    text = file.read_text(encoding="utf-8")
    blocks = _BLOCK.findall(text)
    if len(blocks) != len(re.findall(r"^\s*(?:variable|output)\b", text, re.MULTILINE)):
        raise ToolError(f"{file.name} is not formatted: run terraform fmt.")
    for _, name, body in blocks:
        # Nested blocks have the same arguments, deeper or within braces at two spaces: leave those out first.
        plain = re.sub(r"^  \w+ \{\n.*?^  \}\n", "", body, flags=re.DOTALL | re.MULTILINE)
        yield Declared(name, {argument: value.strip() for argument, value in _ARGUMENT.findall(plain)})


def _type(variable: Declared) -> str:
    """Name the type; an object's attributes are listed with the meaning."""
    kind = variable.arguments.get("type")
    if kind is None:
        raise ToolError(f"{variable.name} has no type.")
    return f"`{re.sub(r'object[(][{].*[}][)]', 'object', kind, flags=re.DOTALL)}`"


def _default(variable: Declared) -> str:
    value = variable.arguments.get("default")
    return "required" if value is None else f"`{' '.join(value.split())}`"


def _members(variable: Declared) -> str:
    kind = variable.arguments["type"]
    while kind.count("object({") > 1:  # An object within an object is one attribute of it.
        kind = re.sub(r"object\(\{[^{}]*\}\)", "object", kind)
    attributes = [_attribute(name, each) for name, each in _ATTRIBUTE.findall(kind)]
    return f"<br>Members: {', '.join(attributes)}." if attributes else ""


def _attribute(name: str, kind: str) -> str:
    """Write an attribute: one that must be given by its name, one with a default with that."""
    optional = _OPTIONAL.fullmatch(kind)
    if optional is None:
        return f"`{name}` (required)"
    # A type's own commas stand within its brackets.
    default = re.fullmatch(r"(?:\w+|\w+\(.*\)), (.+)", optional[1])
    return f"`{name} = {default[1]}`" if default else f"`{name}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
