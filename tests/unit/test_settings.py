import re
from collections.abc import Callable, Iterator, Mapping

import hcl2
import pytest

from tools.paths import CHECKOUT
from websocket_push.control.connection_limit import LimitSettings
from websocket_push.handlers import (
    connect,
    control,
    disconnect,
    events,
    fanout,
    mark,
    poll,
    pushing,
    subscriptions,
)
from websocket_push.push.topic_push import TopicsSettings
from websocket_push.push.undelivered import UndeliveredSettings
from websocket_push.runtime.message_limit import Rate
from websocket_push.settings import (
    SettingsError,
    read_bound,
    read_bytes,
    read_client_push,
    read_flag,
    read_seconds,
    read_switch,
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
    assert read_client_push(environment) == "any"


@pytest.mark.parametrize("value", [None, "", "True", "1", "yes"])
def test_a_flag_that_is_not_one_is_a_fault_of_the_deployment(value: str | None) -> None:
    with pytest.raises(SettingsError, match="FLAG"):
        read_flag({} if value is None else {"FLAG": value}, "FLAG")


def test_a_switch_is_off_unless_it_says_true() -> None:
    for environment, on in (
        ({}, False),
        ({"EVENTS": ""}, False),
        ({"EVENTS": "false"}, False),
        ({"EVENTS": "true"}, True),
    ):
        assert read_switch(environment, "EVENTS") is on
    with pytest.raises(SettingsError, match="EVENTS"):
        read_switch({"EVENTS": "no"}, "EVENTS")


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


ENVIRONMENT = {
    "ALLOWED_ORIGINS": '["https://a.example"]',
    "ALLOW_ANONYMOUS": "false",
    "CLIENTS_INDEX": "index",
    "CLIENTS_TABLE": "clients",
    "CLIENT_PUSH": "self",
    "CLOSE_OLDEST": "true",
    "CONNECTIONS_PER_USER": "10",
    "CONNECTIONS_URL": "https://api.example/prod",
    "CONTROL_QUEUE_URL": "https://queue.example/control",
    "EVENTS": "true",
    "EVENTS_INCLUDE_CONTENT": "true",
    "EVENTS_QUEUE_URL": "https://sqs.example/1/events",
    "EVENT_BUS_ARN": "arn:aws:events:eu-west-1:123456789012:event-bus/push",
    "EVENT_SOURCE": "push",
    "FANOUT_QUEUE_URL": "https://sqs.example/1/fanout",
    "FANOUT_SEGMENTS": "4",
    "IMMEDIATE_CONNECTIONS": "500",
    "INBOX": "true",
    "INBOX_TTL": "31622400",
    "KEEPALIVE_ACTION": "poll",
    "KEEPALIVE_SECONDS": "240",
    "MAX_FRAME_BYTES": "32768",
    "MAX_TOPICS_PER_CONNECTION": "20",
    "MESSAGES_PER_SECOND": "5",
    "MESSAGE_BURST": "15",
    "NOTIFICATIONS_TABLE": "notifications",
    "NOTIFICATION_TTL": "3600",
    "OFFLINE_AFTER": "30",
    "PERSIST_BY_DEFAULT": "true",
    "POSTS_PER_SECOND": "1250",
    "REVOCABLE": "false",
    "REVOCATION_TTL": "86400",
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "TOPICS": "true",
}

OF_TOPICS = {"FANOUT_QUEUE_URL", "FANOUT_SEGMENTS", "IMMEDIATE_CONNECTIONS", "SUBSCRIPTIONS_TABLE", "TOPICS"}
"""What functions that there are without topics too are passed with topics only."""

OF_LIMITS = {
    *(
        "CLIENTS_INDEX",
        "CLOSE_OLDEST",
        "CONNECTIONS_PER_USER",
        "CONNECTIONS_URL",
        "MESSAGES_PER_SECOND",
        "MESSAGE_BURST",
    )
}
"""What functions are passed with limits only."""

SETTINGS: dict[str, tuple[Callable[[Mapping[str, str]], object], object]] = {
    "connect": (
        connect.read_settings,
        connect.Settings(
            *("clients", False, ("https://a.example",), False),
            LimitSettings(10, "index", "https://api.example/prod", "subscriptions", events=True),
        ),
    ),
    "disconnect": (disconnect.read_settings, disconnect.Settings("clients", "subscriptions", events=True)),
    "poll": (
        poll.read_settings,
        poll.Settings("clients", "notifications", False, 32768, "poll", 240, False, True, Rate(5, 15), inbox=True),
    ),
    "push": (
        pushing.read_settings,
        pushing.Settings(
            "clients",
            "index",
            "notifications",
            "https://api.example/prod",
            False,
            "self",
            True,
            3600,
            32768,
            False,
            TopicsSettings("subscriptions", "https://sqs.example/1/fanout", 4, 500),
            Rate(5, 15),
            UndeliveredSettings("https://sqs.example/1/events", include_content=True),
            inbox=True,
        ),
    ),
    "control": (
        control.read_settings,
        control.Settings(
            "clients",
            "index",
            "https://api.example/prod",
            "https://queue.example/control",
            86400,
            "subscriptions",
            events=True,
            notifications_table="notifications",
            inbox_ttl=31622400,
        ),
    ),
    "events": (
        events.read_settings,
        events.Settings(
            *("clients", "index", "arn:aws:events:eu-west-1:123456789012:event-bus/push", "push"),
            *("https://sqs.example/1/events", 30),
        ),
    ),
    "mark": (
        mark.read_settings,
        mark.Settings(
            *("clients", "index", "notifications", "https://api.example/prod"), False, False, 31622400, Rate(5, 15)
        ),
    ),
    "fanout": (
        fanout.read_settings,
        fanout.Settings(
            "clients",
            "subscriptions",
            "https://api.example/prod",
            "https://sqs.example/1/fanout",
            1250,
            "https://sqs.example/1/events",
        ),
    ),
    "subscriptions": (
        subscriptions.read_settings,
        subscriptions.Settings("clients", "subscriptions", False, 20, False, Rate(5, 15)),
    ),
}

OF_INBOX = {"INBOX", "INBOX_TTL"}
"""What functions that there are without inboxes too are passed with the input only; control, the table as well."""

ALWAYS = ("connect", "disconnect", "poll", "push")
"""The functions that there are without topics too."""


class Noting(Mapping[str, str]):
    """An environment that notes what is read of it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def passed_by_terraform() -> dict[str, set[str]]:
    """Return which variables modules/lambda sets for each function alone."""
    found: dict[str, set[str]] = {}
    for path in (CHECKOUT / "modules" / "lambda").glob("*.tf"):
        with path.open(encoding="utf-8") as file:
            for block in hcl2.load(file).get("locals", ()):
                for value in block.values():
                    if isinstance(value, dict):
                        for function in SETTINGS.keys() & value.keys():
                            if isinstance(value[function], dict) and "environment" in value[function]:
                                found[function] = variables(value[function]["environment"])
    return found


def variables(environment: object) -> set[str]:
    """Name the variables of an object, or of an expression that merges some."""
    if isinstance(environment, dict):
        return set(environment)
    text = str(environment)
    shared = {
        "local.subscriptions_environment": {"SUBSCRIPTIONS_TABLE"},
        "local.limit_environment": {"MESSAGES_PER_SECOND", "MESSAGE_BURST"},
        "local.inbox_environment": {"INBOX_TTL", "NOTIFICATIONS_TABLE"},
        "local.note_environment": {"EVENTS"},
        "local.report_events": {"EVENTS_QUEUE_URL"},
    }
    return set(re.findall(r"\b([A-Z][A-Z_]+) += ", text)).union(*(shared[name] for name in shared if name in text))


@pytest.mark.parametrize("function", SETTINGS)
def test_each_function_reads_what_terraform_passes_to_it(function: str) -> None:
    read, expected = SETTINGS[function]
    environment = Noting(ENVIRONMENT)
    assert read(environment) == expected
    assert environment.read == passed_by_terraform()[function]


@pytest.mark.parametrize("function", SETTINGS)
def test_a_missing_variable_is_named(function: str) -> None:
    read, _ = SETTINGS[function]
    environment = Noting(ENVIRONMENT)
    read(environment)
    switches = {"CONNECTIONS_PER_USER", "EVENTS", "MESSAGES_PER_SECOND"} | (
        {"FANOUT_QUEUE_URL", "TOPICS", "INBOX"} if function in ALWAYS else set()
    )
    if function == "control":
        switches |= {"INBOX_TTL", "NOTIFICATIONS_TABLE"}
    if function != "events":
        switches.add("EVENTS_QUEUE_URL")
    for name in environment.read - switches:
        if function in ("connect", "control", "disconnect") and name == "SUBSCRIPTIONS_TABLE":
            continue
        with pytest.raises(SettingsError, match=name):
            read({other: value for other, value in ENVIRONMENT.items() if other != name})


@pytest.mark.parametrize("function", ALWAYS)
def test_without_topics_nothing_of_them_is_needed(function: str) -> None:
    read, expected = SETTINGS[function]
    settings = read({name: value for name, value in ENVIRONMENT.items() if name not in OF_TOPICS})
    assert getattr(settings, "topics", None) in (None, False)
    assert getattr(settings, "subscriptions_table", "") == ""
    assert type(settings) is type(expected)


@pytest.mark.parametrize(
    ("function", "name"), [("connect", "limit"), ("poll", "rate"), ("subscriptions", "rate"), ("mark", "rate")]
)
def test_without_limits_nothing_of_them_is_needed(function: str, name: str) -> None:
    read, _ = SETTINGS[function]
    left_out = OF_LIMITS - ({"CLIENTS_INDEX", "CONNECTIONS_URL"} if function == "mark" else set())
    settings = read({each: value for each, value in ENVIRONMENT.items() if each not in left_out})
    assert getattr(settings, name) is None


def test_where_the_newest_is_refused_connect_needs_no_way_to_connections() -> None:
    settings = connect.read_settings({**ENVIRONMENT, "CLOSE_OLDEST": "false", "CONNECTIONS_URL": ""})
    assert settings.limit == LimitSettings(10, "index", "", "subscriptions", events=True)


def test_without_events_nothing_of_them_is_needed() -> None:
    without = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("EVENT")}
    assert not disconnect.read_settings(without).events
    assert not control.read_settings(without).events
    assert pushing.read_settings(without).undelivered is None
    assert fanout.read_settings(without).events_queue_url == ""
    limit = connect.read_settings(without).limit
    assert limit is not None
    assert not limit.events


@pytest.mark.parametrize("function", [*ALWAYS, "control"])
def test_without_inboxes_nothing_of_them_is_needed(function: str) -> None:
    read, _ = SETTINGS[function]
    left_out = OF_INBOX | ({"NOTIFICATIONS_TABLE"} if function == "control" else set())
    settings = read({name: value for name, value in ENVIRONMENT.items() if name not in left_out})
    assert not getattr(settings, "inbox", False)
    assert not getattr(settings, "inbox_ttl", 0)


def test_a_bound_may_be_none_at_all() -> None:
    assert read_bound({"A": "0"}, "A") == 0
    assert read_bound({"A": "12"}, "A") == 12
    for value in ("", "-1", "x", "1.5", "\u0661"):
        with pytest.raises(SettingsError, match="A"):
            read_bound({"A": value}, "A")
