"""Every scenario in its short form, all on one applied stack; `make chaos` plays the long one."""

from collections.abc import Iterator

import pytest

from tests.chaos.scenarios import SCENARIOS, Scenario, perform
from tests.chaos.world import World, world

SEED = 20261122


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("chaos")) as made:
        yield made


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(scenario: Scenario, applied: World, capsys: pytest.CaptureFixture[str]) -> None:
    line = perform(applied, scenario, scenario.short, SEED)
    with capsys.disabled():
        print(f"\n{line}")
