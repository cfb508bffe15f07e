"""Build one Lambda function's deployment package: a zip that holds exactly the sources listed for it.

Terraform runs this while it applies (packages.tf), as
``python3 build_package.py --function push --sources DIR --output FILE.zip --digest HEX``. DIR holds ``packages.json``,
which lists each function's source files, and the files themselves.

The same sources always give the same bytes (on one version of zlib): order, timestamps, permissions and compression
level are fixed. The zip appears under its final name in one step, so builders that run at the same time, for several
instances of the module, never see half a file of one another.

Only the standard library, and no syntax newer than Python 3.9: this runs on whatever Python the machine has.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import NoReturn

# The layout of a zip, as a number. Raise it when the same sources give other bytes or other names: Terraform reads it
# from this line, and every function is updated.
PACKAGE_FORMAT = 1

OLDEST_PYTHON = (3, 9)

# The earliest date that a zip can express.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
# A plain file that everyone may read: Lambda runs the code as a user that does not own it.
FILE_MODE = 0o100644
MADE_ON_UNIX = 3
COMPRESSION_LEVEL = 9


class PackageError(Exception):
    """A package cannot be built; the message says why and what to do about it."""


def list_sources(sources_directory: Path, function: str) -> list[str]:
    """Return the files of a function's package, as sorted paths relative to the sources directory.

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
    sources = package.get("sources") if isinstance(package, dict) else None
    if not isinstance(sources, list) or not sources or not all(isinstance(source, str) for source in sources):
        raise PackageError(f"{listing} must list the source files of {function} as a list of file names")
    if len(set(sources)) != len(sources):
        raise PackageError(f"{listing} lists a source file of {function} twice")
    return sorted(sources)


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
        # Resolving takes out .. and links: what it changes was not a plain name of a file in the folder.
        if path.resolve() != path or root not in path.parents or path.relative_to(root).as_posix() != source:
            raise PackageError(f"{source} is not the plain name of a file in {sources_directory}")
        try:
            contents[source] = path.read_bytes()
        except FileNotFoundError as error:
            raise PackageError(f"{source} is listed in packages.json but missing from {sources_directory}") from error
        except OSError as error:
            raise PackageError(f"cannot read {sources_directory / source}: {error.strerror}") from error
    return contents


def digest_sources(contents: Mapping[str, bytes]) -> str:
    """Return the SHA-256, as hexadecimal digits, of what a package is made of.

    It is the hash of a manifest: the package format, then one line per file with the file's own SHA-256 and its name.
    packages.tf computes the same from the same sources at plan time.
    """
    lines = [f"format {PACKAGE_FORMAT}\n"]
    lines += [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def write_package(contents: Mapping[str, bytes], output: Path) -> None:
    """Write a zip under its final name, complete or not at all.

    Parameters
    ----------
    contents
        Content by file name; the entries keep this order.
    output
        The zip. Its folder is made if need be, and a zip that is there is replaced.

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
            f"cannot write {output}: {error.strerror}. Make {output.parent} writable for whoever runs terraform apply"
        ) from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIMESTAMP)
    entry.create_system = MADE_ON_UNIX
    entry.external_attr = FILE_MODE << 16
    return entry


@contextlib.contextmanager
def _temporary_file(output: Path) -> Iterator[Path]:
    """Give an empty file in the output's folder (a rename is atomic only there), and leave none behind."""
    handle, name = tempfile.mkstemp(prefix=f".{output.stem}-", suffix=".tmp", dir=output.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def build(function: str, sources_directory: Path, output: Path, digest: str | None = None) -> None:
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

    Raises
    ------
    PackageError
        If the package cannot be built. The output is then as it was before.
    """
    contents = read_sources(sources_directory, list_sources(sources_directory, function))
    if digest is not None and digest_sources(contents) != digest:
        raise PackageError(f"the sources in {sources_directory} have changed since the plan was made: plan again")
    write_package(contents, output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status: 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(description="Build one Lambda function's deployment package.")
    parser.add_argument("--function", required=True, help="a key of packages.json")
    parser.add_argument("--sources", required=True, type=Path, help="the folder of packages.json and the sources")
    parser.add_argument("--output", required=True, type=Path, help="the zip to write")
    parser.add_argument("--digest", help="the hash that the sources must have")
    options = parser.parse_args(arguments)
    try:
        build(options.function, options.sources, options.output, options.digest)
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
    # Being told to end takes the same way out as Ctrl-C, past everything that cleans up.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: no package was built.")
