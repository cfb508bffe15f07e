"""What CloudWatch takes out of a log line, by the specification of the embedded metric format.

Rules: "Specification: Embedded metric format", CloudWatch user guide; names and values as in PutMetricData, CloudWatch
API reference.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

UNITS = {"Count", "Milliseconds"}
"""Those of CloudWatch's units that are used here."""


class Taken(NamedTuple):
    """A metric as CloudWatch keeps it; its values are what is added to it."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]


def taken_from(line: Mapping[str, Any]) -> dict[Taken, list[float]]:
    """Return the metrics of a log line, as CloudWatch would.

    Raises
    ------
    AssertionError
        If the line breaks a rule, so that CloudWatch would drop metrics or the whole of it.
    """
    if "_aws" not in line:
        return {}
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert type(line["_aws"]["Timestamp"]) is int
    found: dict[Taken, list[float]] = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        namespace = directive["Namespace"]
        assert re.fullmatch(r"[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}", namespace)
        assert not namespace.startswith("AWS/")
        assert 1 <= len(directive["Metrics"]) <= 100
        assert directive["Dimensions"]
        for names in directive["Dimensions"]:
            assert len(set(names)) == len(names) <= 30
            dimensions = tuple((name, line[name]) for name in names)
            for _, value in dimensions:
                assert isinstance(value, str)
                assert value.strip()
                assert value.isascii()
                assert len(value) <= 1024
                assert not value.startswith(":")
            for metric in directive["Metrics"]:
                assert set(metric) == {"Name", "Unit"}
                assert metric["Unit"] in UNITS
                value = line[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                assert 1 <= len(values) <= 100
                assert all(type(each) in (int, float) for each in values)
                key = Taken(namespace, metric["Name"], metric["Unit"], dimensions)
                assert key not in found
                found[key] = values
    return found


def values_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of a log line by name alone, with `Name/Code` for those that have a code."""
    return {
        "/".join([metric.name, *(value for name, value in metric.dimensions if name == "Code")]): values[0]
        if len(values) == 1
        else values
        for metric, values in taken_from(line).items()
    }
