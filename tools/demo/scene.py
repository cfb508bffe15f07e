"""What the scripts of the demo that use tokens have in common."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tools.aws import Backend
from tools.demo.transcript import Transcript
from tools.emulator.server import Emulator
from tools.issuer import Issuer
from tools.websocket import Device, device


@dataclass(frozen=True, slots=True)
class Scene:
    """An applied example whose clients connect with tokens.

    Parameters
    ----------
    emulator
        The local AWS; None for AWS itself.
    backend
        Pushes, and looks into the tables.
    tokens
        The issuer that the example trusts.
    say
        Takes what was found.
    """

    emulator: Emulator | None
    backend: Backend
    tokens: Issuer
    say: Transcript

    def connect(self, token: str | None, **query: str) -> AbstractAsyncContextManager[Device]:
        """Connect a device with a token, or without one, for as long as its block lasts."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return device(self.emulator, str(self.backend.outputs["websocket_url"]), headers=headers, **query)
