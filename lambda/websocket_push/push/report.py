"""The report of a push, as docs/protocol.md has it."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from websocket_push.push.outcome import Outcome
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import Failure

Report = Mapping[str, object]

MAX_REPORT_BYTES = 5_500_000
"""The size limit of a report: Lambda's responses have at most 6 MB ("Lambda quotas"), and a receipt adds its own
members."""

_COUNTS = ("connections", "delivered", "gone", "connecting", "failed", "unclosed")

_LONGEST_RECIPIENT_BYTES = 2048
"""An upper bound for one recipient: a user id of 256 bytes, escaped, and some 700 for everything else."""


def report(notification: Notification, outcomes: Sequence[Outcome], *, limit: int = MAX_REPORT_BYTES) -> Report:
    """Write the report of a push, for one recipient or many.

    A report that would exceed `limit` leaves out recipients, first those without an error, and says how many.
    """
    recipients = [_recipient(notification, outcome) for outcome in outcomes]
    written: dict[str, object] = {
        "id": notification.notification_id,
        "createdAt": notification.created_at,
        "totals": totals(outcomes),
        "recipients": recipients,
    }
    if len(outcomes) * _LONGEST_RECIPIENT_BYTES > limit:
        shown = _shorten(recipients, limit)
        if len(shown) < len(recipients):
            written |= {"recipients": shown, "omitted": len(recipients) - len(shown)}
    return written


def totals(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Add up outcomes: recipients, how many of them were persisted, had errors or were not reached, and connections."""
    counts = {
        "recipients": len(outcomes),
        "persisted": sum(outcome.persisted for outcome in outcomes),
        **{count: sum(getattr(outcome, count) for outcome in outcomes) for count in _COUNTS},
        "errors": sum(outcome.error is not None for outcome in outcomes),
        "incomplete": sum(outcome.incomplete for outcome in outcomes),
    }
    unreadable = sum(outcome.unreadable for outcome in outcomes)
    return counts | ({"unreadable": unreadable} if unreadable else {})


def connection_counts(outcome: Outcome) -> dict[str, int]:
    """Return an outcome's connections by result."""
    return {count: getattr(outcome, count) for count in _COUNTS}


def connection_totals(outcome: Outcome) -> dict[str, int]:
    """Return the same with the rows that could not be read, where there are some."""
    return connection_counts(outcome) | ({"unreadable": outcome.unreadable} if outcome.unreadable else {})


def error_member(failure: Failure, outcome: Outcome | None = None) -> dict[str, str]:
    """Return why something failed, and how many connections were not tried for it."""
    message = failure.message
    if outcome is not None and outcome.untried:
        message += f" {outcome.untried} of {outcome.connections} connections were not tried."
    return {"code": failure.code, "message": message}


def _recipient(notification: Notification, outcome: Outcome) -> dict[str, object]:
    recipient: dict[str, object] = {
        "userId": outcome.user_id,
        "id": notification.notification_id,
        "persisted": outcome.persisted,
        **connection_counts(outcome),
    }
    if outcome.superseded:
        recipient["superseded"] = True
    if outcome.error is not None:
        recipient["error"] = error_member(outcome.error, outcome)
    if outcome.incomplete:
        recipient["incomplete"] = True
    return recipient


def _shorten(recipients: Sequence[dict[str, object]], limit: int) -> list[dict[str, object]]:
    """Return those that fit, in their order: the incomplete before others with an error, and these before the rest."""
    room = limit - _LONGEST_RECIPIENT_BYTES  # for the members about the push as a whole
    chosen: set[int] = set()
    ranks = ["incomplete" not in each and 1 + ("error" not in each) for each in recipients]
    for index in sorted(range(len(recipients)), key=ranks.__getitem__):
        # The runtime of Python 3.11 escapes what is not ASCII; the others write less.
        room -= len(json.dumps(recipients[index])) + 2
        if room < 0:
            break
        chosen.add(index)
    return [each for index, each in enumerate(recipients) if index in chosen]


def incompleteness(report: Report) -> Failure | None:
    """Return why a push must be repeated (see `Outcome.incomplete`), or None if it need not be."""
    if "topic" in report:
        return _topic_incompleteness(report)
    totals = cast(Mapping[str, int], report["totals"])
    if not totals.get("incomplete"):
        return None
    recipients = cast(Sequence[Mapping[str, object]], report["recipients"])
    error = next(cast(Mapping[str, str], each["error"]) for each in recipients if "incomplete" in each)
    return Failure(
        "INCOMPLETE",
        f"{totals['incomplete']} of {totals['recipients']} recipients may miss it: neither persisted nor sent to every "
        "connection, or connections that could not be looked up, or could be neither sent to nor closed; the first for "
        f"{error['code']}. Push it again with the id {report['id']}: clients that already have it drop it by that id.",
    )


def _topic_incompleteness(report: Report) -> Failure | None:
    if "incomplete" not in report:
        return None
    error = cast(Mapping[str, str], report["error"])
    return Failure(
        "INCOMPLETE",
        "Connections of the topic may miss it: it was not passed on to all of them, or connections could be neither "
        f"sent to nor closed, because of {error['code']}. Push it again with the id {report['id']}: clients that "
        "already have it drop it by that id.",
    )
