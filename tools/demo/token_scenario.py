"""The second story of the demo: who is let in with a token, and until when."""

import asyncio
import time
from functools import partial
from typing import Any

from websockets.exceptions import InvalidStatus

from tools.aws import wait_until
from tools.demo.scene import Scene
from tools.demo.transcript import shown

_TO_ALICE = {"title": "For alice's eyes only"}


class TokenScenario(Scene):
    """The demo of examples/jwt between apply and destroy."""

    async def play(self) -> None:
        """Play it.

        Raises
        ------
        UnmetError
            At the first fact that does not hold.
        """
        self.say.heading("An issuer signs tokens; no client gets in without one of them")
        self.say.note(f"its keys are at {self.tokens.jwks_uri}")
        for what, token, status in (
            ("without a token, as ?userId=alice", None, 401),
            ("with an expired token", self.tokens.token("alice", seconds=-1), 403),
            ("with a token for another audience", self.tokens.token("alice", aud="another"), 403),
        ):
            self.say.check_equal(f"{what}: refused, {status}", await self._status(token), status)

        self.say.heading("With a token of alice, and ?userId=bob in the URL")
        async with self.connect(self.tokens.token("alice"), userId="bob") as phone:
            session = (await phone.ask({"action": "poll"}))["session"]
            self.say.check_equal("the connection is alice's", session["userId"], "alice")
            self.say.check("and says when it will end", holds="expiresAt" in session, seen=session)
            await asyncio.to_thread(self.backend.push, {"userId": "alice", "content": _TO_ALICE})
            frame = await phone.next_notification()
            self.say.check_equal(f"it received {shown(frame['content'])}", frame["content"], _TO_ALICE)

        await self._control_sees_and_closes()

    async def _control_sees_and_closes(self) -> None:
        self.say.heading("The backend asks who is online, disconnects a device, and revokes alice's tokens")
        old = self.tokens.token("alice", iat=int(time.time()) - 60)
        async with self.connect(old) as phone, self.connect(old) as laptop:
            kept = await laptop.connection_id()
            # API Gateway may still be reporting the end of those that were closed before.
            open_now = {kept, await phone.connection_id()}
            await asyncio.to_thread(
                wait_until,
                lambda: self.backend.connection_ids("alice") == open_now,
                "the rows of alice's earlier connections to go",
                seconds=60.0,
            )
            reply = await self._control(action="online", userIds=["alice", "bob"])
            present = {each["userId"]: each["online"] for each in reply["users"]}
            self.say.check_equal("alice is online, bob is not", present, {"alice": True, "bob": False})

            reply = await self._control(action="disconnect", userId="alice", reason="signed_out", **{"except": kept})
            self.say.check_equal("one connection of alice's is closed", reply["closed"], 1)
            bye = {"type": "bye", "reason": "signed_out", "reconnect": False}
            self.say.check_equal(f"the phone received {shown(bye)}", await phone.next_frame(), bye)
            await phone.closed()

            reply = await self._control(action="revoke", userId="alice")
            bye = {"type": "bye", "reason": "revoked", "reconnect": False}
            self.say.check_equal(f"the laptop received {shown(bye)}", await laptop.next_frame(), bye)
            await laptop.closed()
            self.say.check_equal("with the old token: refused, 403", await self._status(old), 403)
            # A token of this very second may have been issued before.
            new = self.tokens.token("alice", iat=reply["issuedBefore"])
            self.say.check_equal("with a new token: let in", await self._status(new), 101)

    async def _control(self, **request: object) -> dict[str, Any]:
        self.say.note(f"control {shown(request)}")
        return (await asyncio.to_thread(partial(self.backend.control, **request))).payload

    async def _status(self, token: str | None) -> int:
        try:
            async with self.connect(token, userId="alice"):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code
