"""How variables are read that Terraform sets in the environment of a function.

Each handler reads its own, once, into a typed value. `LOG_LEVEL` and the names of metrics are read by telemetry, the
Region and addresses by `aws`, and what verify-jwt is passed by `tokens`.
"""

import json
from collections.abc import Mapping
from typing import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    ClientPush: TypeAlias = Literal["none", "self", "any"]
    """Which users a client may push to over its WebSocket connection."""


class SettingsError(Exception):
    """The function's environment lacks a variable or holds one that cannot be read: a fault of the deployment."""


def read_text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there and not empty."""
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"The environment variable {name} is not set.")
    return value


def read_optional(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that belongs to a feature; empty where the feature is off."""
    return environment.get(name, "")


def read_count(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a positive whole number."""
    return _read_positive(environment, name)


def read_flag(environment: Mapping[str, str], name: str) -> bool:
    """Return a variable that must be `true` or `false`, as Terraform writes them."""
    value = read_text(environment, name)
    if value not in ("true", "false"):
        raise SettingsError(f"The environment variable {name} must be true or false.")
    return value == "true"


def read_switch(environment: Mapping[str, str], name: str) -> bool:
    """Return whether a feature is on; its variable is there only where it is."""
    return bool(read_optional(environment, name)) and read_flag(environment, name)


def read_seconds(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a positive whole number of seconds."""
    return _read_positive(environment, name, " of seconds")


def read_bytes(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a positive whole number of bytes."""
    return _read_positive(environment, name, " of bytes")


def read_bound(environment: Mapping[str, str], name: str) -> int:
    """Return a variable that must be a whole number, 0 included."""
    return 0 if read_text(environment, name) == "0" else _read_positive(environment, name)


def read_texts(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return a variable that must be a JSON array of strings."""
    try:
        values = json.loads(read_text(environment, name))
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SettingsError(f"The environment variable {name} must be a JSON array of strings.")
    return tuple(values)


def read_client_push(environment: Mapping[str, str]) -> "ClientPush":
    """Return `CLIENT_PUSH`."""
    value = read_text(environment, "CLIENT_PUSH")
    if value not in ("none", "self", "any"):
        raise SettingsError("The environment variable CLIENT_PUSH must be none, self or any.")
    return cast("ClientPush", value)


def _read_positive(environment: Mapping[str, str], name: str, unit: str = "") -> int:
    value = read_text(environment, name)
    if not (value.isascii() and value.isdigit()) or int(value) == 0:
        raise SettingsError(f"The environment variable {name} must be a positive whole number{unit}.")
    return int(value)
