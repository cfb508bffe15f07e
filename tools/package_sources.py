"""Work out which source files each function's package needs, and keep lambda/packages.json saying so.

Terraform reads lambda/packages.json at plan time to hash what goes into a package, and the builder to zip it. The
list is the closure of the handler's imports, so an edit redeploys only the functions that can notice it.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

LAMBDA = Path(__file__).resolve().parent.parent / "lambda"
PACKAGE = "websocket_push"
FUNCTIONS = (
    *("connect", "disconnect", "poll", "push"),
    *("control", "mark", "subscriptions", "fanout", "events", "verify_jwt"),
)
VARIANTS = {"push_extended": "push"}
"""Packages of functions that are larger because of inputs that are on, and the functions."""

LEFT_OUT = {
    "push": [
        f"{PACKAGE}.push.topic_push",
        f"{PACKAGE}.push.undelivered",
        f"{PACKAGE}.push.replacing",
        f"{PACKAGE}.tables.replacements",
        f"{PACKAGE}.runtime.message_limit",
    ]
}
"""What a function imports only if one of these inputs is on, so that its other package is without it."""

REQUIREMENTS = {"verify_jwt": "requirements/verify-jwt.txt"}
"""Where a function's libraries are locked. The other functions have none."""


def package_sources(package: str, sources: Path = LAMBDA) -> list[str]:
    """List the files that a package needs, relative to `sources`, sorted."""
    found: set[str] = set()
    waiting = [f"{PACKAGE}.handlers.{VARIANTS.get(package, package)}"]
    while waiting:
        module = waiting.pop()
        if module in LEFT_OUT.get(package, ()):
            continue
        path = _file_of(module, sources)
        relative = path.relative_to(sources).as_posix()
        if relative in found:
            continue
        found.add(relative)
        waiting.extend(_parents(module))
        waiting.extend(_imports(path, sources))
    return sorted(found)


def packages(sources: Path = LAMBDA) -> dict[str, dict[str, object]]:
    """Work out the content of lambda/packages.json."""
    return {
        package: {
            "handler": f"{PACKAGE}.handlers.{VARIANTS.get(package, package)}.handler",
            "sources": package_sources(package, sources),
            **({"requirements": REQUIREMENTS[package]} if package in REQUIREMENTS else {}),
        }
        for package in (*FUNCTIONS, *VARIANTS)
    }


def as_text(content: dict[str, dict[str, object]]) -> str:
    """Write the content as it stands in the file."""
    return json.dumps(content, indent=2) + "\n"


def _file_of(module: str, sources: Path) -> Path:
    path = sources.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts)))


def _imports(path: Path, sources: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # The builder leaves the blocks for types behind.
    tree.body = [node for node in tree.body if not _is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            module = node.module or ""
            yield module
            # `from package import module` names a module where there is a file for it, else something in the package.
            names = (f"{module}.{name.name}" for name in node.names)
            yield from (name for name in names if _file_of(name, sources).exists())


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def main() -> None:
    """Rewrite lambda/packages.json."""
    target = LAMBDA / "packages.json"
    target.write_text(as_text(packages()), encoding="utf-8")
    sys.stdout.write(f"wrote {target.name}\n")


if __name__ == "__main__":
    main()
