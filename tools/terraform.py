"""Runs Terraform on a copy of the sources, with its own state and data, away from the user's settings.

`python -m tools.terraform` says whether there is a Terraform, `python -m tools.terraform tests` also whether it is new
enough for all tests.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.processes import running
from tools.providers import provider_settings

MINIMUM = (1, 9)
MINIMUM_FOR_TESTS = (1, 11)
TESTS = "-test-directory=tests/terraform"
"""Not the default folder, which `init` and `validate` read: without `override_during` they would fail there."""

_INSTALLING = "https://developer.hashicorp.com/terraform/install"
_ANSWER_SECONDS = 60
_SHOWN_CHARACTERS = 500

_REGISTRIES = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
_COPIED = ("*.tf", "examples/**/*", "lambda/**/*", "modules/**/*", "tests/**/*.hcl", "tests/**/*.tf")
_LEFT_OUT = re.compile(r"^\.|^__pycache__$|\.tfstate|^node_modules$")

Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """The user's Terraform (or OpenTofu): where it is, its version, and its name for this machine."""

    path: str
    version: tuple[int, ...]
    platform: str

    @property
    def registry(self) -> str:
        """The host that it installs providers from."""
        return _REGISTRIES["tofu" if Path(self.path).name.startswith("tofu") else "terraform"]


@dataclass(frozen=True, slots=True)
class Terraform:
    """A root module with its state.

    Parameters
    ----------
    program
        What to run.
    root
        The root module's folder, in a copy of the sources; Terraform writes its state and its lock file there.
    data
        Takes everything else that Terraform writes.
    environment
        All variables that Terraform sees.
    """

    program: Program
    root: Path
    data: Path
    environment: Mapping[str, str] = field(repr=False)

    def init(self, *arguments: str) -> None:
        """Install modules and providers."""
        self.run("init", "-input=false", "-no-color", *arguments)

    def validate(self) -> None:
        """Check the configuration without looking at any account."""
        self.run("validate", "-no-color")

    def apply(self, *arguments: str, listen: Listener | None = None) -> None:
        """Apply without asking; `listen` hears every line as it comes."""
        self.run("apply", "-input=false", "-no-color", "-auto-approve", *arguments, listen=listen)

    def destroy(self, *arguments: str, listen: Listener | None = None) -> None:
        """Destroy without asking; `listen` hears every line as it comes."""
        self.run("destroy", "-input=false", "-no-color", "-auto-approve", *arguments, listen=listen)

    def planned_changes(self, *arguments: str) -> dict[str, list[str]]:
        """Plan, and return what would be done to which resource, such as `{"module.a.aws_b.c": ["update"]}`.

        Changes of outputs count as well, under `output.NAME`.
        """
        plan = self.data / "plan"
        self.run("plan", "-input=false", "-no-color", f"-out={plan}", *arguments)
        shown = json.loads(self.run("show", "-json", str(plan)))
        resources = {each["address"]: each["change"]["actions"] for each in shown.get("resource_changes", [])}
        outputs = {f"output.{name}": each["actions"] for name, each in shown.get("output_changes", {}).items()}
        unchanged = (["no-op"], ["read"])
        return {name: actions for name, actions in (resources | outputs).items() if actions not in unchanged}

    def outputs(self) -> dict[str, object]:
        """Return every output's value."""
        shown = json.loads(self.run("output", "-json"))
        return {name: each["value"] for name, each in shown.items()}

    def test(self) -> None:
        """Run the module's `terraform test` files, after an `init` that installed what they need."""
        self.init(TESTS)
        self.run("test", "-no-color", TESTS)

    def run(self, *arguments: str, listen: Listener | None = None) -> str:
        """Run a command and return what it printed.

        Raises
        ------
        ToolError
            If it fails; the message holds what it printed.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        environment = {**self.environment, "TF_DATA_DIR": str(self.data / "data")}
        printed: list[str] = []
        with running([self.program.path, *arguments], cwd=self.root, environment=environment) as process:
            for raw in process.stdout or ():
                line = raw.decode(errors="replace").rstrip("\n")
                printed.append(line)
                if listen is not None:
                    listen(line)
            status = process.wait()
        if status != 0:
            raise ToolError(f"{self._command(arguments)} failed:\n{_relevant(printed)}")
        return "\n".join(printed)

    def _command(self, arguments: Iterable[str]) -> str:
        return " ".join([Path(self.program.path).name, next(iter(arguments)), "in", self.root.name])


def find_program(minimum: tuple[int, int] = MINIMUM, name: str | None = None) -> Program:
    """Find Terraform: the program of that name; by default what TERRAFORM names, or `terraform` on the PATH.

    Raises
    ------
    ToolError
        If there is none, it is too old, or it is no Terraform.
    """
    name = name or os.environ.get("TERRAFORM") or "terraform"
    path = shutil.which(name)
    if path is None:
        raise ToolError(
            f"{name} is not on the PATH. Install Terraform {_text(MINIMUM)} or newer\n"
            f"({_text(MINIMUM_FOR_TESTS)} for the tests; {_INSTALLING}),\n"
            "or name another program: make TERRAFORM=tofu ..."
        )
    version, platform = _ask(path)
    if version < minimum:
        why = " (its tests use override_during, which came with 1.11)" if minimum == MINIMUM_FOR_TESTS else ""
        raise ToolError(f"{path} is Terraform {_text(version)}; {_text(minimum)} or newer is needed{why}.")
    return Program(path, version, platform)


def _ask(path: str) -> tuple[tuple[int, ...], str]:
    """Return the version of a program, and its name for this machine."""
    said = ""
    try:
        answer = subprocess.run(
            [path, "version", "-json"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
        )
        said = (answer.stdout + answer.stderr).decode(errors="replace")
        # Warnings about the user's own configuration may stand before it.
        facts = json.loads(answer.stdout[answer.stdout.index(b"{") :])
        version = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", facts["terraform_version"])
        if version is not None:
            return tuple(int(each) for each in version.groups() if each), str(facts["platform"])
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        pass
    raise ToolError(
        f"{path} did not answer version -json as Terraform does. Install Terraform {_text(MINIMUM)} or newer\n"
        f"({_INSTALLING}), or name another program: make TERRAFORM=tofu ...\n{said[:_SHOWN_CHARACTERS]}".rstrip()
    )


_LESS_COLLECTING = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
"""Terraform and the provider, which end after seconds, otherwise take a quarter of their time to collect garbage."""


def terraform_environment(build: Path, program: Program) -> dict[str, str]:
    """Return the user's environment without what would change the outcome, and with a way to find the provider.

    Raises
    ------
    ToolError
        If the provider is nowhere to be found.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TF_")) or name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR")
    }
    build.mkdir(parents=True, exist_ok=True)
    settings = provider_settings(build, registry=program.registry, platform=program.platform)
    return _LESS_COLLECTING | kept | {"CHECKPOINT_DISABLE": "true", "TF_IN_AUTOMATION": "true"} | settings


def copy_sources(target: Path) -> Path:
    """Copy what Terraform reads of this checkout to a folder that is made for it, and return that folder."""
    for pattern in _COPIED:
        for source in CHECKOUT.glob(pattern):
            relative = source.relative_to(CHECKOUT)
            if source.is_file() and not any(_LEFT_OUT.search(part) for part in relative.parts):
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / relative)
    return target


def _relevant(printed: list[str]) -> str:
    """Cut what was printed down to the errors; all of its end where there are none."""
    errors = [index for index, line in enumerate(printed) if "Error:" in line]
    return "\n".join(printed[max(errors[0] - 1, 0) :] if errors else printed[-40:])


def _text(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def main(arguments: Sequence[str] | None = None) -> int:
    """Say what is wrong with the user's Terraform, if anything is."""
    purpose = (sys.argv[1:] if arguments is None else arguments)[:1]
    try:
        find_program(MINIMUM_FOR_TESTS if list(purpose) == ["tests"] else MINIMUM)
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
