"""What the end to end tests work with."""

import shlex
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.aws import Backend, clients
from tools.emulator.server import Emulator
from tools.terraform import Program
from tools.websocket import Device, device

ORIGIN = "https://app.example.org"
"""Where the pages come from that examples/jwt lets in."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A running emulator, and Terraform set up to work on it.

    Parameters
    ----------
    checkout
        A copy of the sources.
    environment
        All variables that Terraform needs.
    """

    emulator: Emulator
    program: Program
    checkout: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """An applied root module.

    Parameters
    ----------
    backend
        Pushes, and looks into the tables.
    """

    emulator: Emulator
    outputs: Mapping[str, Any]
    backend: Backend

    def connect(self, user_id: str) -> AbstractAsyncContextManager[Device]:
        """Connect a device of a user."""
        return self.connect_with(userId=user_id)

    def connect_with(
        self, *, headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] = (), **query: str
    ) -> AbstractAsyncContextManager[Device]:
        """Connect with a query string, and with what else the handshake carries."""
        return device(self.emulator, self.outputs["websocket_url"], headers=headers, subprotocols=subprotocols, **query)

    @property
    def client(self) -> Callable[..., Any]:
        """boto3's `client`, for the emulator."""
        return clients(self.emulator)


def new_user(name: str = "user") -> str:
    """Return a new user that no other test uses."""
    return f"{name}-{uuid.uuid4().hex}"


def write_terraform(path: Path, workshop: Workshop) -> Path:
    """Write a program that runs Terraform with exactly the workshop's environment.

    pytest-terraform passes its own environment on. Changing that would reach every other test of the session.
    """
    settings = " ".join(shlex.quote(f"{name}={value}") for name, value in workshop.environment.items())
    path.write_text(
        f'#!/bin/sh\nexec env -i TF_DATA_DIR="$TF_DATA_DIR" {settings} {shlex.quote(workshop.program.path)} "$@"\n'
    )
    path.chmod(0o700)
    return path
