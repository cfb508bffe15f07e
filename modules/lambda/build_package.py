"""Build one Lambda function's deployment package: a zip that holds exactly the sources listed for it.

Terraform runs this while it applies (packages.tf), as
``python3 build_package.py --function push --sources DIR --output FILE.zip --digest HEX``. DIR holds ``packages.json``,
which lists each function's source files, and the files themselves.

A function may also name a file of requirements that locks libraries by version and hash. Its package contains them as
well: pip downloads their wheels for the function's ``--runtime`` and ``--architecture``, whatever machine this is.

The same sources always give the same bytes (on one version of zlib): order, timestamps, permissions and compression
level are fixed, and libraries are copied from their wheels unchanged. What does not run is left out of the sources
(comments, docstrings, annotations of functions, imports for types, most of the indentation): it would be half of a
package, and every cold start would compile it. The zip appears under its final name in one step, so builders that run
at the same time, for several instances of the module, never see half a file of one another.

It contains no bytecode, although a cold start then compiles the sources: only the exact version of Python that the
function runs on could write it, and the package must not depend on the machine that builds it.

Only the standard library (pip runs as a program), and no syntax newer than Python 3.9: this runs on whatever Python the
machine has.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tokenize
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import NoReturn

    Place = tuple[int, int]

# The layout of a zip, as a number. Raise it when the same sources give other bytes or other names: Terraform reads it
# from this line, and every function is updated.
PACKAGE_FORMAT = 4

OLDEST_PYTHON = (3, 9)

# The earliest date that a zip can express.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
# A plain file that everyone may read: Lambda runs the code as a user that does not own it.
FILE_MODE = 0o100644
MADE_ON_UNIX = 3
COMPRESSION_LEVEL = 9


# The newest glibc that a wheel may need, by its minor version: python3.11 is the last runtime on Amazon Linux 2, the
# later ones are on Amazon Linux 2023 (AWS Lambda developer guide, "Lambda runtimes").
LAST_ON_AMAZON_LINUX_2 = 11
GLIBC_OF_AMAZON_LINUX_2 = 26
GLIBC_OF_AMAZON_LINUX_2023 = 34
# The oldest that wheels are still built for (PEP 599), by its old name manylinux2014.
OLDEST_GLIBC = 17

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

PREBUILT = "or build the package on another machine and name it in the input packages (see modules/lambda/README.md)"


class PackageError(Exception):
    """A package cannot be built; the message says why and what to do about it."""


class Package(NamedTuple):
    """The contents of a package: names of files, relative to the sources directory.

    Parameters
    ----------
    sources
        The files that it holds, sorted.
    requirements
        The file that locks the libraries it holds; None if there are none.
    """

    sources: list[str]
    requirements: str | None

    @property
    def files(self) -> list[str]:
        """All of them, sorted."""
        return sorted([*self.sources, self.requirements]) if self.requirements else self.sources


class Target(NamedTuple):
    """Where a function runs, in Lambda's words: ``python3.13``, ``arm64``."""

    runtime: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}"


def read_package(sources_directory: Path, function: str) -> Package:
    """Read the contents of a function's package.

    Parameters
    ----------
    sources_directory
        The folder that holds ``packages.json``.
    function
        A key of ``packages.json``.

    Raises
    ------
    PackageError
        If ``packages.json`` cannot be read, does not list the function, or lists something other than file names.
    """
    listing = sources_directory / "packages.json"
    try:
        packages = json.loads(listing.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackageError(f"cannot read {listing}: {error.strerror}") from error
    except ValueError as error:
        raise PackageError(f"{listing} is not JSON: {error}") from error

    package = packages.get(function) if isinstance(packages, dict) else None
    package = package if isinstance(package, dict) else {}
    sources = package.get("sources")
    if not isinstance(sources, list) or not sources or not all(isinstance(source, str) for source in sources):
        raise PackageError(f"{listing} must list the source files of {function} as a list of file names")
    if len(set(sources)) != len(sources):
        raise PackageError(f"{listing} lists a source file of {function} twice")
    requirements = package.get("requirements")
    if requirements is not None and not isinstance(requirements, str):
        raise PackageError(f"{listing} must give the requirements of {function} as the name of one file")
    return Package(sorted(sources), requirements)


def read_sources(sources_directory: Path, sources: Sequence[str]) -> dict[str, bytes]:
    """Read source files, in the order given.

    Parameters
    ----------
    sources_directory
        The folder that the names are relative to. A file outside it, be it through ``..``, an absolute name or a
        symbolic link, is refused: it would put a file of the building machine into the package.
    sources
        Names with forward slashes.

    Returns
    -------
    dict
        Content by name.

    Raises
    ------
    PackageError
        If a name leaves the folder, or a file is missing or cannot be read.
    """
    root = sources_directory.resolve()
    contents = {}
    for source in sources:
        path = root / source
        # Resolving removes .. and links: a name that it changes was not a plain name of a file in the folder.
        if path.resolve() != path or root not in path.parents or path.relative_to(root).as_posix() != source:
            raise PackageError(f"{source} is not the plain name of a file in {sources_directory}")
        try:
            contents[source] = path.read_bytes()
        except FileNotFoundError as error:
            raise PackageError(f"{source} is listed in packages.json but missing from {sources_directory}") from error
        except OSError as error:
            raise PackageError(f"cannot read {sources_directory / source}: {error.strerror}") from error
    return contents


def digest_sources(contents: Mapping[str, bytes], target: Target | None = None) -> str:
    """Return the SHA-256, in hexadecimal digits, of a package's contents.

    It is the hash of a manifest: the package format, then, if libraries depend on it, the target, then one line per
    file with the file's own SHA-256 and its name. packages.tf computes the same from the same files at plan time.
    """
    lines = [f"format {PACKAGE_FORMAT}\n"]
    lines += [f"for {target}\n"] if target else []
    lines += [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def lean_source(name: str, content: bytes) -> bytes:
    """Return a Python source without comments, docstrings, annotations of functions and blocks for the type checker.

    Each line keeps its number, for stack traces. The annotations of a class's members stay: they are read at run time.
    Only positions are taken from the tokenizer, and the rest stays as written, so the result does not depend on the
    Python that builds the package.

    Raises
    ------
    PackageError
        If it is not Python in UTF-8.
    """
    try:
        lines = io.StringIO(content.decode("utf-8"), newline="").readlines()
        tokens = list(tokenize.generate_tokens(iter([*lines, ""]).__next__))
    except (UnicodeDecodeError, SyntaxError, tokenize.TokenError) as error:
        raise PackageError(f"{name} is not Python: {error}") from error
    depths = _depths(tokens)
    types = list(_blocks_for_types(tokens))
    tokens = [token for token in tokens if not any(start <= token.start < end for start, end in types)]
    cuts = [(start, end, "") for start, end in [*types, *_annotations(tokens)]]
    cuts += [(token.start, token.end, left) for token, left in _dispensable(tokens)]
    for (first, start), (last, end), left in sorted(cuts, reverse=True):
        before = lines[first - 1][:start]
        kept = before + left if left else before.rstrip()
        lines[first - 1 : last] = [kept + lines[last - 1][end:], *["\n"] * (last - first)]
    for row, depth in depths.items():
        if row <= len(lines):
            kept = lines[row - 1].lstrip(" ")
            lines[row - 1] = " " * depth + kept if kept.strip() else kept
    return "".join(lines).encode("utf-8")


def _depths(tokens: Sequence[tokenize.TokenInfo]) -> dict[int, int]:
    """Return how deep each line is indented: one space a level is enough, and none where a statement continues."""
    depth, begins = 0, True
    depths = dict.fromkeys((row for token in tokens for row in range(token.start[0], token.end[0] + 1)), 0)
    for token in tokens:
        depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if begins and token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.NL):
            depths[token.start[0]] = depth
        if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.NL):
            begins = token.type == tokenize.NEWLINE
    # The later lines of a string are part of it.
    within = {row for token in tokens for row in range(token.start[0] + 1, token.end[0] + 1)}
    return {row: depths[row] for row in sorted(depths.keys() - within)}


def _dispensable(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[tuple[tokenize.TokenInfo, str]]:
    """Yield the comments, and the strings that are statements by themselves, each with what replaces it.

    A string that ends its block is replaced by an empty one: the block may have nothing else in it.
    """
    begins = True
    for index, token in enumerate(tokens):
        alone = token.type == tokenize.STRING and begins
        ends = alone and tokens[index + 1].type in (tokenize.NEWLINE, tokenize.COMMENT)
        if token.type == tokenize.COMMENT:
            yield token, ""
        elif ends:
            ignored = (tokenize.NEWLINE, tokenize.COMMENT, tokenize.NL)
            following = next(each for each in tokens[index + 1 :] if each.type not in ignored)
            yield token, '""' if following.type in (tokenize.DEDENT, tokenize.ENDMARKER) else ""
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def _blocks_for_types(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[tuple[Place, Place]]:
    """Yield where the blocks `if TYPE_CHECKING:` of a module begin and end, with a `TYPE_CHECKING = False` before."""
    for index, token in enumerate(tokens):
        if token.string == "if" and token.start[1] == 0 and tokens[index + 1].string == "TYPE_CHECKING":
            before = tokens[max(index - 4, 0) : index]
            assigned = [each.string for each in before[:3]] == ["TYPE_CHECKING", "=", "False"]
            start, end = before[0].start if assigned else token.start, token.end
            for inner in tokens[index:]:
                if inner.type == tokenize.DEDENT and inner.start[1] == 0:
                    break
                end = inner.start if inner.type == tokenize.NEWLINE else end
            yield start, end


def _annotations(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[tuple[Place, Place]]:
    """Yield where each annotation of a function begins, with its colon or arrow, and ends."""
    significant = iter([token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL)])
    for token in significant:
        if token.string == "def":
            yield from _annotations_of_signature(significant)


def _annotations_of_signature(tokens: Iterator[tokenize.TokenInfo]) -> Iterator[tuple[Place, Place]]:
    depth = level = 0
    start: Place | None = None
    end = (0, 0)
    for token in tokens:
        text = token.string
        depth += (text in _OPENING) - (text in _CLOSING)
        if start is not None and (depth < level or (depth == level and text in (",", "=", ":"))):
            # One of several lines stays: without it, its line ends would end the statement.
            if start[0] == end[0]:
                yield start, end
            start = None
        if text == "lambda" or (depth == 0 and text == ":"):
            return
        if start is None and (depth, text) in ((1, ":"), (0, "->")):
            start, level = token.start, depth
        end = token.end


def read_libraries(requirements: Path, target: Target) -> dict[str, bytes]:
    """Download locked libraries and return the files that a package must contain.

    Parameters
    ----------
    requirements
        A requirements file of pip with exact versions and hashes, transitive requirements included.
    target
        Where the libraries must run.

    Returns
    -------
    dict
        Content by name, as if installed, without files that no import reads: programs, C headers, bytecode.

    Raises
    ------
    PackageError
        If pip is missing or cannot get every wheel, or if two wheels hold the same file.
    """
    with tempfile.TemporaryDirectory(prefix="websocket-push-") as name:
        folder = Path(name)
        _download_wheels(requirements, target, folder)
        contents: dict[str, bytes] = {}
        for wheel in sorted(folder.glob("*.whl")):
            for file, content in _read_wheel(wheel):
                if contents.setdefault(file, content) != content:
                    raise PackageError(f"two of the libraries in {requirements.name} hold a file {file}")
    return contents


def wheel_tags(target: Target) -> tuple[str, str, list[str]]:
    """Return pip's names for a target: the Python version, its ABI, and the platforms, most wanted first.

    Given one platform, pip does not work out the compatible ones, so all are listed (PEP 600).

    Raises
    ------
    PackageError
        If Lambda has no such runtime or architecture.
    """
    version = re.fullmatch(r"python3\.([0-9]+)", target.runtime)
    machine = MACHINES.get(target.architecture)
    if version is None or machine is None:
        raise PackageError(f"there is no {target}: give a runtime such as python3.13, and arm64 or x86_64")
    minor = int(version[1])
    newest = GLIBC_OF_AMAZON_LINUX_2 if minor <= LAST_ON_AMAZON_LINUX_2 else GLIBC_OF_AMAZON_LINUX_2023
    platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, OLDEST_GLIBC - 1, -1)]
    return f"3.{minor}", f"cp3{minor}", [*platforms, f"manylinux2014_{machine}"]


def _download_wheels(requirements: Path, target: Target, folder: Path) -> None:
    version, abi, platforms = wheel_tags(target)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    # Nothing that the lock does not list may be installed, and nothing in another version or with another hash.
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", version, "--abi", abi]
    command += [argument for platform in platforms for argument in ("--platform", platform)]
    command += ["--dest", str(folder), "--requirement", str(requirements.resolve())]
    # In an empty folder, because Python looks for pip in the one where it runs. The user's settings for pip apply, such
    # as another index, except for requiring a virtual environment, because nothing is installed.
    finished = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        cwd=folder,
        env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "false"},
    )
    if finished.returncode != 0:
        raise PackageError(_explain_pip(finished.stdout, requirements, target))


def _explain_pip(printed: str, requirements: Path, target: Target) -> str:
    if "No module named pip" in printed:
        return (
            f"{sys.executable} has no pip, which gets the libraries in {requirements.name}. Install it (python3 -m "
            f"ensurepip, or the package python3-pip of your system), {PREBUILT}"
        )
    errors = [line[len("ERROR: ") :].strip() for line in printed.splitlines() if line.startswith("ERROR: ")]
    said = f" (pip: {errors[-1].rstrip('.')})" if errors else f" (pip: {printed.strip()[-500:]})"
    if "DO NOT MATCH THE HASHES" in printed:
        return (
            f"a library is not the one that {requirements.name} locks{said}. Find out what the package index gave "
            f"before you go on, {PREBUILT}"
        )
    # After the last attempt pip says no more than that it found nothing.
    if "Retrying (Retry(" in printed or "connection" in printed.lower():
        return f"the package index cannot be reached{said}. Check the network and pip's settings, {PREBUILT}"
    return (
        f"pip cannot get the libraries in {requirements.name} as wheels for {target}{said}. Choose another runtime or "
        f"architecture for the function, {PREBUILT}"
    )


def _read_wheel(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = None if entry.is_dir() else _installed_name(entry.filename)
            if name is not None:
                yield name, archive.read(entry)


def _installed_name(name: str) -> str | None:
    """Say where a wheel's file is imported from, if anywhere (packaging.python.org, "Binary distribution format")."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise PackageError(f"a library holds a file outside its folder: {name}")
    if path.parts[0].endswith(".data"):
        if len(path.parts) < 3 or path.parts[1] not in ("purelib", "platlib"):
            return None
        path = PurePosixPath(*path.parts[2:])
    return None if path.suffix == ".pyc" else str(path)


def write_package(contents: Mapping[str, bytes], output: Path) -> None:
    """Write a zip under its final name, complete or not at all.

    Parameters
    ----------
    contents
        Content by file name; the entries keep this order.
    output
        The zip. Its folder is created if needed, and an existing zip is replaced.

    Raises
    ------
    PackageError
        If the folder cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with _temporary_file(output) as temporary:
            with zipfile.ZipFile(temporary, "w") as package:
                for name, content in contents.items():
                    package.writestr(_entry(name), content, zipfile.ZIP_DEFLATED, COMPRESSION_LEVEL)
            # A temporary file is private to its maker, while another user may be the one who applies next.
            temporary.chmod(0o644)
            temporary.replace(output)
    except OSError as error:
        raise PackageError(
            f"cannot write {output}: {error.strerror}. Make {output.parent} writable for the user of terraform apply"
        ) from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIMESTAMP)
    entry.create_system = MADE_ON_UNIX
    entry.external_attr = FILE_MODE << 16
    return entry


@contextlib.contextmanager
def _temporary_file(output: Path) -> Iterator[Path]:
    """Yield an empty file in the output's folder (a rename is atomic only there), and leave none behind."""
    handle, name = tempfile.mkstemp(prefix=f".{output.stem}-", suffix=".tmp", dir=output.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def build(
    function: str, sources_directory: Path, output: Path, *, digest: str | None = None, target: Target | None = None
) -> None:
    """Build one function's package.

    Parameters
    ----------
    function
        A key of ``packages.json``.
    sources_directory
        The folder of the sources.
    output
        Where the zip goes.
    digest
        What :func:`digest_sources` must give, if it is known: a saved plan that is applied after a source changed
        would otherwise deploy something else than was planned.
    target
        Where the function runs; nothing depends on it in a package without libraries.

    Raises
    ------
    PackageError
        If the package cannot be built. The output is then as it was before.
    """
    package = read_package(sources_directory, function)
    if package.requirements is None:
        target = None
    elif target is None:
        raise PackageError("it holds libraries for one Python on one machine: give --runtime and --architecture")
    files = read_sources(sources_directory, package.files)
    if digest is not None and digest_sources(files, target) != digest:
        raise PackageError(f"the sources in {sources_directory} have changed since the plan was made: plan again")

    contents = {name: lean_source(name, files[name]) for name in package.sources}
    if package.requirements is not None and target is not None:
        libraries = read_libraries(sources_directory / package.requirements, target)
        if not libraries.keys().isdisjoint(contents):
            raise PackageError(f"a library in {package.requirements} holds a file of the same name as a source")
        contents.update(libraries)
    write_package(dict(sorted(contents.items())), output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status: 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(description="Build one Lambda function's deployment package.")
    parser.add_argument("--function", required=True, help="a key of packages.json")
    parser.add_argument("--sources", required=True, type=Path, help="the folder of packages.json and the sources")
    parser.add_argument("--output", required=True, type=Path, help="the zip to write")
    parser.add_argument("--digest", help="the hash that the sources must have")
    parser.add_argument("--runtime", help="the function's Python, such as python3.13, if its package holds libraries")
    parser.add_argument("--architecture", help="the function's architecture, arm64 or x86_64, likewise")
    options = parser.parse_args(arguments)
    target = Target(options.runtime, options.architecture) if options.runtime and options.architecture else None
    try:
        build(options.function, options.sources, options.output, digest=options.digest, target=target)
    except PackageError as error:
        sys.stderr.write(f"Cannot build the package of the {options.function} function: {error}.\n")
        return 1
    return 0


def _refuse_old_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            "Cannot build the package: python3 is Python {}.{}, and 3.9 or newer is needed. Put a newer python3 first "
            "on the PATH of the machine that runs terraform apply.".format(*sys.version_info[:2])
        )


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    _refuse_old_python()
    # SIGTERM ends it as Ctrl-C does, through all cleanup code. nohup and others start it with SIGINT ignored.
    for _signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_signal, _interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: no package was built.")
