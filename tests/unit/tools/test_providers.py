import urllib.error
from pathlib import Path
from typing import Any

import pytest

from tools import providers
from tools.errors import ToolError
from tools.providers import find_mirror, provider_settings

REGISTRY = "registry.example"
PLATFORM = "linux_amd64"


def put(root: Path, version: str, platform: str = PLATFORM, name: str = "terraform-provider-aws_x5") -> Path:
    """Put a provider into a mirror, and give its folder."""
    folder = root / "registry.terraform.io" / "hashicorp" / "aws" / version / platform
    folder.mkdir(parents=True)
    (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the home folder's place for providers, on a machine with no other and without network."""
    for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.setattr(providers, "_anywhere", lambda: iter([]))
    monkeypatch.setattr(providers, "_reachable", lambda registry: False)
    return tmp_path / ".terraform.d" / "plugins"


def test_newest_usable_version_is_taken(plugins: Path) -> None:
    put(plugins, "5.99.1")
    put(plugins, "5.100.0")
    newest = put(plugins, "6.2.0")
    put(plugins, "6.10.0", platform="darwin_arm64")
    put(plugins, "7.0.0", name="README")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.folder == newest


@pytest.mark.parametrize("version", ["5.99.9", "4.100.0", "latest"])
def test_unusable_version_is_not_taken(plugins: Path, version: str) -> None:
    put(plugins, version)
    assert find_mirror(PLATFORM) is None


def test_plugin_cache_of_the_user_is_searched(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_CACHE_DIR", str(tmp_path / "cache"))
    folder = put(tmp_path / "cache", "5.100.0")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.folder == folder


@pytest.mark.parametrize(("mode", "taken"), [(0o755, True), (0o777, False)])
def test_program_that_anybody_could_have_put_there_is_not_taken(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, taken: bool
) -> None:
    folder = put(tmp_path / "found", "5.100.0")
    folder.chmod(mode)
    monkeypatch.setattr(providers, "_anywhere", lambda: iter([folder.parent.parent]))
    assert (find_mirror(PLATFORM) is not None) is taken


def test_search_finds_a_mirror_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "some" / "where", "5.100.0")
    put(tmp_path / "node_modules", "6.0.0")
    monkeypatch.setattr(providers, "_search_roots", lambda: [tmp_path])
    assert list(providers._anywhere()) == [folder.parent.parent]


def test_mirror_is_configured_under_the_host_that_terraform_asks(plugins: Path, tmp_path: Path) -> None:
    folder = put(plugins, "5.100.0")
    settings = provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    configuration = Path(settings["TF_CLI_CONFIG_FILE"]).read_text()
    [link] = tmp_path.glob(f"*/{REGISTRY}/hashicorp/aws/5.100.0/{PLATFORM}")
    assert link.resolve() == folder
    assert f'path = "{link.parents[4]}"' in configuration


def test_nothing_is_configured_where_the_registry_answers(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(plugins, "5.100.0")
    monkeypatch.setattr(providers, "_reachable", lambda registry: True)
    assert provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM) == {}


def test_own_configuration_of_the_user_stands(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = tmp_path / "my.rc"
    configuration.write_text("provider_installation {\n  direct {}\n}\n")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(configuration))
    assert provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM) == {}


def test_without_registry_and_mirror_the_message_says_what_to_do(plugins: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=rf"{REGISTRY} cannot be reached(.|\n)*aws >= 5.100.0(.|\n)*{PLATFORM}"):
        provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)


@pytest.mark.parametrize(
    ("outcome", "reachable"),
    [
        (urllib.error.URLError("no route"), False),
        (TimeoutError(), False),
        (urllib.error.HTTPError("https://x", 503, "busy", None, None), True),  # type: ignore[arg-type]
    ],
    ids=["no route", "timeout", "busy"],
)
def test_registry_is_reachable_if_anything_answers(
    monkeypatch: pytest.MonkeyPatch, outcome: Exception, reachable: bool
) -> None:
    def urlopen(*arguments: Any, **options: Any) -> None:
        raise outcome

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    assert providers._reachable(REGISTRY) is reachable
