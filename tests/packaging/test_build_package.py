"""The builder by itself: what a package holds, that it is the same everywhere, and what stops a build."""

import ast
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.conftest import BUILDER, CHECKOUT, write_sources
from tools.package_sources import FUNCTIONS, REQUIREMENTS, VARIANTS

LISTING = CHECKOUT / "lambda" / "packages.json"


def run(*arguments: str | Path, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BUILDER), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, **settings)  # type: ignore[call-overload,no-any-return]


def command_line(sources: Path, output: Path, function: str = "push") -> list[str | Path]:
    return ["--function", function, "--sources", sources, "--output", output]


# --- What a package holds


@pytest.mark.parametrize("function", [key for key in (*FUNCTIONS, *VARIANTS) if key not in REQUIREMENTS])
def test_a_package_holds_exactly_what_is_listed(builder: ModuleType, tmp_path: Path, function: str) -> None:
    output = tmp_path / "package.zip"
    builder.build(function, CHECKOUT / "lambda", output)

    listed = json.loads(LISTING.read_text())[function]["sources"]
    with zipfile.ZipFile(output) as package:
        assert package.testzip() is None
        assert package.namelist() == sorted(listed)
        for name in listed:
            source = (CHECKOUT / "lambda" / name).read_text()
            assert statements(package.read(name).decode()) == statements(source)


def statements(source: str) -> list[str]:
    """Return what a source does and on which lines: its tree without docstrings, annotations and blocks for types."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            for part in ast.walk(node.args):
                if isinstance(part, ast.arg):
                    part.annotation = None
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
            node.body = [each for each in node.body if not (is_text(each) or is_for_types(each))]
    for node in ast.walk(tree):
        # A block ends where its last docstring does.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
            node.end_lineno = None
        # Lines are indented less, and what follows an annotation moves to the left.
        for place in {"col_offset", "end_col_offset"} & vars(node).keys():
            setattr(node, place, 0)
    return [ast.dump(node, include_attributes=True) for node in tree.body]


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def is_for_types(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.dump(node.test)
    return ast.unparse(node) == "TYPE_CHECKING = False"


@pytest.mark.parametrize(
    ("source", "lean"),
    [
        ('"""About."""\nx = 1\n', "\nx = 1\n"),
        ('"""About."""\n# why\n', '""\n\n'),
        ('def f():\n    """Say."""  # noqa\n    # why\n\n    pass\n', "def f():\n\n\n\n pass\n"),
        (
            'class A:\n    """About."""\n\n    def f(self):\n        """Say."""\n    # why\nx\n',
            'class A:\n\n\n def f(self):\n  ""\n\nx\n',
        ),
        ('if x:\n    """a"""\n    """b"""\nx\n', 'if x:\n\n ""\nx\n'),
        ('def f():\n    """Say\n\n    more."""\n', 'def f():\n ""\n\n\n'),
        ("x = 1  # why\n# more\ny = '# no comment'\n", "x = 1\n\ny = '# no comment'\n"),
        ('x = """a\n# b\n"""\n', 'x = """a\n# b\n"""\n'),
        ('f(\n    # why\n    "text",\n)\n', 'f(\n\n"text",\n)\n'),
        ('x = (\n    "one"\n    "two"\n)\n', 'x = (\n"one"\n"two"\n)\n'),
        ('"a".join(x)\n', '"a".join(x)\n'),
        ('X = 1\n"""What it is."""  # noqa\n', 'X = 1\n""\n'),
        ("x = 'é' # é\r\ny = 2", "x = 'é'\r\ny = 2"),
        ("", ""),
        ("def f(x: int, *, y: str = '') -> int: ...\n", "def f(x, *, y = ''): ...\n"),
        ("async def f(\n    x: int,  # why\n) -> int:\n", "async def f(\nx,\n):\n"),
        (
            "def f(x: 'a[b, c]' = {1: 2}, **y: (d)) -> d[e, f]: ...\n",
            "def f(x = {1: 2}, **y): ...\n",
        ),
        ("def f(x: a[\n    b\n]) -> c[\n    d\n]:\n    e\n", "def f(x: a[\nb\n]) -> c[\nd\n]:\n e\n"),
        ("def f(x: a, y=lambda b, c: d, z: e=1): ...\n", "def f(x, y=lambda b, c: d, z: e=1): ...\n"),
        ('if TYPE_CHECKING:\n    from a import b\n\n    class C: # why\n        """D"""\nx = 1\n', "\n\n\n\n\nx = 1\n"),
        (
            "x = 1\nif TYPE_CHECKING:\n    y: z\n\n\n# why\ndef f(a: b): # c\n    pass\n",
            "x = 1\n\n\n\n\n\ndef f(a):\n pass\n",
        ),
        (
            "if x:\n    y\n    if z:\n        '''a\n    b'''.c()\n    d\n",
            "if x:\n y\n if z:\n  '''a\n    b'''.c()\n d\n",
        ),
        ("T = 1\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    a\n\nx = 1\n", "T = 1\n\n\n\n\nx = 1\n"),
        ("TYPE_CHECKING = True\nif TYPE_CHECKING:\n    a\n", "TYPE_CHECKING = True\n\n\n"),
        ("class A(B):\n    x: int\n    y: str = ''\n", "class A(B):\n x: int\n y: str = ''\n"),
    ],
)
def test_what_is_not_run_stays_behind_and_the_rest_keeps_its_place(builder: ModuleType, source: str, lean: str) -> None:
    assert builder.lean_source("a.py", source.encode()).decode() == lean


@pytest.mark.parametrize("content", [b"x = (\n", b"\xff\xfe", b"if x:\n    y\n  z\n"])
def test_a_source_that_is_not_python_is_named(builder: ModuleType, content: bytes) -> None:
    with pytest.raises(builder.PackageError, match=r"a\.py is not Python: "):
        builder.lean_source("a.py", content)


def test_the_layout_belongs_to_the_format_number(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    """A change here goes with a new PACKAGE_FORMAT: without one, functions would keep packages of the old layout."""
    output = tmp_path / "package.zip"
    builder.build("push", sources, output)

    with zipfile.ZipFile(output) as package:
        layout = [
            (
                entry.filename,
                entry.date_time,
                entry.compress_type,
                entry.create_system,
                stat.filemode(entry.external_attr >> 16),
                entry.extra,
                entry.comment,
            )
            for entry in package.infolist()
        ]
        comment = package.comment
    fixed = ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_DEFLATED, 3, "-rw-r--r--", b"", b"")
    assert {builder.PACKAGE_FORMAT: (layout, comment)} == {
        4: ([("app/shared.py", *fixed), ("push.py", *fixed)], b""),
    }


def test_the_digest_is_that_of_a_readable_manifest(builder: ModuleType) -> None:
    manifest = (
        f"format {builder.PACKAGE_FORMAT}\n"
        f"{hashlib.sha256(b'one').hexdigest()}  a.py\n"
        f"{hashlib.sha256(b'two').hexdigest()}  b/c.py\n"
    )
    assert builder.digest_sources({"a.py": b"one", "b/c.py": b"two"}) == hashlib.sha256(manifest.encode()).hexdigest()


# --- The same bytes everywhere


def touch(sources: Path) -> None:
    for path in sources.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)


def list_in_another_order(sources: Path) -> None:
    packages = json.loads((sources / "packages.json").read_text())
    packages["push"]["sources"].reverse()
    (sources / "packages.json").write_text(json.dumps(packages))


@pytest.mark.parametrize(
    ("environment", "umask", "change"),
    [
        ({"TZ": "Pacific/Auckland"}, 0o022, None),
        ({"PYTHONHASHSEED": "1", "LC_ALL": "C", "PYTHONUTF8": "0"}, 0o022, None),
        ({}, 0o077, None),
        ({}, 0o000, None),
        ({}, 0o022, touch),
        ({}, 0o022, list_in_another_order),
    ],
    ids=["time-zone", "hash-seed-and-locale", "private-umask", "open-umask", "times-and-modes", "order"],
)
def test_the_same_sources_give_the_same_bytes(
    builder: ModuleType,
    sources: Path,
    tmp_path: Path,
    environment: dict[str, str],
    umask: int,
    change: Callable[[Path], None] | None,
) -> None:
    reference = tmp_path / "reference.zip"
    builder.build("push", sources, reference)
    elsewhere = tmp_path / "another place"
    shutil.copytree(sources, elsewhere / "lambda")
    if change is not None:
        change(elsewhere / "lambda")

    output = elsewhere / "package.zip"
    arguments = command_line(Path("lambda"), Path("package.zip"))
    finished = run(*arguments, cwd=elsewhere, umask=umask, env={**os.environ, **environment})

    assert (finished.returncode, finished.stderr) == (0, "")
    assert output.read_bytes() == reference.read_bytes()
    assert stat.S_IMODE(output.stat().st_mode) == 0o644


def test_builders_do_not_disturb_one_another(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference.zip"
    builder.build("push", sources, reference)
    output = tmp_path / "packages" / "package.zip"
    done = threading.Event()
    seen: list[bytes] = []

    def watch() -> None:
        while not done.is_set():
            if output.exists():
                seen.append(output.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        command = [sys.executable, str(BUILDER), *map(str, command_line(sources, output))]
        running = [subprocess.Popen(command) for _ in range(8)]
        assert [process.wait() for process in running] == [0] * len(running)
        seen.append(output.read_bytes())
    finally:
        done.set()
        watcher.join()

    assert set(seen) == {reference.read_bytes()}
    assert list(output.parent.iterdir()) == [output]


def test_a_package_that_is_there_is_replaced(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    output = tmp_path / "package.zip"
    output.write_bytes(b"half a package")
    builder.build("push", sources, output)
    assert zipfile.is_zipfile(output)


# --- What it refuses


@pytest.mark.parametrize(
    "name",
    ["../outside.py", "/etc/hostname", "app/../push.py", "./push.py", "app//shared.py", "app/", "", ".", "link.py"],
)
def test_nothing_but_plain_names_inside_the_folder(
    builder: ModuleType, sources: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "outside.py").write_text("secret = 1")
    (sources / "link.py").symlink_to(tmp_path / "outside.py")
    write_sources(sources, {"push": ["push.py", name]}, {})
    output = tmp_path / "packages" / "package.zip"

    with pytest.raises(builder.PackageError, match=re.escape(f"{name} is not the plain name of a file in {sources}")):
        builder.build("push", sources, output)
    assert not output.parent.exists()


def test_a_folder_that_is_a_link_is_left(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.py").write_text("")
    (sources / "linked").symlink_to(tmp_path / "elsewhere")
    write_sources(sources, {"push": ["linked/a.py"]}, {})
    with pytest.raises(builder.PackageError, match=r"linked/a\.py is not the plain name"):
        builder.build("push", sources, tmp_path / "package.zip")


def test_sources_reached_through_a_link_are_fine(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    (tmp_path / "checkout").symlink_to(sources)
    builder.build("push", tmp_path / "checkout", tmp_path / "package.zip")
    assert zipfile.is_zipfile(tmp_path / "package.zip")


def test_a_missing_source_is_named(sources: Path, tmp_path: Path) -> None:
    (sources / "push.py").unlink()
    output = tmp_path / "packages" / "package.zip"
    finished = run(*command_line(sources, output))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        "Cannot build the package of the push function: "
        f"push.py is listed in packages.json but missing from {sources}.\n"
    )
    assert not output.parent.exists()


def test_a_source_that_is_a_folder(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    write_sources(sources, {"push": ["app"]}, {})
    with pytest.raises(builder.PackageError, match=f"cannot read {re.escape(str(sources / 'app'))}: "):
        builder.build("push", sources, tmp_path / "package.zip")


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ("{", "packages.json is not JSON: "),
        ("[]", "must list the source files of push"),
        ("{}", "must list the source files of push"),
        ('{"push": []}', "must list the source files of push"),
        ('{"push": {"sources": []}}', "must list the source files of push"),
        ('{"push": {"sources": "push.py"}}', "must list the source files of push"),
        ('{"push": {"sources": [1]}}', "must list the source files of push"),
        ('{"push": {"sources": ["push.py", "push.py"]}}', "lists a source file of push twice"),
        (
            '{"push": {"sources": ["push.py"], "requirements": ["a.txt"]}}',
            "must give the requirements of push as the name",
        ),
    ],
)
def test_a_listing_that_says_nothing_useful(
    builder: ModuleType, sources: Path, tmp_path: Path, listing: str, message: str
) -> None:
    (sources / "packages.json").write_text(listing)
    with pytest.raises(builder.PackageError, match=message):
        builder.build("push", sources, tmp_path / "package.zip")


def test_no_listing(builder: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(builder.PackageError, match=r"cannot read .*packages\.json: No such file"):
        builder.build("push", tmp_path, tmp_path / "package.zip")


def test_sources_that_changed_after_the_plan(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    output = tmp_path / "package.zip"
    contents = builder.read_sources(sources, builder.read_package(sources, "push").files)
    digest = builder.digest_sources(contents)

    builder.build("push", sources, output, digest=digest)
    planned = output.read_bytes()
    (sources / "push.py").write_text("push = 2\n")
    with pytest.raises(builder.PackageError, match="have changed since the plan was made: plan again"):
        builder.build("push", sources, output, digest=digest)

    assert output.read_bytes() == planned


# --- What it leaves behind


def test_a_target_that_cannot_be_written(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "packages").write_text("a file where the folder should be")
    output = tmp_path / "packages" / "package.zip"
    finished = run(*command_line(sources, output))
    assert (finished.returncode, finished.stdout) == (1, "")
    assert re.fullmatch(
        f"Cannot build the package of the push function: cannot write {re.escape(str(output))}: [A-Za-z ]+. "
        f"Make {re.escape(str(output.parent))} writable for the user of terraform apply.\n",
        finished.stderr,
    )


def test_a_disk_that_is_full(
    builder: ModuleType, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    output = tmp_path / "packages" / "package.zip"
    output.parent.mkdir()
    output.write_bytes(b"before")
    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(builder.PackageError, match="No space left on device"):
        builder.build("push", sources, output)
    assert [(path.name, path.read_bytes()) for path in output.parent.iterdir()] == [("package.zip", b"before")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(sources: Path, tmp_path: Path, number: signal.Signals) -> None:
    output = tmp_path / "packages" / "package.zip"
    interrupted = (
        "import os, runpy, signal, sys, zipfile\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"  # as nohup and shells without job control leave it
        f"zipfile.ZipFile.writestr = lambda *_: os.kill(os.getpid(), {int(number)})\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [sys.executable, "-c", interrupted, str(BUILDER), *map(str, command_line(sources, output))]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (1, "Interrupted: no package was built.\n")
    assert list(output.parent.iterdir()) == []


# --- The machine that it runs on


def test_it_is_python_3_9_and_nothing_but_the_standard_library() -> None:
    tree = ast.parse(BUILDER.read_text(), feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_a_python_that_is_too_old(builder: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 20, "final", 0))
    with pytest.raises(SystemExit, match=r"python3 is Python 3\.8, and 3\.9 or newer is needed\. Put a newer python3"):
        builder._refuse_old_python()


@pytest.fixture(scope="session")
def provisioner() -> str:
    """The shell command by which Terraform runs the builder."""
    text = (BUILDER.parent / "packages.tf").read_text()
    commands: dict[str, str] = dict(re.findall(r"(python_check|command) += <<-EOT\n(.*?)\n\s*EOT\n", text, re.DOTALL))
    return commands["command"].replace("${local.python_check}", commands["python_check"])


def provision(
    provisioner: str, sources: Path, output: Path, digest: str, search: Path
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(search),
        "ARCHITECTURE": "arm64",
        "BUILDER": str(BUILDER),
        "DIGEST": digest,
        "FUNCTION": "push",
        "PACKAGE": str(output),
        "RUNTIME": "python3.13",
        "SOURCES": str(sources),
    }
    return subprocess.run(["/bin/sh", "-c", provisioner], check=False, capture_output=True, text=True, env=environment)


def test_a_machine_without_python(provisioner: str, sources: Path, tmp_path: Path) -> None:
    finished = provision(provisioner, sources, tmp_path / "package.zip", "", tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        "Cannot build the functions' packages: python3 is not on the PATH. Install Python 3.9 or newer on the machine "
        "that runs terraform apply, or use the packages of a release (input packages_folder).\n"
    )


def test_terraform_runs_the_builder(builder: ModuleType, provisioner: str, sources: Path, tmp_path: Path) -> None:
    search = tmp_path / "bin"
    search.mkdir()
    (search / "python3").symlink_to(sys.executable)
    digest = builder.digest_sources(builder.read_sources(sources, builder.read_package(sources, "push").files))
    output = tmp_path / "some packages" / "package.zip"

    finished = provision(provisioner, sources, output, digest, search)

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert zipfile.is_zipfile(output)
