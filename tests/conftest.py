"""What holds for all tests."""

from hypothesis import settings

# How long an example takes is the machine's business, not the code's.
settings.register_profile("without-clock", deadline=None)
settings.load_profile("without-clock")
