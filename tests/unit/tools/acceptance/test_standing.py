import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.tools.acceptance.fakes import client, error
from tools.acceptance import quotas
from tools.acceptance.checks import Check, Status
from tools.acceptance.deployment import Deployment
from tools.acceptance.standing import alarms, push_queues, quota_checks

DEPLOYMENT = Deployment(
    "wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live",
    "arn:aws:lambda:eu-central-1:123456789012:function:mine-push",
    "doctor",
    None,
    None,
)
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:"


def queues(counts: Mapping[str, int | list[int]], **more: Any) -> Any:
    """Make a client whose queues hold so many messages; a list says how many at each look."""

    def attributes(QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        count = counts[QueueUrl]
        visible = (count.pop(0) if len(count) > 1 else count[0]) if isinstance(count, list) else count
        found = {"ApproximateNumberOfMessages": str(visible), "ApproximateNumberOfMessagesNotVisible": "0"}
        if QueueUrl == "push":
            found["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": f"{QUEUE}push-dead"})
        return {"Attributes": found}

    answers = {
        "get_function_event_invoke_config": {"DestinationConfig": {"OnFailure": {"Destination": f"{QUEUE}dead"}}},
        "list_event_source_mappings": {"EventSourceMappings": [{"EventSourceArn": f"{QUEUE}push"}]},
        "get_queue_url": lambda QueueName, **rest: {"QueueUrl": QueueName},  # noqa: N803
        "get_queue_attributes": attributes,
    }
    return client(**(answers | more))


def verdicts(checks: list[Check]) -> dict[str, Status]:
    return {check.name: check.status for check in checks}


def look(made: Any, pauses: list[None] | None = None) -> list[Check]:
    noted = [] if pauses is None else pauses
    return list(push_queues(DEPLOYMENT, made, lambda: noted.append(None)))


def test_empty_queues_are_well_and_nothing_is_waited_for() -> None:
    pauses: list[None] = []
    found = verdicts(look(queues({"dead": 0, "push": 0, "push-dead": 0}), pauses))
    assert found == dict.fromkeys(["dead-letter queue", "push queue", "push queue's dead-letter queue"], Status.OK)
    assert not pauses


@pytest.mark.parametrize(
    ("full", "name"),
    [
        ("dead", "dead-letter queue"),
        ("push", "push queue"),
        ("push-dead", "push queue's dead-letter queue"),
    ],
)
def test_a_queue_with_messages_has_failed_with_advice(full: str, name: str) -> None:
    checks = look(queues({"dead": 0, "push": 0, "push-dead": 0} | {full: 3}))
    (failed,) = [check for check in checks if check.status is Status.FAILED]
    assert failed.name == name
    assert "3" in failed.found
    assert "runbook" in failed.advice


def test_messages_on_their_way_are_no_finding() -> None:
    pauses: list[None] = []
    assert verdicts(look(queues({"dead": 0, "push": [4, 2, 0], "push-dead": 0}), pauses))["push queue"] is Status.OK
    assert len(pauses) == 2


def test_without_a_push_queue_there_is_nothing_to_check_of_it() -> None:
    checks = look(queues({"dead": 0}, list_event_source_mappings={"EventSourceMappings": []}))
    assert [check.name for check in checks] == ["dead-letter queue"]


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("get_function_event_invoke_config", "lambda:GetFunctionEventInvokeConfig"),
        ("list_event_source_mappings", "lambda:ListEventSourceMappings"),
        ("get_queue_attributes", "sqs:GetQueueAttributes"),
        ("get_queue_url", "sqs:GetQueueUrl"),
    ],
)
def test_a_permission_that_is_missing_is_named_and_the_rest_is_checked(operation: str, permission: str) -> None:
    made = queues({"dead": 0, "push": 0, "push-dead": 0}, **{operation: error("AccessDenied")})
    unknown = [check for check in look(made) if check.status is Status.UNCHECKED]
    assert unknown
    assert all(permission in check.found for check in unknown)


def test_a_function_that_was_deleted_has_failed() -> None:
    gone = error("ResourceNotFoundException")
    checks = look(client(get_function_event_invoke_config=gone, list_event_source_mappings=gone))
    assert {check.status for check in checks} == {Status.FAILED}
    assert all("deleted" in check.found for check in checks)


def alarm(name: str, state: str) -> dict[str, str]:
    return {"AlarmName": f"mine-{name}", "StateValue": state}


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([alarm("errors", "OK"), alarm("faults", "INSUFFICIENT_DATA")], [Status.OK]),
        ([alarm("errors", "ALARM"), alarm("faults", "OK")], [Status.FAILED]),
        ([], []),
    ],
)
def test_alarms(states: list[dict[str, str]], status: list[Status]) -> None:
    checks = list(alarms(DEPLOYMENT, client(describe_alarms={"MetricAlarms": states})))
    assert [check.status for check in checks] == status
    if Status.FAILED in status:
        assert "errors" in checks[0].found
        assert "faults" not in checks[0].found


def test_alarms_that_may_not_be_read_are_unknown() -> None:
    (check,) = alarms(DEPLOYMENT, client())
    assert check.status is Status.UNCHECKED
    assert "cloudwatch:DescribeAlarms" in check.found


ACCOUNT = {
    "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1_000}},
    "get_account": {"throttleSettings": {"rateLimit": 2_500.0, "burstLimit": 1_250}},
    "get_service_quota": {"Quota": {"Value": 500.0}},
    "get_account_summary": {"SummaryMap": {"Roles": 10, "RolesQuota": 1_000}},
}


def test_a_throttle_above_the_quota_is_said_and_is_no_failure() -> None:
    settings = {"ThrottlingRateLimit": 10_000.0, "ThrottlingBurstLimit": 1_000, "LoggingLevel": "OFF"}
    checks = list(quota_checks(DEPLOYMENT, client(**ACCOUNT, get_stage={"DefaultRouteSettings": settings})))
    assert {check.status for check in checks} == {Status.OK}
    found = {check.name: check.found for check in checks}
    assert "below the module's ceiling" in found["API Gateway requests per second"]
    assert found["API Gateway burst of requests"] == "1,250"


def test_a_new_account_is_told_that_its_concurrency_is_too_low() -> None:
    made = client(**ACCOUNT | {"get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}})
    (failed,) = [check for check in quota_checks(DEPLOYMENT, made) if check.status is Status.FAILED]
    assert failed.name.startswith("Lambda")
    assert "Service Quotas" in failed.advice


def test_without_permissions_every_quota_is_unknown_and_names_what_it_needs() -> None:
    found = quotas.read(client())
    assert {quota.verdict for quota in found} == {"unknown"}
    assert all(quota.meaning.startswith("needs ") for quota in found)
    assert {check.status for check in quota_checks(DEPLOYMENT, client())} == {Status.UNCHECKED}
