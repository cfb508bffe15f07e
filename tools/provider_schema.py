"""Compares what the configuration uses of the AWS provider with version 6 of it.

Terraform itself does so only where that provider can be installed. `tools/provider_bindings.py` writes the table that
this reads.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import hcl2

from tools.paths import CHECKOUT

TABLE = CHECKOUT / "tests" / "fixtures" / "provider" / "aws-6.json"

_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner", "provisioners"}
_REFERENCE = re.compile(r"(?<![\w.])(data\.)?(aws_\w+)\.\w+(?:\[[^\]]*\])?\.(\w+)")
Tree = dict[str, Any]


class Use(NamedTuple):
    """A place of a configuration that relies on the provider.

    Parameters
    ----------
    type
        Such as `aws_sqs_queue` or `data.aws_partition`.
    path
        An argument or a block, its parts joined by dots, or an attribute that an expression reads.
    read
        Whether an expression reads it.
    """

    file: Path
    type: str
    path: str
    read: bool


def used(files: Iterable[Path]) -> Iterator[Use]:
    """Find what Terraform files set and read of the provider's resources and data sources."""
    for file in files:
        text = file.read_text(encoding="utf-8")
        content = hcl2.loads(text, serialization_options=hcl2.SerializationOptions(with_comments=False))
        for keyword, prefix in (("resource", ""), ("data", "data.")):
            for block in content.get(keyword, []):
                for label, named in block.items():
                    kind = json.loads(label)
                    if kind.startswith("aws_"):
                        for body in named.values():
                            yield Use(file, f"{prefix}{kind}", "", read=False)
                            yield from (Use(file, f"{prefix}{kind}", path, read=False) for path in _paths(body))
        for data, kind, attribute in _REFERENCE.findall(text):
            yield Use(file, f"{data}{kind}", attribute, read=True)


def problems(uses: Iterable[Use], table: Mapping[str, Tree]) -> list[str]:
    """List what is missing in the table, or deprecated."""
    return sorted({each for use in uses for each in _problems(use, table)})


def _problems(use: Use, table: Mapping[str, Tree]) -> Iterator[str]:
    known = table.get(use.type)
    if known is None:
        yield f"{use.type} is not in {TABLE.name}: run python -m tools.provider_bindings"
        return
    name = f"{use.type}.{use.path}".rstrip(".")
    if use.path and not (use.read and use.path in known["attributes"]) and not _has(known["arguments"], use.path):
        yield f"{name} is missing"
    if use.path in known["deprecated"]:
        yield f"{name} is deprecated: {known['deprecated'][use.path]}"


def _has(arguments: Tree, path: str) -> bool:
    for part in path.split("."):
        if part not in arguments:
            return False
        arguments = arguments[part]
    return True


def _paths(body: Tree, prefix: str = "") -> Iterator[str]:
    for name, value in body.items():
        if name in _META or name.startswith("__"):
            continue
        if name == "dynamic":
            for labelled in value:
                for label, dynamic in labelled.items():
                    yield from _block(prefix + json.loads(label), dynamic["content"])
        elif isinstance(value, list) and any(isinstance(each, dict) and "__is_block__" in each for each in value):
            yield from _block(prefix + name, value)
        else:
            yield prefix + name


def _block(path: str, bodies: Iterable[Tree]) -> Iterator[str]:
    yield path
    for body in bodies:
        yield from _paths(body, f"{path}.")


def terraform_files() -> list[Path]:
    """List the files of the module, its parts and its examples."""
    return sorted([*CHECKOUT.glob("*.tf"), *CHECKOUT.glob("modules/*/*.tf"), *CHECKOUT.glob("examples/**/*.tf")])
