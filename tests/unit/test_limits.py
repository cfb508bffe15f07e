"""The limit that ends a test which hangs, whatever it hangs in."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable

import pytest

from tests.limits import ends_within


def wait_for_a_lock() -> None:
    threading.Event().wait()


def count() -> None:
    for _ in itertools.count():
        pass


def await_nothing() -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    asyncio.run(hang())


def take_every_error_for_ones_own() -> None:
    for _ in itertools.count():
        with contextlib.suppress(Exception):
            threading.Event().wait()


@pytest.mark.parametrize("hang", [wait_for_a_lock, count, await_nothing, take_every_error_for_ones_own])
def test_what_has_no_end_fails(hang: Callable[[], None]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"none within 0\.05 s"), ends_within(0.05):
        hang()


def test_what_ends_in_time_is_left_alone_and_an_outer_limit_holds_again_after_it() -> None:
    def pass_the_inner_one() -> None:
        with ends_within(0.1):
            pass
        wait_for_a_lock()

    with pytest.raises(pytest.fail.Exception, match=r"none within 0\.2 s"), ends_within(0.2):
        pass_the_inner_one()
