"""The third story of the demo: what is pushed to a topic and to everybody, and who listens."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from tools.demo.scene import Scene
from tools.demo.transcript import shown
from tools.websocket import Device

_TO_TENANT = {"title": "Maintenance of tenant 7 tonight"}
_TO_OTHER = {"title": "Welcome, tenant 8"}
_TO_ALL = {"title": "There is a new version for everyone"}


class TopicScenario(Scene):
    """The demo of examples/topics between apply and destroy."""

    async def play(self) -> None:
        """Play it.

        Raises
        ------
        UnmetError
            At the first fact that does not hold.
        """
        async with AsyncExitStack() as devices:
            alice, bob, carol = [
                await devices.enter_async_context(self._connect(user, grant))
                for user, grant in (("alice", "org/7"), ("bob", "org/7/*"), ("carol", "org/8"))
            ]
            self.say.heading("Alice and bob belong to tenant 7, carol to tenant 8; their tokens say what each may hear")
            await self._subscribe("alice", alice, ["org/7"], refused=[])
            await self._subscribe("bob", bob, ["org/7/news"], refused=["org/8"])
            await self._subscribe("carol", carol, ["org/8"], refused=["org/7"])

            self.say.heading("A backend pushes to tenant 7, and then to tenant 8")
            notification_id = await self._push("org/7", _TO_TENANT)
            await self._receives("alice", alice, "org/7", _TO_TENANT)
            await self._push("org/8", _TO_OTHER)
            # Had what is for tenant 7 come to carol as well, it would have come first.
            await self._receives("carol, first of all,", carol, "org/8", _TO_OTHER)

            self.say.heading("A backend pushes to everyone")
            await self._push("*", _TO_ALL)
            for name, each in (("alice", alice), ("bob, first of all,", bob), ("carol", carol)):
                await self._receives(name, each, "*", _TO_ALL)

            self.say.heading("Dave of tenant 7 was away, connects, subscribes, and polls")
            dave = await devices.enter_async_context(self._connect("dave", "org/*"))
            await self._subscribe("dave", dave, ["org/7"], refused=[])
            page = await dave.ask({"action": "poll"})
            found = [(each["topic"], each["content"]) for each in page["notifications"]]
            self.say.check_equal(
                "one page has what came to the topic and to all", found, [("org/7", _TO_TENANT), ("*", _TO_ALL)]
            )
            self.say.check_equal(
                f"... with the id that the push had, {notification_id}", page["notifications"][0]["id"], notification_id
            )

    async def _subscribe(self, name: str, device: Device, topics: list[str], *, refused: list[str]) -> None:
        reply = await device.ask({"action": "subscribe", "topics": [*topics, *refused]})
        self.say.check_equal(
            f"{name} subscribes to {' and '.join([*topics, *refused])}: {shown(reply)}",
            (reply.get("topics"), [each["topic"] for each in reply.get("refused", [])]),
            (topics, refused),
        )

    async def _receives(self, name: str, device: Device, topic: str, content: object) -> None:
        frame = await device.next_notification()
        self.say.check_equal(
            f"{name} received {shown(frame['content'])} by {topic}",
            (frame.get("topic"), frame["content"]),
            (topic, content),
        )

    async def _push(self, topic: str, content: object) -> str:
        self.say.note(f"push {shown({'topic': topic, 'content': content})}")
        answer = await asyncio.to_thread(self.backend.push, {"topic": topic, "content": content})
        self.say.check(f"it is taken: {shown(answer.payload)}", holds=answer.function_error is None, seen=answer)
        return str(answer.payload["id"])

    def _connect(self, user: str, grant: str) -> AbstractAsyncContextManager[Device]:
        return self.connect(self.tokens.token(user, topics=[grant]))
