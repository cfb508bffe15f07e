"""What is said of credentials and Regions before AWS is asked anything, with files of profiles as people have them."""

from pathlib import Path

import pytest

from tests.unit.tools.acceptance.fakes import client
from tools.acceptance.__main__ import main
from tools.acceptance.account import open_account
from tools.errors import ToolError

DEPLOYMENT = (
    "--websocket-url=wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live",
    "--push-function-arn=arn:aws:lambda:eu-central-1:123456789012:function:mine-push",
)
WITH_MFA = """
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = person
mfa_serial = arn:aws:iam::123456789012:mfa/person
[profile person]
aws_access_key_id = made-up
aws_secret_access_key = made-up
"""


THIS_ACCOUNT = {"Account": "123456789012"}


def no_terminal(*_: object) -> None:
    """Do what boto3 does where it asks for a code and nothing can be typed."""
    raise EOFError


def profiles(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, **variables: str) -> None:
    """Have only these profiles and variables."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION", "DEFAULT_REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    (folder / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("region", [None, "eu-central-1"])
def test_a_file_of_profiles_that_cannot_be_read_is_named(
    region: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles(tmp_path, monkeypatch, "[broken\n")
    with pytest.raises(ToolError, match=r"config\. Correct the file, or name another: AWS_CONFIG_FILE"):
        open_account(region)


def test_a_profile_that_is_not_there_is_named_with_how_to_list_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles(tmp_path, monkeypatch, "", AWS_PROFILE="mine")
    with pytest.raises(ToolError, match=r"mine.*aws configure list-profiles"):
        open_account("eu-central-1")


def test_without_a_region_it_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles(tmp_path, monkeypatch, "")
    with pytest.raises(ToolError, match="REGION=eu-central-1"):
        open_account(None)


def test_what_is_no_region_is_said_with_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}
    profiles(tmp_path, monkeypatch, "", **keys)
    with pytest.raises(ToolError, match=r"eu central.*such as eu-central-1"):
        open_account("eu central")


def test_a_profile_that_asks_for_a_code_is_refused_before_terraform_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles(tmp_path, monkeypatch, WITH_MFA, AWS_PROFILE="mfa")
    monkeypatch.setattr("tools.acceptance.account.clients", lambda _: client(get_caller_identity=THIS_ACCOUNT))
    with pytest.raises(ToolError, match=r"MFA code.*aws configure export-credentials"):
        open_account("eu-central-1")
    # Exported credentials have no such profile to ask.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    assert open_account("eu-central-1").number == "123456789012"


def test_a_code_that_a_profile_behind_it_asks_for_is_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles(tmp_path, monkeypatch, "")
    monkeypatch.setattr("tools.acceptance.account.clients", lambda _: client(get_caller_identity=no_terminal))
    with pytest.raises(ToolError, match=r"MFA code.*aws configure export-credentials"):
        open_account("eu-central-1")


def test_the_doctor_says_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles(tmp_path, monkeypatch, WITH_MFA, AWS_PROFILE="mfa")
    monkeypatch.setattr("tools.acceptance.__main__.end_on_signals", lambda: None)
    monkeypatch.setattr("tools.acceptance.__main__.examine", no_terminal)
    assert main(["doctor", *DEPLOYMENT]) == 2
    assert "export-credentials" in capsys.readouterr().err
