"""The deployment that is tried, as experiments and measurements use it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus

from tools.acceptance.account import Account
from tools.aws import Backend
from tools.issuer import Issuer
from tools.websocket import Device, device


@dataclass(frozen=True, slots=True)
class Place:
    """An applied examples/jwt.

    Parameters
    ----------
    backend
        Pushes, and looks into the tables.
    tokens
        The issuer whose tokens it trusts.
    """

    account: Account
    backend: Backend
    tokens: Issuer

    @property
    def url(self) -> str:
        """Where clients connect."""
        return str(self.backend.outputs["websocket_url"])

    @property
    def api_id(self) -> str:
        """The API's id."""
        return str(self.backend.outputs["api_id"])

    @property
    def stage(self) -> str:
        """The name of the API's stage."""
        return urlsplit(self.url).path.strip("/")

    def connect(self, user_id: str) -> AbstractAsyncContextManager[Device]:
        """Connect a device of a user, with a token."""
        return self.connect_with(self.tokens.token(user_id))

    def connect_with(self, token: str | None) -> AbstractAsyncContextManager[Device]:
        """Connect with a token, or without one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return device(self.account.local, self.url, headers=headers)

    async def status(self, token: str | None) -> int:
        """Return the status of a handshake; 101 if it succeeds."""
        try:
            async with self.connect_with(token):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    def management(self) -> Any:
        """Return a client of the API's @connections commands, with the credentials of the environment."""
        local = self.account.local
        endpoint = (
            f"{local.endpoint}/_aws/execute-api/{self.api_id}/{self.stage}"
            if local
            else str(self.backend.outputs["connections_url"])
        )
        return self.account.client("apigatewaymanagementapi", endpoint_url=endpoint)
