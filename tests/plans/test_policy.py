"""Nothing too broad, unencrypted or kept for ever is planned, whatever the inputs are."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tools.paths import CHECKOUT
from tools.policy import BLOCKS_OF_PUBLIC_ACCESS, EXPECTED, RULES, Violation, main, violations
from tools.provider_schema import used
from tools.terraform import MINIMUM_FOR_TESTS, Terraform, copy_sources, find_program, terraform_environment

Plans = Mapping[str, Sequence[dict[str, Any]]]

TRIALS = ("clients are authorized",)
"""What a trial violates, and only a trial: anonymous clients."""

FOREIGN = ("only expected types", "a table is protected")
"""What is not planted rule by rule: see `test_types_that_are_not_the_modules_are_found` and examples/ci."""


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Plan against mocks, which know at once what AWS would say: only then is every policy known."""
    folder = tmp_path_factory.mktemp("policy")
    checkout = copy_sources(folder / "checkout")
    mocks = {"source": "./tests/terraform/mocks", "override_during": "plan"}
    aliases = {"aws": "aws", "aws.elsewhere": "aws.elsewhere"}
    runs = [
        {name: {"command": "plan", "module": {"source": f"./tests/plans/{name}"}, "providers": providers}}
        for name, providers in (("configurations", aliases), ("planted", {"aws": "aws"}))
    ]
    test = {"mock_provider": {"aws": [mocks, mocks | {"alias": "elsewhere"}]}, "run": runs}
    (checkout / "tests" / "policy.tftest.json").write_text(json.dumps(test))
    program = find_program(MINIMUM_FOR_TESTS)
    environment = terraform_environment(folder, program) | {"AWS_REGION": "us-east-1"}
    terraform = Terraform(program, checkout, folder / "data", environment)
    terraform.init()
    said = terraform.run("test", "-json", "-verbose", "-filter=tests/policy.tftest.json")
    messages = [json.loads(line) for line in said.splitlines() if '"type":"test_plan"' in line]
    return {message["@testrun"]: message["test_plan"]["resource_changes"] for message in messages}


def test_no_configuration_violates_a_rule(plans: Plans) -> None:
    assert violations(plans["configurations"], leave_out=TRIALS) == []
    anonymous = {each.address for each in violations(plans["configurations"])}
    assert anonymous
    assert all(re.match(r"module\.(trial|trial_without_client_push|elsewhere)\.", each) for each in anonymous)


def test_the_rules_have_something_to_look_at(plans: Plans) -> None:
    """Every kind of resource that a rule is about, and policies that are known."""
    planned = plans["configurations"]
    assert {each["type"] for each in planned} >= {
        "aws_cloudwatch_log_group",
        "aws_dynamodb_table",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_lambda_function",
        "aws_lambda_permission",
        "aws_sqs_queue",
    }
    assert all(each["change"]["after"]["policy"] for each in planned if each["type"] == "aws_iam_role_policy")


def test_partition_region_and_account_are_the_apis(plans: Plans) -> None:
    """The mocked API is in a partition of its own, and so is all that the module names by itself."""
    after = [(each["type"], each["change"]["after"]) for each in plans["configurations"]]
    functions = [values["environment"][0]["variables"] for kind, values in after if kind == "aws_lambda_function"]
    uris = [values["integration_uri"] for kind, values in after if kind == "aws_apigatewayv2_integration"]
    uris += [values["authorizer_uri"] for kind, values in after if kind == "aws_apigatewayv2_authorizer"]
    queues = [json.loads(values["policy"])["Statement"][0] for kind, values in after if kind == "aws_sqs_queue"]
    place = "cn-north-1:123456789012"

    assert {variables["DNS_SUFFIX"] for variables in functions} == {"amazonaws.com.cn"}
    assert {uri.rsplit(":function:", 1)[0] for uri in uris if uri} == {
        f"arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:{place}"
    }
    assert {statement["Resource"].rsplit(":", 1)[0] for statement in queues} == {f"arn:aws-cn:sqs:{place}"}


def test_what_must_not_be_is_found_and_nothing_else(plans: Plans) -> None:
    planted = {each["address"] for each in plans["planted"]}
    found = {each.address for each in violations(plans["planted"], leave_out=FOREIGN)}
    assert found == {address for address in planted if "bad_" in address}
    assert {address for address in planted if "good_" in address} == planted - found


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ('aws_iam_role_policy.planted["bad_action"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_not_action"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_resource"]', "a policy names its resources"),
        ('aws_iam_role_policy.planted["bad_not_resource"]', "a policy names its resources"),
        ('aws_iam_role_policy.planted["bad_any_action"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_any_service"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_part_of_service"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_one_letter"]', "a policy names its actions"),
        ('aws_iam_role_policy.planted["bad_buckets"]', "a policy names its resources"),
        ('aws_iam_role_policy.planted["bad_objects"]', "a policy names its resources"),
        ('aws_iam_role_policy.planted["bad_one_of_many"]', "a policy names its resources"),
        ("aws_iam_policy.bad_single", "a policy names its actions"),
        ("aws_iam_role.bad_inline", "a policy names its resources"),
        ('aws_iam_role.planted["bad_anybody"]', "a policy names who it is for"),
        ('aws_iam_role.planted["bad_any_aws"]', "a policy names who it is for"),
        ('aws_iam_role.planted["bad_all_but_one"]', "a policy names who it is for"),
        ('aws_sqs_queue_policy.planted["bad_anybody"]', "a policy names who it is for"),
        ('aws_sqs_queue_policy.planted["bad_any_aws"]', "a policy names who it is for"),
        ('aws_sqs_queue_policy.planted["bad_single"]', "a policy names who it is for"),
        ('aws_sqs_queue_policy.planted["bad_second"]', "a policy names who it is for"),
        ('aws_sqs_queue_policy.planted["bad_all_but_one"]', "a policy names who it is for"),
        ("aws_sqs_queue.bad_policy", "a policy names who it is for"),
        ('aws_kms_key_policy.planted["bad_anybody"]', "a policy names who it is for"),
        ('aws_lambda_permission.planted["bad_without_source"]', "a permission names its source"),
        ('aws_lambda_permission.planted["bad_any_principal"]', "a permission names who invokes"),
        ('aws_dynamodb_table.planted["bad_unencrypted"]', "a table is encrypted"),
        ('aws_sqs_queue.planted["bad_unencrypted"]', "a queue is encrypted"),
        ('aws_sqs_queue.planted["bad_unsaid"]', "a queue is encrypted"),
        ('aws_sns_topic.planted["bad_unencrypted"]', "a topic is encrypted"),
        ('aws_cloudwatch_log_group.planted["bad_default"]', "a log group says how long it keeps"),
        ('aws_lambda_function.planted["bad_unknown_group"]', "a function logs to a group of the plan"),
        ('aws_iam_role.planted["bad_any_account"]', "a policy names who it is for"),
        ('aws_iam_role.users["bad_any_user"]', "a policy names who it is for"),
        ("aws_cloudwatch_event_permission.bad_everybody", "a policy names who it is for"),
        ("aws_s3_bucket_policy.bad_everybody", "a policy names who it is for"),
        ("aws_api_gateway_rest_api_policy.bad_everybody", "a policy names who it is for"),
        ("aws_kms_key_policy.bad_all_but_one", "a policy names its actions"),
        ("aws_cloudformation_stack.bad_policy", "a policy names its actions"),
        ('aws_lambda_permission.planted["bad_any_action"]', "a policy names its actions"),
        ('aws_lambda_permission.planted["bad_bucket"]', "a permission names its source"),
        ("aws_lambda_layer_version_permission.bad_everybody", "a permission names who invokes"),
        ('aws_lambda_function_url.planted["bad_open"]', "a function URL asks who calls"),
        ('aws_sqs_queue_policy.planted["bad_any_service"]', "a policy for a service names the source"),
        ('aws_sns_topic_policy.planted["bad_any_account"]', "a policy for a service names the source"),
        ('aws_s3_bucket_acl.planted["bad_public"]', "a bucket is private"),
        ('aws_s3_bucket_public_access_block.planted["bad_policy"]', "a bucket is private"),
        ('aws_iam_role_policy_attachment.planted["bad_administrator"]', "a role has policies of its own"),
        ("aws_iam_role.bad_managed", "a role has policies of its own"),
    ],
)
def test_each_rule_says_what_is_wrong(plans: Plans, address: str, rule: str) -> None:
    found = violations(plans["planted"], leave_out=FOREIGN)
    assert [each for each in found if each.address == address] == [Violation(address, rule)]


def test_types_that_are_not_the_modules_are_found(plans: Plans) -> None:
    foreign = {each["address"] for each in plans["planted"] if each["type"] not in EXPECTED}
    found = [each for each in violations(plans["planted"]) if each.rule == "only expected types"]
    assert {each.address for each in found} == foreign
    own = {each["type"] for each in plans["planted"]} - EXPECTED
    assert not [each for each in violations(plans["planted"], expect=own) if each.rule == "only expected types"]


def test_the_expected_types_are_those_of_the_module() -> None:
    files = [*CHECKOUT.glob("*.tf"), *CHECKOUT.glob("modules/*/*.tf")]
    declared = {use.type for use in used(files) if not use.path and not use.type.startswith("data.")}
    assert declared | {"terraform_data"} == EXPECTED


def test_every_rule_is_explained_where_consumers_read_of_it() -> None:
    page = (CHECKOUT / "examples" / "ci" / "README.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| (.*?) \| (.*?) \|$", page, re.MULTILINE)[2:]) == RULES


def test_a_plan_in_a_file_is_checked(plans: Plans, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"resource_changes": plans["configurations"]}))
    assert main([str(plan), "--leave-out", *TRIALS]) == 0
    assert capsys.readouterr().out == ""

    plan.write_text(json.dumps({"resource_changes": plans["planted"]}))
    assert main([str(plan)]) == 1
    assert 'aws_sqs_queue.planted["bad_unencrypted"]: violated: a queue is encrypted\n' in capsys.readouterr().out


def test_what_is_not_known_yet_what_goes_away_and_text_pass() -> None:
    unknown = {"kms_master_key_id": True, "sqs_managed_sse_enabled": True}
    changes = [
        {
            "address": "aws_sqs_queue.a",
            "mode": "managed",
            "type": "aws_sqs_queue",
            "change": {"actions": ["create"], "after": {"name": "a"}, "after_unknown": unknown},
        },
        {
            "address": "aws_sns_topic.b",
            "mode": "managed",
            "type": "aws_sns_topic",
            "change": {"actions": ["delete"], "after": None},
        },
        {
            "address": "aws_sqs_queue.c",
            "mode": "managed",
            "type": "aws_sqs_queue",
            # Text with a word of policies in it is no policy.
            "change": {"actions": ["create"], "after": {"name": 'a "Statement"', "sqs_managed_sse_enabled": True}},
        },
    ]
    assert violations(changes) == []


@pytest.mark.parametrize(
    "kind",
    [
        "aws_apigatewayv2_api",
        "aws_apigatewayv2_api_mapping",
        "aws_apigatewayv2_domain_name",
        "aws_apigatewayv2_stage",
        "aws_dynamodb_table",
        "aws_sqs_queue",
    ],
)
def test_what_clients_and_their_data_need_is_not_destroyed(kind: str) -> None:
    change = {"actions": ["delete"], "after": None}
    gone = {"address": f"{kind}.a", "mode": "managed", "type": kind, "change": change}
    assert violations([gone]) == [Violation(f"{kind}.a", "data, connections and the URL stay")]


def planned(kind: str, after: Mapping[str, Any], late: Mapping[str, Any]) -> dict[str, Any]:
    change = {"actions": ["create"], "after": after, "after_unknown": late}
    return {"address": f"{kind}.a", "mode": "managed", "type": kind, "change": change}


@pytest.mark.parametrize(
    ("kind", "after", "late"),
    [
        ("aws_apigatewayv2_route", {"route_key": "$connect"}, {"authorization_type": True}),
        (
            "aws_dynamodb_table",
            {"server_side_encryption": [{}], "point_in_time_recovery": [{}]},
            {
                "server_side_encryption": [{"enabled": True}],
                "point_in_time_recovery": [{"enabled": True}],
                "deletion_protection_enabled": True,
            },
        ),
        ("aws_lambda_permission", {"principal": "s3.amazonaws.com"}, {"source_arn": True}),
        (
            "aws_lambda_permission",
            {"principal": "s3.amazonaws.com", "source_arn": "arn:aws:s3:::a"},
            {"source_account": True},
        ),
        ("aws_iam_role_policy", {}, {"policy": True}),
        ("aws_iam_role_policy_attachment", {}, {"policy_arn": True}),
        ("aws_s3_bucket_public_access_block", {}, dict.fromkeys(BLOCKS_OF_PUBLIC_ACCESS, True)),
    ],
)
def test_a_value_that_is_not_known_yet_passes(kind: str, after: Mapping[str, Any], late: Mapping[str, Any]) -> None:
    assert violations([planned(kind, after, late)], leave_out=["only expected types"]) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": null}',
        '{"Statement": "Allow"}',
        '["Statement"]',
        '{"Other": "Statement"}',
        '{"Statement": [{"Effect": "Allow", "Action": 5, "Resource": [null], "Principal": 5, "Condition": "a"}]}',
        '{"Statement": [',
        '{"a "Statement"',
    ],
)
def test_what_is_no_policy_is_no_violation(text: str) -> None:
    assert violations([planned("aws_iam_role_policy", {"policy": text}, {})]) == []


def test_a_statement_is_found_however_its_json_is_written() -> None:
    policies = (
        '\n  {"\\u0053tatement" : {"Effect": "Allow", "Action": "*:*"}}',
        json.dumps({"body": json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}})}),
    )
    for policy in policies:
        found = violations([planned("aws_iam_role_policy", {"policy": policy}, {})])
        assert [each.rule for each in found] == ["a policy names its actions"], policy


def test_policies_that_are_known_after_apply_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    changes = [
        planned("aws_iam_role_policy", {}, {"policy": True}),
        planned("aws_sqs_queue", {"sqs_managed_sse_enabled": True}, {"redrive_policy": True}),
    ]
    plan.write_text(json.dumps({"resource_changes": changes}))
    assert main([str(plan)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Known after apply, so not checked until the next plan: a policy of aws_iam_role_policy.a\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    assert main([str(plan)]) == 2
    assert "is not a plan as terraform show -json prints it" in capsys.readouterr().err


def test_a_plan_that_failed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"resource_changes": [], "errored": True, "complete": False}))
    assert main([str(plan)]) == 2
    assert "is of a plan that failed" in capsys.readouterr().err


def test_a_plan_of_a_part_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"resource_changes": [], "errored": False, "complete": False}))
    assert main([str(plan)]) == 0
    assert (
        capsys.readouterr().err == "Planned for a part only (-target, or changes put off): the rest is not checked.\n"
    )
