"""Cold starts: a fresh process up to its first answer."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.definitions import BARE_NODE, BARE_PYTHON, BOTO3, FUNCTIONS, NODE, OURS, Plan
from benchmarks.machine import NODE_FOLDER, has_node
from benchmarks.programs import ProgramError, run
from benchmarks.progress import Progress
from benchmarks.steady import Samples
from benchmarks.stub.answers import user_name
from benchmarks.stub.launch import Address, RunningStub
from tools.paths import CHECKOUT

_EVENTS = CHECKOUT / "tests" / "fixtures" / "events"
_BUILDER = CHECKOUT / "modules" / "lambda" / "build_package.py"
_RUNNER = CHECKOUT / "benchmarks" / "first_answer.py"
_REFERENCES = CHECKOUT / "benchmarks" / "boto3_handlers"


def steps(plan: Plan) -> int:
    """Return how many steps `measure` shows."""
    return plan.cold_rounds * 2


def build_packages(folder: Path, samples: Samples) -> Path:
    """Build the zips as Terraform does, note their sizes, and unpack each as Lambda does; give the unpacked folder."""
    unpacked = folder / "unpacked"
    for function in FUNCTIONS:
        package = folder / f"{function}.zip"
        options = ["--function", function, "--sources", str(CHECKOUT / "lambda"), "--output", str(package)]
        command = [sys.executable, str(_BUILDER), *options]
        outcome = subprocess.run(command, check=False, capture_output=True, text=True)
        if outcome.returncode != 0:
            raise ProgramError(f"The package of {function} was not built: {outcome.stderr}")
        samples[f"package.{function}"][OURS].append(package.stat().st_size)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(unpacked / function)
    return unpacked


def measure(plan: Plan, stub: RunningStub, unpacked: Path, samples: Samples, progress: Progress) -> None:
    """Start every function of every contender in turn, round by round, without and with TLS."""
    for number in range(plan.cold_rounds):
        for prefix, address in (("cold", stub.plain), ("cold-tls", stub.tls)):
            progress.step(f"round {number + 1}: cold starts{', TLS' if prefix == 'cold-tls' else ''}")
            for function in FUNCTIONS:
                for name, command in _commands(function, unpacked).items():
                    _keep(samples, f"{prefix}.{function}", name, command, address)


def event_of(function: str) -> dict[str, Any]:
    """Return the event that a function is invoked with."""
    if function == "push":
        return {"userId": user_name(1, 0), "content": {"title": "Order shipped", "order": 4711}}
    fixture = "message" if function == "poll" else function
    event: dict[str, Any] = json.loads((_EVENTS / f"{fixture}.json").read_text(encoding="utf-8"))
    event["requestContext"]["authorizer"] = {"principalId": "alice", "userId": "alice", "expiresAt": "4000000000"}
    if function == "poll":
        event["body"] = json.dumps({"action": "poll", "limit": 50})
    return event


def is_answer(function: str, answer: dict[str, Any]) -> bool:
    """Return whether a function did its work: a status of 200, or a delivery."""
    if function == "push":
        return bool(answer["totals"]["delivered"] == 1)
    return bool(answer["statusCode"] == 200)


def _commands(function: str, unpacked: Path) -> dict[str, list[str]]:
    event = json.dumps(event_of(function))
    # -I: nothing of the user's own. -B: as in Lambda, whose file system is read-only, sources stay uncompiled; boto3,
    # which the runtime brings along, is compiled there as it is here.
    python = [sys.executable, "-I", "-B"]
    module = f"websocket_push.handlers.{function}"
    commands = {
        OURS: [*python, str(_RUNNER), str(unpacked / function), module, event],
        BOTO3: [*python, str(_RUNNER), str(_REFERENCES), function, event],
        BARE_PYTHON: [*python, "-c", "pass"],
    }
    if has_node():
        commands[NODE] = ["node", str(NODE_FOLDER / "first_answer.js"), function, event]
        commands[BARE_NODE] = ["node", "-e", "0"]
    return commands


def _keep(samples: Samples, identifier: str, name: str, command: list[str], address: Address) -> None:
    outcome = run(command, address.environment)
    if name not in (BARE_PYTHON, BARE_NODE):
        last = outcome.output.strip().rpartition("\n")[2]
        if not is_answer(identifier.partition(".")[2], json.loads(last)):
            raise ProgramError(f"{name} of {identifier} answered {last}")
    samples[f"{identifier}.wall"][name].append(outcome.wall * 1000)
    samples[f"{identifier}.cpu"][name].append(outcome.cpu * 1000)
