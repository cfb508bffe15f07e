"""The metrics: a closed list, and the document with which a log line sends them to CloudWatch.

CloudWatch extracts metrics from a log line whose `_aws` lists them ("Specification: Embedded metric format", CloudWatch
user guide). So one line per invocation is both log and metrics, without an API call.

Each combination of a metric and its dimensions' values is billed. The dimensions are few and bounded: the module's
`Name`, and a `Code` of the closed list of errors. Never a user, a connection or a notification.
"""

from collections.abc import Mapping
from typing import Any

from websocket_push.protocol.errors import ErrorCode

UNITS = {
    "ConnectionsOpened": "Count",
    "ConnectionsClosed": "Count",
    "ConnectionsRefused": "Count",
    "ConnectionsEnded": "Count",
    "TokensRefused": "Count",
    "KeysUnavailable": "Count",
    "NotificationsAccepted": "Count",
    "NotificationsNotPersisted": "Count",
    "DeliveriesSucceeded": "Count",
    "DeliveriesGone": "Count",
    "DeliveriesFailed": "Count",
    "DeliveriesUnclosed": "Count",
    "RowsUnreadable": "Count",
    "FanOut": "Count",
    "PushLatency": "Milliseconds",
    "HistoryPages": "Count",
    "NotificationsServed": "Count",
    "RequestsRefused": "Count",
    "MessagesFailed": "Count",
    "TopicsAccepted": "Count",
    "SegmentsFinished": "Count",
    "SegmentLatency": "Milliseconds",
    "EventsSent": "Count",
    "Faults": "Count",
}
"""Every metric, with its unit. docs/monitoring.md explains each."""

BY_CODE = frozenset({"TokensRefused", "RequestsRefused"})
"""The metrics that have the dimension `Code` besides `Name`."""

FAULTS = frozenset(
    {
        ErrorCode.INCOMPLETE,
        ErrorCode.UNAVAILABLE,
        ErrorCode.AWS_REFUSED,
        ErrorCode.KEYS_UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)
"""The codes of system faults, as opposed to callers' errors."""

MAX_VALUES = 100
"""How many values of one metric a document may have."""

_OF_SUCCESS = {
    "connect": ("ConnectionsOpened",),
    "disconnect": ("ConnectionsClosed",),
    "poll": ("HistoryPages",),
}
_OF_REFUSAL = {
    "connect": ("ConnectionsRefused",),
    "verify-jwt": ("ConnectionsRefused", "TokensRefused"),
    "poll": ("RequestsRefused",),
    "push": ("RequestsRefused",),
    "subscriptions": ("RequestsRefused",),
}

Fields = Mapping[str, object]


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
    """Add what became of connections to the fields of an invocation's line."""
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


def measured(function: str, code: ErrorCode | None, fields: Fields) -> dict[str, object]:
    """Return the metrics of an invocation: those that its handler counted, and those that follow from its outcome.

    A batch of messages has one outcome, however many of them failed.

    Parameters
    ----------
    function
        Name of the function, as in the log.
    code
        The error code; None for success.
    """
    metrics = {name: fields[name] for name in fields if name in UNITS}
    if code in FAULTS:
        metrics["Faults"] = 1
    else:
        metrics |= dict.fromkeys((_OF_SUCCESS if code is None else _OF_REFUSAL).get(function, ()), 1)
    if "HistoryPages" in metrics:
        metrics["NotificationsServed"] = fields.get("notifications", 0)
    if fields.get("failedMessages"):
        metrics["MessagesFailed"] = fields["failedMessages"]
    if code is ErrorCode.KEYS_UNAVAILABLE or "keysFailure" in fields:
        metrics["KeysUnavailable"] = 1
    return metrics


def document(
    metrics: Fields, *, namespace: str, name: str, code: ErrorCode | None, unix_milliseconds: int
) -> dict[str, object]:
    """Return the members that make a log line a document in the embedded metric format.

    Parameters
    ----------
    metrics
        Values by name, each a number or a list of at most `MAX_VALUES`.
    namespace
        The CloudWatch namespace.
    name, code
        Values of the dimensions `Name` and, for metrics that have it, `Code`.
    """
    directives = []
    for dimensions, names in (
        (["Name"], [each for each in metrics if each not in BY_CODE]),
        (["Name", "Code"], [each for each in metrics if each in BY_CODE]),
    ):
        if names:
            directives.append(
                {
                    "Namespace": namespace,
                    "Dimensions": [dimensions],
                    "Metrics": [{"Name": each, "Unit": UNITS[each]} for each in names],
                }
            )
    members: dict[str, object] = {"_aws": {"Timestamp": unix_milliseconds, "CloudWatchMetrics": directives}}
    members["Name"] = name
    if not BY_CODE.isdisjoint(metrics):
        members["Code"] = code
    return {**members, **metrics}
