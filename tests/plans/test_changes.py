"""What a new version of the module, or another input, does to what exists: it never costs a table its content."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.plans.roots import (
    RECORDED,
    RECORDED_SECOND,
    SECOND_LAYOUT,
    Change,
    actions,
    calls,
    make_root,
    plan,
    state_of,
)
from tools.errors import ToolError
from tools.paths import CHECKOUT

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
KEY = ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
# In the account of the API that is in the state; of another one it is refused.
MINE = {"function_name": "mine", "function_arn": "arn:aws:lambda:us-east-1:000000000000:function:mine"}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "tags": {"tags": {"team": "a"}},
    "jwt": {"jwt": {"secret_arn": ARN.format("ssm", "parameter/push"), "secret_kms_key_arn": KEY}},
    "authorizer": {"jwt": None, "authorizer": MINE},
    "anonymous": {"jwt": None, "allow_anonymous": True},
    "origins": {"allowed_origins": ["https://app.example"]},
    "persistence": {"persist_by_default": False, "notification_ttl": 60},
    "clients": {"keepalive": {"action": "ping"}, "max_frame_kb": 128},
    "client_push": {"client_push": "none"},
    "stage": {"stage_name": "other", "throttling": {"rate_limit": 1, "burst_limit": 1}},
    "functions": {
        "functions": {
            key: {
                "memory_size": 1024,
                "timeout": 20,
                "reserved_concurrency": 5,
                "provisioned_concurrency": 2,
                "architecture": "x86_64",
                "runtime": "python3.12",
                "environment": {"EXTRA": "1"},
            }
            for key in ("connect", "disconnect", "poll", "push", "verify_jwt")
        }
    },
    "control": {"control": {}},
    "topics": {"topics": {}, "jwt": {**RECORDED["jwt"], "topics_claim": "topics"}},
    "inbox": {"inbox": {}},
    "limits": {"limits": {"connections_per_user": 10}},
    "events": {"events": {"event_bus_arn": ARN.format("events", "event-bus/push")}},
    "packages": {"packages": {"poll": {"s3_bucket": "packages", "s3_key": "poll.zip"}}},
    "logs": {"log_retention_days": 7, "access_logs": {}, "tracing": True},
    "protection": {"deletion_protection": False},
    "recovery": {"point_in_time_recovery": False},
    "billing": {"table_billing": {"mode": "PROVISIONED", "clients": {"read_capacity": 10, "read_capacity_max": 20}}},
    "on_demand": {"table_billing": {"mode": "PAY_PER_REQUEST"}},
    "keys": {"kms": {"tables_key_arn": KEY, "logs_key_arn": KEY, "queues_key_arn": KEY}},
    "queue": {"push_queue": {}, "async_invocation": {"maximum_retry_attempts": 0}},
    "monitoring": {"log_level": "WARN", "metrics_namespace": "Mine", "alarms": {}, "dashboard": True},
    "network": {"vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}},
    "domain": {
        "custom_domain": {
            "domain_name": "push.example.com",
            "certificate_arn": ARN.format("acm", "certificate/1234"),
            "hosted_zone_id": "Z1",
        }
    },
    "roles": {"iam_roles": {"path": "/push/"}},
}
"""Changes of inputs, by the name of a module that is called with them where the first layout was applied before."""

TABLES = {"module.dynamodb.aws_dynamodb_table.clients", "module.dynamodb.aws_dynamodb_table.notifications"}

KEPT = ("aws_dynamodb_table", "aws_lambda_function", "aws_apigatewayv2_api", "aws_cloudwatch_log_group", "aws_iam_role")
"""Kinds of resources that hold something, or whose names or ARNs others know."""

MAPPING: Mapping[str, Any] = {
    "module": "module.push.module.websocket_api",
    "mode": "managed",
    "type": "aws_apigatewayv2_api_mapping",
    "name": "this",
    "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
    "instances": [
        {
            "index_key": "this",
            "schema_version": 0,
            "attributes": {
                "api_id": "c21f5825",
                "api_mapping_key": "",
                "domain_name": "push.example.com",
                "id": "1",
                "stage": "live",
            },
        }
    ],
}
"""A stage that is mapped to a custom domain, as an apply leaves it in the first layout."""

Planned = Mapping[str, Mapping[str, list[str]]]


def by_module(changes: Mapping[str, Change]) -> dict[str, dict[str, list[str]]]:
    """Group what would be done by the called module."""
    grouped: dict[str, dict[str, list[str]]] = {name: {} for name in CHANGES}
    for address, done in actions(changes).items():
        _, name, rest = address.split(".", 2)
        grouped[name][rest] = done
    return grouped


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Change]:
    """Plan all changes at once: a copy of the module, and of its state, for each."""
    state = state_of(CHANGES)
    for resource in state["resources"]:
        if resource["module"] == "module.on_demand.module.dynamodb":
            provision(resource)
    modules = {name: {**RECORDED, **inputs} for name, inputs in CHANGES.items()}
    return plan(make_root(tmp_path_factory.mktemp("changes"), calls(modules), state))


@pytest.fixture(scope="module")
def planned(changes: Mapping[str, Change]) -> Planned:
    """Return what would be done by each of the changes."""
    return by_module(changes)


def provision(table: dict[str, Any]) -> None:
    for instance in table["instances"]:
        capacity = {"read_capacity": 7, "write_capacity": 7}
        instance["attributes"] |= {"billing_mode": "PROVISIONED"} | capacity
        for index in instance["attributes"]["global_secondary_index"]:
            index.update(capacity)


def test_a_new_version_replaces_nothing_that_is_known_elsewhere(planned: Planned) -> None:
    destroyed = {address for address, done in planned["nothing"].items() if "delete" in done}
    # Sources have changed since, so packages are built again, and what they hold is deployed in place.
    assert {address.split("[")[0] for address in destroyed} <= {"module.lambda.terraform_data.package"}
    assert {tuple(done) for address, done in planned["nothing"].items() if ".aws_" in address} <= {
        ("update",),
        ("create",),
    }


def test_a_new_version_leaves_tables_and_routes_as_they_are(planned: Planned) -> None:
    kinds = (".aws_dynamodb_", ".aws_apigatewayv2_")
    done = {address: each for address, each in planned["nothing"].items() if any(kind in address for kind in kinds)}
    assert done == {
        # The tag that notes which packages are deployed, which the table itself leaves alone.
        "module.lambda.aws_dynamodb_tag.deployed[0]": ["create"],
        # The limits of the routes of clients, which that layout did not have.
        "module.websocket_api.aws_apigatewayv2_stage.this": ["update"],
    }


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_no_input_replaces_a_table(planned: Planned, name: str) -> None:
    assert all(planned[name].get(table, ["update"]) == ["update"] for table in TABLES)


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_inputs_change_in_place_what_others_know(planned: Planned, name: str) -> None:
    destroyed = {address for address, done in planned[name].items() if "delete" in done}
    kept = {address for address in destroyed if address.split(".")[2] in KEPT}
    # Without jwt its function goes; a role cannot move to another path.
    gone = {address for address in kept if "verify_jwt" in address and name in ("authorizer", "anonymous")}
    moved = {address for address in kept if ".aws_iam_role." in address and name == "roles"}
    assert kept - gone - moved == set()


@pytest.mark.parametrize("name", ["protection", "recovery", "billing", "on_demand", "keys", "tags"])
def test_inputs_of_the_tables_reach_them(planned: Planned, name: str) -> None:
    assert planned[name].keys() >= TABLES


@pytest.mark.parametrize(
    ("name", "done", "pattern"),
    [
        ("billing", "create", r"dynamodb\.aws_appautoscaling_(target|policy)\.this"),
        ("keys", "update", r"lambda\.aws_cloudwatch_log_group\.this"),
        ("keys", "update", r"lambda\.aws_iam_role_policy\.this\[\"poll\"\]"),
        ("network", "update", r"lambda\.aws_iam_role_policy\.this\[\"verify_jwt\"\]"),
        ("logs", "create", r"websocket_api\.aws_cloudwatch_log_group\.access"),
        ("logs", "update", r"websocket_api\.aws_apigatewayv2_stage\.this"),
        (
            "domain",
            "create",
            r"websocket_api\.aws_(apigatewayv2_domain_name|apigatewayv2_api_mapping|route53_record)\.this",
        ),
        ("functions", "create", r"lambda\.aws_lambda_(alias|provisioned_concurrency_config)\.this\[\"push\"\]"),
        ("functions", "create", r"websocket_api\.aws_lambda_permission\.alias\[\"(authorizer|push)\"\]"),
        ("functions", "update", r"websocket_api\.aws_apigatewayv2_(integration\.proxy|authorizer\.this)"),
        ("roles", "create", r"lambda\.aws_iam_role\.this"),
        ("control", "create", r"lambda\.aws_lambda_function\.this\[\"control\"\]"),
        ("control", "update", r"lambda\.aws_iam_role_policy\.this\[\"connect\"\]"),
        ("inbox", "create", r"lambda\.aws_lambda_function\.this\[\"mark\"\]"),
        ("inbox", "create", r"websocket_api\.aws_apigatewayv2_route\.this\[\"mark\"\]"),
        ("limits", "update", r"lambda\.aws_lambda_function\.this\[\"connect\"\]"),
        ("events", "create", r"lambda\.aws_lambda_function\.this\[\"events\"\]"),
        ("events", "update", r"dynamodb\.aws_dynamodb_table\.clients"),
        ("topics", "create", r"dynamodb\.aws_dynamodb_table\.subscriptions\[0\]"),
        ("topics", "create", r"lambda\.aws_lambda_function\.this\[\"(fanout|subscriptions)\"\]"),
        ("topics", "create", r"queues\.aws_sqs_queue\.fanout(_dead_letter)?\[0\]"),
        ("topics", "create", r"websocket_api\.aws_apigatewayv2_route\.this\[\"(un)?subscribe\"\]"),
        ("topics", "update", r"lambda\.aws_iam_role_policy\.this\[\"push\"\]"),
    ],
)
def test_inputs_reach_their_resources(changes: Mapping[str, Change], name: str, done: str, pattern: str) -> None:
    """And without them there is no such change."""

    def found(case: str) -> dict[str, object]:
        addresses = [each for each in changes if each.startswith(f"module.{case}.") and re.search(pattern, each)]
        return {
            address.split(".", 2)[2]: changes[address]["change"]["after"]
            for address in addresses
            if done in changes[address]["change"]["actions"]
        }

    without = found("nothing")
    assert found(name)
    assert all(address not in without or after != without[address] for address, after in found(name).items())


def test_a_new_version_keeps_all_of_the_second_layout(tmp_path: Path) -> None:
    """Everything that the inputs can turn on, and addresses that have moved since."""
    terraform = make_root(tmp_path, calls({"push": RECORDED_SECOND}), state_of(["push"], SECOND_LAYOUT))
    changes = plan(terraform)
    done = {(address.split(".", 2)[2].split("[")[0], *each) for address, each in actions(changes).items()}
    assert {address for address, *each in done if "delete" in each} <= {"module.lambda.terraform_data.package"}
    # Sources, widgets, descriptions and the limits of routes change with versions; nothing else does.
    assert {address for address, *each in done if each == ["update"]} <= {
        "module.lambda.aws_lambda_alias.this",
        "module.lambda.aws_lambda_function.this",
        "module.monitoring.aws_cloudwatch_dashboard.this",
        "module.monitoring.aws_cloudwatch_metric_alarm.this",
        "module.websocket_api.aws_apigatewayv2_stage.this",
    }
    assert {each["previous_address"].rsplit(".", 2)[1] for each in changes.values() if "previous_address" in each} == {
        "aws_apigatewayv2_api",
        "aws_lambda_event_source_mapping",
        "aws_lambda_function_event_invoke_config",
    }


def test_waiting_for_something_else_updates_nothing(planned: Planned, tmp_path: Path) -> None:
    """A module that is called with `depends_on` shows what it shows without."""
    configuration = json.loads(json.dumps(calls({"push": RECORDED})))
    configuration["module"]["push"]["depends_on"] = ["terraform_data.first"]
    configuration["resource"] = {"terraform_data": {"first": {"input": "made in the same apply"}}}
    changes = actions(plan(make_root(tmp_path, configuration, state_of(["push"]))))
    assert changes.pop("terraform_data.first") == ["create"]
    assert {address.removeprefix("module.push."): done for address, done in changes.items()} == planned["nothing"]


@pytest.mark.parametrize(
    ("inputs", "done"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"client_push": "none"}, None, id="another_deployment"),
        pytest.param({"stage_name": "other"}, ["delete", "create"], id="another_stage"),
    ],
)
def test_a_stage_is_deleted_after_its_mapping(
    tmp_path: Path, inputs: Mapping[str, Any], done: list[str] | None
) -> None:
    """API Gateway refuses to delete a stage that a custom domain is mapped to."""
    state = state_of(["push"])
    state["resources"].append(MAPPING)
    given = {**RECORDED, "custom_domain": CHANGES["domain"]["custom_domain"], **inputs}
    changes = actions(plan(make_root(tmp_path, calls({"push": given}), state)))
    assert changes["module.push.module.websocket_api.aws_apigatewayv2_stage.this"] == (done or ["update"])
    assert changes.get('module.push.module.websocket_api.aws_apigatewayv2_api_mapping.this["this"]') == done


def test_checks_of_defaults_need_not_wait_for_something_else(tmp_path: Path) -> None:
    """A check that is known only after apply is a warning in each plan, and an error in a caller's `terraform test`."""
    configuration = json.loads(json.dumps(calls({"push": {**RECORDED, "topics": {}}})))
    configuration["module"]["push"]["depends_on"] = ["terraform_data.first"]
    configuration["resource"] = {"terraform_data": {"first": {"input": "made in the same apply"}}}
    terraform = make_root(tmp_path, configuration, state_of(["push"]))
    plan(terraform)
    checks = json.loads(terraform.run("show", "-json", str(terraform.data / "plan")))["checks"]
    found = {each["address"]["name"]: each["status"] for each in checks if each["address"]["kind"] == "check"}
    assert found == {"broadcast_rate": "pass", "throttling": "pass"}


def test_every_input_is_changed_by_some_plan() -> None:
    """Except the name, which is refused (below), and a release's packages, which change nothing (test_released.py)."""
    inputs = set(re.findall(r'^variable "(\w+)"', (CHECKOUT / "variables.tf").read_text(), re.MULTILINE))
    assert {name for change in CHANGES.values() for name in change} == inputs - {"name", "packages_folder"}


def test_another_name_is_refused(tmp_path: Path) -> None:
    """The one input that would replace the tables: their names hold it."""
    state = state_of(["push"])
    state["resources"].append(remembered("name", "websocket-push"))
    terraform = make_root(tmp_path, calls({"push": {**RECORDED, "name": "other"}}), state)
    with pytest.raises(ToolError, match=r'Another name than\s+"websocket-push"'):
        plan(terraform)

    given_up = plan(terraform, "-replace=module.push.module.dynamodb.terraform_data.name")
    assert actions(given_up)["module.push.module.dynamodb.aws_dynamodb_table.clients"] == ["delete", "create"]


def test_another_region_is_refused(tmp_path: Path) -> None:
    """The provider would find no table there, make new ones, and forget those that there are."""
    state = state_of(["push"])
    state["resources"].append(remembered("region", "eu-central-1"))
    terraform = make_root(tmp_path, calls({"push": RECORDED}), state)
    with pytest.raises(ToolError, match=r"The tables are in the Region\s+eu-central-1"):
        plan(terraform)

    given_up = plan(terraform, "-replace=module.push.module.dynamodb.terraform_data.region")
    assert actions(given_up)["module.push.module.dynamodb.terraform_data.region"] == ["delete", "create"]


def test_the_first_apply_of_a_version_that_remembers_the_region_is_not_refused(planned: Planned) -> None:
    assert planned["nothing"]["module.dynamodb.terraform_data.region"] == ["create"]


def remembered(what: str, value: str) -> dict[str, Any]:
    """Return a resource by which the module remembers its name or its Region, as an apply leaves it."""
    stored = {"value": value, "type": "string"}
    return {
        "module": "module.push.module.dynamodb",
        "mode": "managed",
        "type": "terraform_data",
        "name": what,
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [
            {
                "schema_version": 0,
                "attributes": {"id": "1", "input": stored, "output": stored, "triggers_replace": None},
            }
        ],
    }


def test_a_first_plan_measures_what_each_function_is_told(tmp_path: Path) -> None:
    """Also what AWS decides, as the addresses of the API and of queues: an apply would fail with half of it made."""
    functions = ("control", "events", "fanout", "push")
    extra = {"environment": {"EXTRA": "x" * 3800}}
    domain = {
        "domain_name": f"{'a' * 60}.{'b' * 60}.example.com",
        "certificate_arn": ARN.format("acm", "certificate/1"),
    }
    everything = {
        "allow_anonymous": True,
        "control": {},
        "events": {"event_bus_arn": ARN.format("events", "event-bus/push")},
        "topics": {},
        "functions": dict.fromkeys(functions, extra),
    }
    by_domain = {
        "allow_anonymous": True,
        "name": "by-domain",
        "custom_domain": {**domain, "mapping_key": "m" * 128, "posts": True},
        "functions": {"push": {"environment": {"EXTRA": "x" * 3520}}},
    }
    with pytest.raises(ToolError) as refusal:
        plan(make_root(tmp_path, calls({"everything": everything, "by_domain": by_domain})))
    said = re.findall(r"The environment of (\w+) is larger than 4 KB", str(refusal.value))
    assert sorted(said) == sorted([*functions, "push"])
