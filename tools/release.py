"""What a release is made of, and what is said of it: `python -m tools.release packages`, `... notes v1.2.0`.

`packages` builds every function's zip with the module's own builder, those with libraries for each runtime and
architecture, and writes beside them `SHA256SUMS` (for `sha256sum -c`) and `packages.json`, which says of each zip what
the input `packages` takes. `notes` gives the section of CHANGELOG.md, and fails where the release is not ready for it.
"""

import argparse
import base64
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tools.errors import ToolError
from tools.package_sources import FUNCTIONS, LAMBDA, REQUIREMENTS, VARIANTS
from tools.paths import CHECKOUT

RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")

_BUILDER = CHECKOUT / "modules" / "lambda" / "build_package.py"
_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
"""Semantic Versioning 2.0.0 without build metadata, which Terraform's registry ignores when it compares versions."""


class Package(NamedTuple):
    """A zip to build: its name, its key in lambda/packages.json, and where it must run if it holds libraries."""

    name: str
    key: str
    runtime: str | None = None
    architecture: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.release")
    commands = parser.add_subparsers(dest="command", required=True)
    packages = commands.add_parser("packages", help="build every function's zip, with checksums")
    packages.add_argument("--output", type=Path, default=CHECKOUT / "dist", help="the folder they go to")
    notes = commands.add_parser(
        "notes", help="print what CHANGELOG.md says of a version, if it is ready to be released"
    )
    notes.add_argument("tag", help="such as v1.2.0")
    options = parser.parse_args(arguments)
    try:
        if options.command == "packages":
            build_packages(options.output)
        else:
            sys.stdout.write(release_notes(options.tag))
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def planned_packages() -> Iterator[Package]:
    """Yield the zips of a release, in the order of their names."""
    for key in sorted((*FUNCTIONS, *VARIANTS)):
        if key not in REQUIREMENTS:
            yield Package(f"{key}.zip", key)
            continue
        for runtime in RUNTIMES:
            for architecture in ARCHITECTURES:
                yield Package(f"{key}-{runtime}-{architecture}.zip", key, runtime, architecture)


def build_packages(output: Path, packages: Sequence[Package] | None = None, sources: Path = LAMBDA) -> None:
    """Build zips into a folder, with their checksums; what an earlier release left there goes.

    Parameters
    ----------
    packages
        All of a release if left out.

    Raises
    ------
    ToolError
        If one cannot be built.
    """
    builder = _load_builder()
    _clear(output)
    described = []
    for package in packages or list(planned_packages()):
        sys.stdout.write(f"building {package.name}\n")
        sys.stdout.flush()
        described.append(_build(builder, package, output, sources))
    sums = "".join(f"{each['sha256']}  {each['file']}\n" for each in described)
    (output / "SHA256SUMS").write_text(sums, encoding="utf-8")
    (output / "packages.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _clear(output: Path) -> None:
    # Only what belongs here: the folder is one that the user named.
    output.mkdir(parents=True, exist_ok=True)
    for path in (*output.glob("*.zip"), output / "SHA256SUMS", output / "packages.json"):
        path.unlink(missing_ok=True)


def _build(builder: ModuleType, package: Package, output: Path, sources: Path) -> dict[str, str | None]:
    target = builder.Target(package.runtime, package.architecture) if package.runtime else None
    try:
        builder.build(package.key, sources, output / package.name, target=target)
        files = builder.read_sources(sources, builder.read_package(sources, package.key).files)
    except builder.PackageError as error:
        raise ToolError(f"Cannot build {package.name}: {error}.") from error
    digest = hashlib.sha256((output / package.name).read_bytes())
    return {
        "file": package.name,
        "function": VARIANTS.get(package.key, package.key),
        "runtime": package.runtime,
        "architecture": package.architecture,
        "sha256": digest.hexdigest(),
        # What `source_code_hash` of the input `packages` takes.
        "source_code_hash": base64.b64encode(digest.digest()).decode(),
        # What identifies the function where the module builds the same package itself.
        "sources_hash": base64.b64encode(bytes.fromhex(builder.digest_sources(files, target))).decode(),
    }


def release_notes(tag: str, checkout: Path = CHECKOUT) -> str:
    """Return the section of a version in CHANGELOG.md.

    Raises
    ------
    ToolError
        If the tag is not a version, pyproject.toml has another, or the section is missing, undated or empty.
    """
    if not _TAG.fullmatch(tag):
        raise ToolError(f"{tag} is not a version: tag releases as v1.2.0.")
    version = tag.removeprefix("v")
    project = (checkout / "pyproject.toml").read_text(encoding="utf-8")
    if f'\nversion = "{version}"\n' not in project:
        raise ToolError(f'pyproject.toml has another version: write version = "{version}" there before you tag.')
    heading = re.compile(rf"^## \[?{re.escape(version)}\]? - \d{{4}}-\d{{2}}-\d{{2}}\n", re.MULTILINE)
    changelog = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    found = heading.search(changelog)
    if found is None:
        raise ToolError(f'CHANGELOG.md has no section for it: rename "## Unreleased" to "## {version} - YYYY-MM-DD".')
    section = re.split(r"^(?:## |\[)", changelog[found.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not section:
        raise ToolError(f"CHANGELOG.md says nothing of {version}.")
    return section + "\n"


def _load_builder() -> ModuleType:
    """Load the builder, which is no part of a package because Terraform runs it as a program."""
    specification = importlib.util.spec_from_file_location("build_package", _BUILDER)
    if specification is None or specification.loader is None:
        raise ToolError(f"{_BUILDER} is not there.")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
