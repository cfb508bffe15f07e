"""What was accepted, kept and shown, and whether it adds up: the check that every fault run ends in.

A notification carries a ticket as its content, so that it can be told apart before its id is known: one that went
through the queue gets its id from the push function.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_SHOWN_PROBLEMS = 10

_COUNTS = ("connections", "delivered", "gone", "connecting", "failed", "unclosed")


@dataclass(frozen=True, slots=True)
class Row:
    """A notification in the history of a user, as the table holds it."""

    user: str
    notification_id: str
    ticket: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification that a client has shown to its application.

    Parameters
    ----------
    resumed
        Whether a history page brought it first, not a frame of its own.
    """

    client: str
    notification_id: str
    ticket: object
    resumed: bool


@dataclass(slots=True)
class Ledger:
    """All that is known of a run.

    Parameters
    ----------
    owners
        The user of each client.
    tickets
        For each ticket that was accepted from a backend, the users it is for.
    rows
        The histories of these users, at the end.
    shown
        What the clients have shown, in their order.
    reports
        Every report that a push was answered with.
    copies
        How many copies of notifications came over the wires, in frames of their own and in history pages.
    frames
        How many of these in frames of their own.
    taken
        How many posts of notifications API Gateway has taken; None if they were not counted.
    disordered
        How many history pages were not in the order of the ids.
    """

    owners: Mapping[str, str]
    tickets: Mapping[int, frozenset[str]]
    rows: Sequence[Row] = ()
    shown: Sequence[Shown] = ()
    reports: Sequence[Mapping[str, Any]] = ()
    copies: int = 0
    frames: int = 0
    taken: int | None = None
    disordered: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a run.

    Parameters
    ----------
    pushed
        Notifications accepted, each counted once for each of its users.
    live, resumed
        Notifications shown, by what brought them first; summed over the clients.
    repeats
        Copies that came and were not shown.
    lost
        Notifications not shown, summed over the clients, and those accepted but not kept.
    problems
        Everything that is not as it must be, in words.
    """

    pushed: int
    live: int
    resumed: int
    repeats: int
    lost: int
    problems: tuple[str, ...] = field(default=())

    @property
    def figures(self) -> str:
        """The line that a run prints."""
        return (
            f"pushed {self.pushed}, delivered live {self.live}, delivered by resume {self.resumed}, "
            f"repeats dropped {self.repeats}, lost = {self.lost}"
        )


def judge(ledger: Ledger) -> Verdict:
    """Check a run: every persisted notification reached every client of its user, shown once, and the counts add up."""
    unkept = _unkept(ledger)
    missing = _missing(ledger)
    resumed = sum(each.resumed for each in ledger.shown)
    problems = [
        *(f"accepted but not kept: ticket {ticket} for {user}" for user, ticket in unkept),
        *(f"lost: {row.notification_id} (ticket {row.ticket}) never reached {client}" for client, row in missing),
        *_kept_wrongly(ledger),
        *_shown_wrongly(ledger),
        *(problem for report in ledger.reports for problem in report_problems(report)),
        *_frames_from_nowhere(ledger),
        *([f"{ledger.disordered} history pages are not in the order of the ids"] if ledger.disordered else []),
    ]
    return Verdict(
        pushed=sum(len(users) for users in ledger.tickets.values()),
        live=len(ledger.shown) - resumed,
        resumed=resumed,
        repeats=ledger.copies - len(ledger.shown),
        lost=len(unkept) + len(missing),
        problems=tuple(problems),
    )


def report_problems(report: Mapping[str, Any]) -> list[str]:
    """Return where a push report does not add up (docs/protocol.md, "The report")."""
    if "topic" in report:
        return _topic_report_problems(report)
    name, totals, recipients = report["id"], report["totals"], report["recipients"]
    problems = [problem for each in recipients for problem in _sum_problems(name, each["userId"], each)]
    problems += [
        f"report {name}: {each['failed']} failed for {each['userId']}, and no error says why"
        for each in recipients
        if each["failed"] and "error" not in each
    ]
    expected = {
        "recipients": len(recipients),
        "persisted": sum(each["persisted"] for each in recipients),
        **{count: sum(each[count] for each in recipients) for count in _COUNTS},
        "errors": sum("error" in each for each in recipients),
        "incomplete": sum("incomplete" in each for each in recipients),
    }
    problems += [
        f"report {name}: {count} is {totals[count]} in total, but {value} added up"
        for count, value in expected.items()
        if totals[count] != value
    ]
    return problems


def _topic_report_problems(report: Mapping[str, Any]) -> list[str]:
    name, topic = report["id"], report["topic"]
    if "totals" in report:
        return _sum_problems(name, topic, report["totals"])
    if report.get("accepted") or report.get("incomplete"):
        return []
    return [f"report {name}: nothing is said of the connections of {topic}"]


def _sum_problems(name: str, whose: str, counts: Mapping[str, int]) -> list[str]:
    if counts["connections"] == counts["delivered"] + counts["gone"] + counts["connecting"] + counts["failed"]:
        return []
    return [
        f"report {name}: {whose} has {counts['connections']} connections, but {counts['delivered']} delivered, "
        f"{counts['gone']} gone, {counts['connecting']} connecting, {counts['failed']} failed"
    ]


def summary(problems: Sequence[str]) -> str:
    """Return the first problems, one a line, and how many more there are."""
    more = len(problems) - MAX_SHOWN_PROBLEMS
    return "\n".join([*problems[:MAX_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


def _unkept(ledger: Ledger) -> list[tuple[str, int]]:
    kept = {(row.user, row.ticket) for row in ledger.rows}
    return sorted({(user, ticket) for ticket, users in ledger.tickets.items() for user in users} - kept)


def _missing(ledger: Ledger) -> list[tuple[str, Row]]:
    shown = {(each.client, each.notification_id) for each in ledger.shown}
    return [
        (client, row)
        for client, user in ledger.owners.items()
        for row in ledger.rows
        if row.user == user and (client, row.notification_id) not in shown
    ]


def _kept_wrongly(ledger: Ledger) -> Iterable[str]:
    for (user, ticket), times in Counter((row.user, row.ticket) for row in ledger.rows).items():
        if times > 1:
            yield f"kept {times} times, under as many ids: ticket {ticket} for {user}"
        if user not in ledger.tickets.get(ticket, ()):
            yield f"kept but never accepted: ticket {ticket} for {user}"


def _shown_wrongly(ledger: Ledger) -> Iterable[str]:
    for (client, notification_id), times in Counter(
        (each.client, each.notification_id) for each in ledger.shown
    ).items():
        if times > 1:
            yield f"shown {times} times: {notification_id} by {client}"
    kept = {(row.user, row.notification_id): row.ticket for row in ledger.rows}
    for each in ledger.shown:
        ticket = kept.get((ledger.owners[each.client], each.notification_id))
        if ticket is None:
            yield f"shown, but not in the history of its user: {each.notification_id} by {each.client}"
        elif ticket != each.ticket:
            yield f"shown with another content: {each.notification_id} by {each.client}"


def _frames_from_nowhere(ledger: Ledger) -> Iterable[str]:
    if ledger.taken is None:
        return
    if ledger.frames > ledger.taken:
        yield f"{ledger.frames} notification frames arrived, but API Gateway took only {ledger.taken} posts"
    delivered = sum(report.get("totals", {}).get("delivered", 0) for report in ledger.reports)
    if delivered > ledger.taken:
        yield f"the reports say {delivered} delivered, but API Gateway took only {ledger.taken} posts"
