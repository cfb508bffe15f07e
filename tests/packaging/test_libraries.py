"""Libraries in a package: which wheels are taken for which function, that nothing else varies, and what stops a build.

The wheels here are made up, and pip finds them in a folder: no index is asked. One test asks the real one.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.conftest import BUILDER, CHECKOUT, lock, write_wheel

SHARED = {"tool/__init__.py": b"from tool import _fast\n", "tool/cached.pyc": b"bytecode"}
TOOL = {
    "tool-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64": b"311 x86_64",
    "tool-1.0-cp311-cp311-manylinux_2_28_x86_64": b"311 x86_64, too new",
    "tool-1.0-cp313-cp313-manylinux2014_aarch64": b"313 arm64, old",
    "tool-1.0-cp313-cp313-manylinux_2_34_aarch64": b"313 arm64",
    "tool-1.0-cp313-cp313-manylinux_2_35_aarch64": b"313 arm64, too new",
    "tool-1.0-cp313-cp313-musllinux_1_2_aarch64": b"313 arm64, another libc",
    "tool-1.0-cp313-cp313t-manylinux_2_34_aarch64": b"313 arm64, free-threaded",
    "tool-1.0-cp312-abi3-manylinux_2_28_x86_64": b"312 and later x86_64",
    "tool-1.0-cp313-cp313-macosx_11_0_arm64": b"mac",
    "tool-1.0-cp313-cp313-win_amd64": b"windows",
}
"""Wheels of one version by name: what tells them apart when they are installed."""

TAKEN = {
    ("python3.11", "x86_64"): b"311 x86_64",
    ("python3.12", "x86_64"): b"312 and later x86_64",
    ("python3.13", "x86_64"): b"312 and later x86_64",
    ("python3.14", "x86_64"): b"312 and later x86_64",
    ("python3.13", "arm64"): b"313 arm64",
}


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of two libraries, and requirements.txt that locks them."""
    folder = tmp_path_factory.mktemp("wheels")
    wheels = [write_wheel(folder, name, {**SHARED, "tool/_fast.so": content}) for name, content in TOOL.items()]
    wheels.append(
        write_wheel(
            folder,
            "plain-2.0-py3-none-any",
            {
                "plain.py": b"",
                "plain-2.0.data/purelib/pure.py": b"pure",
                "plain-2.0.data/platlib/plat/__init__.py": b"plat",
                "plain-2.0.data/scripts/plain": b"#!python\n",
                "plain-2.0.data/headers/plain.h": b"",
                "plain-2.0.data/data/share/plain": b"",
            },
        )
    )
    (folder / "requirements.txt").write_text(lock(*wheels))
    return folder


@pytest.fixture
def sources(tmp_path: Path, wheelhouse: Path) -> Path:
    """A function with libraries."""
    return write_function(tmp_path / "lambda", (wheelhouse / "requirements.txt").read_text())


def write_function(folder: Path, requirements: str) -> Path:
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "verify.txt").write_text(requirements)
    (folder / "verify.py").write_bytes(b"import tool\n")
    listing = {"sources": ["verify.py"], "requirements": "requirements/verify.txt"}
    (folder / "packages.json").write_text(json.dumps({"verify": listing}))
    return folder


def build(
    sources: Path,
    output: Path,
    wheelhouse: Path,
    *,
    runtime: str = "python3.13",
    architecture: str = "arm64",
    digest: str | None = None,
    program: str = sys.executable,
    **settings: str,
) -> subprocess.CompletedProcess[str]:
    """Run the builder with pip told to look into a folder, and nowhere else."""
    command = [program, str(BUILDER), "--function", "verify", "--sources", str(sources), "--output", str(output)]
    command += ["--runtime", runtime, "--architecture", architecture]
    command += [] if digest is None else ["--digest", digest]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse)}
    environment = {name: value for name, value in {**kept, **pip, **settings}.items() if value}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def read(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        return {name: archive.read(name) for name in archive.namelist()}


# --- What a package holds


@pytest.mark.parametrize(("runtime", "architecture"), TAKEN, ids=" on ".join)
def test_the_wheel_for_the_functions_own_runtime_and_architecture(
    sources: Path, wheelhouse: Path, tmp_path: Path, runtime: str, architecture: str
) -> None:
    output = tmp_path / "package.zip"
    finished = build(sources, output, wheelhouse, runtime=runtime, architecture=architecture)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert read(output)["tool/_fast.so"] == TAKEN[runtime, architecture]


def test_sources_and_what_imports_read_of_the_libraries(sources: Path, wheelhouse: Path, tmp_path: Path) -> None:
    output = tmp_path / "package.zip"
    assert build(sources, output, wheelhouse).returncode == 0
    held = read(output)
    assert {name for name in held if ".dist-info/" not in name} == {
        "verify.py",
        "tool/__init__.py",
        "tool/_fast.so",
        "plain.py",
        "pure.py",
        "plat/__init__.py",
    }
    assert (held["pure.py"], held["plat/__init__.py"]) == (b"pure", b"plat")
    # As they stand in the wheel: what pip adds when it installs differs between machines and versions of pip.
    assert {name for name in held if ".dist-info/" in name} == {
        f"{library}.dist-info/{name}"
        for library in ("tool-1.0", "plain-2.0")
        for name in ("METADATA", "WHEEL", "RECORD")
    }


def test_other_functions_need_no_pip(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    listing = {"plain": {"sources": ["verify.py"]}}
    (sources / "packages.json").write_text(json.dumps(listing))
    builder.build("plain", sources, tmp_path / "package.zip")
    assert read(tmp_path / "package.zip") == {"verify.py": b"import tool\n"}


# --- The same bytes everywhere


@pytest.mark.parametrize(
    "settings",
    [
        {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"PIP_REQUIRE_VIRTUALENV": "1"},
        {"PIP_NO_CACHE_DIR": "1"},
        {"PYTHONDONTWRITEBYTECODE": "", "PIP_COMPILE": "1"},
    ],
    ids=["time-zone-hash-seed-and-locale", "virtual-environment-required", "no-cache", "bytecode"],
)
def test_the_same_lock_gives_the_same_bytes(
    sources: Path, wheelhouse: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    assert build(sources, tmp_path / "reference.zip", wheelhouse).returncode == 0
    finished = build(sources, tmp_path / "package.zip", wheelhouse, **settings)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tmp_path / "package.zip").read_bytes() == (tmp_path / "reference.zip").read_bytes()


def test_no_module_of_the_folder_that_terraform_runs_in_is_taken_for_pip(
    sources: Path, wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    finished = build(Path("lambda"), Path("package.zip"), wheelhouse)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert sources.is_dir()


def test_the_digest_is_that_of_sources_lock_and_target(builder: ModuleType, sources: Path) -> None:
    files = builder.read_sources(sources, builder.read_package(sources, "verify").files)
    manifest = f"format {builder.PACKAGE_FORMAT}\nfor python3.13 on arm64\n" + "".join(
        f"{hashlib.sha256((sources / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("requirements/verify.txt", "verify.py")
    )
    digest = builder.digest_sources(files, builder.Target("python3.13", "arm64"))
    assert digest == hashlib.sha256(manifest.encode()).hexdigest()


@pytest.mark.parametrize("changed", ["lock", "runtime", "architecture"])
def test_what_changed_after_the_plan_is_not_built(
    builder: ModuleType, sources: Path, wheelhouse: Path, tmp_path: Path, changed: str
) -> None:
    files = builder.read_sources(sources, builder.read_package(sources, "verify").files)
    digest = builder.digest_sources(files, builder.Target("python3.13", "arm64"))
    assert build(sources, tmp_path / "planned.zip", wheelhouse, digest=digest).returncode == 0

    target = {"runtime": "python3.13", "architecture": "arm64"}
    if changed == "lock":
        with (sources / "requirements" / "verify.txt").open("a") as requirements:
            requirements.write("# edited\n")
    else:
        target |= {"runtime": "python3.12", "architecture": "x86_64"}
    finished = build(sources, tmp_path / "package.zip", wheelhouse, digest=digest, **target)

    assert "have changed since the plan was made: plan again" in finished.stderr
    assert not (tmp_path / "package.zip").exists()


# --- What it refuses


def refused(finished: subprocess.CompletedProcess[str], output: Path) -> str:
    """Return the sentence that a failed build ends with: nothing else is printed, and nothing written."""
    assert (finished.returncode, finished.stdout) == (1, "")
    assert not output.exists()
    sentence = re.fullmatch(r"Cannot build the package of the verify function: (.*)\.\n", finished.stderr, re.DOTALL)
    assert sentence is not None, finished.stderr
    return sentence[1]


PREBUILT = "or build the package on another machine and name it in the input packages (see modules/lambda/README.md)"


def test_no_wheel_for_the_function(sources: Path, wheelhouse: Path, tmp_path: Path) -> None:
    output = tmp_path / "package.zip"
    finished = build(sources, output, wheelhouse, runtime="python3.11")
    assert refused(finished, output) == (
        "pip cannot get the libraries in verify.txt as wheels for python3.11 on arm64 (pip: No matching distribution "
        f"found for tool==1.0). Choose another runtime or architecture for the function, {PREBUILT}"
    )


def test_a_library_that_must_be_compiled_is_not(sources: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    archive = house / "tool-1.0.tar.gz"
    archive.write_bytes(b"not looked at")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (sources / "requirements" / "verify.txt").write_text(f"tool==1.0 --hash=sha256:{digest}\n")
    output = tmp_path / "package.zip"
    assert "No matching distribution found for tool==1.0" in refused(build(sources, output, house), output)


def test_a_library_that_is_not_the_locked_one(sources: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    write_wheel(house, "tool-1.0-py3-none-any", {"tool.py": b"import os\n"})
    write_wheel(house, "plain-2.0-py3-none-any", {"plain.py": b"import os\n"})
    output = tmp_path / "package.zip"
    said = refused(build(sources, output, house), output)
    assert said.startswith("a library is not the one that verify.txt locks (pip: ")
    assert said.endswith(f"Find out what the package index gave before you go on, {PREBUILT}")


def test_a_library_without_a_hash(sources: Path, wheelhouse: Path, tmp_path: Path) -> None:
    (sources / "requirements" / "verify.txt").write_text("plain==2.0\n")
    output = tmp_path / "package.zip"
    assert "(pip: Hashes are required in --require-hashes mode" in refused(build(sources, output, wheelhouse), output)


def test_what_a_library_says_it_needs_is_left_to_the_lock(sources: Path, tmp_path: Path) -> None:
    """pip would judge by the Python and the machine that build, not by those that run."""
    house = tmp_path / "house"
    wheel = write_wheel(house, "tool-1.0-py3-none-any", {"tool.py": b""}, requires="plain==2.0")
    write_wheel(house, "plain-2.0-py3-none-any", {"plain.py": b""})
    (sources / "requirements" / "verify.txt").write_text(lock(wheel))
    output = tmp_path / "package.zip"
    assert build(sources, output, house).returncode == 0
    assert {"tool.py", "verify.py"} == {name for name in read(output) if ".dist-info/" not in name}


def test_libraries_that_hold_the_same_file(sources: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    wheels = [write_wheel(house, f"{name}-1.0-py3-none-any", {"same.py": name.encode()}) for name in ("one", "two")]
    (sources / "requirements" / "verify.txt").write_text(lock(*wheels))
    output = tmp_path / "package.zip"
    assert refused(build(sources, output, house), output) == "two of the libraries in verify.txt hold a file same.py"


def test_a_library_that_holds_a_source(sources: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    wheel = write_wheel(house, "tool-1.0-py3-none-any", {"verify.py": b"import os\n"})
    (sources / "requirements" / "verify.txt").write_text(lock(wheel))
    output = tmp_path / "package.zip"
    assert refused(build(sources, output, house), output) == (
        "a library in requirements/verify.txt holds a file of the same name as a source"
    )


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py", "a\\b.py"])
def test_a_library_that_leaves_its_folder(sources: Path, tmp_path: Path, name: str) -> None:
    house = tmp_path / "house"
    wheel = write_wheel(house, "tool-1.0-py3-none-any", {name: b"import os\n"})
    (sources / "requirements" / "verify.txt").write_text(lock(wheel))
    output = tmp_path / "package.zip"
    assert f"a library holds a file outside its folder: {name}" in refused(build(sources, output, house), output)


@pytest.mark.parametrize(
    ("runtime", "architecture"), [("nodejs22.x", "arm64"), ("python3", "arm64"), ("python3.13", "riscv64")]
)
def test_a_target_that_lambda_does_not_have(
    sources: Path, wheelhouse: Path, tmp_path: Path, runtime: str, architecture: str
) -> None:
    output = tmp_path / "package.zip"
    finished = build(sources, output, wheelhouse, runtime=runtime, architecture=architecture)
    assert refused(finished, output) == (
        f"there is no {runtime} on {architecture}: give a runtime such as python3.13, and arm64 or x86_64"
    )


def test_no_target(builder: ModuleType, sources: Path, tmp_path: Path) -> None:
    with pytest.raises(builder.PackageError, match="give --runtime and --architecture"):
        builder.build("verify", sources, tmp_path / "package.zip")


def test_a_lock_that_is_not_there(sources: Path, wheelhouse: Path, tmp_path: Path) -> None:
    (sources / "requirements" / "verify.txt").unlink()
    output = tmp_path / "package.zip"
    said = refused(build(sources, output, wheelhouse), output)
    assert said == f"requirements/verify.txt is listed in packages.json but missing from {sources}"


def test_a_python_without_pip(sources: Path, wheelhouse: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    output = tmp_path / "package.zip"
    program = str(bare / "bin" / "python")
    assert refused(build(sources, output, wheelhouse, program=program), output) == (
        f"{program} has no pip, which gets the libraries in verify.txt. Install it (python3 -m ensurepip, or the "
        f"package python3-pip of your system), {PREBUILT}"
    )


@pytest.fixture
def broken_index() -> Iterator[str]:
    """A package index that breaks every connection."""

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.connection.recv(1)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_index_that_cannot_be_reached(sources: Path, tmp_path: Path, broken_index: str) -> None:
    output = tmp_path / "package.zip"
    settings = {"PIP_NO_INDEX": "", "PIP_INDEX_URL": broken_index, "PIP_RETRIES": "1", "NO_PROXY": "127.0.0.1"}
    said = refused(build(sources, output, tmp_path, **settings), output)
    assert re.fullmatch(
        r"the package index cannot be reached \(pip: .+\)\. Check the network and pip's settings, .+", said
    )
    assert said.endswith(PREBUILT)


# --- The lock of this module


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("runtime", ["python3.11", "python3.14"])
def test_the_index_has_the_locked_libraries(
    builder: ModuleType, tmp_path: Path, runtime: str, architecture: str
) -> None:
    """It asks the package index, as apply does."""
    output = tmp_path / "package.zip"
    builder.build("verify_jwt", CHECKOUT / "lambda", output, target=builder.Target(runtime, architecture))

    held = read(output)
    listed = json.loads((CHECKOUT / "lambda" / "packages.json").read_text())["verify_jwt"]["sources"]
    assert set(listed) == {name for name in held if name.startswith("websocket_push/")}
    assert {"jwt/__init__.py", "cryptography/__init__.py"} <= held.keys()
    machine = {"arm64": 183, "x86_64": 62}[architecture]
    compiled = {name: content for name, content in held.items() if name.endswith(".so")}
    # e_machine in the header of an ELF file.
    assert {int.from_bytes(content[18:20], "little") for content in compiled.values()} == {machine}
    version = runtime.removeprefix("python3.")
    assert all(f"cpython-3{version}-" in name or name.endswith(".abi3.so") for name in compiled)
    # Lambda takes 250 MB unzipped; this leaves a margin for what libraries grow by.
    assert sum(map(len, held.values())) < 50 * 1024 * 1024
