"""examples/topics: what the functions of topics may do, and what a broadcast does to the queue and the table."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.stack import ORIGIN, Stack, new_user
from tools.aws import wait_until
from tools.issuer import Issuer

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
ALLOWED = {
    "push": {
        *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query"),
        *("execute-api:ManageConnections", "sqs:SendMessage"),
    },
    "fanout": {
        *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:Scan"),
        "execute-api:ManageConnections",
        *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"),
    },
}


def statements(stack: Stack, function: str) -> list[dict[str, Any]]:
    """Return all that a function's role allows."""
    name = f"{stack.outputs['clients_table_name'].removesuffix('-clients')}-{function}"
    role = stack.client("lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    client = stack.client("iam")
    documents = [
        client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for policy in client.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    return [statement for document in documents for statement in document["Statement"]]


@pytest.mark.parametrize("function", ALLOWED)
def test_a_role_allows_what_its_function_does_and_nothing_else(tenants: Stack, function: str) -> None:
    found = statements(tenants, function)
    assert {action for statement in found for action in statement["Action"]} == ALLOWED[function] | LOGS
    assert "*" not in [resource for statement in found for resource in statement["Resource"]]


async def test_a_broadcast_is_accepted_and_leaves_an_empty_queue(tenants: Stack, tokens: Issuer) -> None:
    queue = tenants.client("sqs")
    url = tenants.outputs["fanout_queue_url"]
    headers = {"Authorization": f"Bearer {tokens.token(new_user(), topics=[])}", "Origin": ORIGIN}
    async with tenants.connect_with(headers=headers) as device:
        answer = await asyncio.to_thread(tenants.backend.push, {"topic": "*", "content": "all", "persist": False})
        report = answer.payload
        assert report == {
            "id": report["id"],
            "createdAt": report["createdAt"],
            "topic": "*",
            "persisted": False,
            "accepted": True,
        }
        frame = await device.next_notification()
        assert (frame["id"], frame["topic"]) == (report["id"], "*")

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, queue.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    await asyncio.to_thread(wait_until, lambda: waiting() == 0, "the segments to be done")


async def test_a_segment_that_is_sent_again_is_the_same_notification(tenants: Stack, tokens: Issuer) -> None:
    """Like a dead-lettered one that is moved back, or one whose worker died."""
    headers = {"Authorization": f"Bearer {tokens.token(new_user(), topics=[])}", "Origin": ORIGIN}
    async with tenants.connect_with(headers=headers) as device:
        report = (await asyncio.to_thread(tenants.backend.push, {"topic": "*", "content": "again", "ttl": 1})).payload
        assert (await device.next_notification())["id"] == report["id"]
        segment = {"segment": 0, "of": 1, "topic": "*", "id": report["id"], "persisted": True, "content": "again"}
        await asyncio.to_thread(
            tenants.client("sqs").send_message,
            QueueUrl=tenants.outputs["fanout_queue_url"],
            MessageBody=json.dumps(segment),
        )
        frame = await device.next_notification()
        assert (frame["id"], frame["content"]) == (report["id"], "again")
