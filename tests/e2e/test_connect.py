from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.stack import Stack, new_user
from tools.aws import wait_until


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({}, 401, id="no userId"),
        pytest.param({"userid": "alice"}, 401, id="another name"),
        pytest.param({"userId": ""}, 400, id="empty"),
        pytest.param({"userId": " "}, 400, id="blank"),
        pytest.param({"userId": "a" * 257}, 400, id="too long"),
        pytest.param({"userId": "a\nb"}, 400, id="control character"),
    ],
)
async def test_connection_without_a_proper_user_is_refused(stack: Stack, query: dict[str, Any], status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with stack.connect_with(**query):
            pass
    assert refused.value.response.status_code == status


async def test_connection_is_stored_under_its_user_and_removed_when_it_is_closed(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        connection_id = await device.connection_id()
        row = stack.backend.connection(connection_id)
        assert row is not None
        assert row["userId"] == {"S": alice}
        # In seconds, and later than the two hours that API Gateway gives the connection.
        assert int(row["expiresAt"]["N"]) * 1000 >= int(row["connectedAt"]["N"]) + 2 * 60 * 60 * 1000
    wait_until(lambda: stack.backend.connection(connection_id) is None, "the row to be removed")


async def test_two_devices_of_a_user_are_two_connections(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as phone, stack.connect(alice) as laptop:
        assert await phone.connection_id() != await laptop.connection_id()
    assert stack.backend.push({"userId": new_user(), "content": 1, "persist": False}).function_error is None
