"""`verify`: applies examples/jwt to an account under a random name, tries and measures it, and destroys it."""

import asyncio
import contextlib
import json
import os
import platform
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from websockets.exceptions import WebSocketException

from tools.acceptance import experiments, quotas
from tools.acceptance.account import Account, AwsError, explain, open_account
from tools.acceptance.figures import dollars, openings, rounds
from tools.acceptance.interrupts import Interrupts
from tools.acceptance.measure import measure
from tools.acceptance.place import Place
from tools.acceptance.report import Fact, Finding, Report, as_json, as_markdown
from tools.acceptance.runs import LOCK_TIMEOUT, Run, create, find, unfinished
from tools.aws import Backend, left_in_account, wait_until
from tools.console import Progress
from tools.demo.scenario import Scenario
from tools.demo.token_scenario import TokenScenario
from tools.demo.transcript import Transcript, UnmetError
from tools.emulator.server import Emulator
from tools.errors import ToolError
from tools.issuer import Issuer, issuer, key_set, new_key
from tools.terraform import Program, Terraform, find_program

_PUBLISH_SECONDS = 120.0
"""How long API Gateway may take until a new API answers under its name."""

_PROBLEMS = (
    *(ToolError, UnmetError, TimeoutError, AssertionError, OSError, WebSocketException, *AwsError),
    *(LookupError, ValueError),  # An answer that is not what it should be.
)
"""What ends a part of a verification, and not the verification."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for.

    Parameters
    ----------
    region
        None for that of the environment.
    levels
        How many connections to measure with, one after the other.
    agreed
        Whether the costs have been agreed to.
    other_key_set
        A public key set whose certificate is not Amazon's.
    folder
        Takes the folders of the runs.
    """

    region: str | None
    levels: Sequence[int]
    agreed: bool
    other_key_set: str
    folder: Path


class Recorder(Transcript):
    """A transcript that also goes into the report."""

    report: Report | None = None

    def check(self, fact: str, *, holds: bool, seen: object) -> None:
        """State a fact and keep it.

        Raises
        ------
        UnmetError
            If it does not hold.
        """
        if self.report is not None:
            self.report.facts.append(Fact(fact, holds))
        super().check(fact, holds=holds, seen=seen)


def verify(options: Options, say: Recorder) -> int:
    """Verify the module on the account of the credentials in the environment, and return the exit status.

    Raises
    ------
    ToolError
        If it cannot begin, or is not agreed to; nothing has been made then.
    """
    account = open_account(options.region)
    program = find_program()
    found = quotas.read(account.client)
    _introduce(account, options, found, say)
    if not options.agreed:
        _ask()
    run = create(options.folder, account)
    report = Report(
        run.name,
        account.number,
        account.region,
        "a local AWS" if account.local else "AWS",
        datetime.now(UTC).isoformat(timespec="seconds"),
        {
            "Terraform": ".".join(map(str, program.version)),
            "Python": platform.python_version(),
            "boto3": boto3.__version__,
        },
        quotas=found,
    )
    say.report = report
    roots = _Roots(run, program, run.environment(program, os.environ))
    interrupted = False
    interrupts = Interrupts(say.note, run.name)
    with run.held(), interrupts.handled():
        try:
            try:
                _conduct(roots, account, options, report, _Console(say, interrupts))
            finally:
                interrupts.clean()
        except KeyboardInterrupt:
            interrupted = True
            report.problems.append("It was interrupted.")
        except Exception as fault:
            report.problems.append(f"A fault in the verification itself: {type(fault).__name__}")
            raise
        finally:
            report.left = _clean(roots, account, say)
            _write(report, run, say)
    if interrupted:
        return 130
    return 0 if report.passed else 1


def clean(name: str, folder: Path, say: Transcript) -> int:
    """Destroy what an earlier run has left, and return the exit status.

    Raises
    ------
    ToolError
        If there is no such run, it is still going on, or the credentials are those of another account.
    """
    run = find(folder, name)
    interrupts = Interrupts(say.note, name)
    with run.held():
        account = open_account(run.region)
        if account.number != run.account:
            raise ToolError(
                f"{name} is in account {run.account}, and the credentials are for {account.number}. Use the former's."
            )
        program = find_program()
        roots = _Roots(run, program, run.environment(program, os.environ))
        with interrupts.handled():
            interrupts.clean()
            return 1 if _clean(roots, account, say) else 0


def _introduce(account: Account, options: Options, found: Sequence[quotas.Quota], say: Transcript) -> None:
    where = f"a local AWS at {account.local.endpoint}" if account.local else "AWS"
    say.heading(f"Verification on {where}, account {account.number}, {account.region}")
    say.note("applies examples/jwt and a public key set under a random name, tries, measures, and destroys both")
    for level in options.levels:
        say.note(f"opens {level:,} connections and pushes {rounds(level) + 1} times to them")
    estimate = dollars(options.levels)
    say.note(f"It costs about USD {estimate:.2f} by list prices of us-east-1; elsewhere up to USD {2 * estimate:.2f}.")
    say.heading("Quotas of the account")
    for each in found:
        value = "?" if each.value is None else f"{each.value:,.0f}"
        say.note(f"{each.name}: {value}, {each.verdict}" + ("" if each.verdict == "enough" else f" ({each.meaning})"))
    for run in unfinished(options.folder):
        say.note(f"Left by an earlier run: {run.name} in {run.region}; destroy it: make verify-aws CLEAN={run.name}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise ToolError("There is no terminal to ask on. To agree to the costs beforehand: make verify-aws YES=1")
    try:
        agreed = input("\nGo on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D.
        agreed = False
    if not agreed:
        raise ToolError("Nothing was made.")


@dataclass(frozen=True, slots=True)
class _Roots:
    """What Terraform needs for the root modules of a run."""

    run: Run
    program: Program
    environment: Mapping[str, str]

    def terraform(self, root: str) -> Terraform:
        return self.run.terraform(root, self.program, self.environment)

    def destroy(self, say: Transcript) -> None:
        def destroy_root(terraform: Terraform) -> None:
            progress = Progress(f"       terraform destroy of {terraform.root.name}", say.stream)
            terraform.destroy(LOCK_TIMEOUT, listen=progress)
            progress.finish()

        self.run.destroy(self.program, self.environment, destroy_root)


@dataclass(frozen=True, slots=True)
class _Console:
    """What goes on while a run is conducted: what is said, and what may interrupt it."""

    say: Recorder
    interrupts: Interrupts

    def applied(self, terraform: Terraform) -> dict[str, Any]:
        terraform.init()
        self.apply(terraform)
        return terraform.outputs()

    def apply(self, terraform: Terraform, *arguments: str) -> None:
        progress = Progress(f"       terraform apply of {terraform.root.name}", self.say.stream)
        with self.interrupts.finishing():
            terraform.apply(*arguments, listen=progress)
        progress.finish()


def _conduct(roots: _Roots, account: Account, options: Options, report: Report, console: _Console) -> None:
    keys, jwt = roots.terraform("tools/acceptance/key_set"), roots.terraform("examples/jwt")
    key = new_key()
    say = console.say
    part = _Part(report, say)
    with contextlib.ExitStack() as stack:
        with part("Applied to the account"):
            published = key_set(key)
            _variables(keys, name=f"{report.name}-keys", key_set=published)
            url = str(console.applied(keys)["issuer"])
            wait_until(lambda: _read(url, account.local) == published, "the key set", seconds=_PUBLISH_SECONDS)
            # The functions of a local AWS reach nothing under the names of AWS, but this machine's loopback.
            tokens = stack.enter_context(issuer(key)) if account.local else Issuer(url, key)
            loopback = {"allow_insecure_loopback": account.local is not None}
            _variables(jwt, name=report.name, **(tokens.variables | loopback))
            outputs = console.applied(jwt)
            say.check_equal("a second plan is clean", jwt.planned_changes(), {})
            backend = Backend(outputs, account.client("lambda"), account.client("dynamodb"))
            place = Place(account, backend, tokens)
            wait_until(lambda: _answers(place), "the first connection and push", seconds=_PUBLISH_SECONDS)
        if part.failed:
            return
        _try(place, jwt, options, report, part, console)


def _try(place: Place, jwt: Terraform, options: Options, report: Report, part: "_Part", console: _Console) -> None:
    say, apply = console.say, console.apply
    with part("What the demo shows, with tokens"):
        asyncio.run(Scenario(place.connect, place.backend, say).play())
    with part("Who is let in"):
        asyncio.run(TokenScenario(place.account.local, place.backend, place.tokens, say).play())
    concurrency = next((each.value for each in report.quotas if each.name.startswith("Lambda")), None)
    for level in options.levels:
        with part(f"From push to receipt with {level:,} connections"):
            measured = asyncio.run(measure(place, level, openings(concurrency)))
            report.latencies.append(measured)
            say.note(f"p50 {measured.p50:.0f} ms, p95 {measured.p95:.0f} ms, p99 {measured.p99:.0f} ms")
            say.check_equal("no receipt is missing", measured.missing, 0)
    tried: dict[str, Callable[[], Coroutine[Any, Any, list[Finding]]]] = {
        "Frames to clients": lambda: experiments.frames_to_clients(place),
        "Frames from clients": lambda: experiments.frames_from_clients(place),
        "Handshakes that must be refused": lambda: experiments.handshakes(place),
        "A throttle above the account's quota": lambda: experiments.throttle_above_quota(place),
        "Deploying again under open connections": lambda: experiments.redeployment(place, jwt, apply),
        "Another certificate authority": lambda: experiments.other_authority(place, jwt, apply, options.other_key_set),
    }
    for title, experiment in tried.items():
        with part(title):
            for finding in asyncio.run(experiment()):
                report.findings.append(finding)
                say.note(f"{finding.question}: {finding.answer}")


class _Part:
    """A part of a verification: what goes wrong in it is written down, and the next one begins."""

    def __init__(self, report: Report, say: Transcript) -> None:
        self._report = report
        self._say = say
        self.failed = False

    @contextlib.contextmanager
    def __call__(self, title: str) -> Iterator[None]:
        self._say.heading(title)
        self.failed = False
        try:
            yield
        except _PROBLEMS as problem:
            self.failed = True
            text = (
                explain(problem, title).text
                if isinstance(problem, AwsError)
                else str(problem) or type(problem).__name__
            )
            self._report.problems.append(f"{title}: {text}")
            self._say.note(text)


def _variables(terraform: Terraform, **values: object) -> None:
    (terraform.root / "terraform.tfvars.json").write_text(json.dumps(values), encoding="utf-8")


def _answers(place: Place) -> bool:
    """Return whether a client is let in and a push succeeds: new roles and APIs take a moment until AWS knows them."""
    try:
        connected = asyncio.run(place.status(place.tokens.token("first"))) == 101
    except (OSError, TimeoutError, WebSocketException):
        return False
    return connected and place.backend.push({"userId": "first", "content": "first"}).function_error is None


def _read(url: str, local: Emulator | None) -> str | None:
    """Return the key set below an address; None as long as it is not there."""
    parts = urlsplit(f"{url}/.well-known/jwks.json")
    address = f"{local.endpoint if local else f'https://{parts.netloc}'}{parts.path}"
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    request = urllib.request.Request(address, headers={"Host": parts.netloc})  # noqa: S310 - https, or this machine
    try:
        with opener.open(request, timeout=10) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def _clean(roots: _Roots, account: Account, say: Transcript) -> list[str]:
    """Destroy what a run has made, and list what is left."""
    run = roots.run
    say.heading("Destroying")
    left = []
    try:
        roots.destroy(say)
    except (ToolError, OSError) as problem:
        say.note(str(problem))
        left = run.recorded() or ["what Terraform was doing when it failed: see above"]
    try:
        left += left_in_account(account.client, run.name)
    except AwsError as problem:
        say.note(f"The account was not searched for more: {explain(problem, 'listing what is in it').text}")
    if not left:
        say.note("Everything was destroyed.")
        run.forget()
        return []
    say.note(f"This is left in account {run.account}, {run.region}:")
    for each in left:
        say.note(f"  {each}")
    say.note(f"Remove it: make verify-aws CLEAN={run.name}. The state is kept in {run.folder}; without it, by hand.")
    return left


def _write(report: Report, run: Run, say: Transcript) -> None:
    (run.folder / "report.json").write_text(as_json(report), encoding="utf-8")
    (run.folder / "report.md").write_text(as_markdown(report), encoding="utf-8")
    say.heading("Passed." if report.passed else "It did not pass.")
    for problem in report.problems:
        say.note(problem)
    say.note(f"The report: {run.folder / 'report.md'}, and report.json beside it")
