"""examples/queue: a backend hands requests over and goes on."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, Workshop, new_user
from tools.aws import backend
from tools.terraform import Terraform


@pytest.fixture(scope="module")
def by_queue(workshop: Workshop, queue: Any) -> Stack:
    outputs = {name: each["value"] for name, each in queue.outputs.items()}
    return Stack(workshop.emulator, outputs, backend(workshop.emulator, outputs))


async def test_what_is_sent_to_the_queue_reaches_who_is_there_and_who_comes_later(by_queue: Stack) -> None:
    alice = new_user("alice")
    requests = [{"userId": alice, "content": number} for number in range(3)]
    async with by_queue.connect(alice) as device:
        for each in requests:
            by_queue.client("sqs").send_message(
                QueueUrl=by_queue.outputs["push_queue_url"], MessageBody=json.dumps(each)
            )
        live = [await device.next_notification() for _ in requests]
    assert sorted(each["content"] for each in live) == [0, 1, 2]
    async with by_queue.connect(alice) as device:
        history = await device.ask({"action": "poll"})
    assert {each["id"] for each in history["notifications"]} == {each["id"] for each in live}


def test_second_plan_is_clean(by_queue: Stack, workshop: Workshop, queue: Any, tmp_path: Path) -> None:
    assert by_queue.outputs["push_queue_url"].endswith("/push-by-queue-push")
    terraform = Terraform(workshop.program, workshop.checkout / "examples" / "queue", tmp_path, workshop.environment)
    terraform.init()
    assert terraform.planned_changes(f"-state={Path(queue.work_dir).parent / 'terraform.tfstate'}") == {}
