"""What the packaging tests share: the builder, and a folder of sources to build from."""

import importlib.util
import json
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
