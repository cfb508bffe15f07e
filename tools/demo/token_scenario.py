"""The second story of the demo: who is let in with a token, and until when."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import InvalidStatus

from tools.aws import Backend
from tools.demo.transcript import Transcript, shown
from tools.emulator.server import Emulator
from tools.issuer import Issuer
from tools.websocket import Device, device

_TO_ALICE = {"title": "For alice's eyes only"}


class TokenScenario:
    """The demo of examples/jwt between apply and destroy.

    Parameters
    ----------
    emulator
        The local AWS; None for AWS itself.
    backend
        Pushes, and looks into the tables.
    outputs
        The outputs of the example.
    tokens
        The issuer that the example trusts.
    transcript
        Takes what was found.
    """

    def __init__(
        self,
        emulator: Emulator | None,
        backend: Backend,
        outputs: Mapping[str, Any],
        tokens: Issuer,
        transcript: Transcript,
    ) -> None:
        self._emulator = emulator
        self._backend = backend
        self._url = str(outputs["websocket_url"])
        self._tokens = tokens
        self._say = transcript

    async def play(self) -> None:
        """Play it.

        Raises
        ------
        UnmetError
            At the first fact that does not hold.
        """
        self._say.heading("An issuer signs tokens; no client gets in without one of them")
        self._say.note(f"its keys are at {self._tokens.jwks_uri}")
        for what, token, status in (
            ("without a token, as ?userId=alice", None, 401),
            ("with an expired token", self._tokens.token("alice", seconds=-1), 403),
            ("with a token for another audience", self._tokens.token("alice", aud="another"), 403),
        ):
            self._say.check_equal(f"{what}: refused, {status}", await self._status(token), status)

        self._say.heading("With a token of alice, and ?userId=bob in the URL")
        async with self._connect(self._tokens.token("alice"), userId="bob") as phone:
            session = (await phone.ask({"action": "poll"}))["session"]
            self._say.check_equal("the connection is alice's", session["userId"], "alice")
            self._say.check("and says when it will end", holds="expiresAt" in session, seen=session)
            await asyncio.to_thread(self._backend.push, {"userId": "alice", "content": _TO_ALICE})
            frame = await phone.next_notification()
            self._say.check_equal(f"it received {shown(frame['content'])}", frame["content"], _TO_ALICE)

    async def _status(self, token: str | None) -> int:
        try:
            async with self._connect(token, userId="alice"):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    def _connect(self, token: str | None, **query: str) -> AbstractAsyncContextManager[Device]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return device(self._emulator, self._url, headers=headers, **query)
