"""Everything that a fault run needs, up and running: emulator, proxy, gate and the applied stack."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from tests.chaos.backend import Sender
from tests.chaos.faults import Plan
from tests.chaos.fleet import Fleet, fleet, node
from tests.chaos.gate import Gate
from tests.chaos.proxy import Proxy
from tools.aws import clients
from tools.emulator.server import Emulator, emulator, free_port
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment

Result = TypeVar("Result")

_SERVICES = ("dynamodb", "lambda", "sqs")
_SENDING = ("push", "topics-push", "topics-fanout")
_STORE_SECONDS = 30.0
"""How long the emulator may take to end its connections and to store its state; it takes a few."""

_VISIBILITY_SECONDS = 8
"""For how long a message of a queue stays hidden in these runs, if the function does not report its outcome.

The module makes it six times the function's timeout, as AWS advises. What matters here is that it is more than once.
"""


@dataclass(slots=True)
class World:
    """What a run works with.

    Attributes
    ----------
    folder
        Takes logs.
    emulator
        The local AWS.
    proxy, gate
        Between it and the functions, and between it and the clients.
    outputs
        Of the stack.
    killed
        How many processes of functions that send have been killed.
    """

    folder: Path
    proxy: Proxy
    gate: Gate
    outputs: Mapping[str, str]
    _emulators: "_Emulators"
    _loop: asyncio.AbstractEventLoop
    _gate_port: int
    killed: int = 0

    @property
    def emulator(self) -> Emulator:
        """The local AWS."""
        return self._emulators.running

    def url(self, user: str) -> str:
        """Return what a client of a user connects to: the gate, and behind it the stage."""
        name = urlsplit(self.outputs["websocket_url"])
        api = (name.hostname or "").partition(".")[0]
        return f"ws://127.0.0.1:{self._gate_port}/_aws/execute-api/{api}{name.path}?userId={quote(user)}"

    def sender(self, listeners: Mapping[str, frozenset[str]] | None = None) -> Sender:
        """Make a backend; `listeners` are the users that listen to each topic."""
        client = clients(self.emulator)
        return Sender({name: client(name) for name in _SERVICES}, self.outputs, listeners or {})

    def with_topics(self) -> "World":
        """Return the same with the outputs of the deployment that has topics."""
        return replace(self, outputs=_outputs_of(self.outputs, "topics_"))

    def with_control(self) -> "World":
        """Return the same with the outputs of the deployment that has control."""
        marked = "control_"
        own = {name.removeprefix(marked): value for name, value in self.outputs.items() if name.startswith(marked)}
        return replace(self, outputs=own)

    def fleet(self) -> contextlib.AbstractContextManager[Fleet]:
        """Make clients."""
        return fleet(self.folder / "clients.log")

    def plan(self, plan: Plan) -> None:
        """Have the proxy do to requests what a plan says, from now on."""
        self.proxy.plan = plan

    def strand_functions(self) -> int:
        """Make the connections dead that functions hold to AWS, without a sign; return how many there are."""
        return self.call_gate(self.proxy.strand)

    @contextmanager
    def push_lasting(self, seconds: int) -> Iterator[None]:
        """Have the push function run for at most so long, for as long as the block lasts."""
        lambda_, name = self.sender().aws["lambda"], self.outputs["push_function_arn"]
        before = lambda_.get_function_configuration(FunctionName=name)["Timeout"]
        lambda_.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            lambda_.update_function_configuration(FunctionName=name, Timeout=before)

    @contextmanager
    def fan_out_slow(self, *, posts_per_second: int, seconds: int) -> Iterator[None]:
        """Have each fan-out worker send so slowly, and run for at most so long, for as long as the block lasts."""
        lambda_ = self.sender().aws["lambda"]
        name = f"{self.outputs['clients_table_name'].removesuffix('-clients')}-fanout"
        before = lambda_.get_function_configuration(FunctionName=name)
        variables = before["Environment"]["Variables"]
        slow = {**variables, "POSTS_PER_SECOND": str(posts_per_second)}
        lambda_.update_function_configuration(FunctionName=name, Timeout=seconds, Environment={"Variables": slow})
        try:
            yield
        finally:
            lambda_.update_function_configuration(
                FunctionName=name, Timeout=before["Timeout"], Environment={"Variables": variables}
            )

    @contextmanager
    def dead_letters_soon(self, queue: str = "push_queue_url") -> Iterator[None]:
        """Have a message of a queue that fails once become a dead letter, for as long as the block lasts."""
        sqs, url = self.sender().aws["sqs"], self.outputs[queue]
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
        soon = json.dumps(json.loads(policy) | {"maxReceiveCount": 1})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": soon, "VisibilityTimeout": "2"})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
            _hide_messages_shortly(self, queue)

    def call_gate(self, act: Callable[[], Result]) -> Result:
        """Do something at the gate or the proxy, in their event loop, and return the result."""

        async def acted() -> Result:
            return act()

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result(timeout=30)

    def cut(self, count: int, choice: random.Random) -> None:
        """Cut some sockets."""
        self.call_gate(lambda: self.gate.cut(count, choice))

    def restart_emulator(self) -> None:
        """End the emulator and start it again, with what it had stored."""
        self._emulators.stop()
        self._emulators.start()

    def kill(self, port: int) -> None:
        """Kill the process of a function that sends which has a connection; all of them if it is unknown."""
        processes = [process for function in _SENDING for process in self.workers(function)]
        owners = _owners(port, processes)
        for process in processes if owners is None else owners:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self.killed += 1

    def workers(self, function: str) -> dict[int, int]:
        """Return the processes in which a function runs, and how much memory each holds, in KiB."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,rss=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        marked = f"{self.emulator.temporary}/ministack-lambda-chaos-{function}-"
        return {int(row[0]): int(row[1]) for row in rows if marked in row[2]}


class _Emulators:
    """The emulator that runs, and the next one on the same port with the same state."""

    def __init__(self, folder: Path, port: int, functions_endpoint: str) -> None:
        self._folder = folder
        self._port = port
        self._variables = {
            # The functions inherit it; it is what their own calls go through.
            "AWS_ENDPOINT_URL": functions_endpoint,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
        }
        self._stack = ExitStack()
        self._running: Emulator | None = None

    @property
    def running(self) -> Emulator:
        assert self._running is not None
        return self._running

    def start(self) -> None:
        running = emulator(self._folder, port=self._port, variables=self._variables, stop_seconds=_STORE_SECONDS)
        self._running = self._stack.enter_context(running)

    def stop(self) -> None:
        self._stack.close()


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="faults", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[None, None, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def world(folder: Path, say: Callable[[str], None] = lambda line: None) -> Iterator[World]:
    """Start all of it, apply the stack, and end it with the block.

    Parameters
    ----------
    folder
        Takes logs, Terraform's state and the emulator's.
    say
        Hears what is being waited for.

    Raises
    ------
    ToolError
        If the machine lacks something, or Terraform fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = find_program()
    node()  # Better missed now than after the apply.
    settings = terraform_environment(folder, program)
    port = free_port()
    with ExitStack() as stack:
        loop = _Loop()
        stack.callback(loop.close)
        gate = Gate(("127.0.0.1", port))
        gate_port = loop.run(gate.start())
        stack.callback(lambda: loop.run(gate.stop()))
        proxy = Proxy(("127.0.0.1", port))
        proxy_port = loop.run(proxy.start())
        stack.callback(lambda: loop.run(proxy.stop()))
        emulators = _Emulators(folder, port, f"http://127.0.0.1:{proxy_port}")
        emulators.start()
        stack.callback(emulators.stop)
        say("terraform apply")
        root = copy_sources(folder / "checkout") / "tests" / "chaos" / "stack"
        terraform = Terraform(program, root, folder / "terraform", settings | emulators.running.credentials)
        terraform.init()
        terraform.apply()
        outputs = {name: str(value) for name, value in terraform.outputs().items()}
        made = World(folder, proxy, gate, outputs, emulators, loop.loop, gate_port)
        proxy.kill = made.kill
        _hide_messages_shortly(made, "push_queue_url")
        _hide_messages_shortly(made.with_topics(), "fanout_queue_url")
        yield made


def _owners(port: int, processes: Sequence[int]) -> list[int] | None:
    """Find those of some processes that have a TCP socket on a local port; None without /proc (Linux)."""
    try:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    except OSError:
        return None
    sockets = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    return [process for process in processes if sockets & set(_open_files(process))]


def _open_files(process: int) -> Iterator[str]:
    for file in Path(f"/proc/{process}/fd").glob("*"):
        with contextlib.suppress(OSError):  # It was closed meanwhile.
            yield str(file.readlink())


def _hide_messages_shortly(made: World, queue: str) -> None:
    made.sender().aws["sqs"].set_queue_attributes(
        QueueUrl=made.outputs[queue], Attributes={"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
    )


def _outputs_of(outputs: Mapping[str, str], prefix: str) -> Mapping[str, str]:
    return {name.removeprefix(prefix): value for name, value in outputs.items() if name.startswith(prefix)}
