"""The metrics: a closed list, and the document with which a log line sends them to CloudWatch.

CloudWatch extracts metrics from a log line whose `_aws` lists them ("Specification: Embedded metric format", CloudWatch
user guide). So one line per invocation is both log and metrics, without an API call.

Each combination of a metric and its dimensions' values is billed. The dimensions are few and bounded: the module's
`Name`, and a `Code` of the closed list of errors. Never a user, a connection or a notification.
"""

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.error_codes import ErrorCode


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
        "INCOMPLETE",
        "UNAVAILABLE",
        "AWS_REFUSED",
        "KEYS_UNAVAILABLE",
        "INTERNAL",
    }
)
"""The codes of system faults, as opposed to callers' errors."""

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
    "mark": ("RequestsRefused",),
}

Fields = Mapping[str, object]


def measured(function: str, code: "ErrorCode | None", fields: Fields) -> dict[str, object]:
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
    if code == "KEYS_UNAVAILABLE" or "keysFailure" in fields:
        metrics["KeysUnavailable"] = 1
    return metrics


def document(
    metrics: Fields, *, namespace: str, name: str, code: "ErrorCode | None", unix_milliseconds: int
) -> dict[str, object]:
    """Return the members that make a log line a document in the embedded metric format.

    Parameters
    ----------
    metrics
        Values by name, each a number or a list of at most 100 (`counts.MAX_VALUES`).
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
