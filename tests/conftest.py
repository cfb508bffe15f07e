"""What holds for all tests."""

from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.limits import ends_within

# How long an example takes is the machine's business, not the code's.
settings.register_profile("without-clock", deadline=None)
settings.load_profile("without-clock")

QUICK_LEVELS = ("unit", "handlers")
QUICK_SECONDS = 300
"""How long a test of these levels may take: far longer than the slowest one. For the others, see pyproject.toml."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """End a test that hangs, and go on with the next one."""
    level, *_ = item.path.relative_to(Path(__file__).parent).parts
    if level not in QUICK_LEVELS:
        return (yield)
    with ends_within(QUICK_SECONDS):
        return (yield)


APART = ("test_files.py", "test_late_values.py")
"""Files whose tests share nothing that takes long to make, and take long themselves."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have one process run all tests of a file, with `--dist loadgroup`: what they share is made once."""
    if item.path.name not in APART:
        item.add_marker(pytest.mark.xdist_group(item.path.stem))
