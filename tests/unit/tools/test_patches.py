from types import SimpleNamespace

import pytest

from tools.emulator.patches import VERSION, _existing, _nested, _xml
from tools.paths import CHECKOUT


def taken(first: str, second: str) -> None:
    pass


def test_patches_are_written_for_the_version_that_is_installed() -> None:
    assert f"ministack=={VERSION}\n" in (CHECKOUT / "requirements" / "emulator.in").read_text()
    assert f"ministack=={VERSION} " in (CHECKOUT / "requirements" / "emulator.txt").read_text()


@pytest.mark.parametrize("owner", [SimpleNamespace(__name__="service"), SimpleNamespace(__name__="service", call=len)])
def test_patch_of_what_has_changed_fails(owner: SimpleNamespace) -> None:
    with pytest.raises(RuntimeError, match=r"ministack has changed: service\.call"):
        _existing(owner, "call", ("first", "second"))


def test_patch_of_what_is_there_gets_it() -> None:
    assert _existing(SimpleNamespace(call=taken), "call", ("first",)) is taken


def test_flat_names_of_a_query_become_what_they_stand_for() -> None:
    assert _nested(
        {
            "AlarmName": ["a.b"],
            "Metrics.member.2.Id": ["second"],
            "Metrics.member.10.Id": ["tenth"],
            "Metrics.member.1.MetricStat.Metric.Dimensions.member.1.Name": ["FunctionName"],
        }
    ) == {
        "AlarmName": "a.b",
        "Metrics": [
            {"MetricStat": {"Metric": {"Dimensions": [{"Name": "FunctionName"}]}}},
            {"Id": "second"},
            {"Id": "tenth"},
        ],
    }


def test_an_answer_in_xml_has_every_member_and_escapes_what_xml_reserves() -> None:
    alarm = {"Expression": "a < b", "Unit": None, "ActionsEnabled": True, "Metrics": [{"Id": "x"}], "StateTimestamp": 0}
    assert _xml("Alarm", alarm) == (
        "<Alarm><Expression>a &lt; b</Expression><ActionsEnabled>true</ActionsEnabled>"
        "<Metrics><member><Id>x</Id></member></Metrics>"
        "<StateTimestamp>1970-01-01T00:00:00+00:00</StateTimestamp></Alarm>"
    )
