"""What push and fanout count, in the fields of an invocation's log line."""

from collections.abc import Mapping
from typing import Any

MAX_VALUES = 100
"""How many values of one metric a document may have."""


def count_push(fields: dict[str, Any], report: Mapping[str, Any], *, to_persist: bool, milliseconds: float) -> None:
    """Add a push to the fields of an invocation's log line; an invocation may make several pushes.

    Counts of 0 are left out: a metric that is never sent is not billed.

    Parameters
    ----------
    report
        The push's report.
    to_persist
        Whether it was to be persisted.
    milliseconds
        The time from accepting the request to the end of the last post.
    """
    totals = report["totals"]
    counts = {
        "NotificationsAccepted": totals["recipients"],
        "NotificationsNotPersisted": totals["recipients"] - totals["persisted"] if to_persist else 0,
    }
    _add(fields, counts)
    count_deliveries(fields, totals)
    _append(fields, {"FanOut": totals["connections"], "PushLatency": round(milliseconds, 1)})


def count_topic_push(fields: dict[str, Any], report: Mapping[str, Any], *, milliseconds: float) -> None:
    """Add a push to a topic to the fields of an invocation's line, see `count_push`."""
    _add(fields, {"TopicsAccepted": 1})
    if "totals" in report:
        count_deliveries(fields, report["totals"])
        _append(fields, {"FanOut": report["totals"]["connections"], "PushLatency": round(milliseconds, 1)})


def count_segment(fields: dict[str, Any], *, milliseconds: float) -> None:
    """Add the end of a segment to the fields of an invocation's line: how long after the push it was reached."""
    _add(fields, {"SegmentsFinished": 1})
    _append(fields, {"SegmentLatency": milliseconds})


def count_deliveries(fields: dict[str, Any], totals: Mapping[str, int]) -> None:
    """Add the outcomes of connections to the fields of an invocation's line."""
    counts = {
        "DeliveriesSucceeded": totals["delivered"],
        "DeliveriesGone": totals["gone"],
        "DeliveriesFailed": totals["failed"],
        "DeliveriesUnclosed": totals["unclosed"],
        "RowsUnreadable": totals.get("unreadable", 0),
    }
    _add(fields, counts)


def _add(fields: dict[str, Any], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if count:
            fields[name] = fields.get(name, 0) + count


def _append(fields: dict[str, Any], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        seen = fields.setdefault(name, [])
        if len(seen) < MAX_VALUES:
            seen.append(value)
