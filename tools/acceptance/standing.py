"""How a deployment stands, by what AWS says of it: queues, alarms and quotas, all of it only read."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tools.acceptance import quotas
from tools.acceptance.account import AwsError, explain
from tools.acceptance.checks import Check, failed, ok, refused, unchecked
from tools.acceptance.deployment import Deployment

Client = Callable[..., Any]

_LOOKS = 5
"""Messages of the push queue are on their way, so only what is there at every look is a finding."""


def push_queues(deployment: Deployment, client: Client, pause: Callable[[], None]) -> Iterator[Check]:
    """Check that no request has ended in a dead-letter queue, and none waits."""
    function = deployment.push_function_arn
    name, permission = "dead-letter queue", "lambda:GetFunctionEventInvokeConfig"
    try:
        config = client("lambda").get_function_event_invoke_config(FunctionName=function)
        arn = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if arn:
            permission = _reading(arn)
            yield _without_dead_letters(name, _attributes(client, arn))
    except AwsError as problem:
        yield refused(name, explain(problem, permission))

    name, permission = "push queue", "lambda:ListEventSourceMappings"
    try:
        mappings = client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        for arn in (each["EventSourceArn"] for each in mappings if ":sqs:" in each.get("EventSourceArn", "")):
            permission = _reading(arn)
            yield _drained(name, client, arn, pause)
            redrive = json.loads(_attributes(client, arn).get("RedrivePolicy", "{}"))
            if "deadLetterTargetArn" in redrive:
                name, permission = "push queue's dead-letter queue", _reading(redrive["deadLetterTargetArn"])
                yield _without_dead_letters(name, _attributes(client, redrive["deadLetterTargetArn"]))
    except AwsError as problem:
        yield refused(name, explain(problem, permission))


def alarms(deployment: Deployment, client: Client) -> Iterator[Check]:
    """Check that no alarm of the deployment is on; nothing is yielded if it has none."""
    try:
        pages = client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{deployment.name}-")
        found = [alarm for page in pages for alarm in page.get("MetricAlarms", [])]
    except AwsError as problem:
        yield refused("alarms", explain(problem, "cloudwatch:DescribeAlarms"))
        return
    on = sorted(
        alarm["AlarmName"].removeprefix(f"{deployment.name}-") for alarm in found if alarm["StateValue"] == "ALARM"
    )
    if on:
        yield failed("alarms", f"on: {', '.join(on)}", "docs/runbook.md says for each what it means and what to do")
    elif found:
        yield ok("alarms", f"none of {len(found)} is on")


def quota_checks(deployment: Deployment, client: Client) -> Iterator[Check]:
    """Check each quota of the account that matters to a deployment."""
    for quota in quotas.read(client, _throttling(deployment, client)):
        if quota.value is None:
            yield unchecked(quota.name, quota.meaning)
        elif quota.verdict == "too low":
            yield failed(quota.name, f"{quota.value:,.0f}, and {quota.need:,.0f} are needed", quota.meaning)
        else:
            below = f", {quota.verdict} ({quota.meaning})" if quota.verdict != "enough" else ""
            yield ok(quota.name, f"{quota.value:,.0f}{below}")


def _throttling(deployment: Deployment, client: Client) -> dict[str, float] | None:
    """Return what the stage asks for; None where it cannot be known."""
    if deployment.stage is None:
        return None
    api_id, stage = deployment.stage
    try:
        settings = client("apigatewayv2").get_stage(ApiId=api_id, StageName=stage).get("DefaultRouteSettings", {})
    except AwsError:
        return None
    return {name: value for name, value in settings.items() if name.startswith("Throttling")}


def _drained(name: str, client: Client, arn: str, pause: Callable[[], None]) -> Check:
    waiting = []
    for look in range(_LOOKS):
        if look:
            pause()
        waiting.append(_visible(_attributes(client, arn)))
        if not waiting[-1]:
            return ok(name, "empty")
    return failed(name, f"{waiting[-1]} messages wait", "see docs/runbook.md, push-queue-age, and the log of push")


def _without_dead_letters(name: str, attributes: dict[str, str]) -> Check:
    count = _visible(attributes) + int(attributes["ApproximateNumberOfMessagesNotVisible"])
    if not count:
        return ok(name, "empty")
    return failed(name, f"{count} messages", "read the reason in each, fix it, and send them again: docs/runbook.md")


def _attributes(client: Client, arn: str) -> dict[str, str]:
    *_, owner, name = arn.split(":")
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes


def _visible(attributes: dict[str, str]) -> int:
    return int(attributes["ApproximateNumberOfMessages"])


def _reading(arn: str) -> str:
    return f"sqs:GetQueueUrl and sqs:GetQueueAttributes on {arn}"
