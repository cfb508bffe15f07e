"""Checks a plan in JSON against what this project promises of its security: `python3 tools/policy.py plan.json`.

It needs Python 3.10 and nothing else, so that users of the module can run it over their own plans (examples/ci). The
rules look at planned values only, so what is known after apply passes. The tests therefore plan against mocks that know
everything.
"""

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]

RULES: Mapping[str, str] = {
    "data, connections and the URL stay": "a table, a queue, the API or its stage is destroyed or replaced",
    "only expected types": "a resource has a type that the module does not use and `--expect` does not list",
    "a table is protected": "a table lacks deletion protection or point-in-time recovery",
    "a table is encrypted": "a table is not encrypted with a key whose use CloudTrail records",
    "a queue is encrypted": "a queue has neither a KMS key nor SQS's own encryption",
    "a topic is encrypted": "an SNS topic has no KMS key",
    "a log group says how long it keeps": "a log group never expires its logs",
    "a function logs to a group of the plan": (
        "Lambda would create the function's log group itself, which never expires its logs"
    ),
    "clients are authorized": "`$connect` has no authorizer",
    "a permission names who invokes": "the principal of a Lambda permission is `*`",
    "a permission names its source": "a Lambda permission has no `source_arn`, or one with a wildcard",
    "a policy names its actions": "an Allow has `NotAction`, or a wildcard in an action",
    "a policy names its resources": (
        "an Allow has `NotResource`, or a wildcard where the action supports specific resources"
    ),
    "a policy names who it is for": "an Allow has `NotPrincipal`, or a principal that is `*`",
}
"""Every rule, and where it is violated."""

EXPECTED = frozenset(
    {
        "aws_apigatewayv2_api",
        "aws_apigatewayv2_api_mapping",
        "aws_apigatewayv2_authorizer",
        "aws_apigatewayv2_deployment",
        "aws_apigatewayv2_domain_name",
        "aws_apigatewayv2_integration",
        "aws_apigatewayv2_integration_response",
        "aws_apigatewayv2_route",
        "aws_apigatewayv2_route_response",
        "aws_apigatewayv2_stage",
        "aws_appautoscaling_policy",
        "aws_appautoscaling_target",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_dynamodb_table",
        "aws_dynamodb_tag",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_lambda_alias",
        "aws_lambda_event_source_mapping",
        "aws_lambda_function",
        "aws_lambda_function_event_invoke_config",
        "aws_lambda_permission",
        "aws_lambda_provisioned_concurrency_config",
        "aws_route53_record",
        "aws_sqs_queue",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_sqs_queue_redrive_policy",
        "terraform_data",
    }
)
"""The types of resources that the module plans."""

_KEPT = {"aws_apigatewayv2_api", "aws_apigatewayv2_stage", "aws_dynamodb_table", "aws_sqs_queue"}

# A key's policy is about that key, which it calls *, and AWS's own form of it names actions by patterns.
_KEY_POLICIES = {"aws_kms_key", "aws_kms_key_policy"}

_NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)

JUSTIFIED: Mapping[str, str] = {
    # A log group's streams and a stage's connections come and go: their names are not known beforehand.
    "logs:CreateLogStream": r"arn:[^*?]+:log-group:[^*?]+:\*",
    "logs:PutLogEvents": r"arn:[^*?]+:log-group:[^*?]+:\*",
    "execute-api:ManageConnections": r"arn:[^*?]+/(POST|DELETE)/@connections/\*",
    # A stream is called after the time at which it was turned on, and Lambda lists all of a table.
    "dynamodb:ListStreams": r"arn:[^*?]+:table/[^*?]+/stream/\*",
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


def violations(
    changes: Iterable[Values], *, leave_out: Iterable[str] = (), expect: Iterable[str] = ()
) -> list[Violation]:
    """Look through what is going to exist, and what is going to go.

    Parameters
    ----------
    changes
        A plan's `resource_changes` ("JSON output format" in Terraform's documentation).
    leave_out
        Rules that do not count.
    expect
        Types of resources that the plan may hold beside those of the module.
    """
    managed = [each for each in changes if each["mode"] == "managed"]
    left = [each for each in managed if each["change"]["after"] is not None]
    groups = {each["change"]["after"].get("name") for each in left if each["type"] == "aws_cloudwatch_log_group"}
    found = {
        Violation(each["address"], "data, connections and the URL stay")
        for each in managed
        if each["type"] in _KEPT and "delete" in each["change"]["actions"]
    }
    for each in left:
        kind, change = each["type"], each["change"]
        broken = {*_policies(kind, change["after"]), *_settings(kind, change, groups)}
        if kind not in EXPECTED.union(expect):
            broken.add("only expected types")
        found |= {Violation(each["address"], rule) for rule in broken}
    return sorted(each for each in found if each.rule not in set(leave_out))


def _settings(kind: str, change: Values, log_groups: Iterable[str]) -> Iterator[str]:
    values, unknown = change["after"], change.get("after_unknown") or {}

    def lacks(*names: str) -> bool:
        return not any(values.get(name) or unknown.get(name) for name in names)

    match kind:
        case "aws_apigatewayv2_route":
            if values.get("route_key") == "$connect" and values.get("authorization_type") != "CUSTOM":
                yield "clients are authorized"
        case "aws_dynamodb_table":
            if not _enabled(values, unknown, "server_side_encryption"):
                yield "a table is encrypted"
            recovered = _enabled(values, unknown, "point_in_time_recovery")
            if lacks("deletion_protection_enabled") or not recovered:
                yield "a table is protected"
        case "aws_sqs_queue":
            # SQS encrypts by itself unless it is asked not to, but then nothing in the plan says so.
            if lacks("kms_master_key_id") and not values.get("sqs_managed_sse_enabled"):
                yield "a queue is encrypted"
        case "aws_sns_topic":
            if lacks("kms_master_key_id"):
                yield "a topic is encrypted"
        case "aws_cloudwatch_log_group":
            if lacks("retention_in_days"):
                yield "a log group says how long it keeps"
        case "aws_lambda_function":
            named = {each["log_group"] for each in values.get("logging_config") or [] if each.get("log_group")}
            if not unknown.get("logging_config") and not (named and named <= set(log_groups)):
                yield "a function logs to a group of the plan"
        case "aws_lambda_permission":
            if "*" in (values.get("principal") or ""):
                yield "a permission names who invokes"
            if lacks("source_arn") or _broad(values.get("source_arn") or ""):
                yield "a permission names its source"


def _enabled(values: Values, unknown: Values, block: str) -> bool:
    return any(each.get("enabled") for each in values.get(block) or []) or unknown.get(block) is True


def _policies(kind: str, values: Values) -> Iterator[str]:
    for statement in _statements(values):
        if statement.get("Effect") != "Allow":
            continue
        if "NotPrincipal" in statement or any("*" in each for each in _principals(statement.get("Principal"))):
            yield "a policy names who it is for"
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if kind in _KEY_POLICIES:
            continue
        if "NotAction" in statement or any(_broad(action) for action in actions):
            yield "a policy names its actions"
        broad = [resource for resource in resources if _broad(resource)]
        if "NotResource" in statement or not all(_justified(each, broad) for each in actions):
            yield "a policy names its resources"


def _statements(value: Any) -> Iterator[Values]:
    """Find the statements of policies, which are JSON in whatever attribute or block holds them."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _statements(each)
    elif isinstance(value, list):
        for each in value:
            yield from _statements(each)
    elif isinstance(value, str) and '"Statement"' in value:
        with contextlib.suppress(ValueError):  # Text that only talks of statements.
            yield from _listed(json.loads(value)["Statement"])


def _broad(name: str) -> bool:
    return "*" in name or "?" in name


def _justified(action: str, resources: Iterable[str]) -> bool:
    return all(re.fullmatch(JUSTIFIED.get(action, "(?!)"), resource) for resource in resources)


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, Mapping):
        return [each for names in principal.values() for each in _listed(names)]
    return _listed(principal)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what a plan, written by `terraform show -json`, must not hold; fail if there is anything."""
    parser = argparse.ArgumentParser(prog="policy.py", epilog="The rules: " + "; ".join(RULES) + ".")
    parser.add_argument("plan", type=Path, help="what terraform show -json printed of a plan")
    parser.add_argument("--leave-out", action="append", default=[], choices=RULES, metavar="RULE", help="ignore a rule")
    parser.add_argument("--expect", action="append", default=[], metavar="TYPE", help="a resource type of your own")
    options = parser.parse_args(arguments)
    try:
        changes = json.loads(options.plan.read_text(encoding="utf-8"))["resource_changes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{options.plan} is not a plan as terraform show -json prints it: {error!r}\n")
        return 2
    found = violations(changes, leave_out=options.leave_out, expect=options.expect)
    for each in found:
        sys.stdout.write(f"{each.address}: violated: {each.rule}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
