import pytest

from websocket_push.aws.credentials import Credentials, read_credentials
from websocket_push.aws.errors import AwsError

COMPLETE = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "token"}


def test_all_three_are_read() -> None:
    assert read_credentials(COMPLETE) == Credentials("key", "hidden", "token")


def test_a_user_has_no_session_token() -> None:
    del (variables := dict(COMPLETE))["AWS_SESSION_TOKEN"]
    assert read_credentials(variables) == Credentials("key", "hidden", "")


@pytest.mark.parametrize("other", [("x", "hidden", "token"), ("key", "x", "token"), ("key", "hidden", "x")])
def test_a_change_of_any_part_is_a_change(other: tuple[str, str, str]) -> None:
    assert Credentials(*other) != Credentials("key", "hidden", "token")
    assert hash(Credentials("key", "hidden", "token")) == hash(read_credentials(COMPLETE))


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_part_is_named(name: str, value: str | None) -> None:
    variables = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        variables[name] = value
    with pytest.raises(AwsError, match=name) as caught:
        read_credentials(variables)
    assert (caught.value.code, caught.value.transient, caught.value.attempts) == ("MissingCredentials", False, 0)


@pytest.mark.parametrize("name", list(COMPLETE))
@pytest.mark.parametrize("value", ["hidden\n", "a b", "a\r\nx: y", "é", "\x7f"])
def test_what_a_header_cannot_carry_is_refused_without_being_shown(name: str, value: str) -> None:
    with pytest.raises(AwsError, match=name) as caught:
        read_credentials(COMPLETE | {name: value})
    assert caught.value.code == "MissingCredentials"
    assert value not in str(caught.value)


def test_credentials_do_not_show_themselves() -> None:
    assert repr(read_credentials(COMPLETE)) == "Credentials(...)"
