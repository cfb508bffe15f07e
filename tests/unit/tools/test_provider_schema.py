"""The configuration uses nothing that version 6 of the AWS provider lacks or deprecates."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.paths import CHECKOUT
from tools.provider_schema import TABLE, problems, terraform_files, used

INDEX = "aws_dynamodb_table.global_secondary_index"
ACCEPTED: Mapping[str, str] = {
    # 5.100 requires it and has no key_schema, and what a block holds cannot depend on the provider's version.
    f"{INDEX}.hash_key is deprecated: hash_key is deprecated. Use key_schema instead.": "docs/upgrading.md",
}
"""What is deprecated in version 6 and used all the same, with the page that says what its users see."""


@pytest.fixture(scope="module")
def table() -> Mapping[str, Any]:
    content: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return content


def test_nothing_that_is_used_is_missing_or_deprecated(table: Mapping[str, Any]) -> None:
    assert problems(used(terraform_files()), table) == sorted(ACCEPTED)
    assert all("hash_key" in (CHECKOUT / page).read_text(encoding="utf-8") for page in ACCEPTED.values())


def test_the_table_holds_only_what_is_used(table: Mapping[str, Any]) -> None:
    assert set(table) <= {use.type for use in used(terraform_files())}, "run: python -m tools.provider_bindings"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('name = "a"', []),
        ("name_of_it = 1", ["aws_sqs_queue.name_of_it is missing"]),
        ("redrive {\n x = 1\n }", ["aws_sqs_queue.redrive is missing", "aws_sqs_queue.redrive.x is missing"]),
        ("count = 1\n lifecycle {\n prevent_destroy = true\n }", []),
        ("timeouts {\n create = 1\n never = 2\n }", ["aws_sqs_queue.timeouts.never is missing"]),
        (
            'dynamic "timeouts" {\n for_each = []\n content {\n never = 1\n }\n }',
            ["aws_sqs_queue.timeouts.never is missing"],
        ),
        ("name = aws_iam_role.b.arn", []),
        ("name = aws_iam_role.b[each.key].arm", ["aws_iam_role.arm is missing"]),
        ("name = data.aws_partition.b.id", ["data.aws_partition.id is deprecated: Use 'partition' instead. "]),
        ("name = aws_unheard_of.b.arn", ["aws_unheard_of is not in aws-6.json"]),
        ("is_enabled = false", ["aws_sqs_queue.is_enabled is missing"]),
    ],
)
def test_what_is_used_is_found(table: Mapping[str, Any], tmp_path: Path, body: str, found: list[str]) -> None:
    file = tmp_path / "main.tf"
    file.write_text(f'resource "aws_sqs_queue" "a" {{\n {body}\n}}\n')
    said = problems(used([file]), table)
    assert len(said) == len(found)
    assert all(each.startswith(expected) for each, expected in zip(said, found, strict=True))
