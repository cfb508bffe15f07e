import io
import json
from typing import Any

import pytest

from tools.aws import Answer
from tools.console import Progress
from tools.demo.scenario import counts
from tools.demo.transcript import Transcript, UnmetError

APPLIED = ["Plan: 2 to add, 1 to change, 0 to destroy.", "a.b: Creation complete after 1s", "a.c: Creating..."]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_progress_counts_what_is_done(stream: io.StringIO) -> None:
    progress = Progress("apply", stream)
    for line in APPLIED:
        progress(line)
    progress.finish()
    assert stream.getvalue().splitlines()[-1].endswith("apply ... 1 of 3 resources, 0 s")


def test_fact_that_does_not_hold_ends_the_demo_with_what_was_seen() -> None:
    stream = io.StringIO()
    transcript = Transcript(stream)
    transcript.check_equal("two and two", 4, 4)
    with pytest.raises(UnmetError, match=r'two and two(.|\n)*"seen": 5, "expected": 4'):
        transcript.check_equal("two and two", 5, 4)
    assert stream.getvalue().splitlines() == ["  ok   two and two", "  NO   two and two"]


@pytest.mark.parametrize(
    ("payload", "expected"), [({"errorType": "X"}, {}), ({"totals": {"gone": 1, "x": 2}}, {"gone": 1})]
)
def test_counts_of_a_report(payload: dict[str, Any], expected: dict[str, int]) -> None:
    assert counts(Answer(json.loads(json.dumps(payload)), None)) == expected
