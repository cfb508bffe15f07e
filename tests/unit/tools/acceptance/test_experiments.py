import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.acceptance.fakes import client, error
from tools.acceptance.account import Account
from tools.acceptance.experiments import SIZES, other_authority, padded, throttle_above_quota
from tools.acceptance.place import Place
from tools.aws import Backend
from tools.emulator.server import Emulator
from tools.issuer import Issuer, new_key

OUTPUTS = {"websocket_url": "wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live", "api_id": "abcdef123"}


def place(made: Any, local: Emulator | None = None) -> Place:
    account = Account("123456789012", "eu-central-1", made, local)
    return Place(account, Backend(OUTPUTS, made("lambda"), made("dynamodb")), Issuer("https://issuer", new_key()))


@pytest.mark.parametrize("size", SIZES)
def test_a_padded_message_has_exactly_the_size_asked_for(size: int) -> None:
    text = padded({"type": "notification", "content": ""}, size)
    assert len(text.encode()) == size
    assert json.loads(text)["type"] == "notification"


STAGE = {"ThrottlingRateLimit": 10_000.0, "ThrottlingBurstLimit": 5_000}
QUOTA = {"throttleSettings": {"rateLimit": 2_500.0, "burstLimit": 1_250}}


def test_a_throttle_that_is_accepted_is_put_back() -> None:
    settings = dict(STAGE)

    def update(DefaultRouteSettings: dict[str, Any], **stage: str) -> None:  # noqa: N803 - as boto3 has it
        assert stage == {"ApiId": "abcdef123", "StageName": "live"}
        settings.update(DefaultRouteSettings)

    made = client(
        get_account=QUOTA, get_stage=lambda **_: {"DefaultRouteSettings": dict(settings)}, update_stage=update
    )
    (finding,) = asyncio.run(throttle_above_quota(place(made)))
    assert finding.answer == "accepted; the stage then shows 5,000"
    assert "2,500" in finding.question
    assert settings == STAGE


def test_a_throttle_that_is_refused_is_said_with_the_code() -> None:
    refused = error("BadRequestException")
    made = client(get_account=QUOTA, get_stage={"DefaultRouteSettings": STAGE}, update_stage=refused)
    (finding,) = asyncio.run(throttle_above_quota(place(made)))
    assert finding.answer.startswith("refused: BadRequestException")


def test_another_authority_is_not_asked_for_by_functions_of_a_local_aws() -> None:
    def apply(*arguments: Any) -> None:
        raise AssertionError("nothing is to be applied")

    local = Emulator(1, Path(), Path())
    terraform: Any = None
    (finding,) = asyncio.run(other_authority(place(client(), local), terraform, apply, "https://keys"))
    assert finding.answer.startswith("not tried")
