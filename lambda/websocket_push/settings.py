"""What Terraform passes to each function in environment variables: read once, at the start, into a typed value.

`LOG_LEVEL` and the names of metrics are read by telemetry, the Region and addresses by `aws`, and what verify-jwt is
passed by `tokens`.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class ClientPush(StrEnum):
    """Who may push over a WebSocket connection, and to whom."""

    NONE = "none"
    SELF = "self"
    ANY = "any"


class SettingsError(Exception):
    """The function's environment lacks a variable or holds one that cannot be read: a fault of the deployment."""


class ConnectSettings(NamedTuple):
    """What the function connect is passed."""

    clients_table: str
    allow_anonymous: bool
    allowed_origins: tuple[str, ...]
    revocable: bool


class DisconnectSettings(NamedTuple):
    """What the function disconnect is passed."""

    clients_table: str


class PollSettings(NamedTuple):
    """What the function poll is passed."""

    clients_table: str
    notifications_table: str
    allow_anonymous: bool
    max_frame_bytes: int
    keepalive_action: str
    keepalive_seconds: int
    revocable: bool


class PushSettings(NamedTuple):
    """What the function push is passed; `notification_ttl` is in seconds."""

    clients_table: str
    clients_index: str
    notifications_table: str
    connections_url: str
    allow_anonymous: bool
    client_push: ClientPush
    persist_by_default: bool
    notification_ttl: int
    max_frame_bytes: int
    revocable: bool


class ControlSettings(NamedTuple):
    """What the function control is passed; `revocation_ttl` is in seconds."""

    clients_table: str
    clients_index: str
    connections_url: str
    control_queue_url: str
    revocation_ttl: int


def read_connect_settings(environment: Mapping[str, str]) -> ConnectSettings:
    """Read the settings of connect; `SettingsError` names the variable that is missing or cannot be read."""
    return ConnectSettings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        allowed_origins=read_texts(environment, "ALLOWED_ORIGINS"),
        revocable=read_flag(environment, "REVOCABLE"),
    )


def read_disconnect_settings(environment: Mapping[str, str]) -> DisconnectSettings:
    """Read the settings of disconnect; see `read_connect_settings`."""
    return DisconnectSettings(clients_table=read_text(environment, "CLIENTS_TABLE"))


def read_poll_settings(environment: Mapping[str, str]) -> PollSettings:
    """Read the settings of poll; see `read_connect_settings`."""
    return PollSettings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        notifications_table=read_text(environment, "NOTIFICATIONS_TABLE"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        max_frame_bytes=read_bytes(environment, "MAX_FRAME_BYTES"),
        keepalive_action=read_text(environment, "KEEPALIVE_ACTION"),
        keepalive_seconds=read_seconds(environment, "KEEPALIVE_SECONDS"),
        revocable=read_flag(environment, "REVOCABLE"),
    )


def read_push_settings(environment: Mapping[str, str]) -> PushSettings:
    """Read the settings of push; see `read_connect_settings`."""
    return PushSettings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        notifications_table=read_text(environment, "NOTIFICATIONS_TABLE"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        allow_anonymous=read_flag(environment, "ALLOW_ANONYMOUS"),
        client_push=read_client_push(environment),
        persist_by_default=read_flag(environment, "PERSIST_BY_DEFAULT"),
        notification_ttl=read_seconds(environment, "NOTIFICATION_TTL"),
        max_frame_bytes=read_bytes(environment, "MAX_FRAME_BYTES"),
        revocable=read_flag(environment, "REVOCABLE"),
    )


def read_control_settings(environment: Mapping[str, str]) -> ControlSettings:
    """Read the settings of control; see `read_connect_settings`."""
    return ControlSettings(
        clients_table=read_text(environment, "CLIENTS_TABLE"),
        clients_index=read_text(environment, "CLIENTS_INDEX"),
        connections_url=read_text(environment, "CONNECTIONS_URL"),
        control_queue_url=read_text(environment, "CONTROL_QUEUE_URL"),
        revocation_ttl=read_seconds(environment, "REVOCATION_TTL"),
    )


def read_text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there and not empty."""
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"The environment variable {name} is not set.")
    return value


def read_flag(environment: Mapping[str, str], name: str) -> bool:
    """Return a variable that must be `true` or `false`, as Terraform writes them."""
    value = read_text(environment, name)
    if value not in ("true", "false"):
        raise SettingsError(f"The environment variable {name} must be true or false.")
    return value == "true"


def read_seconds(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a positive whole number of seconds."""
    return _read_positive(environment, name, "seconds")


def read_bytes(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a positive whole number of bytes."""
    return _read_positive(environment, name, "bytes")


def read_texts(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return a variable that must be a JSON array of strings."""
    try:
        values = json.loads(read_text(environment, name))
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SettingsError(f"The environment variable {name} must be a JSON array of strings.")
    return tuple(values)


def read_client_push(environment: Mapping[str, str]) -> ClientPush:
    """Return `CLIENT_PUSH`."""
    value = read_text(environment, "CLIENT_PUSH")
    try:
        return ClientPush(value)
    except ValueError:
        raise SettingsError("The environment variable CLIENT_PUSH must be none, self or any.") from None


def _read_positive(environment: Mapping[str, str], name: str, unit: str) -> int:
    value = read_text(environment, name)
    if not (value.isascii() and value.isdigit()) or int(value) == 0:
        raise SettingsError(f"The environment variable {name} must be a positive whole number of {unit}.")
    return int(value)
