"""Checks a plan in JSON against what this project promises of its security: `python -m tools.policy plan.json`.

The rules look at planned values only, so what is known after apply passes. The tests therefore plan against mocks that
know everything.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]

_NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)

JUSTIFIED: Mapping[str, str] = {
    # A log group's streams and a stage's connections come and go: nobody knows their names beforehand.
    "logs:CreateLogStream": r"arn:[^*]+:log-group:[^*]+:\*",
    "logs:PutLogEvents": r"arn:[^*]+:log-group:[^*]+:\*",
    "execute-api:ManageConnections": r"arn:[^*]+/(POST|DELETE)/@connections/\*",
    # X-Ray has no resources to name.
    "xray:PutTelemetryRecords": r"\*",
    "xray:PutTraceSegments": r"\*",
    # Lambda makes a VPC's network interfaces in the role's name; a Deny keeps the function's own code from it.
    **dict.fromkeys(_NETWORK_INTERFACES, r"\*"),
}
"""The actions that may be allowed on more than one named resource, and what such a resource looks like, as a regex."""


@dataclass(frozen=True, order=True, slots=True)
class Violation:
    """Something that a plan must not hold."""

    address: str
    rule: str


def violations(changes: Iterable[Values]) -> list[Violation]:
    """Look through what is going to exist.

    Parameters
    ----------
    changes
        A plan's `resource_changes` ("JSON output format" in Terraform's documentation).
    """
    resources = [each for each in changes if each["mode"] == "managed" and each["change"]["after"] is not None]
    groups = {each["change"]["after"]["name"] for each in resources if each["type"] == "aws_cloudwatch_log_group"}
    return sorted(
        Violation(each["address"], rule)
        for each in resources
        for rule in (*_policies(each["change"]["after"]), *_settings(each["type"], each["change"], groups))
    )


def _settings(kind: str, change: Values, log_groups: Iterable[str]) -> Iterator[str]:
    values, unknown = change["after"], change.get("after_unknown") or {}
    match kind:
        case "aws_dynamodb_table":
            if not any(each["enabled"] for each in values["server_side_encryption"] or []):
                yield "a table is encrypted"
        case "aws_sqs_queue":
            known = not unknown.get("kms_master_key_id")
            if known and not values["kms_master_key_id"] and not values["sqs_managed_sse_enabled"]:
                yield "a queue is encrypted"
        case "aws_sns_topic":
            if not values["kms_master_key_id"] and not unknown.get("kms_master_key_id"):
                yield "a topic is encrypted"
        case "aws_cloudwatch_log_group":
            if not values["retention_in_days"]:
                yield "a log group says how long it keeps"
        case "aws_lambda_function":
            named = {each["log_group"] for each in values["logging_config"] or [] if each.get("log_group")}
            if not unknown.get("logging_config") and not (named and named <= set(log_groups)):
                yield "a function logs to a group of the plan"
        case "aws_lambda_permission":
            if "*" in values["principal"]:
                yield "a permission names who invokes"
            source = "unknown" if unknown.get("source_arn") else values["source_arn"]
            if not source or "*" in source:
                yield "a permission names its source"


def _policies(values: Values) -> Iterator[str]:
    for statement in _statements(values):
        if statement.get("Effect") != "Allow":
            continue
        actions = _listed(statement.get("Action"))
        if "NotAction" in statement or any("*" in action for action in actions):
            yield "a policy names its actions"
        resources = _listed(statement.get("Resource"))
        broad = [resource for resource in resources if "*" in resource]
        if "NotResource" in statement or not all(_justified(each, broad) for each in actions):
            yield "a policy names its resources"
        if "*" in _principals(statement.get("Principal")):
            yield "a policy names who it is for"


def _statements(values: Values) -> Iterator[Values]:
    """Find the statements in whatever attribute holds a policy as JSON."""
    for value in values.values():
        if not isinstance(value, str) or '"Statement"' not in value:
            continue
        found = json.loads(value)["Statement"]
        yield from found if isinstance(found, list) else [found]


def _justified(action: str, resources: Iterable[str]) -> bool:
    return all(re.fullmatch(JUSTIFIED.get(action, "(?!)"), resource) for resource in resources)


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, dict):
        return [each for names in principal.values() for each in _listed(names)]
    return _listed(principal)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what a plan, written by `terraform show -json`, must not hold; fail if there is anything."""
    parser = argparse.ArgumentParser(prog="python -m tools.policy")
    parser.add_argument("plan", type=Path)
    plan = json.loads(parser.parse_args(arguments).plan.read_text())
    found = violations(plan["resource_changes"])
    for each in found:
        sys.stdout.write(f"{each.address}: violated: {each.rule}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
