"""Finds the AWS provider where Terraform's registry cannot be reached.

Terraform installs providers from a folder laid out as HOST/hashicorp/aws/VERSION/PLATFORM, or with the zips that
`terraform providers mirror` writes below HOST/hashicorp/aws (Terraform documentation, "CLI configuration file",
provider installation). The documented places for one come first, then the folders where administrators put software.
"""

import contextlib
import functools
import http.client
import json
import os
import re
import stat
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError

MINIMUM_PROVIDER = (5, 100, 0)
_TOO_NEW = (7, 0, 0)
MIRROR_VARIABLE = "WEBSOCKET_PUSH_PROVIDER_MIRROR"
"""Names a mirror; nothing else is looked at then."""

_REACH_SECONDS = 4.0
_UNPACKED = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_PACKED = re.compile(r"terraform-provider-aws_(\d+)\.(\d+)\.(\d+)_(\w+)\.zip")

_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|#[^\n]*|//[^\n]*|/\*.*?\*/', re.DOTALL)
"""A comment of a CLI configuration, or a string, in which there is none."""

# At the beginning of a statement, in HCL or in JSON; elsewhere it would be the name of something.
_INSTALLATION = re.compile(r'(?:^|[{},\n])\s*"?provider_installation"?\s*[{=:]')
_CACHE = re.compile(r'(?:^|[{},\n])\s*"?plugin_cache_dir"?\s*[=:]\s*("(?:\\.|[^"\\\n])*")')

_ADMINISTRATORS_FOLDERS = ("/opt", "/usr/local", "/usr/share", "/usr/lib", "/srv")
_SEARCHED_DEPTH = 3
"""How many folders below one of those the mirror may be, the host's among them."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A provider on this machine, in one version: the folder with its program, or its zip."""

    path: Path
    version: tuple[int, int, int]


def provider_settings(build: Path, *, registry: str, platform: str) -> dict[str, str]:
    """Return which variables Terraform needs to find the AWS provider, and print where it comes from.

    Parameters
    ----------
    build
        Takes what is generated.
    registry
        The host that Terraform asks for providers.
    platform
        Terraform's name for this machine, such as `linux_amd64`.

    Returns
    -------
    dict
        Empty where Terraform finds it by itself: the user's own CLI configuration says how providers are installed, or
        the registry answers.

    Raises
    ------
    ToolError
        If the registry cannot be reached and no mirror is found, or `WEBSOCKET_PUSH_PROVIDER_MIRROR` names none.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if not named and _INSTALLATION.search(_configuration()):
        _report(f"AWS provider installed as {_configuration_file()} says")
        return {}
    if not named and _reachable(registry):
        return {}
    found = _newest(_usable(_providers_in(Path(named)), platform)) if named else find_mirror(platform)
    if found is None:
        raise ToolError(_advice(named, registry, platform))
    _report(f"AWS provider {_text(found.version)}, from {found.path}")
    return {"TF_CLI_CONFIG_FILE": str(_write_configuration(build, registry, platform, found))}


def find_mirror(platform: str) -> Mirror | None:
    """Look for the newest usable AWS provider, first where Terraform looks, then where administrators put software."""
    documented = _newest(_usable(_documented_places(), platform))
    if documented is not None:
        return documented
    return _newest(each for each in _usable(_administrators_places(), platform) if _protected(each.path))


def _newest(mirrors: Iterable[Mirror]) -> Mirror | None:
    return max(mirrors, key=lambda mirror: mirror.version, default=None)


def _advice(named: str | None, registry: str, platform: str) -> str:
    wanted = f"hashicorp/aws >= {_text(MINIMUM_PROVIDER)} for {platform}"
    if named:
        return f"{MIRROR_VARIABLE}={named} holds no {wanted}, as terraform providers mirror lays it out."
    return (
        f"{registry} cannot be reached, and no copy of the AWS provider was found on this machine.\n"
        f"Let Terraform reach {registry}; or make a mirror of {wanted} where there is a network, by\n"
        "  terraform providers mirror FOLDER\n"
        f"and name it here: {MIRROR_VARIABLE}=FOLDER (or by provider_installation in Terraform's CLI configuration)."
    )


def _configuration() -> str:
    """Return what the user's CLI configuration says, without comments; nothing where there is none to be read."""
    try:
        text = _configuration_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return _COMMENT.sub(lambda found: found[1] or "", text)


def _configuration_file() -> Path:
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    return Path(named) if named else _home() / ".terraformrc"


def _home() -> Path:
    """Return the user's home folder; where there is none, one that does not exist."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def _reachable(registry: str) -> bool:
    try:
        with urllib.request.urlopen(f"https://{registry}/.well-known/terraform.json", timeout=_REACH_SECONDS):
            return True
    except (urllib.error.HTTPError, http.client.HTTPException):
        return True  # There is a server; let Terraform say what is wrong.
    except OSError:
        return False


def _documented_places() -> Iterator[Path]:
    """List the folders that Terraform implies as mirrors, and the plugin caches that it documents."""
    home = _home()
    roots = [
        *map(Path, _caches()),
        home / ".terraform.d" / "plugins",
        home / ".terraform.d" / "plugin-cache",
        Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "terraform" / "plugins",
        *(Path(each) / "terraform" / "plugins" for each in _data_folders()),
        home / "Library" / "Application Support" / "io.terraform" / "plugins",
        Path("/Library/Application Support/io.terraform/plugins"),
    ]
    for root in roots:
        yield from _providers_in(root)


def _caches() -> Iterator[str]:
    """List the plugin caches that the environment and the CLI configuration name."""
    yield from filter(None, [os.environ.get("TF_PLUGIN_CACHE_DIR")])
    for found in _CACHE.finditer(_configuration()):
        with contextlib.suppress(ValueError):
            yield os.path.expandvars(json.loads(found[1]))


def _data_folders() -> list[str]:
    return (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")


def _providers_in(mirror: Path) -> Iterator[Path]:
    return mirror.glob("*/hashicorp/aws")


def _administrators_places() -> Iterator[Path]:
    for root in _ADMINISTRATORS_FOLDERS:
        for depth in range(_SEARCHED_DEPTH):
            yield from Path(root).glob("*/" * depth + "*/hashicorp/aws")


def _usable(providers: Iterable[Path], platform: str) -> Iterator[Mirror]:
    for provider in providers:
        for path in provider.glob("*"):  # An unreadable folder holds nothing.
            found = _mirror(path, platform)
            if found is not None and MINIMUM_PROVIDER <= found.version < _TOO_NEW:
                yield found


def _mirror(path: Path, platform: str) -> Mirror | None:
    unpacked, packed = _UNPACKED.fullmatch(path.name), _PACKED.fullmatch(path.name)
    try:
        if unpacked and any(map(_is_program, (path / platform).glob("terraform-provider-aws_*"))):
            return Mirror((path / platform).resolve(), _version(unpacked))
        if packed and packed[4] == platform and path.is_file():
            return Mirror(path.resolve(), _version(packed))
    except OSError:  # It may not be looked into.
        pass
    return None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _version(matched: re.Match[str]) -> tuple[int, int, int]:
    return int(matched[1]), int(matched[2]), int(matched[3])


def _protected(path: Path) -> bool:
    """Return whether only its owner and group could have put the program there: it is going to be run."""
    try:
        checked = (path.parent, path, *(path.iterdir() if path.is_dir() else ()))
        return not any(each.stat().st_mode & stat.S_IWOTH for each in checked)
    except OSError:
        return False


@functools.cache
def _report(line: str) -> None:
    """Print a line, once in a process: every check of a run asks again."""
    sys.stderr.write(f"{line}\n")


def _write_configuration(build: Path, registry: str, platform: str, mirror: Mirror) -> Path:
    """Write a CLI configuration with a mirror of this one provider, under the host that Terraform asks for."""
    own = build / "provider-mirror"
    provider = own / registry / "hashicorp" / "aws"
    link = provider / mirror.path.name if mirror.path.is_file() else provider / _text(mirror.version) / platform
    link.parent.mkdir(parents=True, exist_ok=True)
    configuration = build / "terraform.rc"
    folder = json.dumps(str(own), ensure_ascii=False)
    # Replaced, never removed: another run may have the same folder, and its Terraform may be reading them.
    with tempfile.TemporaryDirectory(dir=build) as new:
        (Path(new) / "link").symlink_to(mirror.path, target_is_directory=mirror.path.is_dir())
        (Path(new) / "link").replace(link)
        (Path(new) / "rc").write_text(
            "# Generated, because the registry could not be reached or a mirror was named.\n"
            "disable_checkpoint = true\n"
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {folder}\n  }}\n}}\n"
        )
        (Path(new) / "rc").replace(configuration)
    return configuration


def _text(version: Iterable[int]) -> str:
    return ".".join(map(str, version))
