"""What is asked of clients that come back after a restart."""

import pytest

from tests.chaos.scenarios import BACKOFF_CAP_SECONDS, LostError, Size, require_spread

SIZE = Size(clients=4, users=1, pushes=0)
SPREAD = {"a": 0.2, "b": 0.9, "c": 1.4, "d": 2.1}


def test_clients_that_come_back_in_time_and_not_at_once_are_as_they_should_be() -> None:
    require_spread(SPREAD, SIZE)


@pytest.mark.parametrize(
    ("returns", "problem"),
    [
        ({"a": 0.2, "b": 0.9, "c": 1.4}, "only 3 of 4"),
        (SPREAD | {"d": BACKOFF_CAP_SECONDS + 9.0}, "only after 11.0 s"),
        ({"a": 1.0, "b": 1.01, "c": 1.0, "d": 1.02}, "all at once"),
    ],
)
def test_others_are_not(returns: dict[str, float], problem: str) -> None:
    with pytest.raises(LostError, match=problem):
        require_spread(returns, SIZE)
