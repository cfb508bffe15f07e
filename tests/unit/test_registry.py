"""What Terraform's registry asks of a module, as far as a file can show it, and what its readers look for.

The requirements: developer.hashicorp.com/terraform/registry/modules/publish and .../language/modules/develop/structure.
Not in a file: that the repository is public, has this name and a description, and that tags are versions (the release
workflow checks a tag).
"""

import re
import tomllib
from pathlib import Path

import pytest

from tools.readme_tables import declared

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(path.parent for path in ROOT.glob("modules/*/main.tf"))
EXAMPLES = sorted({path.parent for path in ROOT.glob("examples/*/*.tf")})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

every_module = pytest.mark.parametrize("folder", [ROOT, *MODULES], ids=lambda path: path.name)
every_example = pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())


def text_of(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf")))


def test_the_name_says_provider_and_purpose() -> None:
    assert re.fullmatch(r"terraform-aws-[a-z0-9-]+", PROJECT["name"])
    purpose = PROJECT["name"].removeprefix("terraform-aws-")
    assert f'source = "example/{purpose}/aws"' in (ROOT / "README.md").read_text(encoding="utf-8")
    assert PROJECT["description"]


@every_module
def test_a_module_has_the_standard_files(folder: Path) -> None:
    for name in ("README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf"):
        assert (folder / name).is_file(), name
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")


@every_module
def test_a_module_leaves_provider_and_state_to_its_user(folder: Path) -> None:
    """With a provider of its own it could not be used with for_each, count or depends_on."""
    assert not re.search(r'^\s*(provider ".*|backend ".*|cloud) \{', text_of(folder), re.MULTILINE)


@every_module
def test_no_input_is_made_a_list_by_a_splat(folder: Path) -> None:
    """For a value that is both sensitive and known only after apply, Terraform 1.9 crashes there."""
    found = re.findall(r"\bvar(?:\.\w+)+\[\*\]", re.sub(r"#.*", "", text_of(folder)))
    assert found == []


@every_module
def test_every_input_and_output_is_described_and_typed(folder: Path) -> None:
    for file in ("variables.tf", "outputs.tf"):
        for each in declared(folder / file):
            assert each.description.endswith((".", ")")), each.name
            if file == "variables.tf":
                assert "any" not in re.findall(r"\w+", each.type), each.name


@pytest.mark.parametrize("folder", MODULES, ids=lambda path: path.name)
def test_the_page_of_a_module_names_its_inputs_and_outputs(folder: Path) -> None:
    page = (folder / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    assert {each.name for file in ("variables.tf", "outputs.tf") for each in declared(folder / file)} <= named


def test_every_folder_takes_the_same_versions() -> None:
    assert len({(folder / "versions.tf").read_text(encoding="utf-8") for folder in (ROOT, *MODULES)}) == 1


@every_example
def test_an_example_is_a_whole_root_with_a_page(folder: Path) -> None:
    assert (folder / "README.md").is_file()
    assert (folder / "main.tf").is_file()
    text = text_of(folder)
    assert re.search(r'source += "(\.\./)+"', text), "an example uses the module"
    assert "required_version" in text
    for file in (folder / "variables.tf", folder / "outputs.tf"):
        assert all(each.description for each in (declared(file) if file.exists() else ()))
