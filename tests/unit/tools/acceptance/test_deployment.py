from pathlib import Path

import pytest

from tools.acceptance.account import local_aws
from tools.acceptance.deployment import Deployment, checked, needed, outputs_of
from tools.errors import ToolError

URL = "wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:mine-push"


def deployment(url: str = URL, arn: str = ARN) -> Deployment:
    return Deployment(url, arn, "doctor", "a-secret-token", None)


def test_what_can_be_told_from_the_two_outputs() -> None:
    found = checked(deployment())
    assert (found.region, found.function_name, found.name) == ("eu-central-1", "mine-push", "mine")
    assert found.stage == ("abcdef123", "live")


def test_the_token_is_in_no_text_of_it() -> None:
    assert "a-secret-token" not in repr(deployment())


def test_an_alias_and_another_partition_are_fine() -> None:
    url = "wss://abcdef123.execute-api.cn-north-1.amazonaws.com.cn/live"
    found = checked(deployment(url, "arn:aws-cn:lambda:cn-north-1:123456789012:function:mine-push:live"))
    assert (found.region, found.name) == ("cn-north-1", "mine")


def test_a_domain_of_the_users_own_says_nothing_of_the_stage() -> None:
    assert checked(deployment(url="wss://push.example.com/v1")).stage is None


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "mine-push",
        "arn:aws:lambda:eu-central-1:123456789012:function:",
        "arn:aws:sqs:eu-central-1:123456789012:mine-push",
        "arn:aws:lambda:eu-central-1:12345:function:mine-push",
        f"{ARN}\n",
    ],
)
def test_what_is_no_arn_of_a_function_is_refused(arn: str) -> None:
    with pytest.raises(ToolError, match="push_function_arn, such as"):
        checked(deployment(arn=arn))


def test_another_function_is_refused_because_it_would_be_invoked() -> None:
    with pytest.raises(ToolError, match=r"mine-control is not a push function.*ends in -push"):
        checked(deployment(arn=ARN.replace("mine-push", "mine-control")))


def test_an_address_and_a_function_of_two_regions_are_refused() -> None:
    with pytest.raises(
        ToolError, match="in eu-central-1 and the push function in us-east-1: they are of two deployments"
    ):
        checked(deployment(arn=ARN.replace("eu-central-1", "us-east-1")))


@pytest.mark.parametrize("url", ["wss://[::1]:8443/live", "wss://push.example.com", "WSS://push.example.com:443/v1/"])
def test_an_address_may_have_a_port(url: str) -> None:
    assert checked(deployment(url=url)).websocket_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://example.com/live", "wss:///live", f"{URL}?token=secret", "abc"),
        *("wss://[::1", "wss://a b/live", "wss://example.com:port/live", f"{URL}#secret", f"{URL}\n"),
        "wss://user:secret@example.com/live",
    ],
)
def test_what_is_no_address_is_refused_without_its_query(url: str) -> None:
    with pytest.raises(ToolError, match="websocket_url") as refused:
        checked(deployment(url=url))
    assert "secret" not in str(refused.value)


def test_outputs_are_picked_and_a_missing_one_is_named(tmp_path: Path) -> None:
    outputs: dict[str, dict[str, object]] = {
        "websocket_url": {"value": URL},
        "push_function_arn": {"value": ARN},
        "other": {"value": 1},
    }
    assert needed(outputs, tmp_path) == {"websocket_url": URL, "push_function_arn": ARN}
    with pytest.raises(ToolError, match="no output push_function_arn: is it applied"):
        needed({"websocket_url": {"value": URL}}, tmp_path)


def test_a_root_that_is_no_folder_or_cannot_be_read_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "terraform"
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo \'{"terraform_version": "1.9.0", "platform": "linux_amd64"}\' && exit\n'
        'echo "Error: Backend initialization required" >&2; exit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("TERRAFORM", str(program))
    with pytest.raises(ToolError, match="is not a folder"):
        outputs_of(tmp_path / "missing")
    with pytest.raises(ToolError, match=r"terraform init(.|\n)*Backend initialization required"):
        outputs_of(tmp_path)


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        (None, None),
        ("http://127.0.0.1:4566", 4566),
        ("http://localhost:4566/", 4566),
        ("https://127.0.0.1:4566", None),
        ("http://aws.example.com:80", None),
        ("http://127.0.0.1", None),
    ],
)
def test_only_an_endpoint_on_this_machine_is_a_local_aws(endpoint: str | None, port: int | None) -> None:
    found = local_aws({} if endpoint is None else {"AWS_ENDPOINT_URL": endpoint})
    assert (found and found.port) == port
