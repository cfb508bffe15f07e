"""The module with other settings than the example's, from apply over a change to destroy."""

from pathlib import Path

import pytest

from tests.e2e.stack import Stack, Workshop, new_user
from tools.aws import backend, leftovers
from tools.terraform import Terraform
from websocket_push.protocol.errors import ErrorCode


@pytest.fixture
def variant(workshop: Workshop, tmp_path: Path) -> Terraform:
    root = workshop.checkout / "tests" / "e2e" / "variant"
    terraform = Terraform(workshop.program, root, tmp_path, workshop.environment)
    terraform.init()
    return terraform


def stack_of(workshop: Workshop, terraform: Terraform) -> Stack:
    outputs = terraform.outputs()
    return Stack(workshop.emulator, outputs, backend(workshop.emulator, outputs))


async def test_settings_take_effect_a_change_reaches_open_connections_and_destroy_leaves_nothing(
    workshop: Workshop, variant: Terraform
) -> None:
    variant.apply("-var=client_push=any")
    stack = stack_of(workshop, variant)
    alice, bob = new_user("alice"), new_user("bob")
    push = {"action": "push", "userId": bob, "content": "hello"}

    async with stack.connect(alice) as sender, stack.connect(bob) as receiver:
        receipt = await sender.ask(push)
        assert receipt["type"] == "receipt"
        assert (await receiver.next_notification())["id"] == receipt["id"]
        # persist_by_default is false here.
        assert receipt["recipients"][0]["persisted"] is False
        assert stack.backend.notifications(bob) == []

        variant.apply("-var=client_push=none")
        assert variant.planned_changes("-var=client_push=none") == {}
        reply = await sender.ask(push)
        assert (reply["type"], reply["code"]) == ("error", ErrorCode.UNKNOWN_ACTION)
        assert stack.backend.push({"userId": bob, "content": 1}).payload["totals"]["delivered"] == 1
        assert (await receiver.next_notification())["content"] == 1

    variant.destroy("-var=client_push=none")
    assert leftovers(workshop.emulator, "variant") == []
