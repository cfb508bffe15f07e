import json

import pytest

from websocket_push.telemetry import log as telemetry
from websocket_push.telemetry.log import LEVELS, is_logged, log_line, where


def test_a_line_is_one_json_object_with_what_lambda_filters_by() -> None:
    line = log_line("INFO", "push", {"totals": {"delivered": 2}, "note": "a\nb\u2028"}, unix_milliseconds=0)
    assert "\n" not in line
    assert json.loads(line) == {
        "timestamp": "1970-01-01T00:00:00.000Z",
        "level": "INFO",
        "message": "push",
        "totals": {"delivered": 2},
        "note": "a\nb\u2028",
    }


@pytest.mark.parametrize(("level", "lowest", "logged"), [
    ("INFO", "INFO", True), ("WARN", "INFO", True), ("INFO", "WARN", False), ("ERROR", "FATAL", False),
    ("INFO", "loud", True),
])  # fmt: skip
def test_levels_are_filtered(level: str, lowest: str, logged: bool) -> None:
    assert is_logged(level, lowest) is logged
    assert level in LEVELS


def test_an_error_is_placed_without_its_text() -> None:
    with pytest.raises(AttributeError) as raised:
        where(None)  # type: ignore[arg-type]
    module, line = where(raised.value).split(":")
    assert module == telemetry.__name__
    assert line.isdigit()
