import json
import time

import pytest

from tests.e2e.stack import Stack, new_user
from tools.aws import wait_until
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.frames import max_notification_bytes
from websocket_push.protocol.identifiers import new_notification_id


def new_id() -> str:
    return new_notification_id(time.time_ns(), bytes(10))


async def test_push_reaches_every_device_of_the_user_and_nobody_else(stack: Stack) -> None:
    alice, bob = new_user("alice"), new_user("bob")
    async with stack.connect(alice) as phone, stack.connect(alice) as laptop, stack.connect(bob) as other:
        answer = stack.backend.push({"userId": alice, "content": {"n": 1}})
        assert answer.function_error is None
        assert answer.payload["totals"]["delivered"] == 2
        [recipient] = answer.payload["recipients"]
        assert recipient == {
            "userId": alice,
            "id": answer.payload["id"],
            "persisted": True,
            "connections": 2,
            "delivered": 2,
            "gone": 0,
            "connecting": 0,
            "failed": 0,
            "unclosed": 0,
        }
        for device in (phone, laptop):
            frame = await device.next_notification()
            assert frame["id"] == answer.payload["id"]
            assert frame["content"] == {"n": 1}
        # Had it gone to bob as well, it would come before this one.
        own = stack.backend.push({"userId": bob, "content": "for bob"})
        assert (await other.next_notification())["id"] == own.payload["id"]


async def test_one_call_reaches_many_users_each_once(stack: Stack) -> None:
    users = [new_user(str(number)) for number in range(20)]
    async with stack.connect(users[0]) as first, stack.connect(users[19]) as last:
        answer = stack.backend.push({"userIds": [*users, users[0]], "content": "to all"})
        assert [each["userId"] for each in answer.payload["recipients"]] == users
        totals = answer.payload["totals"]
        assert (totals["recipients"], totals["persisted"], totals["delivered"]) == (20, 20, 2)
        assert (await first.next_notification())["content"] == "to all"
        assert (await last.next_notification())["content"] == "to all"
        marker = stack.backend.push({"userId": users[0], "content": "next"})
        assert (await first.next_notification())["id"] == marker.payload["id"]
    assert all(len(stack.backend.notifications(user)) == 1 for user in users[1:])


@pytest.mark.parametrize(
    "content",
    [
        None,
        False,
        0,
        -1.5e-7,
        2**53 + 1,
        "",
        "Grüße, 世界 🎉 \u2028 \x00",
        [],
        {"b": 1, "a": [{"": None}]},
        "x" * 31_000,  # about as much as a frame takes by default
    ],
    ids=lambda content: repr(content)[:24],
)
async def test_any_json_arrives_as_it_was_sent_live_and_in_the_history(stack: Stack, content: object) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        stack.backend.push({"userId": alice, "content": content})
        received = (await device.next_notification())["content"]
        page = await device.ask({"action": "poll"})
    # As text, so that the order of keys counts, and 1 is not True.
    assert json.dumps(received) == json.dumps(content)
    assert json.dumps(page["notifications"][0]["content"]) == json.dumps(content)


async def test_largest_notification_arrives_and_one_byte_more_is_refused(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        small = stack.backend.push({"userId": alice, "content": "", "persist": False}).payload
        frame = {"type": "notification", "id": small["id"], "createdAt": small["createdAt"], "content": ""}
        room = max_notification_bytes(32 * 1024) - len(json.dumps(frame, separators=(",", ":")))
        assert (await device.next_notification())["content"] == ""
        assert stack.backend.push({"userId": alice, "content": "x" * room}).payload["totals"]["delivered"] == 1
        assert len((await device.next_notification())["content"]) == room
    refused = stack.backend.push({"userId": alice, "content": "x" * (room + 1)})
    assert refused.payload["errorType"] == "CONTENT_TOO_LARGE"


async def test_notification_that_is_not_to_be_kept_is_delivered_and_not_stored(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        answer = stack.backend.push({"userId": alice, "content": 1, "persist": False})
        assert answer.payload["recipients"][0]["persisted"] is False
        assert (await device.next_notification())["id"] == answer.payload["id"]
    assert stack.backend.notifications(alice) == []


def test_time_to_live_is_counted_from_now(stack: Stack) -> None:
    alice = new_user("alice")
    before = int(time.time())
    stack.backend.push({"userId": alice, "content": 1, "ttl": 3600})
    after = int(time.time())
    [row] = stack.backend.notifications(alice)
    assert before + 3600 <= int(row["expiresAt"]["N"]) <= after + 3600


def test_repeating_a_push_with_its_id_stores_it_once(stack: Stack) -> None:
    alice, notification_id = new_user("alice"), new_id()
    for _ in range(2):
        answer = stack.backend.push({"userId": alice, "content": 1, "id": notification_id})
        assert answer.payload["id"] == notification_id
    assert [row["notificationId"]["S"] for row in stack.backend.notifications(alice)] == [notification_id]


async def test_vanished_connection_is_reported_gone_and_only_its_row_is_deleted(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as phone, stack.connect(alice) as laptop:
        lost, kept = await phone.connection_id(), await laptop.connection_id()
        row = stack.backend.connection(lost)
        assert row is not None
        await phone.vanish()
        # The emulator always delivers $disconnect; this undoes it, as if it had been lost.
        wait_until(lambda: stack.backend.connection(lost) is None, "$disconnect")
        stack.backend.put_connection(row)

        totals = stack.backend.push({"userId": alice, "content": 1}).payload["totals"]
        assert (totals["connections"], totals["delivered"], totals["gone"], totals["failed"]) == (2, 1, 1, 0)
        assert stack.backend.connection(lost) is None
        assert stack.backend.connection(kept) is not None

        totals = stack.backend.push({"userId": alice, "content": 2}).payload["totals"]
        assert (totals["connections"], totals["delivered"], totals["gone"]) == (1, 1, 0)
        assert [(await laptop.next_notification())["content"] for _ in range(2)] == [1, 2]


INVALID = [
    pytest.param("hello", "INVALID_REQUEST", id="not an object"),
    pytest.param([], "INVALID_REQUEST", id="a list"),
    pytest.param({"userId": "USER"}, "MISSING_CONTENT", id="no content"),
    pytest.param({"content": 1}, "INVALID_RECIPIENT", id="no recipient"),
    pytest.param({"userId": "USER", "userIds": ["USER"], "content": 1}, "INVALID_RECIPIENT", id="both"),
    pytest.param({"userIds": [], "content": 1}, "INVALID_RECIPIENT", id="no users"),
    pytest.param({"userIds": ["USER", ""], "content": 1}, "INVALID_USER_ID", id="one of the users empty"),
    pytest.param({"userId": "a" * 257, "content": 1}, "INVALID_USER_ID", id="user too long"),
    pytest.param({"userId": "USER", "content": 1, "persist": "yes"}, "INVALID_PERSIST", id="persist"),
    pytest.param({"userId": "USER", "content": 1, "ttl": 0}, "INVALID_TTL", id="ttl"),
    pytest.param({"userId": "USER", "content": 1, "id": "1"}, "INVALID_ID", id="id"),
    pytest.param({"userId": "USER", "content": 1, "persits": True}, "UNKNOWN_FIELD", id="misspelt"),
]


@pytest.mark.parametrize(("request_with", "code"), INVALID)
async def test_invalid_request_raises_and_nothing_is_written_or_sent(
    stack: Stack, request_with: object, code: ErrorCode
) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        answer = stack.backend.push(json.loads(json.dumps(request_with).replace("USER", alice)))
        assert answer.function_error == "Unhandled"
        assert answer.payload["errorType"] == code
        assert answer.payload["errorMessage"]
        assert stack.backend.notifications(alice) == []
        sound = stack.backend.push({"userId": alice, "content": "sound"})
        assert (await device.next_notification())["id"] == sound.payload["id"]
