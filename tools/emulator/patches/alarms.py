"""What CloudWatch returns of alarms and dashboards."""

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from tools.emulator.patches.support import Record, existing

_ALARM_MEMBERS = ("Metrics", "OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions")


def keep_alarms_whole(cloudwatch: Any) -> None:
    """Keep an alarm as it was put.

    AWS returns what PutMetricAlarm was given: the queries of an alarm on metric math (`Metrics`), and then no metric,
    statistic or period beside them (CloudWatch API reference, MetricAlarm). ministack forgets the queries and makes up
    the others.

    Goes when: ministack stores an alarm as it was put.
    """
    parameters = ("params", "cbor_data", "is_cbor", "is_json")
    put = existing(cloudwatch, "_put_metric_alarm", parameters)
    stored = existing(cloudwatch, "_alarms")

    @functools.wraps(put)
    def put_whole(params: Record, cbor_data: Record, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, cbor_data, is_cbor, is_json)
        given = cbor_data if is_cbor or is_json else _nested(params)
        if answer[0] != 200:
            return answer
        alarm = stored[given["AlarmName"]]
        alarm.update({name: given.get(name, []) for name in _ALARM_MEMBERS})
        if given.get("Metrics"):
            for name in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
                alarm.pop(name, None)
        return answer

    cloudwatch._put_metric_alarm = put_whole


def answer_queries_in_full(cloudwatch: Any) -> None:
    """Answer in XML with all that there is to say, as in JSON.

    AWS answers in the form it is asked in, with the same members (CloudWatch API reference, DescribeAlarms and
    GetDashboard). ministack's XML has a few of them, without escaping what XML reserves.

    Goes when: ministack's XML answers have every member, escaped.
    """
    ok = existing(cloudwatch, "_xml", ("status", "root_tag", "inner"))
    for function, action in (("_describe_alarms", "DescribeAlarms"), ("_get_dashboard", "GetDashboard")):
        describe = existing(cloudwatch, function, ("params", "cbor_data", "is_cbor", "is_json"))
        setattr(cloudwatch, function, _answering_in_xml(describe, action, ok))


def _answering_in_xml(describe: Callable[..., Any], action: str, ok: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(describe)
    def described(params: Record, cbor_data: Record, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, cbor_data, is_cbor, is_json)
        status, _, body = describe({}, _nested(params), False, True)
        if status != 200:
            return describe(params, cbor_data, is_cbor, is_json)
        return ok(200, f"{action}Response", _xml(f"{action}Result", json.loads(body)))

    return described


def _nested(params: Record) -> Record:
    """Make of the flat names of the query protocol (`A.member.1.B=x`) what they stand for (`{"A": [{"B": "x"}]}`)."""
    tree: Record = {}
    for name, values in params.items():
        *parents, last = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = values[0] if isinstance(values, list) else values

    def listed(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if set(node) == {"member"} and isinstance(node["member"], dict):
            return [listed(each) for _, each in sorted(node["member"].items(), key=lambda item: int(item[0]))]
        return {name: listed(each) for name, each in node.items()}

    result: Record = listed(tree)
    return result


def _xml(name: str, value: Any) -> str:
    """Write a value as an element: a member that is None is left out, a time is written as text."""
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = "".join(_xml(member, each) for member, each in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml("member", each) for each in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    elif name.endswith("Timestamp") and isinstance(value, int):
        inner = datetime.fromtimestamp(value, UTC).isoformat()
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
