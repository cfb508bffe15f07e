"""`python -m tools.demo`: applies three examples to the local emulator and shows that they do their job."""

import asyncio
import contextlib
import errno
import functools
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from tools.aws import backend, leftovers
from tools.console import Progress
from tools.demo.scenario import Scenario
from tools.demo.token_scenario import TokenScenario
from tools.demo.topic_scenario import TopicScenario
from tools.demo.transcript import Transcript, UnmetError
from tools.emulator.patches import VERSION
from tools.emulator.server import Emulator, emulator
from tools.errors import ToolError
from tools.issuer import issuer
from tools.paths import BUILD
from tools.processes import end_on_signals, uninterrupted
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment
from tools.websocket import Device, device

NAMES = {"minimal": "websocket-push", "jwt": "push-by-jwt", "topics": "push-by-topic"}
"""The examples that are applied, and what their resources are called."""


def main() -> int:
    """Run the demo; its exit status is 0 only if every fact held."""
    end_on_signals()
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=BUILD))
    try:
        run(folder, Transcript())
    except (ToolError, UnmetError, TimeoutError) as problem:
        sys.stderr.write(f"\n{problem}\n\nLogs and Terraform's state are kept in {folder}\n")
        return 1
    except (KeyboardInterrupt, OSError) as end:
        if isinstance(end, OSError) and end.errno not in (errno.EIO, errno.EPIPE):
            raise
        # The terminal may be gone (EIO, EPIPE), and make passes on a signal that has already come from the terminal.
        with contextlib.suppress(KeyboardInterrupt, OSError), uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)
            sys.stderr.write("\nInterrupted; everything that was started has been ended.\n")
        return 130
    shutil.rmtree(folder)
    return 0


def run(folder: Path, transcript: Transcript) -> None:
    """Run the demo, with what it writes in a folder.

    Raises
    ------
    ToolError
        If the machine lacks something, or Terraform fails.
    UnmetError
        If a fact does not hold.
    """
    program = find_program()
    settings = terraform_environment(folder, program)
    transcript.heading("examples/minimal, unchanged, applied to a local AWS")
    with emulator(folder) as local:
        transcript.note(f"ministack {VERSION} at {local.endpoint}; signatures and IAM policies are enforced")
        examples = copy_sources(folder / "checkout") / "examples"

        def example(name: str) -> Terraform:
            return Terraform(program, examples / name, folder / name, settings | local.credentials)

        with applied(example("minimal"), transcript, local) as outputs:
            connect = functools.partial(_connected, local, outputs["websocket_url"])
            asyncio.run(Scenario(connect, backend(local, outputs), transcript).play())

        transcript.heading("examples/jwt: the same, for clients that bring a token")
        with issuer() as tokens:
            (examples / "jwt" / "terraform.tfvars.json").write_text(json.dumps(tokens.variables))
            with applied(example("jwt"), transcript, local) as outputs:
                asyncio.run(TokenScenario(local, backend(local, outputs), tokens, transcript).play())

            transcript.heading("examples/topics: one push to a tenant, and one to everyone")
            (examples / "topics" / "terraform.tfvars.json").write_text(json.dumps(tokens.variables))
            with applied(example("topics"), transcript, local) as outputs:
                asyncio.run(TopicScenario(local, backend(local, outputs), tokens, transcript).play())
    transcript.heading("Everything was as promised.")


def _connected(local: Emulator, url: str, user_id: str) -> AbstractAsyncContextManager[Device]:
    return device(local, url, userId=user_id)


@contextlib.contextmanager
def applied(terraform: Terraform, transcript: Transcript, local: Emulator) -> Iterator[dict[str, Any]]:
    """Apply an example, give its outputs, and afterwards see that the plan is clean and destroying leaves nothing."""
    terraform.init()
    apply(terraform)
    yield terraform.outputs()
    transcript.heading("Afterwards")
    transcript.check_equal("a second plan is clean", terraform.planned_changes(), {})
    destroy(terraform)
    transcript.check_equal("nothing is left", leftovers(local, NAMES[terraform.root.name]), [])


def apply(terraform: Terraform) -> None:
    """Apply, showing how far it has come."""
    progress = Progress("       terraform apply")
    terraform.apply(listen=progress)
    progress.finish()


def destroy(terraform: Terraform) -> None:
    """Destroy, showing how far it has come."""
    progress = Progress("       terraform destroy")
    terraform.destroy(listen=progress)
    progress.finish()


if __name__ == "__main__":
    sys.exit(main())
