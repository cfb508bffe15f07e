"""What a million notifications cost: list prices times what is used, for this project and its alternatives.

`python -m benchmarks cost` rewrites the tables of docs/cost.md. All amounts are US dollars.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.definitions import NODE, OURS, THREADS, TITLES
from benchmarks.results import Results

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """A list price.

    Parameters
    ----------
    dollars
        For `per` units.
    per
        How many units that is for.
    unit
        What is counted.
    source
        The page that says so.
    """

    dollars: float
    per: int
    unit: str
    source: str

    def of(self, units: float) -> float:
        """Return the price of so many units."""
        return self.dollars * units / self.per


PRICES_OF = "September 2026"
REGION = "us-east-1"

_API_GATEWAY = "https://aws.amazon.com/api-gateway/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_APPSYNC = "https://aws.amazon.com/appsync/pricing/"
_IOT = "https://aws.amazon.com/iot-core/pricing/"
_ABLY = "https://ably.com/docs/platform/pricing"

MESSAGE = Price(1.00, MILLION, "WebSocket message, up to 32 KB", _API_GATEWAY)
CONNECTION_MINUTE = Price(0.25, MILLION, "minute of a WebSocket connection", _API_GATEWAY)
INVOCATION = Price(0.20, MILLION, "Lambda request", _LAMBDA)
GIGABYTE_SECOND = Price(13.3334, MILLION, "GB-second of Lambda on arm64", _LAMBDA)
WRITE = Price(0.625, MILLION, "DynamoDB write request unit, up to 1 KB", _DYNAMODB)
READ = Price(0.125, MILLION, "DynamoDB read request unit, up to 4 KB", _DYNAMODB)
STORAGE = Price(0.25, 1, "GB-month in DynamoDB", _DYNAMODB)
LOG = Price(0.50, 1, "GB of ingested logs", "https://aws.amazon.com/cloudwatch/pricing/")
APPSYNC_OPERATION = Price(1.00, MILLION, "AppSync Events operation, up to 5 KB", _APPSYNC)
APPSYNC_MINUTE = Price(0.08, MILLION, "minute of an AppSync Events connection", _APPSYNC)
IOT_MESSAGE = Price(1.00, MILLION, "IoT Core message, up to 5 KB", _IOT)
IOT_MINUTE = Price(0.08, MILLION, "minute of an IoT Core connection", _IOT)
ABLY_MESSAGE = Price(2.50, MILLION, "Ably message, up to 5 KB", _ABLY)
ABLY_MINUTE = Price(1.00, MILLION, "minute of an Ably connection, or of a channel", _ABLY)

PRICES = (
    MESSAGE,
    CONNECTION_MINUTE,
    INVOCATION,
    GIGABYTE_SECOND,
    WRITE,
    READ,
    STORAGE,
    LOG,
    APPSYNC_OPERATION,
    APPSYNC_MINUTE,
    IOT_MESSAGE,
    IOT_MINUTE,
    ABLY_MESSAGE,
    ABLY_MINUTE,
)

NOTIFICATIONS_A_DAY = 10
"""Notifications to one user a day; what a day costs is shared among them."""

HOURS_A_DAY = 8
"""How long a device is connected on a day that its user is online."""

RECONNECT_HOURS = 2
"""How often a device must reconnect: the maximum duration of a WebSocket connection in API Gateway."""

KEEPALIVE_SECONDS = {"poll": 240, "ping": 300}
"""How often a client sends what keeps its connection open, by the action: the defaults of the input `keepalive`."""

DEVICES, DAYS = 1_000, 30
"""What the comparison of the two keepalives is for."""

TABS, HOURS_LOOKED_AT = 3, 2
"""Tabs of one page that a user has open all day, and the hours for which one of them is looked at."""

STORED_BYTES = 600
"""A stored notification: 400 bytes of content, ids, times and DynamoDB's 100 bytes of overhead."""

STORED_DAYS = 7
LOG_BYTES = 1_000
"""What an invocation logs: the platform's two records and the function's own line with its metrics."""

FULL_PROCESSOR_MB = 1_769
"""The memory with which a function has one whole processor (AWS Lambda Developer Guide, "Configure memory")."""

DYNAMODB_SECONDS = 0.005
POST_SECONDS = 0.015
"""How long a call takes that is not waited for in a queue: assumptions, as neither service promises a latency."""

PUSH_MB = 512
ROUTE_MB = 256
ROUTE_SECONDS = 0.010
"""A warm `$connect`, `$disconnect` or `poll`: one call to DynamoDB, its CPU, and the runtime's own overhead."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How notifications are sent and received.

    Parameters
    ----------
    persisted
        Whether each is stored for those who are away.
    devices
        How many connections a user has; 0 for a user who is offline.
    keepalive
        What clients send so that their connections stay open: `poll`, `ping`, or nothing.
    """

    persisted: bool
    devices: int
    keepalive: str = ""

    @property
    def title(self) -> str:
        """Name the shape."""
        stored = "persisted" if self.persisted else "not persisted"
        if self.devices == 0:
            return f"offline, {stored}"
        devices = f"{self.devices} device{'s' * (self.devices > 1)}"
        return f"{devices}, {stored}{f', {self.keepalive}s' if self.keepalive else ''}"

    @property
    def minutes(self) -> float:
        """Return the connection minutes that fall to one notification."""
        return self.devices * HOURS_A_DAY * 60 / NOTIFICATIONS_A_DAY

    @property
    def connects(self) -> float:
        """Return the connects for each notification, at the longest connections that API Gateway allows."""
        return self.devices * HOURS_A_DAY / RECONNECT_HOURS / NOTIFICATIONS_A_DAY

    @property
    def days(self) -> float:
        """Return the devices' days that fall to one notification: connects of a service that does not end them."""
        return self.devices / NOTIFICATIONS_A_DAY

    @property
    def keepalives(self) -> float:
        """Return how many polls or pings to keep a connection open fall to one notification."""
        return self.minutes * 60 / KEEPALIVE_SECONDS[self.keepalive] if self.keepalive else 0.0


SHAPES = (
    Shape(persisted=True, devices=0),
    Shape(persisted=False, devices=1),
    Shape(persisted=True, devices=1),
    Shape(persisted=True, devices=1, keepalive="ping"),
    Shape(persisted=True, devices=1, keepalive="poll"),
    Shape(persisted=False, devices=3),
    Shape(persisted=True, devices=3),
    Shape(persisted=True, devices=3, keepalive="ping"),
    Shape(persisted=True, devices=3, keepalive="poll"),
)


def our_cost(shape: Shape, cpu_seconds: float) -> dict[str, float]:
    """Return what a million notifications of a shape cost, by service.

    Parameters
    ----------
    cpu_seconds
        The CPU of one push, on a whole processor.
    """
    polls = shape.connects
    route_invocations = 3 * shape.connects  # $connect, $disconnect and the poll that follows a connect
    invocations = 1 + route_invocations
    waiting = DYNAMODB_SECONDS + (POST_SECONDS if shape.devices else 0.0)
    push_seconds = waiting + cpu_seconds * FULL_PROCESSOR_MB / PUSH_MB
    seconds_of_gigabyte = push_seconds * PUSH_MB / 1024 + route_invocations * ROUTE_SECONDS * ROUTE_MB / 1024
    # A client's row is written to the table and to its index, and deleted from both.
    writes = shape.persisted + 4 * shape.connects
    # A query of an index is eventually consistent: half a unit. A poll reads consistently: one.
    reads = 0.5 + polls
    stored = _storage() if shape.persisted else 0.0
    return {
        "messages": MESSAGE.of(MILLION * (shape.devices + 2 * polls)),
        "connection minutes": CONNECTION_MINUTE.of(MILLION * shape.minutes),
        "keepalive": sum(keepalive_cost(shape.keepalive, MILLION * shape.keepalives).values()),
        "Lambda": INVOCATION.of(MILLION * invocations) + GIGABYTE_SECOND.of(MILLION * seconds_of_gigabyte),
        "DynamoDB": WRITE.of(MILLION * writes) + READ.of(MILLION * reads) + stored,
        "logs": LOG.of(MILLION * invocations * LOG_BYTES / 1e9),
    }


def keepalive_cost(action: str, times: float) -> dict[str, float]:
    """Return what keeping connections open costs, by service: messages, replies, and for a poll what answers it.

    Parameters
    ----------
    action
        `poll` or `ping`.
    times
        How often it is sent.
    """
    invocations = times if action == "poll" else 0.0
    return {
        "messages": MESSAGE.of(2 * times),
        "Lambda": INVOCATION.of(invocations) + GIGABYTE_SECOND.of(invocations * ROUTE_SECONDS * ROUTE_MB / 1024),
        # One query, consistent, of the little that lies around the position.
        "DynamoDB": READ.of(invocations),
        "logs": LOG.of(invocations * LOG_BYTES / 1e9),
    }


def connection_cost(hours: float, action: str) -> dict[str, float]:
    """Return what a thousand users' open connections cost in a month.

    Parameters
    ----------
    hours
        How long connections of one user are open on a day, all together.
    action
        What keeps them open: `poll` or `ping`.
    """
    hours_in_all = DEVICES * DAYS * hours
    times = hours_in_all * 3600 / KEEPALIVE_SECONDS[action]
    return {
        "connection minutes": CONNECTION_MINUTE.of(hours_in_all * 60),
        "keepalive": sum(keepalive_cost(action, times).values()),
    }


def appsync_cost(shape: Shape) -> float:
    """Return what the same costs on AppSync Events: a publish, its deliveries, connecting and subscribing.

    Its keep-alives come from the service and are not counted as operations.
    """
    operations = 1 + shape.devices + 2 * shape.days
    return (
        APPSYNC_OPERATION.of(MILLION * operations)
        + APPSYNC_MINUTE.of(MILLION * shape.minutes)
        + _stored_by_backend(shape)
    )


def iot_cost(shape: Shape) -> float:
    """Return what the same costs on IoT Core: a publish, its deliveries, CONNECT and SUBSCRIBE; pings are free."""
    messages = 1 + shape.devices + 2 * shape.days
    return IOT_MESSAGE.of(MILLION * messages) + IOT_MINUTE.of(MILLION * shape.minutes) + _stored_by_backend(shape)


def ably_cost(shape: Shape) -> float:
    """Return what the same costs on Ably, without its monthly fee.

    A message in, one to each device, one more where it is stored; the minutes of each connection, and of the user's
    channel while a device is attached to it. Heartbeats are free.
    """
    messages = 1 + shape.devices + shape.persisted
    channel_minutes = shape.minutes / shape.devices if shape.devices else 0.0
    return ABLY_MESSAGE.of(MILLION * messages) + ABLY_MINUTE.of(MILLION * (shape.minutes + channel_minutes))


def lambda_seconds(cpu_seconds: float, memory: int, waiting_seconds: float) -> float:
    """Return how long a function runs.

    It has the share of a processor that its memory buys. What it computes while it waits costs no more time, so the
    longer of the two counts where they overlap: a fan-out.
    """
    return max(cpu_seconds * FULL_PROCESSOR_MB / memory, waiting_seconds)


def tables(results: Results) -> dict[str, str]:
    """Write the tables of docs/cost.md, by the name of their place there."""
    cpu = cpu_per_user(results)[OURS]
    return {
        "prices": _prices(),
        "services": _services(cpu),
        "keepalive": _keepalive(),
        "tabs": _tabs(),
        "alternatives": _alternatives(cpu),
        "savings": _savings(results),
    }


def cpu_per_user(results: Results) -> dict[str, float]:
    """Return the CPU of a push to one user with one connection, over TLS, in seconds."""
    return _cpu(results, "user-tls.cpu.1")


def with_tables(text: str, written: Mapping[str, str]) -> str:
    """Put tables into their places in a page.

    A place lies between `<!-- name: begin -->` and `<!-- name: end -->`.

    Raises
    ------
    ValueError
        If the page has no such place.
    """
    for name, table in written.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"The page has no place for the table {name!r}.")
        text = f"{before}{begin}{table}{end}{after}"
    return text


def rewrite(page: Path, results: Results) -> None:
    """Rewrite a page's tables."""
    page.write_text(with_tables(page.read_text(encoding="utf-8"), tables(results)), encoding="utf-8")


def _storage() -> float:
    return STORAGE.of(MILLION * STORED_BYTES / 1e9 * STORED_DAYS / 30)


def _stored_by_backend(shape: Shape) -> float:
    # They keep no history: the backend writes it to DynamoDB itself, and a client reads it after each connect.
    return (WRITE.of(MILLION) + READ.of(MILLION * shape.days) + _storage()) if shape.persisted else 0.0


def _prices() -> str:
    rows = [
        [price.unit, f"${price.dollars:g} per {_count(price.per)}", f"[{_host(price.source)}]({price.source})"]
        for price in PRICES
    ]
    return _table(["unit", "price", "source"], rows)


def _services(cpu: float) -> str:
    costs = [(shape, our_cost(shape, cpu)) for shape in SHAPES]
    names = list(costs[0][1])
    rows = [
        [shape.title, *map(_dollars, cost.values()), f"**{_dollars(sum(cost.values()))}**"] for shape, cost in costs
    ]
    return _table(["shape", *names, "total"], rows)


def _keepalive() -> str:
    hours = DEVICES * DAYS * HOURS_A_DAY
    costs = [
        (f"{action} every {seconds} s", keepalive_cost(action, hours * 3600 / seconds))
        for action, seconds in reversed(KEEPALIVE_SECONDS.items())
    ]
    rows = [[title, *map(_dollars, cost.values()), f"**{_dollars(sum(cost.values()))}**"] for title, cost in costs]
    return _table(["keepalive", *costs[0][1], "total"], rows)


def _tabs() -> str:
    costs = {
        f"{TABS} tabs, a connection each, pings": connection_cost(TABS * HOURS_A_DAY, "ping"),
        f"{TABS} tabs, one connection, pings": connection_cost(HOURS_A_DAY, "ping"),
        f"{TABS} tabs, one connection, polls": connection_cost(HOURS_A_DAY, "poll"),
        f"{TABS} tabs, one connection, polls, none while hidden": connection_cost(HOURS_LOOKED_AT, "poll"),
    }
    rows = [
        [title, *map(_dollars, cost.values()), f"**{_dollars(sum(cost.values()))}**"] for title, cost in costs.items()
    ]
    return _table(["client", *next(iter(costs.values())), "total"], rows)


def _alternatives(cpu: float) -> str:
    rows = [
        [
            shape.title,
            *map(
                _dollars, (sum(our_cost(shape, cpu).values()), appsync_cost(shape), iot_cost(shape), ably_cost(shape))
            ),
        ]
        for shape in SHAPES
    ]
    return _table(["shape", "this project", "AppSync Events", "IoT Core", "Ably"], rows)


def _savings(results: Results) -> str:
    rows: list[list[str]] = []
    for title, identifier, pieces, at_once in (
        ("push to 1 user, 1 connection", "user-tls.cpu.1", 1, 1),
        ("push to 1 user, 1,000 connections", "delivery.cpu.1000", 1_000, 64),
        ("push to 1,000 users, 1 connection each", "user-tls.cpu.1000", 1_000, 64),
    ):
        cpu = _cpu(results, identifier)
        waiting = DYNAMODB_SECONDS + POST_SECONDS * -(-pieces // at_once)
        rows += [[f"{title}, {memory} MB", *_durations(cpu, pieces, memory, waiting)] for memory in (128, 256, 512)]
    return _table(
        ["push", *(TITLES[name] for name in _COMPARED), f"saved per million, against {TITLES[THREADS]}"], rows
    )


_COMPARED = (OURS, THREADS, NODE)


def _durations(cpu: Mapping[str, float], pieces: int, memory: int, waiting: float) -> Iterable[str]:
    seconds = {name: lambda_seconds(cpu[name] * pieces, memory, waiting) for name in _COMPARED if name in cpu}
    yield from (f"{seconds[name] * 1000:,.0f} ms" if name in seconds else "not measured" for name in _COMPARED)
    saved = (seconds[THREADS] - seconds[OURS]) * memory / 1024
    yield _dollars(GIGABYTE_SECOND.of(saved * MILLION))


def _cpu(results: Results, identifier: str) -> dict[str, float]:
    measure = next(each for each in results["measures"] if each["id"] == identifier)
    found = {name: value["median"] / 1e6 for name, value in measure["references"].items() if value is not None}
    return {OURS: measure["ours"]["median"] / 1e6, **found}


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def _count(units: int) -> str:
    return "million" if units == MILLION else f"{units:,}"


def _host(url: str) -> str:
    return url.removeprefix("https://").rstrip("/")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
