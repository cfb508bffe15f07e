import http.client
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tools import providers
from tools.errors import ToolError
from tools.providers import MIRROR_VARIABLE, find_mirror, provider_settings

REGISTRY = "registry.example"
PLATFORM = "linux_amd64"


def put(root: Path, version: str, platform: str = PLATFORM, name: str = "terraform-provider-aws_x5") -> Path:
    """Put a provider into a mirror, and return its folder."""
    folder = root / "registry.terraform.io" / "hashicorp" / "aws" / version / platform
    folder.mkdir(parents=True)
    (folder / name).touch(mode=0o755)
    return folder


def pack(root: Path, version: str, platform: str = PLATFORM) -> Path:
    """Put a provider's zip into a mirror, as `terraform providers mirror` does, and return it."""
    folder = root / "registry.terraform.io" / "hashicorp" / "aws"
    folder.mkdir(parents=True, exist_ok=True)
    zipped = folder / f"terraform-provider-aws_{version}_{platform}.zip"
    zipped.touch(mode=0o644)
    return zipped


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home folder's place for providers, on a machine with no other and without network."""
    for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "XDG_DATA_HOME", MIRROR_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.setattr(providers, "_ADMINISTRATORS_FOLDERS", ())
    monkeypatch.setattr(providers, "_reachable", lambda registry: False)
    providers._report.cache_clear()
    return tmp_path / ".terraform.d" / "plugins"


@pytest.fixture
def opt(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder where administrators put software."""
    folder = tmp_path / "opt"
    monkeypatch.setattr(providers, "_ADMINISTRATORS_FOLDERS", (str(folder),))
    return folder


def test_newest_usable_version_is_taken(plugins: Path) -> None:
    put(plugins, "5.99.1")
    put(plugins, "5.100.0")
    newest = put(plugins, "6.2.0")
    put(plugins, "6.10.0", platform="darwin_arm64")
    put(plugins, "6.11.0", name="README")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == newest


@pytest.mark.parametrize("version", ["5.99.9", "4.100.0", "7.0.0", "latest"])
def test_unusable_version_is_not_taken(plugins: Path, version: str) -> None:
    put(plugins, version)
    assert find_mirror(PLATFORM) is None


def test_plugin_cache_of_the_user_is_searched(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_CACHE_DIR", str(tmp_path / "cache"))
    folder = put(tmp_path / "cache", "5.100.0")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == folder


@pytest.mark.parametrize(("mode", "taken"), [(0o755, True), (0o777, False)])
def test_a_program_that_others_can_write_is_not_taken(opt: Path, mode: int, taken: bool) -> None:
    put(opt / "mirror", "5.100.0").chmod(mode)
    assert (find_mirror(PLATFORM) is not None) is taken


@pytest.mark.parametrize(("below", "taken"), [("", True), ("mirror", True), ("a/b", True), ("a/b/c", False)])
def test_administrators_folders_are_searched_to_a_small_depth(opt: Path, below: str, taken: bool) -> None:
    folder = put(opt / below, "5.100.0")
    found = find_mirror(PLATFORM)
    assert (found.path if found else None) == (folder if taken else None)


def test_a_documented_place_comes_before_administrators_folders(plugins: Path, opt: Path) -> None:
    put(opt, "6.2.0")
    documented = put(plugins, "5.100.0")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == documented


def test_only_folders_of_administrators_are_searched() -> None:
    assert all(Path(each).parts[1] in ("opt", "usr", "srv") for each in providers._ADMINISTRATORS_FOLDERS)


@pytest.mark.parametrize("registry_answers", [True, False])
def test_the_mirror_that_is_named_is_taken_before_all_others(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry_answers: bool
) -> None:
    put(plugins, "6.2.0")
    named = put(tmp_path / "mine", "5.100.0")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mine"))
    monkeypatch.setattr(providers, "_reachable", lambda registry: registry_answers)
    provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    [link] = tmp_path.glob(f"provider-mirror/{REGISTRY}/hashicorp/aws/*/{PLATFORM}")
    assert link.resolve() == named


def test_a_named_mirror_without_the_provider_is_refused(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(plugins, "5.100.0")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match=rf"{MIRROR_VARIABLE}=.*nothing holds no hashicorp/aws >= 5.100.0"):
        provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)


def test_a_packed_mirror_is_taken_as_it_is(plugins: Path, tmp_path: Path) -> None:
    pack(plugins, "6.1.0", platform="darwin_arm64")
    zipped = pack(plugins, "6.0.0")
    put(plugins, "5.100.0")
    provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    [link] = (tmp_path / "provider-mirror" / REGISTRY / "hashicorp" / "aws").iterdir()
    assert (link.name, link.resolve()) == (zipped.name, zipped)


def test_what_was_taken_is_printed_once(plugins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = put(plugins, "5.100.0")
    for _ in range(2):
        provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    assert capsys.readouterr().err == f"AWS provider 5.100.0, from {folder}\n"


def test_mirror_is_configured_under_the_host_that_terraform_asks(plugins: Path, tmp_path: Path) -> None:
    folder = put(plugins, "5.100.0")
    settings = provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    configuration = Path(settings["TF_CLI_CONFIG_FILE"]).read_text()
    [link] = tmp_path.glob(f"*/{REGISTRY}/hashicorp/aws/5.100.0/{PLATFORM}")
    assert link.resolve() == folder
    assert f'path = "{link.parents[4]}"' in configuration


def test_many_at_once_configure_one_folder(plugins: Path, tmp_path: Path) -> None:
    folder = put(plugins, "5.100.0")
    provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
    [link] = tmp_path.glob(f"*/{REGISTRY}/hashicorp/aws/5.100.0/{PLATFORM}")

    def configure(_: int) -> bool:
        settings = provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM)
        configuration = Path(settings["TF_CLI_CONFIG_FILE"]).read_text()
        return link.resolve() == folder and configuration.endswith("}\n")

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(configure, range(500)))


def test_nothing_is_configured_where_the_registry_answers(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(plugins, "5.100.0")
    monkeypatch.setattr(providers, "_reachable", lambda registry: True)
    assert provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM) == {}


@pytest.mark.parametrize(
    "text",
    [
        'provider_installation {\n  dev_overrides {\n    "hashicorp/aws" = "/my provider"\n  }\n  direct {}\n}\n',
        'provider_installation {\n  filesystem_mirror {\n    path    = "/m"\n    include = ["*/*/*"]\n  }\n'
        '  direct {\n    exclude = ["*/*/*"]\n  }\n}\nprovider_installation {\n  direct {}\n}\n',
        '/* ours */ "provider_installation" { direct {} } # said by the installer',
        'credentials "x" { token = "https://y" }\nprovider_installation { direct {} }',
        '{"provider_installation": [{"network_mirror": [{"url": "https://mirror.example/"}]}]}',
    ],
    ids=["overrides", "twice", "quoted", "after a URL", "JSON"],
)
def test_every_form_of_the_users_configuration_stands_and_is_named(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    put(plugins, "5.100.0")
    configuration = tmp_path / "my own.rc"
    configuration.write_text(text)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(configuration))
    assert provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM) == {}
    assert capsys.readouterr().err == f"AWS provider installed as {configuration} says\n"


@pytest.mark.parametrize(
    "content",
    [
        b'# provider_installation {\nplugin_cache_dir = "/nowhere"\n',
        b"// provider_installation { direct {} }",
        b"/* provider_installation {\n} */",
        b'credentials "provider_installation" {\n}\n',
        b"\xff\xfe\x00",
        None,
    ],
    ids=["comment", "slashes", "block", "a name", "bytes", "missing"],
)
def test_a_configuration_that_says_nothing_of_providers_is_passed_over(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    put(plugins, "5.100.0")
    configuration = tmp_path / "my.rc"
    if content is not None:
        configuration.write_bytes(content)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(configuration))
    assert provider_settings(tmp_path, registry=REGISTRY, platform=PLATFORM) != {}


@pytest.mark.parametrize(
    "written", ['plugin_cache_dir = "{}"  # "elsewhere"\n', '{{"plugin_cache_dir": "{}"}}'], ids=["HCL", "JSON"]
)
def test_the_cache_of_the_configuration_is_searched(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    folder = put(tmp_path / "a cache", "5.100.0")
    (tmp_path / "my.rc").write_text(written.format("$HOME/a cache"))
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "my.rc"))
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == folder


def test_what_cannot_be_run_or_read_is_passed_over(plugins: Path, opt: Path, tmp_path: Path) -> None:
    """A mirror may hold links to what has been removed, and folders of others."""
    usable = put(opt, "5.100.0")
    for root in (plugins, opt):
        gone = put(root, "6.1.0")
        (gone / "terraform-provider-aws_x5").unlink()
        (gone / "terraform-provider-aws_x5").symlink_to(tmp_path / "removed")
        loop = pack(root, "6.2.0")
        loop.unlink()
        loop.symlink_to(loop)
        (root / "registry.terraform.io" / "hashicorp" / "aws" / "6.3.0").write_text("a file")
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == usable


def test_a_folder_that_may_not_be_read_is_passed_over(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usable = put(plugins, "5.100.0")
    closed = put(plugins, "6.0.0").parent
    stat = Path.stat

    def refusing(path: Path, **options: Any) -> Any:
        if closed in path.parents:
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refusing)
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == usable


def test_a_user_without_a_home_is_no_obstacle(plugins: Path, opt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a number that stands in no list of users."""
    usable = put(opt, "5.100.0")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    found = find_mirror(PLATFORM)
    assert found is not None
    assert found.path == usable


def test_folders_with_spaces_and_quotation_marks_are_written_as_terraform_reads_them(
    plugins: Path, tmp_path: Path
) -> None:
    put(plugins, "5.100.0")
    build = tmp_path / 'my "build" folder'
    build.mkdir()
    settings = provider_settings(build, registry=REGISTRY, platform=PLATFORM)
    written = Path(settings["TF_CLI_CONFIG_FILE"]).read_text()
    assert str(build / "provider-mirror").replace('"', '\\"') in written


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
        (http.client.BadStatusLine("garbage"), True),
    ],
    ids=["no route", "timeout", "busy", "garbage"],
)
def test_registry_is_reachable_if_anything_answers(
    monkeypatch: pytest.MonkeyPatch, outcome: Exception, reachable: bool
) -> None:
    def urlopen(*arguments: Any, **options: Any) -> None:
        raise outcome

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    assert providers._reachable(REGISTRY) is reachable
