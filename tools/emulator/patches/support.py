"""What the patches share."""

import inspect
from typing import Any

Record = dict[str, Any]


def existing(owner: Any, name: str, parameters: tuple[str, ...] = ()) -> Any:
    """Return what is to be patched.

    Raises
    ------
    RuntimeError
        If it is gone, or takes other parameters than the patch relies on.
    """
    found = getattr(owner, name, None)
    if found is None:
        raise changed(f"{owner.__name__}.{name}")
    if parameters and tuple(inspect.signature(found).parameters)[: len(parameters)] != parameters:
        raise changed(f"{owner.__name__}.{name}()")
    return found


def changed(what: str) -> RuntimeError:
    """Return the error that says what is not as a patch expects it."""
    return RuntimeError(f"ministack has changed: {what} is not what tools/emulator/patches was written for.")
