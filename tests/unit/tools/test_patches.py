import contextlib
import inspect
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tools.emulator import patches as package
from tools.emulator.patches import VERSION, alarms, api, connections, frames, functions, queues
from tools.emulator.patches.alarms import _nested, _xml
from tools.emulator.patches.support import existing
from tools.paths import CHECKOUT


def taken(first: str, second: str) -> None:
    pass


def test_patches_are_written_for_the_version_that_is_installed() -> None:
    assert f"ministack=={VERSION}\n" in (CHECKOUT / "requirements" / "emulator.in").read_text()
    assert f"ministack=={VERSION} " in (CHECKOUT / "requirements" / "emulator.txt").read_text()


@pytest.mark.parametrize("owner", [SimpleNamespace(__name__="service"), SimpleNamespace(__name__="service", call=len)])
def test_patch_of_what_has_changed_fails(owner: SimpleNamespace) -> None:
    with pytest.raises(RuntimeError, match=r"ministack has changed: service\.call"):
        existing(owner, "call", ("first", "second"))


def test_patch_of_what_is_there_gets_it() -> None:
    assert existing(SimpleNamespace(call=taken), "call", ("first",)) is taken


def patches() -> list[Callable[..., None]]:
    modules = (alarms, api, connections, frames, functions, queues)
    return [
        each
        for module in modules
        for name, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == module.__name__ and not name.startswith("_")
    ]


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: patch.__name__)
def test_every_patch_says_what_aws_does_and_when_it_can_go(patch: Callable[..., None]) -> None:
    said = inspect.getdoc(patch) or ""
    assert "AWS" in said
    assert re.search(r"^Goes when: [^\n]+\.$", said, re.MULTILINE)


def test_every_patch_is_applied() -> None:
    applied = inspect.getsource(package.apply)
    assert [each.__name__ for each in patches() if f".{each.__name__}(" not in applied] == []


def fragment(data: str | bytes, *, frame: bool = True, message: bool = True) -> SimpleNamespace:
    return SimpleNamespace(data=data, frame_finished=frame, message_finished=message)


@pytest.mark.parametrize(
    ("fragments", "too_large"),
    [
        ([fragment("a" * frames.FRAME_BYTES)], False),
        ([fragment("a" * (frames.FRAME_BYTES + 1))], True),
        ([fragment("é" * (frames.FRAME_BYTES // 2 + 1))], True),
        ([fragment("a" * frames.FRAME_BYTES, frame=False), fragment("a")], True),
        ([fragment(b"a" * frames.FRAME_BYTES, message=False)] * 4, False),
        ([fragment(b"a" * frames.FRAME_BYTES, message=False)] * 5, True),
        ([fragment("a" * frames.FRAME_BYTES)] * 5, False),
    ],
)
def test_quotas_hold_for_each_frame_and_each_message(fragments: list[SimpleNamespace], too_large: bool) -> None:
    class TooLargeError(Exception):
        pass

    class Buffer:
        value: object = None

        def extend(self, event: SimpleNamespace) -> None:
            self.value = None if event.message_finished else event

    frames.close_over_the_quotas(SimpleNamespace(WebsocketBuffer=Buffer, FrameTooLargeError=TooLargeError))
    buffer = Buffer()
    with pytest.raises(TooLargeError) if too_large else contextlib.nullcontext():
        for each in fragments:
            buffer.extend(each)


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
