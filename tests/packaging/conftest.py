"""What the packaging tests share: the builder, and a folder of sources to build from."""

import hashlib
import importlib.util
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BUILDER = CHECKOUT / "modules" / "lambda" / "build_package.py"


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    specification = importlib.util.spec_from_file_location("build_package", BUILDER)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def write_sources(folder: Path, packages: Mapping[str, Sequence[object]], files: Mapping[str, bytes]) -> Path:
    """Make a folder of sources, with packages.json saying which files each function's package holds."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    listing = {function: {"handler": "main.handler", "sources": list(names)} for function, names in packages.items()}
    (folder / "packages.json").write_text(json.dumps(listing))
    return folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two functions that share one file."""
    return write_sources(
        tmp_path / "lambda",
        {"push": ["push.py", "app/shared.py"], "poll": ["app/shared.py", "poll.py"]},
        {"push.py": b"push = 1\n" * 500, "poll.py": b"", "app/shared.py": b"# \xc3\xa9\r\n", "app/unlisted.py": b"?"},
    )


def write_wheel(folder: Path, name: str, files: Mapping[str, bytes], *, requires: str = "") -> Path:
    """Write a wheel that holds files, under its full name."""
    folder.mkdir(parents=True, exist_ok=True)
    project, version = name.split("-")[:2]
    about = f"{project}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    held = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n{needs}".encode(),
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {name.split('-', 2)[2]}\n".encode(),
    }
    record = "".join(f"{each},,\n" for each in (*held, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}.whl", "w") as wheel:
        for each, content in {**held, f"{about}/RECORD": record.encode()}.items():
            wheel.writestr(each, content)
    return folder / f"{name}.whl"


def lock(*wheels: Path) -> str:
    """Write the lines of a requirements file that lock wheels; those of one version share an entry."""
    entries: dict[str, list[str]] = {}
    for wheel in wheels:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        entries.setdefault("==".join(wheel.name.split("-")[:2]), []).append(f"--hash=sha256:{digest}")
    return "".join(f"{' '.join([entry, *hashes])}\n" for entry, hashes in entries.items())
