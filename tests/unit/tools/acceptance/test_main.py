"""What the commands say of arguments and of the environment before they do anything."""

import pytest

from tools.acceptance.__main__ import main

DEPLOYMENT = (
    "--websocket-url=wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live",
    "--push-function-arn=arn:aws:lambda:eu-central-1:123456789012:function:mine-push",
)


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.acceptance.__main__.end_on_signals", lambda: None)


@pytest.mark.parametrize("levels", ["a", ",", "1,", "0", "-1", "10001", "1.5", "1e3", "9" * 5_000])
def test_numbers_of_connections_that_are_none_are_refused_with_the_rule(
    levels: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["verify", f"--connections={levels}"])
    assert "write numbers of connections from 1 to 10000, such as 1,100,1000" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["a-secret\n", "a-secret b", "a-secret\r\nHost: b", "a-secret-\u00fc"])
def test_a_token_that_makes_no_header_is_refused_and_not_shown(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCTOR_TOKEN", token)
    assert main(["doctor", *DEPLOYMENT]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("DOCTOR_TOKEN has a space, a line break")
    assert "a-secret" not in said.out + said.err
