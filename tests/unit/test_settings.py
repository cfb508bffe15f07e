import pytest

from websocket_push.settings import (
    ClientPush,
    SettingsError,
    read_bytes,
    read_client_push,
    read_flag,
    read_seconds,
    read_text,
    read_texts,
)


def test_variables_are_read_as_terraform_writes_them() -> None:
    environment = {"A": "x", "B": "true", "C": "false", "D": "604800", "CLIENT_PUSH": "any"}
    assert read_text(environment, "A") == "x"
    assert read_flag(environment, "B") is True
    assert read_flag(environment, "C") is False
    assert read_seconds(environment, "D") == 604800
    assert read_bytes(environment, "D") == 604800
    assert read_client_push(environment) is ClientPush.ANY


@pytest.mark.parametrize("value", [None, "", "True", "1", "yes"])
def test_a_flag_that_is_not_one_is_a_fault_of_the_deployment(value: str | None) -> None:
    with pytest.raises(SettingsError, match="FLAG"):
        read_flag({} if value is None else {"FLAG": value}, "FLAG")


@pytest.mark.parametrize("value", [None, "", "0", "-1", "1.5", "ten", "\u0661"])
def test_seconds_and_bytes_that_are_not_are_a_fault_of_the_deployment(value: str | None) -> None:
    environment = {} if value is None else {"TTL": value}
    for read in (read_seconds, read_bytes):
        with pytest.raises(SettingsError, match="TTL"):
            read(environment, "TTL")


@pytest.mark.parametrize("value", ["", "everybody"])
def test_an_unknown_client_push_is_a_fault_of_the_deployment(value: str) -> None:
    with pytest.raises(SettingsError, match="CLIENT_PUSH"):
        read_client_push({"CLIENT_PUSH": value})


def test_texts_are_a_json_array() -> None:
    assert read_texts({"ORIGINS": '["https://a.example", "https://b.example"]'}, "ORIGINS") == (
        "https://a.example",
        "https://b.example",
    )
    assert read_texts({"ORIGINS": "[]"}, "ORIGINS") == ()


@pytest.mark.parametrize("value", [None, "", "https://a.example", "{}", "[1]", "null", "["])
def test_texts_that_are_not_are_a_fault_of_the_deployment(value: str | None) -> None:
    with pytest.raises(SettingsError, match="ORIGINS"):
        read_texts({} if value is None else {"ORIGINS": value}, "ORIGINS")
