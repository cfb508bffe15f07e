from types import SimpleNamespace

import pytest

from tools.emulator.patches import VERSION, _existing
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
