"""What the commands say of arguments and of the environment before they do anything."""

import sys
from pathlib import Path

import pytest

from tests.unit.tools.acceptance.fakes import client
from tools.acceptance import verify
from tools.acceptance.__main__ import main
from tools.acceptance.account import Account
from tools.acceptance.runs import create

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


ACCOUNT = Account("123456789012", "eu-central-1", client(), None)


@pytest.mark.parametrize("answer", ["", "n", "maybe", EOFError()])
def test_whatever_is_no_yes_makes_nothing(
    answer: str | EOFError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-D included, which is the end of what can be read."""

    def read(prompt: str) -> str:
        if isinstance(answer, EOFError):
            raise answer
        return answer

    monkeypatch.setattr(verify, "open_account", lambda region: ACCOUNT)
    monkeypatch.setattr(verify, "find_program", lambda: None)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", read)
    assert main(["verify", "--region=eu-central-1", f"--folder={tmp_path}"]) == 1
    assert capsys.readouterr().err == "Nothing was made.\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cleaning", [False, True])
def test_an_interrupt_before_anything_was_done_says_so(
    *, cleaning: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where an earlier run is to be destroyed, what it has made is still there."""

    def interrupted(region: str | None) -> Account:
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "open_account", interrupted)
    run = create(tmp_path, ACCOUNT)
    chosen = [f"--clean={run.name}"] if cleaning else []
    assert main(["verify", f"--folder={tmp_path}", *chosen]) == 130
    said = f"nothing of {run.name} was destroyed yet" if cleaning else "nothing had been made"
    assert capsys.readouterr().err == f"\nInterrupted; {said}.\n"
