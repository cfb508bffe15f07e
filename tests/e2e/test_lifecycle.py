"""The module with other settings than the example's, from apply over a change to destroy."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, Workshop, new_user
from tests.emf import values_of
from tools.aws import backend, leftovers
from tools.terraform import Terraform


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
        assert (reply["type"], reply["code"]) == ("error", "UNKNOWN_ACTION")
        assert stack.backend.push({"userId": bob, "content": 1}).payload["totals"]["delivered"] == 1
        assert (await receiver.next_notification())["content"] == 1

    assert_the_alarms_are_as_written(stack)
    # A success is below the level: the line has its metrics and no more.
    line = last_line(stack, "push")
    metrics = values_of(line)
    assert metrics.pop("PushLatency") > 0
    assert metrics == {"NotificationsAccepted": 1, "DeliveriesSucceeded": 1, "FanOut": 1}
    assert "outcome" not in line

    variant.destroy("-var=client_push=none")
    assert leftovers(workshop.emulator, "variant") == []


def assert_the_alarms_are_as_written(stack: Stack) -> None:
    alarms = stack.client("cloudwatch").describe_alarms(AlarmNamePrefix="variant-")["MetricAlarms"]
    found = {alarm["AlarmName"]: alarm for alarm in alarms}
    assert {alarm["AlarmArn"] for alarm in alarms} == set(stack.outputs["alarm_arns"].values())
    assert (found["variant-deliveries-failed"]["Namespace"], found["variant-deliveries-failed"]["Threshold"]) == (
        "Variant",
        2.5,
    )
    assert "variant-keys-unavailable" not in found
    assert [query["Expression"] for query in found["variant-errors"]["Metrics"] if "Expression" in query] == [
        "SUM(METRICS())"
    ]
    assert all(alarm["AlarmActions"] == alarm["OKActions"] != [] for alarm in alarms)


def last_line(stack: Stack, function: str) -> dict[str, Any]:
    """Return the last line that a function has logged under its own name."""
    events = stack.client("logs").filter_log_events(logGroupName=stack.outputs["log_group_names"][function])["events"]
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    line: dict[str, Any] = [line for line in lines if line.get("message") == function][-1]
    return line
