"""Starts and stops the local AWS emulator, one for each user of it, on a free loopback port."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError
from tools.paths import CHECKOUT, EMULATOR_ENVIRONMENT, executable
from tools.processes import running

REGION = "us-east-1"
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TZ")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator.

    Parameters
    ----------
    port
        Where it listens, on 127.0.0.1, for every service.
    log
        What it and the functions print.
    temporary
        Its temporary files. The functions run from folders in it.
    """

    port: int
    log: Path
    temporary: Path

    @property
    def endpoint(self) -> str:
        """What `AWS_ENDPOINT_URL` is to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The standard variables by which any AWS client, Terraform included, talks to the emulator alone."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@contextlib.contextmanager
def emulator(
    folder: Path,
    *,
    port: int | None = None,
    variables: Mapping[str, str] | None = None,
    stop_seconds: float = _STOP_SECONDS,
) -> Iterator[Emulator]:
    """Run an emulator for as long as the block lasts.

    Parameters
    ----------
    folder
        Takes its log and its temporary files.
    port
        Where it is to listen; None picks a free port.
    variables
        More variables for its process. The functions inherit them, so `AWS_ENDPOINT_URL` sends them elsewhere.
    stop_seconds
        How long it may take to end by itself, as it must where it is to store its state.

    Raises
    ------
    ToolError
        If it does not come up.
    """
    python = executable(EMULATOR_ENVIRONMENT, "python")
    if not python.exists():
        raise ToolError("The emulator's environment is missing. Run: make environments")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "emulator.log"
    port = port or free_port()
    # Outside the checkout: what the functions see must not depend on how long its path is.
    with (
        tempfile.TemporaryDirectory(prefix="emulator-", ignore_cleanup_errors=True) as temporary,
        log.open("ab") as output,
        running(
            [python, "-m", "tools.emulator.launch"],
            cwd=CHECKOUT,
            environment=_environment(port, temporary) | dict(variables or {}),
            stdin=subprocess.PIPE,
            stdout=output,
            grace_seconds=stop_seconds,
        ) as process,
    ):
        running_emulator = Emulator(port, log, Path(temporary))
        _wait_until_up(process, running_emulator)
        yield running_emulator


def _environment(port: int, temporary: str) -> dict[str, str]:
    # The functions inherit all of this, so nothing of the person at the keyboard gets in.
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "AUTH": "true",  # Signatures and IAM policies are enforced.
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # With these two on, a second emulator would find its ports taken.
        "SFTP_ENABLED": "0",
        "MINISTACK_HOST": f"{REGION}.amazonaws.com",  # It answers for the real host names, however it is dialled.
        "MINISTACK_REGION": REGION,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": temporary,
    }


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], candidate: Emulator) -> None:
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise ToolError(f"The emulator ended while it started:\n{_tail(candidate.log)}")
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            without_proxy.open(f"{candidate.endpoint}/_ministack/health", timeout=1),
        ):
            return
        time.sleep(0.05)
    raise ToolError(f"The emulator did not come up within {_START_SECONDS:.0f} s:\n{_tail(candidate.log)}")


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
