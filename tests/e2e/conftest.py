import asyncio
import importlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_terraform import tf

from tests.e2e.stack import ORIGIN, Stack, Workshop, write_terraform
from tools.aws import backend
from tools.emulator.server import emulator
from tools.issuer import Issuer, issuer
from tools.paths import CHECKOUT
from tools.playground.site import Site, site
from tools.terraform import copy_sources, find_program, terraform_environment


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(importlib.import_module("tests.e2e.applied"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in arguments}))
    return True


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("e2e")
    program = find_program()
    settings = terraform_environment(folder, program)
    with emulator(folder) as local:
        yield Workshop(local, program, copy_sources(folder / "checkout"), settings | local.credentials)


@pytest.fixture(scope="session", autouse=True)
def _terraform_settings(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Point pytest-terraform at the copy of the sources and at the emulator, before it applies anything."""
    tf.LazyModuleDir.value = str(workshop.checkout / "examples")
    tf.LazyTfBin.value = str(write_terraform(tmp_path_factory.mktemp("bin") / "terraform", workshop))


@pytest.fixture(scope="session")
def stack(workshop: Workshop, minimal: Any) -> Stack:
    """Return examples/minimal, applied once for all tests; what a test changes about it, it puts back."""
    return _stack(workshop, minimal)


@pytest.fixture(scope="session")
def page_site() -> Iterator[Site]:
    """Serve the page of examples/browser, before examples/jwt gets the allowed origins."""
    with site() as served:
        yield served


@pytest.fixture(scope="session")
def tokens(workshop: Workshop, page_site: Site) -> Iterator[Issuer]:
    """Return the issuer of tokens that examples/jwt is configured with."""
    with issuer() as running:
        variables = workshop.checkout / "examples" / "jwt" / "terraform.tfvars.json"
        variables.write_text(json.dumps(running.variables | {"allowed_origins": [ORIGIN, *page_site.origins]}))
        yield running


@pytest.fixture(scope="session")
def authorized(tokens: Issuer, workshop: Workshop, request: pytest.FixtureRequest) -> Stack:
    """Return examples/jwt, applied once for all tests that need it, with the issuer's keys."""
    return _stack(workshop, request.getfixturevalue("jwt"))


@pytest.fixture(scope="session")
def topics_site() -> Iterator[Site]:
    """Serve the page of examples/topics."""
    with site(page=CHECKOUT / "examples" / "topics" / "page") as served:
        yield served


@pytest.fixture(scope="session")
def tenants(tokens: Issuer, topics_site: Site, workshop: Workshop, request: pytest.FixtureRequest) -> Stack:
    """Return examples/topics, applied once for all tests that need it, with the issuer's keys."""
    variables = workshop.checkout / "examples" / "topics" / "terraform.tfvars.json"
    variables.write_text(json.dumps(tokens.variables | {"allowed_origins": [ORIGIN, *topics_site.origins]}))
    return _stack(workshop, request.getfixturevalue("topics"))


@pytest.fixture(scope="session")
def queued(workshop: Workshop, event_driven: Any) -> Stack:
    """Return examples/event-driven, which has a push queue, applied once for all tests that need it."""
    return _stack(workshop, event_driven)


@pytest.fixture(scope="session")
def mailing(workshop: Workshop, offline_mail: Any) -> Stack:
    """Return examples/offline-mail, which has events, applied once for all tests that need it."""
    return _stack(workshop, offline_mail)


def _stack(workshop: Workshop, applied: Any) -> Stack:
    outputs = {name: each["value"] for name, each in applied.outputs.items()}
    return Stack(workshop.emulator, outputs, backend(workshop.emulator, outputs))
