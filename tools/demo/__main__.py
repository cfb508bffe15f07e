"""`python -m tools.demo`: applies examples/minimal to the local emulator and shows that it does its job."""

import asyncio
import contextlib
import errno
import shutil
import sys
import tempfile
from pathlib import Path

from tools.aws import backend, leftovers
from tools.console import Progress
from tools.demo.scenario import Scenario
from tools.demo.transcript import Transcript, UnmetError
from tools.emulator.patches import VERSION
from tools.emulator.server import emulator
from tools.errors import ToolError
from tools.paths import BUILD
from tools.processes import end_on_signals, uninterrupted
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment

EXAMPLE = "minimal"
NAME = "websocket-push"
"""What the example's resources are called: the module's default."""


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
    transcript.heading(f"examples/{EXAMPLE}, unchanged, applied to a local AWS")
    with emulator(folder) as local:
        transcript.note(f"ministack {VERSION} at {local.endpoint}; signatures and IAM policies are enforced")
        root = copy_sources(folder / "checkout") / "examples" / EXAMPLE
        terraform = Terraform(program, root, folder / "terraform", settings | local.credentials)
        terraform.init()
        apply(terraform)
        outputs = terraform.outputs()
        asyncio.run(Scenario(local, backend(local, outputs), outputs, transcript).play())

        transcript.heading("Afterwards")
        transcript.check_equal("a second plan is clean", terraform.planned_changes(), {})
        destroy(terraform)
        transcript.check_equal("nothing is left", leftovers(local, NAME), [])
    transcript.heading("All of it held.")


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
