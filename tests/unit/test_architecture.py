"""The layout: which module may import which, and what each package contains."""

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tools.package_sources import FUNCTIONS, LAMBDA, LEFT_OUT, PACKAGE, REQUIREMENTS, package_sources, packages

SOURCES = sorted((LAMBDA / PACKAGE).rglob("*.py"))

LISTED = json.loads((LAMBDA / "packages.json").read_text(encoding="utf-8"))
"""The content of the packages, which a test below compares with what the handlers import."""

FLOORS = (
    {"handlers"},
    {"push", "control", "events", "history", "listening", "logs", "marking", "authorization", "runtime"},
    {"tables", "telemetry"},
    {"tokens", "aws"},
    {"protocol", "http", "settings"},
)
"""From the entry points down: each part may import itself and the floors below it, besides the standard library."""

FOR_TYPES = {f"{PACKAGE}/protocol/error_codes.py", f"{PACKAGE}/protocol/lambda_events.py"}
"""The sources that are imported for types alone, so that no package holds them."""

LIBRARIES = {"verify_jwt": {"jwt", "cryptography", "boto3", "botocore"}}
"""What a function may import besides: what its package carries, or, boto3 and botocore, the Lambda runtime has."""


def layer_of(path: Path) -> str:
    return path.relative_to(LAMBDA / PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it points"
            module = node.module or ""
            yield module
            # What is imported out of a package may be a module.
            yield from (f"{module}.{name.name}" for name in node.names)


def importable_from(part: str) -> set[str]:
    """Return which parts a part may import, for its types too."""
    floor = next(number for number, parts in enumerate(FLOORS) if part in parts)
    return {part}.union(*FLOORS[floor + 1 :])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(LAMBDA).with_suffix("").parts).removesuffix(".__init__")


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Return modules that import one another, each the next one and the last the first; empty if there are none."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> list[str]:
        if module in way:
            return way[way.index(module) :]
        if module in done:
            return []
        for imported in sorted(edges.get(module, ())):
            if found := search(imported, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := search(module, []))), [])


def libraries_of_every_holder(path: Path) -> set[str]:
    """Return what every function has whose package holds a file."""
    name = path.relative_to(LAMBDA).as_posix()
    holders = [package for package, content in LISTED.items() if name in content["sources"]]
    # What is imported for types alone is in no package, and may import no library.
    return set.intersection(*(LIBRARIES.get(function, set()) for function in holders)) if holders else set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(LAMBDA).as_posix())
def test_imports_point_one_way_and_leave_the_package_for_what_every_holder_has(path: Path) -> None:
    if path.parent == LAMBDA / PACKAGE and path.name == "__init__.py":
        assert not list(imported_modules(path))
        return
    libraries = libraries_of_every_holder(path)
    for module in imported_modules(path):
        parts = module.split(".")
        if module == PACKAGE:
            continue  # from websocket_push import PART, which comes next
        if parts[0] == PACKAGE:
            assert parts[1] in importable_from(layer_of(path)), f"{layer_of(path)} imports {module}"
        else:
            assert parts[0] in sys.stdlib_module_names | libraries, f"{module} is not where every function has it"


def test_no_module_imports_itself_by_way_of_others() -> None:
    # Imports for types alone are in the syntax tree too, and count.
    assert circle({module_name(path): set(imported_modules(path)) for path in SOURCES}) == []


def test_a_module_that_is_imported_out_of_its_package_counts(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("if TYPE_CHECKING:\n    from websocket_push.aws import retry\n", encoding="utf-8")
    assert "websocket_push.aws.retry" in set(imported_modules(path))


def test_files_of_one_name_are_twins() -> None:
    """An entry point and its table, the errors of each part, and what is blocking beside what is on an event loop."""
    names = Counter(path.name for path in SOURCES)
    assert {name for name, count in names.items() if count > 1} == {
        "__init__.py",
        "concurrent.py",
        "errors.py",
        "sequential.py",
        "subscriptions.py",
    }


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_every_source_has_its_floor() -> None:
    assert {layer_of(path) for path in SOURCES} == set.union(*FLOORS) | {"__init__"}


def test_what_a_package_leaves_out_is_there_to_be_left_out() -> None:
    """A name that has changed would bring the module back into the package."""
    modules = {module_name(path) for path in SOURCES}
    assert {name for names in LEFT_OUT.values() for name in names} <= modules


def test_libraries_are_locked_where_they_are_imported() -> None:
    assert REQUIREMENTS.keys() == LIBRARIES.keys()
    for name in REQUIREMENTS.values():
        lines = (LAMBDA / name).read_text(encoding="utf-8").splitlines()
        entries = [line for line in lines if line and not line.startswith((" ", "#"))]
        # pip would look at a marker for the machine that builds, and take an entry without a hash for an unlocked one.
        assert entries
        assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+ \\", entry) for entry in entries), entries
        assert all(
            re.fullmatch(r"    (--hash=sha256:[0-9a-f]{64}( \\)?|#.*)", line) for line in lines if line.startswith(" ")
        )


def test_a_handler_imports_no_other_handler() -> None:
    handlers = {f"{PACKAGE}.handlers.{function}" for function in FUNCTIONS}
    for path in (LAMBDA / PACKAGE / "handlers").glob("*.py"):
        assert not handlers.intersection(imported_modules(path))


def test_the_list_of_package_contents_is_what_the_handlers_import() -> None:
    assert packages() == LISTED, "run: python -m tools.package_sources"


def test_every_source_is_in_some_package() -> None:
    packed = {name for content in LISTED.values() for name in content["sources"]}
    assert packed.isdisjoint(FOR_TYPES)
    assert packed | FOR_TYPES == {path.relative_to(LAMBDA).as_posix() for path in SOURCES}


def test_every_import_form_leads_into_the_package(tmp_path: Path) -> None:
    for name, text in {
        "__init__": "",
        "handlers/__init__": "",
        "handlers/poll": "import websocket_push.a\nfrom websocket_push import b, c\nfrom websocket_push.d.e import f\n",
        "a": "import json\n",
        "b": "def g():\n    from websocket_push.h import i\n",
        "d/__init__": "",
        "d/e": "",
        "h": "",
        "unused": "",
    }.items():
        path = tmp_path / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / PACKAGE / "c.py").write_text("", encoding="utf-8")

    assert package_sources("poll", tmp_path) == [
        f"{PACKAGE}/{name}.py"
        for name in ("__init__", "a", "b", "c", "d/__init__", "d/e", "h", "handlers/__init__", "handlers/poll")
    ]
