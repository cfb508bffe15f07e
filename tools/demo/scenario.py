"""The script of the demo: the users that connect, the pushes, and what each client receives."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from tools.aws import Answer, Backend, wait_until
from tools.demo.transcript import Transcript, shown
from tools.websocket import Device

_TO_ALICE = {"title": "Your parcel is on its way", "stops": 3}
_TO_BOB = {"title": "Your invoice is ready"}
_TO_CAROL = {"title": "You were away when this came"}
_NOTICE_SECONDS = 60.0
"""How long API Gateway may take to notice that a connection is lost: it promises nothing."""


class Scenario:
    """The demo between apply and destroy.

    Parameters
    ----------
    connect
        Connects a device of a user for as long as its block lasts.
    backend
        Pushes, and looks into the tables.
    transcript
        Takes what was found.
    """

    def __init__(
        self, connect: Callable[[str], AbstractAsyncContextManager[Device]], backend: Backend, transcript: Transcript
    ) -> None:
        self._connect = connect
        self._backend = backend
        self._say = transcript

    async def play(self) -> None:
        """Play it.

        Raises
        ------
        UnmetError
            At the first fact that does not hold.
        """
        async with AsyncExitStack() as devices:

            async def connect(user_id: str) -> Device:
                return await devices.enter_async_context(self._connect(user_id))

            phone, laptop, bob = await connect("alice"), await connect("alice"), await connect("bob")
            self._say.heading("Three WebSocket clients connect: alice's phone, alice's laptop, and bob")
            self._say.note(str(self._backend.outputs["websocket_url"]))
            for name, each in (("alice's phone", phone), ("alice's laptop", laptop), ("bob", bob)):
                reply = await each.ask({"action": "ping"})
                self._say.check_equal(f'{name} is connected: ping gets {{"type": "pong"}}', reply, {"type": "pong"})
            await self._push_reaches_the_right_devices(phone, laptop, bob)
            await self._carol_catches_up(connect)
            await self._a_vanished_connection_is_cleaned_up(phone, laptop)
            await self._bad_requests_are_refused(bob)

    async def _push_reaches_the_right_devices(self, phone: Device, laptop: Device, bob: Device) -> None:
        self._say.heading("A backend pushes to alice, with boto3 and the ARN in the outputs")
        await self._indexed(2)
        answer = await self._push({"userId": "alice", "content": _TO_ALICE})
        totals = answer.payload.get("totals")
        self._say.check(
            "the report: persisted, 2 connections, 2 delivered",
            holds=counts(answer) == {"persisted": 1, "connections": 2, "delivered": 2, "gone": 0, "failed": 0},
            seen=totals or answer.payload,
        )
        for name, each in (("phone", phone), ("laptop", laptop)):
            frame = await each.next_notification()
            self._say.check_equal(f"alice's {name} received {shown(frame['content'])}", frame["content"], _TO_ALICE)
            self._say.check_equal(f"... with the id of the report, {frame['id']}", frame["id"], answer.payload["id"])
        # Had alice's notification gone to bob as well, it would come first.
        await self._push({"userId": "bob", "content": _TO_BOB})
        frame = await bob.next_notification()
        self._say.check_equal(
            f"bob did not: the first that he received is his own, {shown(frame['content'])}", frame["content"], _TO_BOB
        )

    async def _carol_catches_up(self, connect: Any) -> None:
        self._say.heading("Carol is away, connects later, and polls what she missed")
        answer = await self._push({"userId": "carol", "content": _TO_CAROL})
        self._say.check(
            "the report for carol: persisted, 0 connections",
            holds=counts(answer) == {"persisted": 1, "connections": 0, "delivered": 0, "gone": 0, "failed": 0},
            seen=answer.payload,
        )
        carol = await connect("carol")
        page = await carol.ask({"action": "poll", "requestId": "first"})
        contents = [each["content"] for each in page.get("notifications", [])]
        self._say.check_equal(f"carol connects, polls, and gets {shown(contents)}", contents, [_TO_CAROL])
        self._say.check_equal("her history is hers alone, and complete (more: false)", page["more"], False)

    async def _a_vanished_connection_is_cleaned_up(self, phone: Device, laptop: Device) -> None:
        self._say.heading("Alice's phone loses its network, and the module is not notified")
        connection_id = await phone.connection_id()
        kept_id = await laptop.connection_id()
        row = await asyncio.to_thread(self._backend.connection, connection_id)
        self._say.check("its row is in the clients table", holds=row is not None, seen=row)
        assert row is not None  # noqa: S101 - for the type checker; it was checked above
        await phone.vanish()
        # API Gateway promises no $disconnect ("delivered on a best-effort basis"). The emulator always sends one, so
        # what it removed is put back: as if it had been lost.
        await asyncio.to_thread(
            wait_until, lambda: self._backend.connection(connection_id) is None, "$disconnect", seconds=_NOTICE_SECONDS
        )
        await asyncio.to_thread(self._backend.put_connection, row)
        await self._indexed(2)
        self._say.note("(its row is put back, a minute old: $disconnect was lost, which API Gateway allows)")
        answer = await self._push({"userId": "alice", "content": _TO_ALICE})
        self._say.check(
            "the report of the next push to alice: 2 connections, 1 delivered, 1 gone",
            holds=counts(answer) == {"persisted": 1, "connections": 2, "delivered": 1, "gone": 1, "failed": 0},
            seen=answer.payload,
        )
        gone = await asyncio.to_thread(self._backend.connection, connection_id)
        kept = await asyncio.to_thread(self._backend.connection, kept_id)
        self._say.check_equal("the row of the phone is deleted", gone, None)
        self._say.check("the row of the laptop is not", holds=kept is not None, seen=kept)
        frame = await laptop.next_notification()
        self._say.check_equal("the laptop received the notification", frame["content"], _TO_ALICE)

    async def _bad_requests_are_refused(self, bob: Device) -> None:
        self._say.heading("Bad requests")
        before = await asyncio.to_thread(self._backend.notifications, "bob")
        answer = await self._push({"userId": "bob", "content": "hello", "persits": False})
        self._say.check(
            f"a misspelt field: FunctionError {answer.function_error}, errorType {answer.payload.get('errorType')}",
            holds=answer.function_error is not None and answer.payload["errorType"] == "UNKNOWN_FIELD",
            seen=answer,
        )
        self._say.note(str(answer.payload["errorMessage"]))
        after = await asyncio.to_thread(self._backend.notifications, "bob")
        self._say.check_equal("nothing was written", after, before)
        for what, message in (("not JSON", "hello"), ("an unknown action", '{"action": "pol"}')):
            reply = await bob.ask(message)
            self._say.check_equal(f"bob sends {what}: {shown(reply)}", reply.get("code"), "UNKNOWN_ACTION")
        reply = await bob.ask({"action": "push", "userId": "alice", "content": "hi", "requestId": 7})
        self._say.check_equal(
            f"bob pushes to alice, where client_push is self: {shown(reply)}", reply.get("code"), "PUSH_NOT_ALLOWED"
        )

    async def _indexed(self, connections: int) -> None:
        """Wait until the index, which follows the table within moments, shows so many connections of alice."""
        await asyncio.to_thread(
            wait_until, lambda: len(self._backend.connection_ids("alice")) == connections, "the index to follow"
        )

    async def _push(self, request: Mapping[str, object]) -> Answer:
        self._say.note(f"push {shown(request)}")
        return await asyncio.to_thread(self._backend.push, request)


def counts(answer: Answer) -> dict[str, int]:
    """Return the totals of a report that a story tells; empty if the answer is no report."""
    totals = answer.payload.get("totals", {})
    return {
        name: totals[name] for name in ("persisted", "connections", "delivered", "gone", "failed") if name in totals
    }
