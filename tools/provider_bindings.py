"""Writes `tests/fixtures/provider/aws-6.json`: `python -m tools.provider_bindings`.

The table holds every argument, block and attribute of the resources that the configuration uses, from the bindings of
provider 6.25 (PyPI's cdktf-cdktf-provider-aws, the last there is), and what later versions deprecate, from pulumi-aws
7, which follows the provider. Both are downloaded as requirements/provider-schema.txt locks them, and read, not run.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.paths import CHECKOUT
from tools.processes import end_on_signals
from tools.provider_schema import TABLE, Tree, terraform_files, used

_REQUIREMENTS = CHECKOUT / "requirements" / "provider-schema.txt"
_DOCUMENTED = re.compile(r":param (\w+): .*?/docs/(?:resources|data-sources)/\w+#(\w+) ")

# What pulumi calls otherwise than SERVICE/RESOURCE and SERVICE/get_DATA.
_RENAMED = {
    "aws_sqs_queue_redrive_allow_policy": "sqs/redrive_allow_policy",
    "aws_sqs_queue_redrive_policy": "sqs/redrive_policy",
    "data.aws_caller_identity": "get_caller_identity",
    "data.aws_default_tags": "get_default_tags",
    "data.aws_partition": "get_partition",
    "data.aws_service": "get_service",
}

Classes = Mapping[str, ast.ClassDef]


def main() -> int:
    """Write the table."""
    types = sorted({use.type for use in used(terraform_files())})
    with tempfile.TemporaryDirectory() as folder:
        download = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", folder]
        subprocess.run([sys.executable, "-m", "pip", *download, "--requirement", str(_REQUIREMENTS)], check=True)
        cdktf, pulumi = sorted(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(cdktf) as schema, zipfile.ZipFile(pulumi) as later:
            table = {kind: _described(kind, schema, later) for kind in types}
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def _described(kind: str, schema: zipfile.ZipFile, later: zipfile.ZipFile) -> Tree:
    folder = kind.replace("data.aws_", "data_aws_").removeprefix("aws_")
    module = ast.parse(schema.read(f"cdktf_cdktf_provider_aws/{folder}/__init__.py"))
    classes = {each.name: each for each in module.body if isinstance(each, ast.ClassDef)}
    (root,) = (name for name, each in classes.items() if "TerraformMetaArguments" in ast.unparse(each).split(":")[0])
    resource = root.removesuffix("Config")
    arguments = _arguments(root, classes)
    blocks = {name.removeprefix(resource): path for name, path in _block_paths(root, classes)}
    return {
        "arguments": arguments,
        "attributes": sorted(_attributes(classes[resource])),
        "deprecated": dict(sorted(_deprecated(kind, arguments, blocks, later))),
    }


def _arguments(name: str, classes: Classes) -> Tree:
    """Read the arguments of a class of the bindings, by their names in Terraform, with those of its blocks."""
    return {
        argument: _arguments(block, classes) if block else {}
        for argument, block in _constructor(classes[name], classes)
    }


def _block_paths(name: str, classes: Classes, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Find the class of each block, with the block's path."""
    for argument, block in _constructor(classes[name], classes):
        if block:
            yield block, prefix + argument
            yield from _block_paths(block, classes, f"{prefix}{argument}.")


def _constructor(defined: ast.ClassDef, classes: Classes) -> Iterator[tuple[str, str | None]]:
    """Read which arguments a class takes: the name in Terraform, and the class of what is a block."""
    (method,) = (each for each in defined.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    names = dict(_DOCUMENTED.findall(ast.get_docstring(method) or ""))
    for each in method.args.kwonlyargs:
        annotation = re.findall(r"\w+", ast.unparse(each.annotation) if each.annotation else "")
        if each.arg in names:
            yield names[each.arg], next((word for word in annotation if word in classes), None)


def _attributes(resource: ast.ClassDef) -> Iterator[str]:
    for each in resource.body:
        decorators = [ast.unparse(decorator) for decorator in getattr(each, "decorator_list", [])]
        if isinstance(each, ast.FunctionDef) and "builtins.property" in decorators and not each.name.endswith("_input"):
            yield each.name


def _deprecated(
    kind: str, arguments: Tree, blocks: Mapping[str, str], later: zipfile.ZipFile
) -> Iterator[tuple[str, str]]:
    """Find what pulumi marks as deprecated, by its path in Terraform.

    Parameters
    ----------
    blocks
        The paths of the blocks by the names of their classes, without the resource's own.
    """
    file = _file_in_pulumi(kind, later)
    module = ast.parse(later.read(file))
    for member, said in _marked(module):
        yield _in_terraform(member, arguments), said
    if kind.startswith("data."):
        return
    (resource,) = (
        each.name
        for each in module.body
        if isinstance(each, ast.ClassDef) and any("CustomResource" in ast.unparse(base) for base in each.bases)
    )
    inputs = str(Path(file).parent / "_inputs.py")
    for each in ast.parse(later.read(inputs)).body if inputs in later.namelist() else []:
        if isinstance(each, ast.ClassDef) and each.name.startswith(resource) and each.name.endswith("Args"):
            path = blocks.get(each.name.removeprefix(resource).removesuffix("Args"))
            for member, said in _marked(each) if path else ():
                yield f"{path}.{_in_terraform(member, _at(arguments, path or ''))}", said


def _file_in_pulumi(kind: str, later: zipfile.ZipFile) -> str:
    def letters(text: str) -> str:
        return re.sub(r"[_/]", "", text)

    service, _, rest = kind.removeprefix("data.").removeprefix("aws_").partition("_")
    wanted = _RENAMED.get(kind) or (f"{service}/get_{rest}" if kind.startswith("data.") else f"{service}/{rest}")
    (found,) = (
        name
        for name in later.namelist()
        if letters(name.removeprefix("pulumi_aws/").removesuffix(".py")) == letters(wanted)
    )
    return found


def _marked(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for each in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for decorator in each.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("deprecated"):
                yield each.name, str(ast.literal_eval(decorator.args[0]))


def _at(arguments: Tree, path: str) -> Tree:
    for part in path.split("."):
        arguments = arguments[part]
    return arguments


def _in_terraform(name: str, arguments: Tree) -> str:
    """Return the name that Terraform has for what pulumi may write in the plural."""
    return next((each for each in (name, name.removesuffix("s"), name.removesuffix("es")) if each in arguments), name)


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
