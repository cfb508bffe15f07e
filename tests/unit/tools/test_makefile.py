"""`make help` lists every target with a line."""

import re
import subprocess

from tools.paths import CHECKOUT

INTERNAL = {
    "python",
    "terraform",
    "terraform-for-tests",
    "browser",
    "test-without-aws",
    "test-tokens",
    "test-queues",
    "test-faults",
}
"""What other targets check before they run, or consist of."""


def test_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", shown.stdout, re.MULTILINE))
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert listed.keys() == set(re.findall(r"^([a-z0-9-]+):(?!=)", text, re.MULTILINE)) - INTERNAL


def test_no_target_is_taken_for_a_file() -> None:
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split()
    assert sorted(phony) == sorted(set(re.findall(r"^([a-z0-9-]+):(?!=)", text, re.MULTILINE)))
