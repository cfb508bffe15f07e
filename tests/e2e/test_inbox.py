"""examples/jwt has the inbox: what one device marks is so on the others, over a connection and by polling."""

import asyncio
import json
from typing import Any

from tests.e2e.stack import Stack, new_user
from tests.e2e.test_authorization import bearer
from tools.aws import wait_until
from tools.issuer import Issuer
from tools.websocket import Device


async def push(stack: Stack, user: str, count: int) -> list[str]:
    ids = []
    for number in range(count):
        pushed = await asyncio.to_thread(stack.backend.push, {"userId": user, "content": number})
        ids.append(pushed.payload["id"])
    return ids


async def answer(device: Device, **message: object) -> Any:
    """Return the reply to a message, which frames about marks of others may precede."""
    await device.send(json.dumps({**message, "requestId": "r"}))
    while (frame := await device.next_frame()).get("requestId") != "r":
        assert frame["type"] == "state"
    return frame


async def test_what_one_device_marks_is_so_on_the_others(authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    token = bearer(tokens.token(alice))
    ids = await push(authorized, alice, 3)
    async with authorized.connect_with(**token) as phone, authorized.connect_with(**token) as laptop:
        page = await phone.ask({"action": "poll"})
        assert page["state"]["unreadCount"] == 3
        assert page["state"]["countedTo"] == ids[2]
        wait_until(lambda: len(authorized.backend.connection_ids(alice)) == 2, "the index to follow")
        reply = await phone.ask({"action": "mark", "seenUpTo": ids[2], "read": [ids[1]], "requestId": "m"})
        state = reply["state"]
        assert (reply["requestId"], state["version"], state["unreadCount"]) == ("m", 1, 2)
        assert list(state["read"]) == [ids[1]]
        assert await laptop.next_frame() == {"type": "state", "state": state}
        assert (await laptop.ask({"action": "poll"}))["state"] == state
        after = await laptop.ask({"action": "mark", "readUpTo": ids[2]})
        assert (after["state"]["unreadCount"], after["state"]["read"]) == (0, {})
        assert (await phone.next_frame())["state"] == after["state"]
        marked = authorized.backend.control(action="mark", userId=alice, unread=[ids[0]]).payload
        assert (marked["userId"], marked["state"]["unreadCount"]) == (alice, 1)
        frames: list[Any] = [await device.next_frame() for device in (phone, laptop)]
        assert [frame["state"] for frame in frames] == [marked["state"]] * 2
    async with authorized.connect_with(**token) as tablet:
        assert (await tablet.ask({"action": "poll"}))["state"] == marked["state"]


async def test_what_replaces_or_recalls_reaches_those_who_are_there_and_those_who_come(
    authorized: Stack, tokens: Issuer
) -> None:
    alice = new_user("alice")
    token = bearer(tokens.token(alice))

    def pushed(**members: object) -> str:
        answer = authorized.backend.push({"userId": alice, **members})
        assert answer.function_error is None, answer
        return str(answer.payload["id"])

    async with authorized.connect_with(**token) as phone:
        await answer(phone, action="poll")
        wait_until(lambda: len(authorized.backend.connection_ids(alice)) == 1, "the index to follow")
        first = pushed(content="leaves the warehouse", key="order")
        second = pushed(content="out for delivery", key="order")
        third = pushed(content="delivered", replaces=second)
        vote = pushed(content="vote")
        recall = pushed(recall=vote)
        frames = [await phone.next_frame() for _ in range(5)]
        assert [(frame["type"], frame["id"]) for frame in frames] == [
            *(("notification", each) for each in (first, second, third, vote)),
            ("recall", recall),
        ]
        assert [frame.get("key") or frame.get("replaces") for frame in frames[:3]] == ["order", "order", second]
    async with authorized.connect_with(**token) as laptop:
        page = await answer(laptop, action="poll", after=first)
        assert [(each["id"], each["content"]) for each in page["notifications"]] == [(third, "delivered")]
        # The second had replaced the first by its key, which the third does not name: the recall of the second does.
        assert [(each["recalls"], each.get("key")) for each in page["recalls"]] == [(second, "order"), (vote, None)]
        assert page["state"]["unreadCount"] == 1


async def test_marks_at_the_same_time_are_all_kept(authorized: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    token = bearer(tokens.token(alice))
    ids = await push(authorized, alice, 6)
    async with (
        authorized.connect_with(**token) as phone,
        authorized.connect_with(**token) as laptop,
        authorized.connect_with(**token) as tablet,
    ):
        devices = (phone, laptop, tablet)
        await asyncio.gather(*(answer(each, action="mark", read=[ids[n]]) for n, each in enumerate(devices)))
        states = [(await answer(each, action="poll"))["state"] for each in devices]
        assert states[0] == states[1] == states[2]
        assert (set(states[0]["read"]), states[0]["unreadCount"]) == (set(ids[:3]), 3)


async def test_a_mark_that_is_wrong_is_refused_by_name(authorized: Stack, tokens: Issuer) -> None:
    async with authorized.connect_with(**bearer(tokens.token(new_user()))) as device:
        assert (await device.ask({"action": "mark", "read": []}))["code"] == "INVALID_MARK"
        assert (await device.ask({"action": "mark", "user": "bob"}))["code"] == "UNKNOWN_FIELD"
