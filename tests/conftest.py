"""What holds for all tests."""

import pytest
from hypothesis import settings

# How long an example takes is the machine's business, not the code's.
settings.register_profile("without-clock", deadline=None)
settings.load_profile("without-clock")

APART = ("test_files.py", "test_late_values.py")
"""Files whose tests share nothing that takes long to make, and take long themselves."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have one process run all tests of a file, with `--dist loadgroup`: what they share is made once."""
    if item.path.name not in APART:
        item.add_marker(pytest.mark.xdist_group(item.path.stem))
