"""How many events are made up, and what is seen of an invocation."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "400")),
    deadline=None,
    # Unless a number is asked for, the same events in every run and every checkout.
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    print_blob=True,
    # What the fixtures give does not depend on the example: each begins with a clean record.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(slots=True)
class Outcome:
    """What an invocation came to.

    Parameters
    ----------
    answer
        What the handler returned.
    error, message
        The class of the exception that it raised, and its text; None and empty if it raised none.
    line
        The line that it logged.
    written
        What was written to AWS.
    """

    answer: Any
    error: str | None
    message: str
    line: Mapping[str, Any]
    written: list[tuple[str, object]] = field(default_factory=list)


Invoke = Callable[..., Outcome]
