"""The folder of each verification: its copy of the sources and the state of what it has made, until that is destroyed.

It is outside of what `make clean` removes: who loses the state can no longer destroy what it describes.
"""

import contextlib
import fcntl
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.acceptance.account import Account
from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.terraform import Program, Terraform, copy_sources, terraform_environment

FOLDER = CHECKOUT / ".verify-aws"
LOCK_TIMEOUT = "-lock-timeout=5m"
"""Where a command was killed, its Terraform may still be finishing, and has the state."""

_ROOTS = ("examples/jwt", "tools/acceptance/key_set")
_RECORD = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A verification's folder.

    Parameters
    ----------
    name
        Its random name, which every resource's name begins with.
    account, region
        Where its resources are.
    """

    folder: Path
    name: str
    account: str
    region: str

    def terraform(self, root: str, program: Program, environment: Mapping[str, str]) -> Terraform:
        """Return Terraform for one of the root modules of the run's own copy of the sources."""
        here = self.folder / "checkout" / root
        return Terraform(program, here, self.folder / "data" / here.name, environment)

    def environment(self, program: Program, variables: Mapping[str, str]) -> dict[str, str]:
        """Return what Terraform is to see: the person's credentials, and the run's Region whatever else is set."""
        own = {name: value for name, value in variables.items() if name.startswith("AWS_")}
        region = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        return terraform_environment(self.folder / "settings", program) | own | region

    def recorded(self) -> list[str]:
        """List what the states say that there is: type and id, and the address in Terraform."""
        found = []
        for root in _ROOTS:
            state = self.folder / "checkout" / root / "terraform.tfstate"
            if state.is_file() and state.stat().st_size:
                found += in_state(json.loads(state.read_text(encoding="utf-8")))
        return found

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other commands away from the run for as long as the block lasts.

        Raises
        ------
        ToolError
            If another command has it.
        """
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ToolError(f"{self.name} is in use by another command: wait for it, or end it.") from None
            yield

    def destroy(
        self, program: Program, environment: Mapping[str, str], destroy_root: Callable[[Terraform], None]
    ) -> None:
        """Destroy what the run has made, both root modules, the second even if the first fails.

        Parameters
        ----------
        destroy_root
            Destroys what one of them has made.

        Raises
        ------
        ToolError
            If Terraform fails.
        """
        failures = []
        for root in _ROOTS:
            terraform = self.terraform(root, program, environment)
            if not (terraform.root / "terraform.tfstate").is_file():
                continue
            try:
                terraform.init()
                destroy_root(terraform)
            except ToolError as problem:
                failures.append(str(problem))
        if failures:
            raise ToolError("\n".join(failures))

    def forget(self) -> None:
        """Remove all but the reports, once nothing is left of what the run has made."""
        for each in ("checkout", "data", "settings"):
            shutil.rmtree(self.folder / each, ignore_errors=True)


def create(folder: Path, account: Account) -> Run:
    """Make the folder of a run under a name that nothing has yet."""
    name = f"verify-{secrets.token_hex(4)}"
    run = Run(folder / name, name, account.number, account.region)
    run.folder.mkdir(parents=True)
    record = {"name": name, "account": run.account, "region": run.region}
    (run.folder / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    checkout = copy_sources(run.folder / "checkout")
    shutil.copytree(CHECKOUT / _ROOTS[1], checkout / _ROOTS[1], ignore=shutil.ignore_patterns(".*", "*.tfstate*"))
    return run


def find(folder: Path, name: str) -> Run:
    """Return the run with a name.

    Raises
    ------
    ToolError
        If there is none.
    """
    record = folder / name / _RECORD
    if not record.is_file():
        known = ", ".join(run.name for run in unfinished(folder)) or "none"
        raise ToolError(f"There is no verification {name} in {folder}. Not destroyed yet: {known}.")
    values = json.loads(record.read_text(encoding="utf-8"))
    return Run(record.parent, name, values["account"], values["region"])


def unfinished(folder: Path) -> list[Run]:
    """Return the runs that have left something behind, by what their states say."""
    names = sorted(record.parent.name for record in folder.glob(f"*/{_RECORD}"))
    return [run for run in (find(folder, name) for name in names) if run.recorded()]


def in_state(state: Mapping[str, Any]) -> list[str]:
    """List the resources of a Terraform state, as type, id and address."""
    found = []
    for resource in state.get("resources", []):
        if resource.get("mode") != "managed" or not resource["type"].startswith("aws_"):
            continue
        address = ".".join(filter(None, [resource.get("module"), resource["type"], resource["name"]]))
        for instance in resource.get("instances", []):
            identity = (instance.get("attributes") or {}).get("id", "unknown")
            found.append(f"{resource['type']} {identity} ({address})")
    return found
