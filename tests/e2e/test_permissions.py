"""Least privilege: what a function's role allows, and what happens where it does not."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stack import Stack, new_user
from tools.aws import wait_until

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
ALLOWED = {
    "connect": {"dynamodb:PutItem"},
    "disconnect": {"dynamodb:DeleteItem"},
    # Without an authorizer only the row of a connection says whose it is.
    "poll": {"dynamodb:Query", "dynamodb:GetItem"},
    "push": {
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
        "execute-api:ManageConnections",
        "sqs:SendMessage",
    },
}


def role_of(stack: Stack, function: str) -> str:
    configuration = stack.client("lambda").get_function_configuration(FunctionName=f"websocket-push-{function}")
    return str(configuration["Role"]).rpartition("/")[2]


def statements(stack: Stack, function: str) -> list[dict[str, Any]]:
    """Return all that a function's role allows, each statement with its actions and resources as lists."""
    client = stack.client("iam")
    role = role_of(stack, function)
    assert client.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    names = client.list_role_policies(RoleName=role)["PolicyNames"]
    policies = [client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return [statement for policy in policies for statement in policy["Statement"]]


@contextlib.contextmanager
def without(stack: Stack, function: str, action: str) -> Iterator[None]:
    """Take an action from a function's role for as long as the block lasts."""
    client = stack.client("iam")
    role = role_of(stack, function)
    [name] = client.list_role_policies(RoleName=role)["PolicyNames"]
    policy = client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [statement for statement in policy["Statement"] if action not in statement["Action"]]
    assert len(kept) < len(policy["Statement"])
    put = {"RoleName": role, "PolicyName": name}
    client.put_role_policy(**put, PolicyDocument=json.dumps({**policy, "Statement": kept}))
    try:
        yield
    finally:
        client.put_role_policy(**put, PolicyDocument=json.dumps(policy))


@pytest.mark.parametrize("function", ALLOWED)
def test_role_allows_what_its_function_does_and_nothing_else(stack: Stack, function: str) -> None:
    found = statements(stack, function)
    assert {action for statement in found for action in statement["Action"]} == ALLOWED[function] | LOGS
    resources = [resource for statement in found for resource in statement["Resource"]]
    assert "*" not in resources
    # Stars only where a name comes into being later: log streams and connections.
    starred = [resource for resource in resources if "*" in resource]
    assert all(resource.endswith((":*", "/@connections/*")) for resource in starred)


async def test_push_that_may_not_write_sends_nothing(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        with without(stack, "push", "dynamodb:PutItem"):
            answer = stack.backend.push({"userId": alice, "content": "lost"})
        assert (answer.function_error, answer.payload["errorType"]) == ("Unhandled", "AWS_REFUSED")
        assert stack.backend.notifications(alice) == []
        allowed = stack.backend.push({"userId": alice, "content": "again"})
        assert (await device.next_notification())["id"] == allowed.payload["id"]


async def test_push_that_may_not_send_reports_every_connection_as_failed(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice):
        with without(stack, "push", "execute-api:ManageConnections"):
            [recipient] = stack.backend.push({"userId": alice, "content": 1}).payload["recipients"]
        assert (recipient["persisted"], recipient["delivered"], recipient["failed"]) == (True, 0, 1)
        assert recipient["error"]["code"] == "AWS_REFUSED"


async def test_push_that_may_not_look_up_connections_keeps_the_notification_and_says_so(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice):
        with without(stack, "push", "dynamodb:Query"):
            [recipient] = stack.backend.push({"userId": alice, "content": 1}).payload["recipients"]
        assert (recipient["persisted"], recipient["connections"]) == (True, 0)
        assert recipient["error"]["code"] == "AWS_REFUSED"


async def test_poll_that_may_not_read_gets_an_error_frame(stack: Stack) -> None:
    async with stack.connect(new_user()) as device:
        with without(stack, "poll", "dynamodb:Query"):
            reply = await device.ask({"action": "poll"})
        assert (reply["type"], reply["code"]) == ("error", "AWS_REFUSED")


async def test_disconnect_that_may_not_delete_leaves_the_row_for_the_next_push(stack: Stack) -> None:
    alice = new_user("alice")
    async with stack.connect(alice) as device:
        connection_id = await device.connection_id()
        with without(stack, "disconnect", "dynamodb:DeleteItem"):
            await device.vanish()
            row = stack.backend.connection(connection_id)
            assert row is not None
            stack.backend.put_connection(row)
            # Until the emulator knows that the connection is gone, it still takes messages for it.
            wait_until(
                lambda: stack.backend.push({"userId": alice, "content": 1}).payload["totals"]["gone"] == 1,
                "the connection to be gone",
            )
    assert stack.backend.connection(connection_id) is None
