"""Nothing too broad, unencrypted or kept for ever is planned, whatever the inputs are."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tools.paths import CHECKOUT
from tools.policy import EXPECTED, RULES, Violation, main, violations
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


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    assert main([str(plan)]) == 2
    assert "is not a plan as terraform show -json prints it" in capsys.readouterr().err
