"""`python -m tools.acceptance verify` and `python -m tools.acceptance doctor`: see docs/verification.md."""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.acceptance.account import NO_MFA_CODE, clients, local_aws
from tools.acceptance.checks import exit_status
from tools.acceptance.deployment import Deployment, checked, outputs_of
from tools.acceptance.doctor import USER, examine
from tools.acceptance.interrupts import unbreakable
from tools.acceptance.runs import FOLDER
from tools.acceptance.verify import Options, Recorder, clean, verify
from tools.errors import ToolError
from tools.processes import end_on_signals

_LEVELS = (1, 100, 1_000)
_OTHER_KEY_SET = "https://token.actions.githubusercontent.com/.well-known/jwks"
_PAUSE_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands."""
    options = _parser().parse_args(arguments)
    end_on_signals()
    return int(options.run(options))


def _verify(options: argparse.Namespace) -> int:
    say = Recorder(unbreakable(sys.stdout))
    try:
        if options.clean:
            return clean(options.clean, options.folder, say)
        wanted = Options(options.region, options.connections, options.yes, options.other_key_set, options.folder)
        return verify(wanted, say)
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        nothing = f"nothing of {options.clean} was destroyed yet" if options.clean else "nothing had been made"
        sys.stderr.write(f"\nInterrupted; {nothing}.\n")
        return 130


def _doctor(options: argparse.Namespace) -> int:
    try:
        deployment = checked(_deployment(options))
        found = []
        for check in examine(deployment, clients(deployment.region), lambda: time.sleep(_PAUSE_SECONDS)):
            found.append(check)
            print(*check.lines, sep="\n", flush=True)
    except ToolError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    except EOFError:
        sys.stderr.write(f"{NO_MFA_CODE}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; what was pushed to the test user expires within a minute.\n")
        return 130
    return exit_status(found)


def _deployment(options: argparse.Namespace) -> Deployment:
    url, arn = options.websocket_url, options.push_function_arn
    if options.root:
        outputs = outputs_of(options.root)
        url, arn = url or outputs["websocket_url"], arn or outputs["push_function_arn"]
    if not url or not arn:
        raise ToolError(
            "Which deployment? make doctor ROOT=folder-of-a-root-module, or URL=wss://... ARN=arn:aws:lambda:..."
        )
    user, token = os.environ.get("DOCTOR_USER") or USER, os.environ.get("DOCTOR_TOKEN") or None
    # It becomes a header as it is.
    if token and not re.fullmatch("[!-~]+", token):
        raise ToolError(
            "DOCTOR_TOKEN has a space, a line break or another character that no token has: export it alone."
        )
    return Deployment(url, arn, user, token, local_aws(os.environ))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.acceptance")
    commands = parser.add_subparsers(required=True)
    verifying = commands.add_parser("verify", help="try and measure the module on an AWS account, and destroy it")
    verifying.set_defaults(run=_verify)
    verifying.add_argument("--region", help="that of the environment if left out")
    verifying.add_argument("--connections", type=_levels, default=_LEVELS, metavar="N,N", help="1,100,1000 if left out")
    verifying.add_argument("--yes", action="store_true", help="agree to the costs beforehand")
    verifying.add_argument("--clean", metavar="NAME", help="destroy what an earlier run has left, and do nothing else")
    verifying.add_argument("--other-key-set", default=_OTHER_KEY_SET, metavar="URL", help=argparse.SUPPRESS)
    verifying.add_argument(
        "--folder", type=_absolute, default=FOLDER, help=f"takes state and report, {FOLDER.name} if left out"
    )
    visiting = commands.add_parser("doctor", help="look at a deployment in use, as DOCTOR_USER with DOCTOR_TOKEN")
    visiting.set_defaults(run=_doctor)
    visiting.add_argument("--root", type=Path, help="the folder of a root module that was applied")
    visiting.add_argument("--websocket-url", help="the output websocket_url")
    visiting.add_argument("--push-function-arn", help="the output push_function_arn")
    return parser


def _absolute(text: str) -> Path:
    return Path(text).resolve()


def _levels(text: str) -> list[int]:
    levels = [int(each) if re.fullmatch("[0-9]{1,5}", each.strip()) else 0 for each in text.split(",")]
    if not all(1 <= level <= 10_000 for level in levels):
        raise argparse.ArgumentTypeError(f"{text!r}: write numbers of connections from 1 to 10000, such as 1,100,1000")
    return levels


if __name__ == "__main__":
    sys.exit(main())
