import asyncio
import inspect
from pathlib import Path

import pytest

from tests.clients import npm


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine, for a minute and a half at most."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = inspect.signature(pyfuncitem.obj).parameters
    test = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in arguments})
    asyncio.run(asyncio.wait_for(test, 90))
    return True


@pytest.fixture(scope="session")
def toolchain() -> Path:
    return npm.toolchain()
