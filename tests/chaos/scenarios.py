"""The fault scenarios: what is pushed, to which users, and what fails meanwhile. Each ends in the same check."""

import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count

from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.backend import GaveUpError, Sender, each
from tests.chaos.faults import CLOSE, DELETE, DYNAMODB, POST, PUT, QUERY, SEND, Fault, Kind, Plan, Rule
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import Ledger, Verdict, judge, summary
from tests.chaos.world import World
from tools.aws import wait_until
from tools.paths import CHECKOUT

_WORKERS = 4
_OPEN_SECONDS = 60.0
_SETTLE_SECONDS = 90.0
_DEAD_SECONDS = 60.0

BACKOFF_CAP_SECONDS = 2.0
"""The longest that a client waits before an attempt, in clients.mjs."""

_HANDSHAKE_SECONDS = 8.0
_SPREAD_SECONDS = 0.1

_HAND_OVER_SECONDS = 0.15
"""The pause between requests: the emulator runs all of a burst at once, each in its own process."""

_CUTS = 10
"""How many clients are cut off at most until a push has met one that is on its way back."""

_HOLD_SECONDS = 2.7
"""Longer than a push asks a connection again that API Gateway does not know yet."""

_PUSHES_A_ROUND = 20

_STALL_SECONDS = 12
"""The timeout of the push function where connections are dead: enough for one stall (3 s), not for four in a row."""

_GROWTH = 1.1
"""By how much a process may grow that has been warm for a while: its allocator is not done after a few seconds."""

_MARKS = ("markRead", "markUnread", "markReadUpTo", "markSeenUpTo")
_MARKS_A_PUSH = 2
_MANY = 100
"""What a client shows for more than 99."""

_TOPICS = 7
"""To how many topics a user listens."""

_BROADCASTS_THAT_FAIL = 3

_runs = count(1)

Notes = dict[str, object]


class LostError(Exception):
    """A run did not end as promised; the message says in what."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is.

    Parameters
    ----------
    clients, users
        How many clients, and to how many users they belong, in turn.
    pushes
        How many notifications.
    seconds
        How long a fault lasts that lasts for a time.
    """

    clients: int
    users: int
    pushes: int
    seconds: float = 0.0


@dataclass(slots=True)
class Run:
    """A scenario under way.

    Attributes
    ----------
    choice
        Makes the random choices, from the seed.
    notes
        What else to report, besides the figures that all runs have.
    taken_before
        How many posts API Gateway had taken before the run.
    """

    world: World
    fleet: Fleet
    sender: Sender
    users: Sequence[str]
    size: Size
    seed: int
    choice: random.Random
    notes: Notes
    taken_before: int

    def push_all(self, push: Callable[[Sequence[str]], None], *, disturb: Callable[[int], None] | None = None) -> None:
        """Push `size.pushes` notifications, most to one user and every tenth to all.

        Parameters
        ----------
        push
            One of the ways of the sender.
        disturb
            Called before each, with its number.
        """

        def one(number: int) -> None:
            if disturb is not None:
                disturb(number)
            push(self.users if number % 10 == 9 else [self.users[number % len(self.users)]])

        each(range(self.size.pushes), one, workers=_WORKERS)

    def under(self, *rules: Rule) -> None:
        """Have requests meet faults from now on."""
        self.world.plan(Plan(rules, self.seed))

    def settle(self) -> Verdict:
        """Let everything recover, and check.

        The clients get no help but time: each has to notice by itself what it missed.
        """
        self.world.plan(Plan())
        if not self.fleet.wait(self.complete, _SETTLE_SECONDS):
            self.notes["complaints"] = dict(self.fleet.errors)
            self.notes["not open"] = {each: state for each, state in self.fleet.states.items() if state != "open"}
        return judge(self._ledger())

    def open_clients(self) -> None:
        """Wait until every client is open."""
        if not self.fleet.wait(self.fleet.all_open, _OPEN_SECONDS):
            raise LostError(f"clients are not open: {self.fleet.states}; {dict(self.fleet.errors)}")

    def complete(self) -> bool:
        """Return whether as much has been shown as was accepted."""
        expected = sum(owner in users for users in self.sender.tickets.values() for owner in self.fleet.owners.values())
        return len(self.fleet.known) >= expected

    def _ledger(self) -> Ledger:
        counts = self.fleet.counts()
        return Ledger(
            owners=dict(self.fleet.owners),
            tickets=dict(self.sender.tickets),
            rows=self.sender.rows(self.users),
            shown=list(self.fleet.shown),
            reports=list(self.sender.reports),
            copies=counts["frames"] + counts["entries"],
            frames=counts["frames"],
            taken=self.world.proxy.taken - self.taken_before,
            disordered=counts["disordered"],
        )


@contextmanager
def run(world: World, size: Size, seed: int, notes: Notes, *, topics: int = 0) -> Iterator[Run]:
    """Open clients of users that no other run knows, and yield what a scenario needs.

    With `topics`, each user listens to so many: some are its own, the others are those of all users.
    """
    prefix = f"run{next(_runs)}"
    users = [f"{prefix}-user{number}" for number in range(size.users)]
    owners = {f"client{number}": users[number % size.users] for number in range(size.clients)}
    taken = world.proxy.taken
    wanted = {user: _topics(prefix, user, topics) for user in users if topics}
    with world.fleet() as clients:
        clients.open(owners, world.url, wanted)
        sender = world.sender(_listeners(wanted))
        begun = Run(world, clients, sender, users, size, seed, random.Random(seed), notes, taken)
        begun.open_clients()
        try:
            yield begun
        finally:
            world.plan(Plan())


def _topics(prefix: str, user: str, count: int) -> list[str]:
    shared = count // 2
    return [
        *(f"{prefix}/all/{number}" for number in range(shared)),
        *(f"{prefix}/{user}/{number}" for number in range(count - shared)),
    ]


def _listeners(wanted: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Return which users listen to each topic; to broadcasts all of them do."""
    if not wanted:
        return {}
    topics = sorted({topic for each in wanted.values() for topic in each})
    listening = {topic: frozenset(user for user, each in wanted.items() if topic in each) for topic in topics}
    return {**listening, "*": frozenset(wanted)}


def sockets_dropped(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Drop sockets at random throughout, and now and then reload a page."""
    with run(world, size, seed, notes) as this:

        def disturb(number: int) -> None:
            if number % 15 == 14:
                world.cut(1, this.choice)
            if number % 100 == 50:
                this.fleet.reload(f"client{number // 100 % size.clients}")

        this.push_all(this.sender.push, disturb=disturb)
        notes |= {"connections": len(this.fleet.opened)}
        return this.settle()


def dynamodb_throttles(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have DynamoDB throttle a third of the calls, and then be away for a time."""
    with run(world, size, seed, notes) as this:
        throttle = Rule(DYNAMODB, 1 / 3, Fault(Kind.REFUSE, status=429))
        slow = Rule((PUT, QUERY), 0.05, Fault(Kind.DELAY, seconds=0.3))
        twice = Rule((PUT, DELETE), 0.05, Fault(Kind.DUPLICATE))

        def disturb(number: int) -> None:
            if number % 10 == 9:
                world.cut(1, this.choice)
            if number == size.pushes // 2:
                this.under(Rule(DYNAMODB, 1.0, Fault(Kind.REFUSE, status=503)))
                # The others go on pushing into the fault meanwhile, and this one joins them afterwards. How long a push
                # keeps trying is up to when its function got to it, so the fault lasts until one has come to nothing.
                time.sleep(size.seconds)
                wait_until(lambda: bool(this.sender.refusals), "a push comes to nothing")
                this.under(throttle, slow, twice)

        this.under(throttle, slow, twice)
        this.push_all(this.sender.push, disturb=disturb)
        notes |= {"pushes repeated": sum(this.sender.refusals.values())}
        _require_fault("pushes repeated", notes)
        return this.settle()


def posts_fail(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have the management API throttle half of the posts, fail some, stall some, and lose some answers."""
    with run(world, size, seed, notes) as this:
        this.under(
            Rule((POST,), 0.5, Fault(Kind.REFUSE, status=429)),
            Rule((POST,), 0.05, Fault(Kind.REFUSE, status=500)),
            Rule((POST,), 0.02, Fault(Kind.DROP)),
            Rule((POST,), 0.02, Fault(Kind.LOSE)),
            Rule((POST,), 0.02, Fault(Kind.RESET)),
            Rule((POST,), 0.02, Fault(Kind.CUT)),
            Rule((POST,), 0.05, Fault(Kind.DUPLICATE)),
            Rule((POST,), 0.1, Fault(Kind.REORDER, seconds=0.3)),
        )

        def disturb(number: int) -> None:
            # For one push nothing gets through at all: it is reported as failed, and the clients are closed.
            if number == size.pushes // 2:
                this.under(Rule((POST,), 1.0, Fault(Kind.REFUSE, status=500)))
            if number == size.pushes // 2 + 2 * _WORKERS:
                this.under(Rule((POST,), 0.5, Fault(Kind.REFUSE, status=429)))

        this.push_all(this.sender.push, disturb=disturb)
        notes |= {"reported as failed": this.sender.total("failed")}
        _require_fault("reported as failed", notes)
        return this.settle()


def closes_fail_too(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have the management API answer 503 to everything for a time: what is not sent is not closed either."""
    with run(world, size, seed, notes) as this:

        def disturb(number: int) -> None:
            if number == size.pushes // 2:
                this.under(Rule((POST, CLOSE), 1.0, Fault(Kind.REFUSE, status=503)))
                # The others go on pushing into the fault. It lasts until a report shows the outcome of one of them.
                wait_until(lambda: this.sender.total("unclosed") > 0, "a connection that was not closed is reported")
                this.under()

        this.push_all(this.sender.push, disturb=disturb)
        notes |= {"neither sent to nor closed": this.sender.total("unclosed")}
        # No client learned that it missed something, so none reconnected: it was pushed again.
        notes |= {"connections": len(this.fleet.opened)}
        return this.settle()


def buffers_fill(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have some of the connections refuse every post for as long as they live, as those of clients that do not read."""
    with run(world, size, seed, notes) as this:
        this.under(Rule((POST,), 0.25, Fault(Kind.REFUSE, status=429), by_path=True))
        this.push_all(this.sender.push)
        notes |= {"reported as failed": this.sender.total("failed"), "connections": len(this.fleet.opened)}
        _require_fault("reported as failed", notes)
        if this.sender.total("unclosed"):
            raise LostError("a connection that is full can still be closed")
        return this.settle()


def connecting_takes_long(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have the rows of connections be there long before `$connect` has ended, and push meanwhile."""
    with run(world, size, seed, notes) as this:
        this.under(Rule((PUT,), 1.0, Fault(Kind.HOLD, seconds=_HOLD_SECONDS), within=b"connectedAt"))
        ends = threading.Event()

        def push_meanwhile() -> None:
            while not ends.wait(0.2):
                this.sender.push(this.users)

        with ThreadPoolExecutor(1) as background:
            pushing = background.submit(push_meanwhile)
            try:
                # One at a time, as the emulator runs one $connect after the other; the others are there to push to.
                for _ in range(_CUTS):
                    opened = len(this.fleet.opened)
                    world.cut(1, this.choice)
                    this.fleet.wait(partial(_opened_since, this.fleet, opened), _OPEN_SECONDS)
                    if this.sender.total("connecting"):
                        break
            finally:
                ends.set()
            pushing.result()
        this.open_clients()
        # Had a row been deleted, its client would be open now and get none of these.
        this.push_all(this.sender.push)
        notes |= {"pushed to while connecting": this.sender.total("connecting")}
        _require_fault("pushed to while connecting", notes)
        return this.settle()


def _opened_since(fleet: Fleet, opened: int) -> bool:
    return len(fleet.opened) > opened


def pools_die(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Make all connections dead that the functions keep to AWS, again and again, without FIN or RST."""
    with run(world, size, seed, notes) as this, world.push_lasting(_STALL_SECONDS):
        before = world.proxy.met["stranded"]
        dead = 0
        rounds = size.pushes // _PUSHES_A_ROUND
        this.size = Size(size.clients, size.users, _PUSHES_A_ROUND)
        for _ in range(rounds):
            # Only when none is under way, so that a push meets this once.
            dead += world.strand_functions()
            this.push_all(this.sender.push)
        notes |= {"connections made dead": dead, "requests over them": world.proxy.met["stranded"] - before}
        _require_fault("requests over them", notes)
        # AWS was healthy, so no push may fail: one attempt's timeout is all that any number of dead connections costs.
        if this.sender.refusals or this.sender.total("failed"):
            raise LostError(f"pushes failed: {dict(this.sender.refusals)}, {this.sender.total('failed')} posts")
        return this.settle()


def dead_letters_redriven(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Have every push fail for one of its two users, by the queue and asynchronously, and redrive the dead letters."""
    with run(world, size, seed, notes) as this:
        missing, *others = this.users
        this.under(Rule((PUT,), 1.0, Fault(Kind.REFUSE, status=403), within=f'"{missing}"'.encode()))
        before = _dead_letters(this.sender)
        with world.dead_letters_soon():
            for number in range(size.pushes):
                hand_over = this.sender.hand_over if number % 2 else this.sender.enqueue
                hand_over([missing, others[number % len(others)]])
                time.sleep(_HAND_OVER_SECONDS)
            wait_until(
                lambda: _dead_letters(this.sender) >= before + size.pushes, "dead letters", seconds=_DEAD_SECONDS
            )
        this.under()
        notes |= {"dead letters redriven": this.sender.redrive(until=this.complete, seconds=_SETTLE_SECONDS)}
        _require_fault("dead letters redriven", notes)
        return this.settle()


def _dead_letters(sender: Sender) -> int:
    return sender.waiting("dead_letter_queue_url") + sender.waiting("push_queue_dead_letter_queue_url")


def connections_vanish(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Let clients vanish without `$disconnect`: they are back under new connections, beside their stale rows."""
    with run(world, size, seed, notes) as this:
        rounds = 5
        this.size = Size(size.clients, size.users, size.pushes // (3 * rounds))
        for _ in range(rounds):
            this.push_all(this.sender.push)
            # The API does not notice, and keeps accepting posts for connections without a client.
            world.call_gate(lambda: world.gate.strand(max(size.clients // 5, 1), this.choice))
            this.push_all(this.sender.push)
            _lose_disconnects(this)
            this.push_all(this.sender.push)
        notes |= {"reported as gone": this.sender.total("gone"), "connections": len(this.fleet.opened)}
        _require_fault("reported as gone", notes)
        return this.settle()


def _require_fault(name: str, notes: Notes) -> None:
    """See that what the run is about has happened: otherwise it has shown nothing."""
    if not notes[name]:
        raise LostError(f"the run has shown nothing: {name} is 0")


def _lose_disconnects(this: Run) -> None:
    """Let the API notice who has vanished, and undo what `$disconnect` did: on AWS it comes at best effort."""
    before = this.sender.connections(this.users)
    stranded = this.world.call_gate(this.world.gate.bury)

    def removed() -> list[dict[str, object]]:
        left = {row["connectionId"]["S"] for row in this.sender.connections(this.users)}
        return [row for row in before if row["connectionId"]["S"] not in left]

    wait_until(lambda: len(removed()) >= stranded, "$disconnect of stranded connections")
    this.sender.put_connections(removed())


def push_is_killed(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Kill the push function's processes between write and send, on the asynchronous path and behind the queue."""
    with run(world, size, seed, notes) as this:
        killed_before = world.killed
        this.under(Rule((POST,), 0.05, Fault(Kind.KILL)))
        numbers = count()

        def push(users: Sequence[str]) -> None:
            (this.sender.hand_over if next(numbers) % 2 else this.sender.enqueue)(users)
            time.sleep(_HAND_OVER_SECONDS)

        def done() -> bool:
            return this.complete() and this.sender.waiting("push_queue_url") == 0

        this.push_all(push)
        give_up = time.monotonic() + size.seconds
        while not done() and time.monotonic() < give_up:
            time.sleep(0.5)
        world.plan(Plan())
        # What failed three times is in the dead-letter queue, complete. The operator pushes it again.
        redriven = this.sender.redrive(until=done, seconds=_SETTLE_SECONDS)
        notes |= {"kills": world.killed - killed_before, "dead letters pushed again": redriven}
        _require_fault("kills", notes)
        return this.settle()


def gateway_restarts(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Restart the whole emulator, WebSocket connections, functions and tables, while a backend goes on pushing."""
    with run(world, size, seed, notes) as this, ThreadPoolExecutor(1) as background:
        pushing = background.submit(this.push_all, this.sender.push)
        this.fleet.wait(lambda: len(this.fleet.shown) > size.pushes // 4, _SETTLE_SECONDS)
        world.call_gate(world.gate.shut)
        began = time.monotonic()
        world.restart_emulator()
        notes["away for"] = f"{time.monotonic() - began:.1f} s"
        before = len(this.fleet.opened)
        world.call_gate(world.gate.reopen)
        reopened = time.time()
        this.open_clients()
        returns = {client: at - reopened for client, at in reversed(this.fleet.opened[before:])}  # the first counts
        pushing.result()
        notes |= {"back after": f"{min(returns.values()):.1f} to {max(returns.values()):.1f} s"}
        require_spread(returns, size)
        return this.settle()


def require_spread(returns: dict[str, float], size: Size) -> None:
    """See that everybody was back within the longest wait and a handshake, and not all at once."""
    if len(returns) < size.clients:
        raise LostError(f"only {len(returns)} of {size.clients} clients are back")
    late = max(returns.values())
    if late > BACKOFF_CAP_SECONDS + _HANDSHAKE_SECONDS:
        raise LostError(f"a client was back only after {late:.1f} s")
    if statistics.pstdev(returns.values()) < _SPREAD_SECONDS:
        raise LostError(f"the clients came back all at once: {sorted(returns.values())}")


def clocks_differ(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Push from two processes at the same milliseconds, with clocks 5 s apart, while sockets are dropped at random."""
    with run(world, size, seed, notes) as this:
        _push_from_processes(this, [[user] for user in this.users], ahead=(0, -5_000))
        return this.settle()


def topics_under_faults(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Push to topics, to all and to users by three clocks, while sockets are dropped and workers killed.

    Calls are throttled and segments come twice meanwhile. Then a broadcast takes several invocations of its workers,
    and segments fail until they are dead letters, which are moved back.
    """
    here = world.with_topics()
    met, killed = world.proxy.met, world.killed
    with run(here, size, seed, notes, topics=_TOPICS) as this:
        twice = met["duplicate"]
        this.under(
            Rule(DYNAMODB, 0.1, Fault(Kind.REFUSE, status=429)),
            Rule((POST,), 0.2, Fault(Kind.REFUSE, status=429)),
            Rule((POST,), 0.02, Fault(Kind.KILL)),
            Rule((SEND,), 0.1, Fault(Kind.REFUSE, status=503)),
            Rule((SEND,), 0.3, Fault(Kind.DUPLICATE)),
        )
        addresses = [*this.sender.listeners, *([user] for user in this.users)]
        _push_from_processes(this, addresses, ahead=(0, -5_000, 3_000))
        notes |= {"kills": world.killed - killed, "segments sent twice": met["duplicate"] - twice}
        _continue_segments(this)
        _fail_segments(this)
        for name in ("kills", "segments sent twice", "segments continued", "dead letters moved back"):
            _require_fault(name, notes)
        return this.settle()


def _continue_segments(this: Run) -> None:
    """Have workers be so slow that a broadcast takes them several invocations."""
    met = this.world.proxy.met
    before = met["delay"]
    # It is passed on as it is, and counted.
    this.under(Rule((SEND,), 1.0, Fault(Kind.DELAY), within=b'\\"after\\"'))
    with this.world.fan_out_slow(posts_per_second=1, seconds=3):
        this.sender.publish("*")
        if not this.fleet.wait(this.complete, _SETTLE_SECONDS):
            raise LostError("a broadcast of several invocations did not reach all")
    this.notes["segments continued"] = met["delay"] - before


def _fail_segments(this: Run) -> None:
    """Have API Gateway take nothing until segments are dead letters, and move these back."""
    # Clients may have polled what workers have yet to send; each of those segments would be refused for seconds.
    wait_until(lambda: this.sender.waiting("fanout_queue_url") == 0, "earlier segments", seconds=_SETTLE_SECONDS)
    with this.world.dead_letters_soon("fanout_queue_url"):
        this.under(Rule((POST, CLOSE), 1.0, Fault(Kind.REFUSE, status=503)))
        for _ in range(_BROADCASTS_THAT_FAIL):
            this.sender.publish("*")
        wait_until(lambda: this.sender.waiting("fanout_queue_url") == 0, "dead letters", seconds=_DEAD_SECONDS)
    this.under()
    moved = this.sender.move_segments_back(until=this.complete, seconds=_SETTLE_SECONDS)
    this.notes["dead letters moved back"] = moved


def _push_from_processes(this: Run, addresses: Sequence[str | Sequence[str]], *, ahead: Sequence[int]) -> None:
    """Push from a process for each clock, at the same milliseconds, while sockets are dropped at random.

    Parameters
    ----------
    addresses
        Topics, and lists of users, which get the pushes in turn.
    ahead
        By how many milliseconds each clock is ahead.
    """
    share = this.size.pushes // len(ahead)
    start = time.time() + 3
    processes = [
        _pusher(this, addresses, ahead=each, tickets=range(number * share + 1, (number + 1) * share + 1), start=start)
        for number, each in enumerate(ahead)
    ]
    stop = threading.Event()
    with ThreadPoolExecutor(1) as background:
        dropping = background.submit(_drop_until, stop, this)
        try:
            outcomes = [json.loads(process.communicate()[0]) for process in processes]
        finally:
            stop.set()
        this.notes["sockets dropped"] = dropping.result()
        _require_fault("sockets dropped", this.notes)
    for outcome in outcomes:
        this.sender.note(outcome)
    this.sender.skip(len(ahead) * share)


def _drop_until(stop: threading.Event, this: Run) -> int:
    dropped = 0
    while not stop.wait(0.3):
        this.world.cut(1, this.choice)
        dropped += 1
    return dropped


def _pusher(
    this: Run, addresses: Sequence[str | Sequence[str]], *, ahead: int, tickets: range, start: float
) -> "subprocess.Popen[str]":
    task = {
        "port": this.world.emulator.port,
        "outputs": dict(this.world.outputs),
        "listeners": {topic: sorted(users) for topic, users in this.sender.listeners.items()},
        "addresses": list(addresses),
        "ahead": ahead,
        "tickets": list(tickets),
        "start": start,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.pusher", json.dumps(task)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "lambda")])},
        stdout=subprocess.PIPE,
        text=True,
    )


def devices_mark(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Mark notifications on the devices of each user at the same time, while sockets are dropped at random."""
    with run(world, size, seed, notes) as this:
        marks = count()

        def disturb(number: int) -> None:
            if number % 10 == 9:
                world.cut(1, this.choice)
            for _ in range(_MARKS_A_PUSH):
                if this.fleet.shown:
                    client = this.choice.choice(sorted(this.fleet.owners))
                    known = [each.notification_id for each in this.fleet.shown if each.client == client]
                    if known:
                        this.fleet.mark(client, this.choice.choice(_MARKS), this.choice.choice(known[-20:]))
                        next(marks)

        this.push_all(this.sender.push, disturb=disturb)
        verdict = this.settle()
        end = time.monotonic() + _SETTLE_SECONDS
        while (found := _divergences(this)) and time.monotonic() < end:
            time.sleep(0.5)
        notes |= {"marks": next(marks), "divergences": len(found)}
        if found:
            raise LostError(f"devices of a user do not agree: {found}")
        return verdict


def _divergences(this: Run) -> list[str]:
    """Say which devices do not show what the others of their user do, or count other than what they show."""
    inboxes = this.fleet.inboxes()
    first: dict[str, object] = {}
    for client, user in sorted(this.fleet.owners.items()):
        first.setdefault(user, inboxes[client])
    shown = Counter(client for client, _ in this.fleet.known)
    return [
        f"{client}: {inboxes[client]['unread']} of {shown[client]} unread, {len(inboxes[client]['read'])} read"
        for client, user in this.fleet.owners.items()
        if inboxes[client] != first[user]
        or inboxes[client]["unread"] != min(shown[client] - len(inboxes[client]["read"]), _MANY)
    ]


def control_at_random(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Disconnect users and connections at random, and have a user's tokens revoked for a time, while sockets drop."""
    with run(world.with_control(), size, seed, notes) as this:
        *free, banned = this.users
        closed: Counter[str] = Counter()

        def disturb(number: int) -> None:
            if number % 4 == 3:
                request = {"action": "disconnect", "reason": "maintenance", "reconnect": True}
                user = this.choice.choice(free)
                found = this.sender.control(action="connections", userId=user)["connections"]
                if found and this.choice.random() < 1 / 2:
                    named = {"connectionId": this.choice.choice(found)["connectionId"]}
                else:
                    named = {"userId": user}
                closed["disconnected"] += this.sender.control(**request, **named)["closed"]
            if number % 10 == 9:
                world.cut(1, this.choice)
            if number == size.pushes // 3:
                _revoke(this, banned, closed)

        this.push_all(this.sender.push, disturb=disturb)
        _require_shut_out(this, banned)
        this.sender.control(action="unrevoke", userId=banned)
        for client in _clients_of(this, banned):
            this.fleet.reload(client)
        this.open_clients()
        notes |= closed
        _require_fault("disconnected", notes)
        _require_fault("revoked", notes)
        return this.settle()


def _clients_of(this: Run, user: str) -> list[str]:
    return [client for client, owner in this.fleet.owners.items() if owner == user]


def _revoke(this: Run, user: str, closed: Counter[str]) -> None:
    closed["revoked"] += this.sender.control(action="revoke", userId=user)["closed"]
    # Whichever was just connecting is closed by the second look, or refused.
    if not this.fleet.wait(lambda: _none_open(this, user), _OPEN_SECONDS):
        raise LostError(f"clients of a revoked user are open: {this.fleet.states}")


def _none_open(this: Run, user: str) -> bool:
    return all(this.fleet.states[client] not in ("open", "resuming") for client in _clients_of(this, user))


def _require_shut_out(this: Run, user: str) -> None:
    """See that no client of a revoked user gets in again, not even after a reload."""
    clients = _clients_of(this, user)
    for client in clients:
        this.fleet.reload(client)
    if (
        not this.fleet.wait(lambda: all(this.fleet.states[each] == "waiting" for each in clients), _OPEN_SECONDS)
        or (this.sender.control(action="online", userIds=[user])["users"][0]["online"])
    ):
        raise LostError(f"a revoked user is in: {this.fleet.states}")


def load(world: World, size: Size, seed: int, notes: Notes) -> Verdict:
    """Push for a time without faults, to many clients, and watch the memory of the functions."""
    with run(world, size, seed, notes) as this:
        end = time.monotonic() + size.seconds
        samples: list[int] = []

        def push_until_end(first: int) -> None:
            number = first
            while time.monotonic() < end:
                this.sender.push([this.users[number % len(this.users)]])
                number += _WORKERS

        with ThreadPoolExecutor(_WORKERS) as pool:
            pushing = [pool.submit(push_until_end, number) for number in range(_WORKERS)]
            while time.monotonic() < end:
                samples.append(max(world.workers("push").values(), default=0))
                time.sleep(size.seconds / 40)
            for each_pushing in pushing:
                each_pushing.result()
        if not all(samples[8:]):
            raise LostError("the processes of the push function were not found")
        early, late = statistics.median(samples[8:16]), statistics.median(samples[-8:])
        notes |= {
            "clients": size.clients,
            "pushes a second": round(this.sender.accepted / size.seconds),
            "largest push process": f"{early / 1024:.1f} MiB, then {late / 1024:.1f} MiB",
        }
        if late > early * _GROWTH:
            raise LostError(f"the push function grew from {early} to {late} KiB")
        return this.settle()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with its two sizes: one for `make test`, one for `make chaos`."""

    name: str
    play: Callable[[World, Size, int, Notes], Verdict]
    short: Size
    long: Size


SCENARIOS = (
    Scenario("1 sockets dropped at random", sockets_dropped, Size(8, 4, 150), Size(20, 5, 2000)),
    Scenario("2 DynamoDB throttles, then is away", dynamodb_throttles, Size(8, 4, 80, 7), Size(20, 5, 600, 10)),
    Scenario("3 posts throttled, failed, stalled", posts_fail, Size(8, 4, 60), Size(20, 5, 400)),
    Scenario("4 connections vanish, rows go stale", connections_vanish, Size(8, 4, 75), Size(20, 5, 600)),
    Scenario("5 push killed between write and send", push_is_killed, Size(8, 4, 40, 15), Size(20, 5, 400, 60)),
    Scenario("6 the gateway restarts", gateway_restarts, Size(12, 4, 150), Size(20, 5, 1000)),
    Scenario("7 two processes, clocks 5 s apart", clocks_differ, Size(8, 4, 80), Size(20, 5, 600)),
    Scenario("8 posts and closes fail", closes_fail_too, Size(8, 4, 24), Size(20, 5, 400)),
    Scenario("9 buffers of some clients are full", buffers_fill, Size(8, 4, 60), Size(20, 5, 600)),
    Scenario("10 connecting takes long", connecting_takes_long, Size(8, 4, 20), Size(20, 5, 200)),
    Scenario("11 connections to AWS are dead", pools_die, Size(8, 4, 40), Size(20, 5, 400)),
    Scenario("12 dead letters are redriven", dead_letters_redriven, Size(8, 4, 10), Size(20, 5, 30)),
    Scenario("13 devices mark at the same time", devices_mark, Size(9, 3, 60), Size(20, 5, 400)),
    Scenario("14 control calls at random", control_at_random, Size(8, 4, 80), Size(20, 5, 600)),
    Scenario("15 topics and broadcasts", topics_under_faults, Size(8, 2, 60), Size(12, 2, 900)),
    Scenario("load", load, Size(60, 12, 0, 8), Size(500, 50, 0, 60)),
)


def perform(world: World, scenario: Scenario, size: Size, seed: int) -> str:
    """Play a scenario and check it; give its line of figures.

    Raises
    ------
    LostError
        If anything is not as promised.
    """
    notes: Notes = {}
    began = time.monotonic()
    try:
        verdict = scenario.play(world, size, seed, notes)
    except (GaveUpError, TimeoutError, BotoCoreError, ClientError) as problem:
        raise LostError(f"{scenario.name} (seed {seed}): {problem}") from problem
    told = "".join(f"; {name}: {value}" for name, value in notes.items())
    line = f"{scenario.name}: {verdict.figures}{told} (seed {seed}, {time.monotonic() - began:.0f} s)"
    if verdict.problems:
        raise LostError(f"{line}\n{summary(verdict.problems)}")
    return line
