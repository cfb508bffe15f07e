"""Root modules that are made up for a test, and planned by the real provider without any AWS."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.paths import CHECKOUT
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment

FIRST_LAYOUT = CHECKOUT / "tests" / "fixtures" / "states" / "first_layout.json"
"""A state of the module as it was before it had a release, applied as `module.push` with `jwt` and defaults.

Recorded on the local AWS, with a lineage made up.
"""

RECORDED: Mapping[str, Any] = {"jwt": {"jwks_uri": "https://issuer.example/jwks.json"}, "client_push": "self"}
"""The inputs that the state was recorded with."""

SECOND_LAYOUT = FIRST_LAYOUT.with_name("second_layout.json")
"""A state of the module as it was before the root decided all names and ARNs, applied with RECORDED_SECOND."""

RECORDED_SECOND: Mapping[str, Any] = {
    **RECORDED,
    "access_logs": {},
    "alarms": {},
    "dashboard": True,
    "functions": {"push": {"provisioned_concurrency": 2}, "verify_jwt": {"provisioned_concurrency": 1}},
    "metrics_namespace": "Push",
    "push_queue": {},
    "tracing": True,
}

# Nothing is asked of AWS: no credentials are checked, no account is looked up, no metadata service is tried.
PROVIDER: Mapping[str, Any] = {
    "region": "us-east-1",
    "access_key": "made-up",
    "secret_key": "made-up",
    "skip_credentials_validation": True,
    "skip_metadata_api_check": True,
    "skip_region_validation": True,
    "skip_requesting_account_id": True,
}

Change = Mapping[str, Any]
"""What a plan in JSON says of one resource ("JSON output format", `resource_changes`)."""


def calls(modules: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return a configuration that calls the module once under each name, with its inputs."""
    return {
        "provider": {"aws": PROVIDER},
        "module": {name: {"source": "../", **inputs} for name, inputs in modules.items()},
    }


def make_root(folder: Path, configuration: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> Terraform:
    """Make a root module beside a copy of the module, which it finds at `../`.

    Parameters
    ----------
    configuration
        In Terraform's JSON syntax.
    state
        Is taken for the state of an earlier apply; without it nothing exists yet.
    """
    checkout = copy_sources(folder / "checkout")
    root = checkout / "root"
    root.mkdir()
    (root / "main.tf.json").write_text(json.dumps(configuration))
    if state is not None:
        (root / "terraform.tfstate").write_text(json.dumps(state))
    program = find_program()
    terraform = Terraform(program, root, folder / "data", terraform_environment(folder, program))
    terraform.init()
    return terraform


def state_of(names: Iterable[str], layout: Path = FIRST_LAYOUT) -> dict[str, Any]:
    """Return a recorded state as if the module had been applied under each name."""
    recorded = layout.read_text()
    state: dict[str, Any] = json.loads(recorded)
    copies = (json.loads(recorded.replace("module.push.", f"module.{name}.")) for name in names)
    state["resources"] = [resource for copy in copies for resource in copy["resources"]]
    return state


def plan(terraform: Terraform, *arguments: str) -> dict[str, Change]:
    """Plan against the state alone, and return what would happen to each resource, by address."""
    planned = terraform.data / "plan"
    terraform.run("plan", "-input=false", "-no-color", "-refresh=false", f"-out={planned}", *arguments)
    shown = json.loads(terraform.run("show", "-json", str(planned)))
    return {each["address"]: each for each in shown["resource_changes"] if each["mode"] == "managed"}


def actions(changes: Mapping[str, Change]) -> dict[str, list[str]]:
    """Return what would be done to what, without what stays."""
    return {
        address: each["change"]["actions"]
        for address, each in changes.items()
        if each["change"]["actions"] != ["no-op"]
    }
