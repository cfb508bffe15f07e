"""Checks a plan in JSON against what this project promises of its security: `python3 tools/policy.py plan.json`.

It needs Python 3.10 and nothing else, so that users of the module can run it over their own plans (examples/ci). The
rules look at planned values only, so what is known after apply passes; policies among that are listed. The tests
therefore plan against mocks that know everything.
"""

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]

RULES: Mapping[str, str] = {
    "data, connections and the URL stay": (
        "a table, a queue, the API, its stage or its domain name is destroyed or replaced"
    ),
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
    "a function URL asks who calls": "the authorization of a function URL is `NONE`",
    "a permission names who invokes": "the principal of a Lambda permission is `*`",
    "a permission names its source": (
        "a Lambda permission has no `source_arn`, one with a wildcard, or one without account and no `source_account`"
    ),
    "a bucket is private": "an S3 bucket has a public ACL, or one of its blocks against public access is off",
    "a role has policies of its own": "a managed policy of AWS is attached, other than those for service roles",
    "a policy names its actions": "an Allow has `NotAction`, or a wildcard in an action; so has a Lambda permission",
    "a policy names its resources": (
        "an Allow has `NotResource`, or a wildcard where the action supports specific resources"
    ),
    "a policy names who it is for": (
        "an Allow has `NotPrincipal`, a principal with a wildcard, or an OpenID provider without a condition on users"
    ),
    "a policy for a service names the source": (
        "an Allow for a service lacks a condition on `aws:SourceArn`, `aws:SourceAccount` or the organization; "
        "roles and keys do not need it"
    ),
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

_KEPT = {
    "aws_apigatewayv2_api",
    "aws_apigatewayv2_api_mapping",
    "aws_apigatewayv2_domain_name",
    "aws_apigatewayv2_stage",
    "aws_dynamodb_table",
    "aws_sqs_queue",
}

# A key's policy is about that key, which it calls *, and AWS's own form of it names actions by patterns.
_KEY_POLICIES = {
    "aws_kms_external_key",
    "aws_kms_key",
    "aws_kms_key_policy",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
}

# What says for whom a service acts. Keys of conditions are not case-sensitive.
_SOURCES = {"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"}

# Broad by design, for every user of AWS. Those for service roles are the only way to some services.
_MANAGED_POLICY = re.compile(r"arn:[^:]+:iam::aws:policy/(?!service-role/|aws-service-role/)")
_ATTACHED = ("policy_arn", "policy_arns", "managed_policy_arns")

BLOCKS_OF_PUBLIC_ACCESS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")

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
            unauthorized = values.get("authorization_type") != "CUSTOM" and not unknown.get("authorization_type")
            if values.get("route_key") == "$connect" and unauthorized:
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
        case "aws_lambda_permission" | "aws_lambda_layer_version_permission":
            yield from _permission(kind, values, unknown)
        case "aws_lambda_function_url":
            if values.get("authorization_type") == "NONE":
                yield "a function URL asks who calls"
        case "aws_cloudwatch_event_permission":
            # With a condition the rule is the organization's.
            if values.get("principal") == "*" and lacks("condition"):
                yield "a policy names who it is for"
        case "aws_s3_bucket" | "aws_s3_bucket_acl":
            if (values.get("acl") or "").startswith(("public-", "authenticated-read")):
                yield "a bucket is private"
        case "aws_s3_bucket_public_access_block":
            if any(lacks(block) for block in BLOCKS_OF_PUBLIC_ACCESS):
                yield "a bucket is private"
    if any(_MANAGED_POLICY.match(arn) for name in _ATTACHED for arn in _listed(values.get(name))):
        yield "a role has policies of its own"


def _permission(kind: str, values: Values, unknown: Values) -> Iterator[str]:
    if "*" in (values.get("principal") or ""):
        yield "a permission names who invokes"
    if _broad(values.get("action") or ""):
        yield "a policy names its actions"
    if kind == "aws_lambda_layer_version_permission" or unknown.get("source_arn"):
        return
    arn = values.get("source_arn") or ""
    accounts = [arn.split(":")[4:5], [values.get("source_account") or unknown.get("source_account")]]
    # The name of a bucket may pass to another account.
    if not arn or _broad(arn) or not any(each and each[0] for each in accounts):
        yield "a permission names its source"


def _enabled(values: Values, unknown: Values, block: str) -> bool:
    late = unknown.get(block)
    known_late = late is True or any(isinstance(each, Mapping) and each.get("enabled") for each in late or [])
    return known_late or any(each.get("enabled") for each in values.get(block) or [])


def _policies(kind: str, values: Values) -> Iterator[str]:
    for statement in _statements(values):
        if statement.get("Effect") != "Allow":
            continue
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if not _names_principals(statement):
            yield "a policy names who it is for"
        if "NotAction" in statement:
            yield "a policy names its actions"
        if kind in _KEY_POLICIES:
            continue
        if _for_service(statement) and not all(action.lower().startswith("sts:") for action in actions):
            values_of_sources = _conditions(statement, _SOURCES.__contains__)
            if not values_of_sources or not all(_of_one_account(each) for each in values_of_sources):
                yield "a policy for a service names the source"
        if any(_broad(action) for action in actions):
            yield "a policy names its actions"
        broad = [resource for resource in resources if _broad(resource)]
        if "NotResource" in statement or not all(_justified(each, broad) for each in actions):
            yield "a policy names its resources"


def _names_principals(statement: Values) -> bool:
    if "NotPrincipal" in statement or any("*" in each for each in _principals(statement.get("Principal"))):
        return False
    principal = statement.get("Principal")
    federated = _listed(principal.get("Federated")) if isinstance(principal, Mapping) else []
    # An audience is shared by all users of a provider such as GitHub.
    users = _conditions(statement, lambda key: not key.endswith(":aud"))
    return not any(":oidc-provider/" in each for each in federated) or any(each.strip("*?:/") for each in users)


def _for_service(statement: Values) -> bool:
    principal = statement.get("Principal")
    return isinstance(principal, Mapping) and "Service" in principal


def _conditions(statement: Values, wanted: Callable[[str], bool]) -> list[str]:
    """Return the values that must be met, by the keys that are wanted, in lower case."""
    condition = statement.get("Condition")
    return [
        value
        for operator, keys in (condition.items() if isinstance(condition, Mapping) else ())
        if "Not" not in operator and not operator.startswith("ForAllValues") and not operator.endswith("IfExists")
        for key, values in keys.items()
        if wanted(key.lower())
        for value in _listed(values)
    ]


def _of_one_account(source: str) -> bool:
    account, name = [*source.split(":", 5)[4:], "*", "*"][:2] if source.startswith("arn:") else (source, "")
    return not _broad(account) and (bool(account) or not _broad(name))


def _statements(value: Any) -> Iterator[Values]:
    """Find the statements of policies, which are JSON in whatever attribute, block or other JSON holds them."""
    if isinstance(value, Mapping):
        yield from (each for each in _elements(value.get("Statement")) if isinstance(each, Mapping))
        for each in value.values():
            yield from _statements(each)
    elif isinstance(value, list):
        for each in value:
            yield from _statements(each)
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError):  # Text that only looks like JSON.
            yield from _statements(json.loads(value))


def late_policies(changes: Iterable[Values]) -> list[str]:
    """Return the addresses of resources that have a policy which is known after apply."""
    return sorted(
        each["address"]
        for each in changes
        if each["mode"] == "managed"
        and any(
            "policy" in name and "redrive" not in name and late is True
            for name, late in (each["change"].get("after_unknown") or {}).items()
        )
    )


def _broad(name: str) -> bool:
    return "*" in name or "?" in name


def _justified(action: str, resources: Iterable[str]) -> bool:
    return all(re.fullmatch(JUSTIFIED.get(action, "(?!)"), resource) for resource in resources)


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, Mapping):
        return [each for names in principal.values() for each in _listed(names)]
    return _listed(principal)


def _listed(value: Any) -> list[str]:
    return [each for each in _elements(value) if isinstance(each, str)]


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what a plan, written by `terraform show -json`, must not hold; fail if there is anything."""
    parser = argparse.ArgumentParser(prog="policy.py", epilog="The rules: " + "; ".join(RULES) + ".")
    parser.add_argument("plan", type=Path, help="what terraform show -json printed of a plan")
    parser.add_argument("--leave-out", action="append", default=[], choices=RULES, metavar="RULE", help="ignore a rule")
    parser.add_argument("--expect", action="append", default=[], metavar="TYPE", help="a resource type of your own")
    options = parser.parse_args(arguments)
    try:
        plan = json.loads(options.plan.read_text(encoding="utf-8"))
        changes = plan["resource_changes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{options.plan} is not a plan as terraform show -json prints it: {error!r}\n")
        return 2
    if plan.get("errored"):
        sys.stderr.write(f"{options.plan} is of a plan that failed. Fix what terraform plan reports, and plan again.\n")
        return 2
    found = violations(changes, leave_out=options.leave_out, expect=options.expect)
    for each in found:
        sys.stdout.write(f"{each.address}: violated: {each.rule}\n")
    if not plan.get("complete", True):
        sys.stderr.write("Planned for a part only (-target, or changes put off): the rest is not checked.\n")
    if late := late_policies(changes):
        sys.stderr.write(f"Known after apply, so not checked until the next plan: a policy of {', '.join(late)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
