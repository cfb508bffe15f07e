"""How much is under way, and who goes on next; and what is given up."""

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from websocket_push.aws.calls import Call
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.requests import Payload, Target
from websocket_push.push.window import Window, Work


class Posts:
    """What was begun in a window, in order; each is under way until the test ends it."""

    def __init__(self, width: int) -> None:
        self.window = Window(width)
        self.begun: list[str] = []
        self.under_way: list[str] = []
        self.most = 0

    def source(self, *names: str, last: Callable[[], None] = lambda: None) -> Iterator[None]:
        for name in names:
            self.begun.append(name)
            self.under_way.append(name)
            self.most = max(self.most, len(self.under_way))
            yield
        last()

    def end(self) -> None:
        self.under_way.pop(0)
        self.window.leave()


@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_the_width_is_never_exceeded_and_everything_is_begun(width: int) -> None:
    posts = Posts(width)
    users = {user: [f"{user}{number}" for number in range(20)] for user in "abc"}
    for names in users.values():
        posts.window.add(posts.source(*names))
    while posts.under_way:
        posts.end()
    assert posts.most == width
    assert sorted(posts.begun) == sorted(name for names in users.values() for name in names)


def test_sources_take_turns() -> None:
    posts = Posts(4)
    posts.window.add(posts.source(*"aaaaaaaaaa"))
    posts.window.add(posts.source(*"bbb"))
    posts.window.add(posts.source(*"ccc"))
    while posts.under_way:
        posts.end()
    assert "".join(posts.begun) == "aaaa" + "abcabcabc" + "aaa"


def test_nothing_is_asked_for_before_there_is_room() -> None:
    posts = Posts(2)
    posts.window.add(posts.source("a", "b", "c"))
    assert posts.begun == ["a", "b"]
    posts.end()
    assert posts.begun == ["a", "b", "c"]


def test_a_source_that_ends_may_bring_another() -> None:
    posts = Posts(1)
    posts.window.add(posts.source("a", last=lambda: posts.window.add(posts.source("b"))))
    posts.end()
    posts.end()
    assert posts.begun == ["a", "b"]


def test_what_ends_at_once_does_not_pile_up_on_the_stack() -> None:
    window = Window(2)
    ended = 0

    def at_once() -> Iterator[None]:
        nonlocal ended
        for _ in range(10_000):
            ended += 1
            window.leave()
            yield

    window.add(at_once())
    assert ended == 10_000


def test_many_sources_whose_elements_end_at_once_do_not_pile_up_either() -> None:
    window, ended = Window(1), 0

    def source() -> Iterator[None]:
        nonlocal ended
        ended += 1
        window.leave()
        yield

    # All wait for the place that the first one has.
    window.add(iter([None]))
    for _ in range(5_000):
        window.add(source())
    assert ended == 0
    window.leave()
    assert ended == 5_000


def test_drained_is_when_nothing_is_under_way_and_nothing_is_left_to_begin() -> None:
    async def main() -> None:
        posts = Posts(1)
        async with asyncio.timeout(30):
            await posts.window.drained()
            posts.window.add(posts.source("a", "b"))
            waiting = asyncio.create_task(posts.window.drained())
            for _ in "ab":
                await asyncio.sleep(0)
                assert not waiting.done()
                posts.end()
            await waiting

    asyncio.run(main())


def call() -> Call:
    return Call(cast(ConcurrentSender, None), cast(Target, None), "", "", Payload(b""), 0.0, lambda _, __: None)


def test_giving_up_cancels_calls_and_takes_no_more_ends() -> None:
    ends: list[str] = []

    async def task(name: str) -> None:
        ends.append(name)

    async def main() -> None:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            work = Work(group)
            first, second, third = call(), call(), call()
            for each in (first, second, third):
                work.keep(each)
            assert work.end(first)
            work.run(task("before"), lambda: ends.append("then"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            work.close()
            assert [each.done() for each in (first, second, third)] == [False, True, True]
            assert not work.end(second)
            work.run(task("after"), lambda: ends.append("never"))

    asyncio.run(main())
    assert ends == ["before", "then"]


def test_a_task_that_ends_after_giving_up_is_not_called_back() -> None:
    ends: list[str] = []

    async def main() -> None:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            work = Work(group)
            work.run(asyncio.sleep(0), lambda: ends.append("then"))
            work.close()

    asyncio.run(main())
    assert ends == []


def test_a_call_that_ended_while_it_was_begun_is_not_kept() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            work = Work(group)
            ended = call()
            ended.cancel()
            work.keep(ended)
            assert not work._calls

    asyncio.run(main())
