"""`python -m tools.playground` serves the page on a local AWS until Ctrl-C; with `push` it pushes to that page."""

import argparse
import contextlib
import errno
import json
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws import Answer, Backend, backend
from tools.console import Progress
from tools.emulator.server import Emulator, emulator
from tools.errors import ToolError
from tools.issuer import issuer
from tools.paths import BUILD, CHECKOUT
from tools.playground.site import Front, Site, site
from tools.processes import end_on_signals, uninterrupted
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment
from tools.websocket import browser_url

STATE = BUILD / "playground.json"
USERS = ("alice", "bob")
USER = USERS[0]
PORT = 8080
_TOKEN_SECONDS = 600
"""Short, so that one can watch the page replace its connection ahead of the end."""


class Running(NamedTuple):
    """Where a playground can be pushed to: the port of its local AWS, and the name of its push function."""

    emulator: int
    function: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the playground, or push to one that runs."""
    parser = argparse.ArgumentParser(prog="python -m tools.playground")
    parser.add_argument("--port", type=int, default=PORT, help=f"where to serve the page, {PORT} if left out")
    push_parser = parser.add_subparsers(dest="command").add_parser("push", help="push to the page")
    push_parser.add_argument("--user", default=USER)
    push_parser.add_argument("content", help="a text, or any JSON")
    options = parser.parse_args(arguments)
    if options.command == "push":
        return push(options.user, options.content)
    return serve(options.port)


def serve(port: int) -> int:
    """Serve the page until a signal comes, and clean up."""
    end_on_signals()
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="playground-", dir=BUILD))
    try:
        run(folder, port)
    except ToolError as problem:
        sys.stderr.write(f"\n{problem}\n\nLogs are kept in {folder}\n")
        return 1
    except (KeyboardInterrupt, OSError) as end:
        if isinstance(end, OSError) and end.errno not in (errno.EIO, errno.EPIPE):
            raise
        # The terminal may be gone (EIO, EPIPE), and make passes on a signal that has already come from the terminal.
        with contextlib.suppress(KeyboardInterrupt, OSError), uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)
            sys.stderr.write("\nEnded, and everything that was started with it.\n")
    return 0


def run(folder: Path, port: int) -> None:
    """Serve the page until interrupted, with what is written on the way in a folder.

    Raises
    ------
    ToolError
        If the machine lacks something, the port is taken, or Terraform fails.
    """
    program = find_program()
    settings = terraform_environment(folder, program)
    # The port first: whether it is free is known at once, and the origin of the page is an input of the example.
    with site(port) as page, issuer() as tokens, emulator(folder) as local:
        example = copy_sources(folder / "checkout") / "examples" / "jwt"
        variables = tokens.variables | {"allowed_origins": page.origins}
        (example / "terraform.tfvars.json").write_text(json.dumps(variables))
        terraform = Terraform(program, example, folder / "data", settings | local.credentials)
        _say("examples/jwt, unchanged, applied to a local AWS; half a minute")
        terraform.init()
        progress = Progress("  terraform apply")
        terraform.apply(listen=progress)
        progress.finish()
        page.token = lambda: tokens.token(USER, seconds=_TOKEN_SECONDS)
        outputs = terraform.outputs()
        page.config = configuration(local, outputs)
        pushing = backend(local, outputs)
        page.front = Front(
            users=USERS,
            command=push_command(),
            token_of=lambda user: tokens.token(user, seconds=_TOKEN_SECONDS),
            push=lambda request: pushed(pushing, request),
        )
        with remembered(Running(local.port, str(outputs["push_function_arn"]).rpartition(":")[2])):
            _say(welcome(page))
            threading.Event().wait()


def configuration(local: Emulator, outputs: dict[str, Any]) -> dict[str, object]:
    """Return what config.json of the page holds."""
    return {
        "url": browser_url(local, outputs),
        "user": USER,
        "tokenEndpoint": "token",
        "command": push_command(),
    }


def pushed(pushing: Backend, request: Mapping[str, Any]) -> Mapping[str, object]:
    """Push what the page asks for; return the report, or the error by its code."""
    given = {name: request[name] for name in ("userIds", "key", "recall") if request.get(name) is not None}
    if "content" in request:
        given["content"] = parsed(str(request["content"]))
    try:
        return pushing.push(given).payload
    except (BotoCoreError, ClientError) as problem:
        return {"errorType": type(problem).__name__, "errorMessage": str(problem)}


def push_command() -> str:
    """Write the command that pushes to the page, for a shell in the checkout."""
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(CHECKOUT)
    return shlex.join([str(python), "-m", "tools.playground", "push", "Your parcel is on its way"])


@contextlib.contextmanager
def remembered(running: Running) -> Iterator[None]:
    """Remember what `push` needs for as long as the block lasts; it finds the playground that was started last."""
    note = json.dumps(running._asdict())
    STATE.write_text(note)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            if STATE.read_text() == note:
                STATE.unlink()


def running_now() -> Running | None:
    """Return the playground that runs, if one does."""
    with contextlib.suppress(FileNotFoundError):
        return Running(**json.loads(STATE.read_text()))
    return None


def welcome(page: Site) -> str:
    """Write what is shown when all is ready."""
    assert page.config is not None  # noqa: S101 - for the type checker; it was set just now
    return f"""
  Open     {page.address}/

  There are {" and ".join(USERS)} side by side, and a box to push from. Or push from another terminal in this folder:

  {page.config["command"]}

  Drop the connection in the page, push, and let it reconnect: what was missed comes then.
  Ctrl-C ends all of it.
"""


def push(user: str, content: str) -> int:
    """Push to a user as a backend does, and print the outcome."""
    running = running_now()
    if running is None:
        sys.stderr.write("No playground runs in this folder. Start one: make playground\n")
        return 1
    outputs = {"push_function_arn": running.function}
    try:
        answer = backend(Emulator(running.emulator, Path(), Path()), outputs).push(
            {"userId": user, "content": parsed(content)}
        )
    except (BotoCoreError, ClientError) as problem:
        sys.stderr.write(f"{problem}\nDoes the playground still run? Start it again: make playground\n")
        return 1
    return show(answer)


def show(answer: Answer) -> int:
    """Write the answer; the exit status says whether it was a report."""
    sys.stdout.write(json.dumps(answer.payload, indent=2, ensure_ascii=False) + "\n")
    return 0 if answer.function_error is None else 1


def parsed(content: str) -> object:
    """Take the content as JSON if it is an object or a list, as text otherwise."""
    if content.startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            return json.loads(content)
    return content


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
