"""Finds the AWS provider where Terraform's registry cannot be reached.

Terraform can install providers from a folder laid out as HOST/hashicorp/aws/VERSION/PLATFORM (Terraform documentation,
"CLI configuration file", `filesystem_mirror`). Such a folder may be anywhere on a machine without network.
"""

import os
import re
import stat
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError

MINIMUM_PROVIDER = (5, 100, 0)
_REACH_SECONDS = 4.0
_SEARCH_SECONDS = 20.0
_SEARCH_DEPTH = 8
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")

# Kernel interfaces, other machines' disks, and temporary folders, where anybody could have left a program.
_SKIPPED_ROOTS = {"boot", "dev", "lost+found", "media", "mnt", "net", "proc", "run", "sys", "tmp"}
_SKIPPED_FOLDERS = {"__pycache__", "dist-packages", "node_modules", "site-packages", ".cache", ".git", "tmp"}


@dataclass(frozen=True, slots=True)
class Mirror:
    """A provider on this machine: the folder with its program, for one version and platform."""

    folder: Path
    version: tuple[int, int, int]


def provider_settings(build: Path, *, registry: str, platform: str) -> dict[str, str]:
    """Say which variables Terraform needs to find the AWS provider.

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
        Empty where Terraform finds it by itself: the registry answers, or the user's own CLI configuration says how
        providers are installed.

    Raises
    ------
    ToolError
        If the registry cannot be reached and no mirror is found.
    """
    if _configured_by_user() or _reachable(registry):
        return {}
    found = find_mirror(platform)
    if found is None:
        wanted = ".".join(map(str, MINIMUM_PROVIDER))
        raise ToolError(
            f"{registry} cannot be reached, and no copy of the AWS provider was found on this machine.\n"
            f"Either let Terraform reach {registry}, or put hashicorp/aws >= {wanted} into a folder laid out as\n"
            f"  {Path.home() / '.terraform.d' / 'plugins'}/{registry}/hashicorp/aws/VERSION/{platform}/\n"
            "(on a machine with network: terraform providers mirror FOLDER)."
        )
    return {"TF_CLI_CONFIG_FILE": str(_write_configuration(build, registry, platform, found))}


def find_mirror(platform: str) -> Mirror | None:
    """Look for the newest usable AWS provider, first where Terraform would look, then on the whole disk."""
    configured = list(_usable(_well_known_places(), platform))
    found = configured or [each for each in _usable(_anywhere(), platform) if _protected(each.folder)]
    return max(found, key=lambda mirror: mirror.version, default=None)


def _configured_by_user() -> bool:
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    configuration = Path(named) if named else Path.home() / ".terraformrc"
    try:
        return "provider_installation" in configuration.read_text()
    except OSError:
        return False


def _reachable(registry: str) -> bool:
    try:
        with urllib.request.urlopen(f"https://{registry}/.well-known/terraform.json", timeout=_REACH_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # Somebody answers; let Terraform say what is wrong.
    except OSError:
        return False


def _well_known_places() -> Iterator[Path]:
    roots = [
        *map(Path, filter(None, [os.environ.get("TF_PLUGIN_CACHE_DIR")])),
        Path.home() / ".terraform.d" / "plugins",
        Path.home() / ".terraform.d" / "plugin-cache",
        Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "terraform" / "plugins",
        *(Path(each) / "terraform" / "plugins" for each in _data_folders()),
    ]
    for root in roots:
        yield from root.glob("*/hashicorp/aws")


def _data_folders() -> list[str]:
    return (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")


def _anywhere() -> Iterator[Path]:
    """Search breadth first, so that a mirror near the top is found before anything is searched to the bottom."""
    give_up = time.monotonic() + _SEARCH_SECONDS
    waiting = deque((folder, 1) for folder in _search_roots())
    while waiting and time.monotonic() < give_up:
        folder, depth = waiting.popleft()
        if folder.name == "aws" and folder.parent.name == "hashicorp":
            yield folder
        elif depth < _SEARCH_DEPTH:
            waiting.extend((child, depth + 1) for child in _folders_in(folder) if child.name not in _SKIPPED_FOLDERS)


def _search_roots() -> list[Path]:
    roots = [child for child in _folders_in(Path("/")) if child.name not in _SKIPPED_ROOTS]
    return list(dict.fromkeys([Path.home(), *roots]))


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _usable(providers: Iterable[Path], platform: str) -> Iterator[Mirror]:
    for provider in providers:
        for version_folder in _folders_in(provider):
            matched = _VERSION.fullmatch(version_folder.name)
            folder = version_folder / platform
            if matched is None or not any(folder.glob("terraform-provider-aws_*")):
                continue
            version = (int(matched[1]), int(matched[2]), int(matched[3]))
            if version >= MINIMUM_PROVIDER:
                yield Mirror(folder.resolve(), version)


def _protected(folder: Path) -> bool:
    """Say whether not just anybody could have put the program there: it is going to be run."""
    return not any(each.stat().st_mode & stat.S_IWOTH for each in (folder, *folder.iterdir()))


def _write_configuration(build: Path, registry: str, platform: str, mirror: Mirror) -> Path:
    """Write a CLI configuration with a mirror of this one provider, under the host that Terraform asks for."""
    own = build / "provider-mirror"
    link = own / registry / "hashicorp" / "aws" / ".".join(map(str, mirror.version)) / platform
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(mirror.folder, target_is_directory=True)
    configuration = build / "terraform.rc"
    configuration.write_text(
        "# Generated, because the registry could not be reached.\n"
        "disable_checkpoint = true\n"
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{own}"\n  }}\n}}\n'
    )
    return configuration
