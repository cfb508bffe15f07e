"""The module as its users call it: twice, by `for_each`, by a provider alias, with default tags, in any partition."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.plans.roots import PROVIDER, Change, make_root, plan

BOUNDARIES = [f"arn:{partition}:iam::123456789012:policy/boundary" for partition in ("aws", "aws-cn")]
HERE, THERE = (
    {"allow_anonymous": True, "iam_roles": {"permissions_boundary_arn": boundary}} for boundary in BOUNDARIES
)

CONFIGURATION: Mapping[str, Any] = {
    "provider": {
        "aws": [
            {**PROVIDER, "default_tags": {"tags": {"project": "push", "team": "none"}}},
            {**PROVIDER, "alias": "china", "region": "cn-north-1"},
        ]
    },
    "module": {
        "tenants": {
            "source": "../",
            "for_each": '${toset(["first", "second"])}',
            "name": "${each.key}",
            "tags": {"team": "a"},
            **HERE,
        },
        "elsewhere": {"source": "../", "providers": {"aws": "aws.china"}, "name": "first", **THERE},
    },
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Change]:
    return plan(make_root(tmp_path_factory.mktemp("uses"), CONFIGURATION))


def after(planned: Mapping[str, Change], kind: str) -> list[dict[str, Any]]:
    return [each["change"]["after"] for each in planned.values() if each["type"] == kind]


def test_two_in_one_account_share_no_name(planned: Mapping[str, Change]) -> None:
    ours = {address: each for address, each in planned.items() if address.startswith("module.tenants")}
    for kind, attribute in (
        ("aws_dynamodb_table", "name"),
        ("aws_lambda_function", "function_name"),
        ("aws_cloudwatch_log_group", "name"),
        ("aws_apigatewayv2_api", "name"),
        ("aws_iam_role", "name_prefix"),
    ):
        names = [each[attribute] for each in after(ours, kind)]
        assert len(names) >= 2
        assert len(set(names)) == len(names)


def test_packages_of_the_same_content_are_shared_without_being_overwritten(planned: Mapping[str, Change]) -> None:
    files: dict[str, set[str]] = {}
    for each in after(planned, "aws_lambda_function"):
        files.setdefault(each["filename"], set()).add(each["source_code_hash"])
    assert all(len(hashes) == 1 for hashes in files.values())


def test_default_tags_reach_whatever_takes_tags_and_the_modules_win(planned: Mapping[str, Change]) -> None:
    tagged = [
        each["change"]["after"]["tags_all"]
        for address, each in planned.items()
        if address.startswith("module.tenants") and "tags_all" in each["change"]["after"]
    ]
    assert len(tagged) >= 10
    assert all(tags["project"] == "push" and tags["team"] == "a" and tags["Name"] for tags in tagged)


def test_an_alias_takes_everything_elsewhere(planned: Mapping[str, Change]) -> None:
    there = {address: each for address, each in planned.items() if address.startswith("module.elsewhere")}
    assert {each["provider_name"] for each in there.values()} <= {
        "registry.terraform.io/hashicorp/aws",
        "registry.opentofu.org/hashicorp/aws",
        "terraform.io/builtin/terraform",
    }
    assert not [each for each in there.values() if (each["change"]["after"].get("tags_all") or {}).get("project")]


def test_every_role_is_bounded(planned: Mapping[str, Change]) -> None:
    assert {each["permissions_boundary"] for each in after(planned, "aws_iam_role")} == set(BOUNDARIES)
