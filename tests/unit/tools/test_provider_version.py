"""`.ci/provider` has Terraform install one version of the provider. A stand-in for Terraform asks no registry."""

import os
import subprocess
from pathlib import Path

from tools.paths import CHECKOUT

STAND_IN = """#!/bin/sh
test "$1 $2" = "providers mirror" || exit 1
mkdir -p "$3" && cp versions.tf "$3" && echo "what terraform says"
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    terraform = tmp_path / "terraform"
    terraform.write_text(STAND_IN)
    terraform.chmod(0o755)
    environment = {**os.environ, "TERRAFORM": str(terraform), "RUNNER_TEMP": str(tmp_path)}
    command = [str(CHECKOUT / ".ci" / "provider"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_mirror_with_one_version_is_all_that_terraform_knows(tmp_path: Path) -> None:
    finished = run(tmp_path, "~> 6.0")
    assert finished.returncode == 0, finished.stderr
    name, _, path = finished.stdout.strip().partition("=")
    assert name == "TF_CLI_CONFIG_FILE"
    configuration = Path(path).read_text()
    mirror = Path(path).parent / "mirror"
    assert f'path = "{mirror}"' in configuration
    assert "direct" not in configuration
    assert 'version = "~> 6.0"' in (mirror / "versions.tf").read_text()


def test_it_wants_a_version(tmp_path: Path) -> None:
    assert "Which version?" in run(tmp_path).stderr
