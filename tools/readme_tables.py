"""Write the tables of inputs and outputs into every README: `python -m tools.readme_tables`.

They come from the variables.tf and outputs.tf beside each README, those of the module and of its submodules.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import hcl2
from lark.exceptions import LarkError

from tools.errors import ToolError
from tools.paths import CHECKOUT

_AS_WRITTEN = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, preserve_heredocs=False)
_OBJECT = re.compile(r"(?:\w+\()*object\((\{.*\})\)+", re.DOTALL)
_OPTIONAL = re.compile(r"optional\((.*)\)", re.DOTALL)


class Declared(NamedTuple):
    """A variable or an output as it is declared: its name and its arguments, as python-hcl2 reads them."""

    name: str
    arguments: Mapping[str, Any]

    @property
    def description(self) -> str:
        """What it says of itself, be it a quoted string or a heredoc."""
        written = self.arguments.get("description")
        if not isinstance(written, str) or not written.startswith('"'):
            raise ToolError(f"{self.name} has no description.")
        text: str = json.loads(written)
        return text

    @property
    def type(self) -> str:
        """Its type, on one line."""
        if "type" not in self.arguments:
            raise ToolError(f"{self.name} has no type.")
        return _expression(self.arguments["type"])


def main() -> int:
    """Write the tables into each README."""
    try:
        for folder in module_folders():
            readme = folder / "README.md"
            readme.write_text(with_tables(readme.read_text(encoding="utf-8"), tables(folder)), encoding="utf-8")
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def module_folders() -> list[Path]:
    """List the folders of the module and of its submodules."""
    return [CHECKOUT, *sorted(path.parent for path in CHECKOUT.glob("modules/*/main.tf"))]


def tables(folder: Path) -> dict[str, str]:
    """Return the tables by the name of their place in README.md, from the declarations in a folder."""
    inputs = [
        f"| `{each.name}` | {_type(each)} | {_default(each)} | {_cell(_with_members(each))} |"
        for each in declared(folder / "variables.tf")
    ]
    outputs = [f"| `{each.name}` | {_cell(each.description)} |" for each in declared(folder / "outputs.tf")]
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
        If the file is not HCL.
    """
    try:
        content = hcl2.loads(file.read_text(encoding="utf-8"), serialization_options=_AS_WRITTEN)
    except LarkError as error:
        raise ToolError(f"{file.name} cannot be read: {error}") from error
    for kind in ("variable", "output"):
        for block in content.get(kind, []):
            for name, arguments in block.items():
                yield Declared(json.loads(name), arguments)


def _type(variable: Declared) -> str:
    """Name the type; an object's members are listed with the meaning."""
    return f"`{re.sub(r'object[(][{].*[}][)]', 'object', variable.type, flags=re.DOTALL)}`"


def _default(variable: Declared) -> str:
    return f"`{_expression(variable.arguments['default'])}`" if "default" in variable.arguments else "required"


def _with_members(variable: Declared) -> str:
    """Return the description with each member's default, in the bullet that begins with its name or in a last line."""
    found = _OBJECT.fullmatch(variable.type)
    members = {name: _member(name, kind) for name, kind in _value(found[1]).items()} if found else {}
    lines = variable.description.rstrip("\n").split("\n")
    for index, line in enumerate(lines):
        bullet = re.match(r"- ((?:`\w+`(?:, | and )?)+)", line)
        if bullet:
            shown = re.sub(r"`(\w+)`", lambda name: members.pop(name[1], name[0]), bullet[1])
            lines[index] = f"- {shown}{line[bullet.end() :]}"
    rest = f"\n\nMembers: {', '.join(members.values())}." if members else ""
    return "\n".join(lines) + rest


def _member(name: str, kind: str) -> str:
    """Write a member: one that must be given by its name, one with a default with that."""
    optional = _OPTIONAL.fullmatch(_expression(kind))
    if optional is None:
        return f"`{name}` (required)"
    _, *default = _value(f"[{optional[1]}]")
    return f"`{name} = {_expression(default[0])}`" if default else f"`{name}`"


def _value(expression: str) -> Any:
    return hcl2.loads(f"value = {expression}\n", serialization_options=_AS_WRITTEN)["value"]


def _expression(value: Any) -> str:
    """Write a value as HCL, on one line."""
    if isinstance(value, str):
        return " ".join(re.sub(r"^\$\{(.*)\}$", r"\1", value, flags=re.DOTALL).split())
    if isinstance(value, list):
        return f"[{', '.join(map(_expression, value))}]"
    if isinstance(value, dict):
        members = ", ".join(f"{name} = {_expression(each)}" for name, each in value.items())
        return f"{{ {members} }}" if members else "{}"
    return json.dumps(value)


def _cell(text: str) -> str:
    """Write Markdown paragraphs and lists as one cell of a table, where only HTML breaks lines."""
    escaped = text.replace("|", "\\|").replace("<", "&lt;")
    return "<br>".join(_block(each) for each in re.split(r"\n{2,}", escaped))


def _block(text: str) -> str:
    before, *items = re.split(r"^- ", text, flags=re.MULTILINE)
    joined = [" ".join(each.split()) for each in (before, *items)]
    listed = "".join(f"<li>{each}</li>" for each in joined[1:])
    return joined[0] + (f"<ul>{listed}</ul>" if listed else "")


if __name__ == "__main__":
    sys.exit(main())
