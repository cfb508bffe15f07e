"""The verdicts of the doctor: what a check found, and what all of them add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tools.acceptance.account import Refusal


class Status(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    FAILED = "failed"
    UNCHECKED = "could not be checked"


@dataclass(frozen=True, slots=True)
class Check:
    """A check that was made.

    Parameters
    ----------
    name
        What was looked at.
    found
        What was seen.
    advice
        What to do; empty where all is well.
    """

    name: str
    status: Status
    found: str
    advice: str = ""

    @property
    def lines(self) -> list[str]:
        """What is printed."""
        first = f"  {self.status:<20}  {self.name}: {self.found}"
        return [first, f"{'':24}{self.advice}"] if self.advice else [first]


def ok(name: str, found: str) -> Check:
    """Return a check that found all well."""
    return Check(name, Status.OK, found)


def failed(name: str, found: str, advice: str) -> Check:
    """Return a check that found something wrong."""
    return Check(name, Status.FAILED, found, advice)


def unchecked(name: str, why: str, advice: str = "") -> Check:
    """Return a check that could not be made."""
    return Check(name, Status.UNCHECKED, why, advice)


def refused(name: str, refusal: Refusal) -> Check:
    """Return the check that a refusal by AWS makes: what is gone or throttled is wrong, the rest is unknown."""
    status = Status.FAILED if refusal.kind in ("missing", "throttled") else Status.UNCHECKED
    return Check(name, status, refusal.text)


def exit_status(checks: Iterable[Check]) -> int:
    """Return 0 if all is well, 1 if anything failed, 2 if nothing did but something could not be checked."""
    found = {check.status for check in checks}
    if Status.FAILED in found:
        return 1
    return 2 if Status.UNCHECKED in found else 0


_HANDSHAKE = {
    400: ("the user id is not one", "see the log of the function connect"),
    401: ("no token came, or it has expired", "make a new token"),
    403: ("the token, or where it comes from, was refused", "see the outcome in the logs of verify-jwt and connect"),
    404: ("there is no such API or stage", "compare the URL with the output websocket_url"),
    429: ("throttled", "see the quotas below, and the input throttling"),
    500: ("a fault of the deployment", "see the logs of verify-jwt and connect, and docs/runbook.md"),
    503: ("AWS did not answer in time", "try again; if it stays, see docs/runbook.md"),
}


def handshake(status: int) -> tuple[str, str]:
    """Return what the status of a refused handshake means, and what to do."""
    meaning, advice = _HANDSHAKE.get(status, ("not a WebSocket answer", "compare the URL with websocket_url"))
    return f"{status}, {meaning}", advice


def let_in(status: int, what: str) -> Check:
    """Return the check on a handshake that has to be refused."""
    name = f"{what} is refused"
    if status in (400, 401, 403):
        return ok(name, f"{status}")
    if status == 101:
        return failed(name, "it was let in", "see docs/authorization.md: jwt, authorizer or allow_anonymous")
    found, advice = handshake(status)
    return failed(name, found, advice)
