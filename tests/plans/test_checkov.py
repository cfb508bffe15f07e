"""The list of checkov's checks that consumers skip over their plans, examples/ci/checkov.yaml, is what a plan needs."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.plans.roots import calls, make_root
from tools.environments import FOLDERS
from tools.paths import CHECKOUT, executable

CONFIGURATION = CHECKOUT / "examples" / "ci" / "checkov.yaml"

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
TOKENS = {"jwt": {"jwks_uri": "https://issuer.example/jwks.json"}}
INPUTS: Mapping[str, Mapping[str, Any]] = {
    "trial": {"allow_anonymous": True, "push_queue": {}},
    "plain": {**TOKENS, "name": "plain"},
    "full": {
        **TOKENS,
        "name": "full",
        "client_push": "any",
        "access_logs": {},
        "alarms": {},
        "dashboard": True,
        "tracing": True,
        "custom_domain": {"domain_name": "a.example.com", "certificate_arn": ARN.format("acm", "certificate/1")},
        "push_queue": {"source_arns": [ARN.format("sns", "orders")]},
        "table_billing": {"mode": "PROVISIONED"},
        "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
        "functions": {"push": {"provisioned_concurrency": 1}},
        "control": {},
        "topics": {},
    },
}


def skipped() -> dict[str, str]:
    """Return the checks that are skipped, with their reasons."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    return dict(re.findall(r"^  - (CKV2?_AWS_\d+) # ([A-Z].{15,}\.)$", text, re.MULTILINE))


def test_a_plan_passes_with_the_list(tmp_path: Path) -> None:
    terraform = make_root(tmp_path, calls(INPUTS))
    planned = tmp_path / "plan"
    terraform.run("plan", "-input=false", "-no-color", "-refresh=false", f"-out={planned}")
    plan = tmp_path / "plan.json"
    plan.write_text(terraform.run("show", "-json", str(planned)))
    checkov = executable(FOLDERS["checkov"], "checkov")
    assert checkov.exists(), "run: make scan"
    finished = subprocess.run(
        [checkov, "--config-file", CONFIGURATION, "--file", plan], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_skipped_check_has_a_reason() -> None:
    assert len(skipped()) == CONFIGURATION.read_text(encoding="utf-8").count("  - CKV")


def test_what_the_module_justifies_is_in_the_list() -> None:
    files = [*CHECKOUT.glob("*.tf"), *CHECKOUT.glob("modules/*/*.tf")]
    justified = {each for file in files for each in re.findall(r"checkov:skip=(\w+)", file.read_text(encoding="utf-8"))}
    assert justified
    assert justified <= set(skipped())


def test_the_scan_can_read_every_file() -> None:
    """Checkov leaves out a file that its parser refuses, such as one with an operator at the beginning of a line."""
    files = [*CHECKOUT.glob("*.tf"), *CHECKOUT.glob("modules/*/*.tf"), *CHECKOUT.glob("examples/**/*.tf")]
    script = "import hcl2, sys\nfor name in sys.argv[1:]:\n    with open(name) as file:\n        hcl2.load(file)"
    python = executable(FOLDERS["checkov"], "python")
    finished = subprocess.run([python, "-c", script, *files], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
