"""examples/complete: everything that can be turned on works together, as far as the local AWS has it.

It has no autoscaling of tables, so these are on demand; subnets and a custom domain are planned in examples.tftest.hcl.
"""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import ORIGIN, Stack, Workshop, new_user
from tools.aws import backend
from tools.issuer import Issuer
from tools.terraform import Terraform
from tools.websocket import Frame


@pytest.fixture(scope="module")
def applied(workshop: Workshop, tokens: Issuer, request: pytest.FixtureRequest) -> Any:
    variables = tokens.variables | {"allowed_origins": [ORIGIN], "provisioned": False, "keep_warm": True}
    (workshop.checkout / "examples" / "complete" / "terraform.tfvars.json").write_text(json.dumps(variables))
    return request.getfixturevalue("complete")


@pytest.fixture(scope="module")
def everything(workshop: Workshop, applied: Any) -> Stack:
    outputs = {name: each["value"] for name, each in applied.outputs.items()}
    return Stack(workshop.emulator, outputs, backend(workshop.emulator, outputs))


async def test_a_push_by_the_alias_reaches_a_client_that_the_alias_let_in(everything: Stack, tokens: Issuer) -> None:
    alice = new_user("alice")
    assert everything.outputs["push_function_arn"].endswith(":live")
    async with everything.connect_with(subprotocols=["bearer", tokens.token(alice)]) as device:
        answer = everything.backend.push({"userId": alice, "content": "hello"})
        assert answer.function_error is None
        assert answer.payload["totals"]["delivered"] == 1
        assert (await device.next_notification())["content"] == "hello"
        history = await device.ask({"action": "poll"})
        assert [each["content"] for each in history["notifications"]] == ["hello"]


async def test_a_client_pushes_by_the_alias(everything: Stack, tokens: Issuer) -> None:
    alice, bob = new_user("alice"), new_user("bob")
    async with everything.connect_with(subprotocols=["bearer", tokens.token(alice)]) as device:
        receipt = await device.ask({"action": "push", "userId": bob, "content": "hello"})
    assert receipt["type"] == "receipt"
    assert receipt["recipients"][0]["persisted"] is True


async def test_of_six_connections_the_oldest_is_closed(everything: Stack, tokens: Issuer) -> None:
    token = tokens.token(new_user("alice"))
    async with AsyncExitStack() as opened:
        oldest, *others = [
            await opened.enter_async_context(everything.connect_with(subprotocols=["bearer", token])) for _ in range(6)
        ]
        assert await oldest.next_frame() == {"type": "bye", "reason": "connection_limit", "reconnect": False}
        await oldest.closed()
        for device in others:
            assert (await device.ask({"action": "poll"}))["type"] == "history"


async def test_a_flood_of_messages_is_refused_until_it_ends(everything: Stack, tokens: Issuer) -> None:
    async with everything.connect_with(subprotocols=["bearer", tokens.token(new_user("alice"))]) as device:

        async def poll_until(kind: str) -> Frame:
            # One after the other: API Gateway may run those that come at once in environments of their own.
            for _ in range(1_000):
                reply = await device.ask({"action": "poll", "limit": 1})
                if reply["type"] == kind:
                    return reply
            raise AssertionError(f"no {kind}")

        refused = await poll_until("error")
        assert (refused["code"], refused["retryAfter"]) == ("RATE_LIMITED", 1)
        await poll_until("history")


def test_tables_and_logs_are_encrypted_by_the_key(everything: Stack) -> None:
    table = everything.client("dynamodb").describe_table(TableName=everything.outputs["clients_table_name"])["Table"]
    key = table["SSEDescription"]["KMSMasterKeyArn"]
    groups = everything.client("logs").describe_log_groups(logGroupNamePrefix="/aws/")["logGroups"]
    own = {*everything.outputs["log_group_names"].values(), everything.outputs["access_log_group_name"]}
    assert {each["logGroupName"]: each["kmsKeyId"] for each in groups if each["logGroupName"] in own} == dict.fromkeys(
        own, key
    )


def test_environments_are_kept_for_the_alias(everything: Stack) -> None:
    kept = everything.client("lambda").get_provisioned_concurrency_config(
        FunctionName=everything.outputs["push_function_arn"].rpartition(":")[0], Qualifier="live"
    )
    assert kept["RequestedProvisionedConcurrentExecutions"] == 2


def test_second_plan_is_clean(workshop: Workshop, applied: Any, tmp_path: Path) -> None:
    root = workshop.checkout / "examples" / "complete"
    terraform = Terraform(workshop.program, root, tmp_path, workshop.environment)
    terraform.init()
    state = Path(applied.work_dir).parent / "terraform.tfstate"
    assert terraform.planned_changes(f"-state={state}") == {}
