"""The tables in each README say what variables.tf and outputs.tf say."""

from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.readme_tables import declared, module_folders, tables, with_tables

VARIABLES = """variable "plain" {
  description = "Either \\"a\\" | b, in <units>."
  type        = string
  nullable    = false

  validation {
    condition     = var.plain != ""
    error_message = "No type = object."
  }
}

# A comment.
variable "nested" {
  description = "Some."
  type = map(object({
    must  = string
    may   = optional(list(string), ["a", "b"])
    empty = optional(number)
    deep = optional(object({
      deeper = optional(object({
        deepest = string
      }))
      other = optional(bool, true)
    }), {})
  }))
  default = {
    a = { must = "x" }
  }
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES)
    (tmp_path / "outputs.tf").write_text('output "url" {\n  description = "Where."\n  value       = "x"\n}\n')
    return tmp_path


@pytest.mark.parametrize("folder", module_folders(), ids=lambda path: path.name)
def test_a_readme_has_what_the_declarations_say(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert with_tables(readme, tables(folder)) == readme, "run: make docs"


def test_a_row_has_type_default_and_description(checkout: Path) -> None:
    assert tables(checkout)["inputs"].splitlines()[2:] == [
        '| `plain` | `string` | required | Either "a" \\| b, in &lt;units>. |',
        '| `nested` | `map(object)` | `{ a = { must = "x" } }` | Some.<br>Members: `must` (required), '
        '`may = ["a", "b"]`, `empty`, `deep = {}`. |',
    ]
    assert tables(checkout)["outputs"].splitlines()[2:] == ["| `url` | Where. |"]


LISTED = """<<-EOT
    Some "text" | of
    two lines:

    - `must`: a name, such as `x`.
    - `may` and `empty`: more,
      on two lines.
    - others are not shown.

    The end.
  EOT"""


def test_a_heredoc_with_a_list_is_one_cell_with_the_defaults_at_the_members(checkout: Path) -> None:
    (checkout / "variables.tf").write_text(VARIABLES.replace('"Some."', LISTED))
    assert tables(checkout)["inputs"].splitlines()[3].split(" | ", 3)[3] == (
        'Some "text" \\| of two lines:<br>'
        "<ul><li>`must` (required): a name, such as `x`.</li>"
        '<li>`may = ["a", "b"]` and `empty`: more, on two lines.</li><li>others are not shown.</li></ul><br>'
        "The end.<br>Members: `deep = {}`. |"
    )


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        ('"a b"', '"a b"'),
        ("null", "null"),
        ("false", "false"),
        ("1.5", "1.5"),
        ("[]", "[]"),
        ("{}", "{}"),
        ('["a", 1]', '["a", 1]'),
        ('{ a = [true], "b c" = { d = null } }', '{ a = [true], "b c" = { d = null } }'),
        ("{\n    a = 1\n    b = 2 # why\n  }", "{ a = 1, b = 2 }"),
    ],
)
def test_a_default_is_shown_as_it_is_written(checkout: Path, default: str, shown: str) -> None:
    text = f'variable "x" {{\n  description = "X."\n  type = string\n  default = {default}\n}}\n'
    (checkout / "variables.tf").write_text(text)
    assert f"| `{shown}` |" in tables(checkout)["inputs"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('  description = "Some."\n', "", "nested has no description"),
        ('"Some."', "local.text", "nested has no description"),
        ("  type        = string\n", "", "plain has no type"),
        ("}\n\n# A comment.", "}}\n# A comment.", r"variables.tf cannot be read"),
    ],
)
def test_what_cannot_be_read_is_not_guessed(checkout: Path, before: str, after: str, said: str) -> None:
    assert before in VARIABLES
    (checkout / "variables.tf").write_text(VARIABLES.replace(before, after))
    with pytest.raises(ToolError, match=said):
        tables(checkout)


def test_every_declaration_is_read() -> None:
    assert len(list(declared(CHECKOUT / "outputs.tf"))) == (CHECKOUT / "outputs.tf").read_text().count("\noutput ") + 1


def test_a_place_that_is_not_there_is_said() -> None:
    with pytest.raises(ToolError, match="no place for the inputs"):
        with_tables("<!-- inputs: begin -->\n", {"inputs": ""})
    assert with_tables("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n", {"x": "new\n"}) == (
        "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"
    )
