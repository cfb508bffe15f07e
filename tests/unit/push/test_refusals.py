import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.push.refusals import ALONE_SECONDS, Refusals


def refusals_after(answers: str) -> Refusals:
    """Note answers, `+` for a connection that was taken and `-` for one that was refused."""
    refusals = Refusals()
    for answer in answers:
        (refusals.note_taken if answer == "+" else refusals.note_refused)()
    return refusals


@pytest.mark.parametrize(
    ("answers", "patience"),
    [
        # Nothing to compare with: the only connection, and a few of which none is taken.
        ("-", ALONE_SECONDS),
        ("-" * 15, ALONE_SECONDS),
        # Others are taken.
        ("+-", 0.0),
        ("-+", 0.0),
        ("+" * 5000 + "-" * 50, 0.0),
        (("+" * 19 + "-") * 250, 0.0),
        # All are refused, from the start or after thousands that were taken.
        ("-" * 16, math.inf),
        ("+" * 5000 + "-" * 256, math.inf),
        # It has passed.
        ("-" * 5000 + "+" * 63, ALONE_SECONDS),
        ("-" * 5000 + "+" * 64, 0.0),
        ("+" * 5000 + "-" * 64, 0.0),
        ("+" * 5000 + "-" * 65, ALONE_SECONDS),
    ],
)
def test_a_refused_connection_is_at_fault_only_where_others_are_taken(answers: str, patience: float) -> None:
    assert refusals_after(answers).patience() == patience


def test_alone_means_as_long_as_the_guarantee_says() -> None:
    guarantee = (Path(__file__).parents[3] / "docs" / "delivery-guarantee.md").read_text(encoding="utf-8")
    assert "With too few other connections to compare with, it is retried for five seconds" in guarantee
    assert ALONE_SECONDS == 5


@given(st.text("+-", max_size=300))
def test_what_is_long_past_does_not_count(past: str) -> None:
    assert refusals_after(past + "-" * 200).patience() == math.inf
    assert refusals_after(past + "+" * 200).patience() == 0.0
