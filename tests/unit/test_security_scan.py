"""Every suppressed finding of the security scanner has a reason."""

import re

from tools.paths import CHECKOUT

FILES = [
    *CHECKOUT.glob("*.tf"),
    *CHECKOUT.glob("modules/*/*.tf"),
    *CHECKOUT.glob("examples/*/*.tf"),
    *CHECKOUT.glob("tools/*/*/*.tf"),
]


def test_every_skipped_check_has_a_reason() -> None:
    skipped = [line for file in FILES for line in file.read_text().splitlines() if "checkov:" in line]
    assert skipped
    assert [line for line in skipped if not re.fullmatch(r" +#checkov:skip=CKV2?_AWS_\d+:[A-Z].{20,}\.", line)] == []
