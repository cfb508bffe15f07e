"""Runs the module and its examples on the versions of Terraform that are supported: `python -m tools.versions`.

On each: init and validate of the module and every example, and a plan of every example, on the local AWS; `terraform
test` where the version can run it. On the oldest and the newest: apply, a second plan, destroy.
"""

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tools import environments
from tools.aws import clients, leftovers
from tools.emulator.server import Emulator, emulator
from tools.errors import ToolError
from tools.paths import BUILD, CHECKOUT, executable
from tools.processes import end_on_signals
from tools.terraform import (
    MINIMUM_FOR_TESTS,
    Program,
    Terraform,
    copy_sources,
    find_program,
    terraform_environment,
)

ZONE = "example.com"
VARIABLES = {
    "TF_VAR_issuer": "https://issuer.example",
    "TF_VAR_audience": '["push"]',
    "TF_VAR_zone_name": ZONE,
    "TF_VAR_domain_name": f"push.{ZONE}",
}
"""What examples require, by the names of their variables; Terraform ignores what an example does not declare."""

APPLIED = "minimal"
CHECKS = ("init", "validate", "plan", "test", "apply")


class Bench(NamedTuple):
    """One version of Terraform, a folder, and the environment that reaches the local AWS from it."""

    program: Program
    folder: Path
    aws: Emulator
    settings: dict[str, str]

    def terraform(self, root: Path) -> Terraform:
        """Return a root module of the copied sources, with data of its own."""
        name = root.name if root != self.checkout else "module"
        return Terraform(self.program, root, self.folder / "data" / name, self.settings)

    @property
    def checkout(self) -> Path:
        """The copied sources."""
        return self.folder / "checkout"

    @property
    def examples(self) -> list[Path]:
        """The examples that are root modules."""
        return sorted({file.parent for file in self.checkout.glob("examples/*/*.tf")})


def main() -> int:
    """Run every check on every version, and print a table of what passed."""
    end_on_signals()
    BUILD.mkdir(exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="versions-", dir=BUILD) as folder,
            emulator(Path(folder) / "aws") as aws,
        ):
            clients(aws)("route53").create_hosted_zone(Name=ZONE, CallerReference="versions")
            rows = run(programs(), Path(folder), aws)
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(table(rows))
    return 0 if all("failed" not in row for row in rows.values()) else 1


def programs() -> list[Program]:
    """Return Terraform in every version that there is an environment for, oldest first.

    Raises
    ------
    ToolError
        If one is missing.
    """
    found = []
    for name, folder in environments.FOLDERS.items():
        if name.startswith("terraform-"):
            if not environments.is_current(name):
                raise ToolError(f"{folder.name} is missing or outdated. Run: make versions")
            found.append(find_program(name=str(_program(folder))))
    return sorted(found, key=lambda program: program.version)


def _program(environment: Path) -> Path:
    """Write the program that stands for Terraform into an environment."""
    program = environment / "bin" / "terraform"
    python, library = executable(environment, "python"), CHECKOUT / "tools" / "terraform_library.py"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} {shlex.quote(str(library))} "$@"\n')
    program.chmod(0o755)
    return program


def run(found: Sequence[Program], folder: Path, aws: Emulator) -> dict[str, list[str]]:
    """Run the checks, and return for each version the outcome of each of `CHECKS`."""
    rows = {}
    for program in found:
        version = ".".join(map(str, program.version))
        settings = terraform_environment(folder / version, program) | aws.credentials | VARIABLES
        bench = Bench(program, folder / version, aws, settings)
        copy_sources(bench.checkout)
        steps: dict[str, Callable[[Bench], None] | None] = {
            "init": _init,
            "validate": _validate,
            "plan": _plan,
            "test": _test if program.version >= MINIMUM_FOR_TESTS else None,
            "apply": _apply if program in (found[0], found[-1]) else None,
        }
        rows[version] = [_outcome(f"Terraform {version}: {name}", steps[name], bench) for name in CHECKS]
    return rows


def _outcome(title: str, step: Callable[[Bench], None] | None, bench: Bench) -> str:
    if step is None:
        return "-"
    started = time.monotonic()
    sys.stdout.write(f"{title} ... ")
    sys.stdout.flush()
    try:
        step(bench)
    except ToolError as problem:
        sys.stdout.write(f"failed\n{problem}\n")
        return "failed"
    seconds = f"{time.monotonic() - started:.0f} s"
    sys.stdout.write(f"{seconds}\n")
    return seconds


def _init(bench: Bench) -> None:
    _for_each([bench.checkout, *bench.examples], lambda root: bench.terraform(root).init())


def _validate(bench: Bench) -> None:
    _for_each([bench.checkout, *bench.examples], lambda root: bench.terraform(root).validate())


def _plan(bench: Bench) -> None:
    def plan(root: Path) -> None:
        if not bench.terraform(root).planned_changes():
            raise ToolError(f"The plan of {root.name} creates nothing.")

    _for_each(bench.examples, plan)


def _for_each(roots: Sequence[Path], step: Callable[[Path], object]) -> None:
    """Take a step in every root module, on all processors: Terraform loads the provider's schema on one."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(step, roots))


def _test(bench: Bench) -> None:
    bench.terraform(bench.checkout).test()


def _apply(bench: Bench) -> None:
    terraform = bench.terraform(bench.checkout / "examples" / APPLIED)
    try:
        terraform.apply()
        changes = terraform.planned_changes()
    finally:
        terraform.destroy()
    left = leftovers(bench.aws, "push")
    if changes or left:
        raise ToolError(f"A second plan changes {changes}, and after destroy this was left: {left}.")


def table(rows: dict[str, list[str]]) -> str:
    """Write versions by checks as a table in Markdown."""
    lines = [["Terraform", *CHECKS], ["---"] * (1 + len(CHECKS)), *([version, *row] for version, row in rows.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
