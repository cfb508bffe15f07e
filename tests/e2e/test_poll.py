import pytest

from tests.e2e.stack import Stack, new_user
from tools.websocket import Frame
from websocket_push.protocol.error_codes import ErrorCode

SOME_ID = "019c13a0-0000-7000-8000-000000000000"


def push_all(stack: Stack, user_id: str, count: int) -> list[str]:
    """Push numbers, and give the ids."""
    return [stack.backend.push({"userId": user_id, "content": number}).payload["id"] for number in range(count)]


def ids(page: Frame) -> list[str]:
    return [each["id"] for each in page["notifications"]]


async def test_client_that_was_away_gets_what_it_missed_oldest_first(stack: Stack) -> None:
    carol = new_user("carol")
    missed = push_all(stack, carol, 3)
    async with stack.connect(carol) as device:
        page = await device.ask({"action": "poll"})
    assert page["type"] == "history"
    assert ids(page) == missed
    assert [each["content"] for each in page["notifications"]] == [0, 1, 2]
    assert page["more"] is False


async def test_newest_page_and_then_backwards(stack: Stack) -> None:
    alice = new_user("alice")
    pushed = push_all(stack, alice, 5)
    async with stack.connect(alice) as device:
        newest = await device.ask({"action": "poll", "limit": 2})
        assert (ids(newest), newest["more"]) == (pushed[3:], True)
        older = await device.ask({"action": "poll", "limit": 2, "before": ids(newest)[0]})
        assert (ids(older), older["more"]) == (pushed[1:3], True)
        oldest = await device.ask({"action": "poll", "limit": 2, "before": ids(older)[0]})
        assert (ids(oldest), oldest["more"]) == (pushed[:1], False)


async def test_resuming_gets_all_that_came_later_page_by_page(stack: Stack) -> None:
    alice = new_user("alice")
    pushed = push_all(stack, alice, 5)
    seen, more = pushed[:1], True
    async with stack.connect(alice) as device:
        while more:
            page = await device.ask({"action": "poll", "limit": 2, "after": seen[-1]})
            new = [each for each in ids(page) if each not in seen]  # What was read already may be repeated.
            assert len(new) <= 2
            seen += new
            more = page["more"]
    assert seen == pushed


async def test_nobody_polls_the_history_of_another(stack: Stack) -> None:
    alice, mallory = new_user("alice"), new_user("mallory")
    push_all(stack, alice, 1)
    async with stack.connect(mallory) as device:
        assert ids(await device.ask({"action": "poll"})) == []
        assert ids(await device.ask({"action": "poll", "after": SOME_ID})) == []
        reply = await device.ask({"action": "poll", "userId": alice})
    assert (reply["type"], reply["code"]) == ("error", "UNKNOWN_FIELD")


async def test_session_tells_who_the_client_is_and_when_its_connection_ends(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        first = await device.ask({"action": "poll", "requestId": "a"})
        second = await device.ask({"action": "poll", "requestId": 2})
    assert (first["requestId"], second["requestId"]) == ("a", 2)
    assert first["session"]["userId"] == alice
    # The end is counted from the connection, not from the message.
    assert first["session"] == second["session"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"after": SOME_ID, "before": SOME_ID}, "INVALID_RANGE"),
        ({"after": "yesterday"}, "INVALID_ID"),
        ({"before": 7}, "INVALID_ID"),
        ({"limit": 0}, "INVALID_LIMIT"),
        ({"limit": 101}, "INVALID_LIMIT"),
        ({"limit": "10"}, "INVALID_LIMIT"),
        ({"limt": 10}, "UNKNOWN_FIELD"),
    ],
    ids=repr,
)
async def test_invalid_poll_gets_an_error_and_the_connection_stays(
    stack: Stack, message: Frame, code: ErrorCode
) -> None:
    async with stack.connect(new_user()) as device:
        reply = await device.ask({"action": "poll", "requestId": "r1", **message})
        assert (reply["type"], reply["code"], reply["requestId"]) == ("error", code, "r1")
        assert reply["message"]
        assert (await device.ask({"action": "poll"}))["type"] == "history"
