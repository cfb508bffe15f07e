"""Starting the stub, and the environment in which a client finds it."""

import contextlib
import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.paths import CHECKOUT
from tools.processes import running

STAGE = "prod"
REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running stub is, plain or TLS.

    Parameters
    ----------
    url
        Scheme, host and port.
    trust
        The PEM file of authorities that a TLS client needs; holds the public ones too, as a function's does.
    authority
        The PEM file of the run's own authority alone.
    """

    url: str
    trust: Path
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a function, or a program that does its work, finds in its environment."""
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLEAKIDEXAMP",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            # As long as a role's: it is signed and sent with every request.
            "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjE" * 45,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
            "AWS_CA_BUNDLE": str(self.trust),
            "NODE_EXTRA_CA_CERTS": str(self.authority),
            "CONNECTIONS_URL": f"{self.url}/{STAGE}",
            "CLIENTS_TABLE": "clients",
            "CLIENTS_INDEX": "userId-index",
            "NOTIFICATIONS_TABLE": "notifications",
            "NOTIFICATION_TTL": "604800",
            # The largest that the module lets be set: what is measured is no matter of the limit.
            "MAX_FRAME_BYTES": "131072",
            "KEEPALIVE_ACTION": "poll",
            "KEEPALIVE_SECONDS": "240",
            "PERSIST_BY_DEFAULT": "true",
            "REVOCABLE": "false",
            "ALLOW_ANONYMOUS": "false",
            "ALLOWED_ORIGINS": "[]",
            "CLIENT_PUSH": "none",
            "LOG_LEVEL": "INFO",
            "METRICS_NAME": "websocket-push",
            "METRICS_NAMESPACE": "WebSocketPush",
            "DNS_SUFFIX": "amazonaws.com",
        }


@dataclass(frozen=True, slots=True)
class RunningStub:
    """A stub that runs: both its addresses."""

    plain: Address
    tls: Address

    def counts(self) -> Mapping[str, int]:
        """Ask how many requests of each operation it has answered so far."""
        with urllib.request.urlopen(f"{self.plain.url}/_stub/counts", timeout=10) as response:  # noqa: S310 - http
            counts: dict[str, int] = json.load(response)
        return counts


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: the authorities to trust, the run's own one alone, and the server's chain with its key."""

    trust: Path
    authority: Path
    chain: Path


@contextlib.contextmanager
def running_stub(
    certificates: Certificates, *, core: int, latency: float = 0.0, quota: float = 0.0
) -> Iterator[RunningStub]:
    """Run a stub for as long as the block lasts.

    Parameters
    ----------
    core
        The processor that it stays on; negative for any.
    latency
        Seconds before each response.
    quota
        How many posts per second it takes; 0 for all.
    """
    command = [sys.executable, "-m", "benchmarks.stub.server", "--certificate", str(certificates.chain)]
    options = ["--core", str(core), "--latency", str(latency), "--quota", str(quota)]
    with running([*command, *options], cwd=CHECKOUT, environment=os.environ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline().decode()
        plain, _, tls = line.strip().partition(" ")
        if not (plain.isdigit() and tls.isdigit()):
            rest = process.stdout.read().decode(errors="replace")
            raise RuntimeError(f"The stub did not start: {line}{rest}")
        yield RunningStub(
            Address(f"http://127.0.0.1:{plain}", certificates.trust, certificates.authority),
            Address(f"https://127.0.0.1:{tls}", certificates.trust, certificates.authority),
        )
