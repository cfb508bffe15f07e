"""The window: how much is under way, and who goes on next."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from websocket_push.services.lanes import Window
from websocket_push.transport.aws import Transport
from websocket_push.transport.calls import Attempt, Call
from websocket_push.transport.requests import Payload, Target

Done = Callable[[Call, Attempt | None], None]


class Posts:
    """Errands whose calls are under way until the test ends them."""

    def __init__(self) -> None:
        self.begun: list[tuple[Call, str]] = []
        self.succeeded: list[str] = []
        self.gone_on: list[str] = []
        self.waiting: list[tuple[Call, Done]] = []
        self.most = 0

    def end(self, attempt: Attempt | None = None) -> None:
        call, done = self.waiting.pop(0)
        done(call, attempt)


class Errand:
    def __init__(self, posts: Posts, name: str) -> None:
        self._posts = posts
        self._name = name

    def begin(self, done: Done) -> Call:
        call = Call(cast(Transport, None), cast(Target, None), "", "", Payload(b""), 0.0, done)
        self._posts.begun.append((call, self._name))
        self._posts.waiting.append((call, done))
        self._posts.most = max(self._posts.most, len(self._posts.waiting))
        return call

    def succeed(self) -> None:
        self._posts.succeeded.append(self._name)

    async def go_on(self, attempt: Attempt) -> None:
        self._posts.gone_on.append(self._name)


async def begin_all(window: Window, posts: Posts, names: list[str]) -> None:
    for name in names:
        if window.full:
            await window.room()
        window.begin(Errand(posts, name))
    window.pass_on()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_the_width_is_never_exceeded_and_everything_is_begun(width: int) -> None:
    async def main() -> None:
        posts = Posts()
        users = {user: [f"{user}{number}" for number in range(20)] for user in "abc"}
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            window = Window(group, width)
            for names in users.values():
                group.create_task(begin_all(window, posts, names))
            await settle()
            while posts.waiting:
                posts.end()
                await settle()
            await window.drained()
        assert posts.most == width
        assert sorted(posts.succeeded) == sorted(name for names in users.values() for name in names)

    asyncio.run(main())


def test_those_who_wait_take_turns() -> None:
    async def main() -> list[str]:
        posts = Posts()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            window = Window(group, 4)
            for user in "ab":
                group.create_task(begin_all(window, posts, [user] * 50))
            await settle()
            while posts.waiting:
                posts.end()
                await settle()
        return [name for _, name in posts.begun]

    begun = asyncio.run(main())
    assert "b" in begun[:10]
    assert abs(begun[:50].count("a") - begun[:50].count("b")) <= 8


def test_what_a_call_leaves_to_do_counts_until_its_task_is_done() -> None:
    async def main() -> Posts:
        posts = Posts()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            window = Window(group, 1)
            window.begin(Errand(posts, "a"))
            posts.end(Attempt(1))
            assert window.full
            await window.room()
            assert posts.gone_on == ["a"]
            window.run(Errand(posts, "b").go_on(Attempt()))
            assert window.full
            await window.drained()
        return posts

    posts = asyncio.run(main())
    assert (posts.succeeded, posts.gone_on) == ([], ["a", "b"])


def test_closing_cancels_the_calls_and_takes_no_more_ends() -> None:
    async def main() -> Posts:
        posts = Posts()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            window = Window(group, 4)
            for name in "abc":
                window.begin(Errand(posts, name))
            posts.end()
            window.close()
        assert [call.done() for call, _ in posts.begun] == [False, True, True]
        return posts

    posts = asyncio.run(main())
    assert (posts.succeeded, posts.gone_on) == (["a"], [])
