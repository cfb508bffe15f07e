import pytest

from tests.e2e.stack import Stack, new_user
from websocket_push.protocol.error_codes import ErrorCode


async def test_ping_is_answered(stack: Stack) -> None:
    async with stack.connect(new_user()) as device:
        assert await device.ask({"action": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize("text", ["hello", "", "[]", "7", "null", "{}", '{"action": "pol"}', '{"action": 7}', "{"])
async def test_anything_else_is_an_unknown_action(stack: Stack, text: str) -> None:
    async with stack.connect(new_user()) as device:
        reply = await device.ask(text)
        assert (reply["type"], reply["code"]) == ("error", "UNKNOWN_ACTION")
        assert await device.ask({"action": "ping"}) == {"type": "pong"}


async def test_client_pushes_to_its_own_user(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as phone, stack.connect(alice) as laptop:
        receipt = await phone.ask({"action": "push", "requestId": "r1", "userId": alice, "content": {"n": 1}})
        assert (receipt["type"], receipt["requestId"]) == ("receipt", "r1")
        assert receipt["totals"]["delivered"] == 2
        for device in (phone, laptop):
            frame = await device.next_notification()
            assert (frame["id"], frame["content"]) == (receipt["id"], {"n": 1})


async def test_client_may_not_push_to_another_user(stack: Stack) -> None:
    alice, mallory = new_user("alice"), new_user("mallory")
    async with stack.connect(alice) as victim, stack.connect(mallory) as device:
        reply = await device.ask({"action": "push", "requestId": 1, "userId": alice, "content": 1})
        assert (reply["type"], reply["code"], reply["requestId"]) == ("error", "PUSH_NOT_ALLOWED", 1)
        assert stack.backend.notifications(alice) == []
        sound = stack.backend.push({"userId": alice, "content": "sound"})
        assert (await victim.next_notification())["id"] == sound.payload["id"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"content": 1}, "INVALID_RECIPIENT"),
        ({"userId": "", "content": 1}, "INVALID_USER_ID"),
        ({"userId": "USER"}, "MISSING_CONTENT"),
        ({"userId": "USER", "content": 1, "userIds": ["USER"]}, "UNKNOWN_FIELD"),
        ({"userId": "USER", "content": 1, "ttl": 5}, "UNKNOWN_FIELD"),
    ],
    ids=repr,
)
async def test_invalid_push_of_a_client_gets_an_error_and_nothing_is_written(
    stack: Stack, message: dict[str, object], code: ErrorCode
) -> None:
    alice = new_user("alice")
    own = {name: alice if value == "USER" else value for name, value in message.items()}
    async with stack.connect(alice) as device:
        reply = await device.ask({"action": "push", **own})
        assert (reply["type"], reply["code"]) == ("error", code)
    assert stack.backend.notifications(alice) == []
