"""The AWS clients of the demo and the end to end tests, and what they look up."""

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.emulator.server import REGION, Emulator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_lambda import LambdaClient

_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a synchronous invocation answered.

    Parameters
    ----------
    payload
        The report, or `errorType` and `errorMessage`.
    function_error
        What Lambda says in `FunctionError`; None if the function returned.
    """

    payload: dict[str, Any]
    function_error: str | None


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend beside the module: pushes by the ARN in the outputs, and may look into the tables.

    Parameters
    ----------
    outputs
        The outputs of examples/minimal.
    """

    outputs: Mapping[str, Any]
    lambda_: "LambdaClient" = field(repr=False)
    dynamodb: "DynamoDBClient" = field(repr=False)

    def push(self, request: object) -> Answer:
        """Invoke the push function with a request and wait for its answer."""
        return invoke(self.lambda_, self.outputs["push_function_arn"], request)

    def control(self, **request: object) -> Answer:
        """Invoke the control function with a request and wait for its answer."""
        return invoke(self.lambda_, self.outputs["control_function_arn"], request)

    def connection(self, connection_id: str) -> "dict[str, AttributeValueTypeDef] | None":
        """Return the row of a connection."""
        key = {"connectionId": {"S": connection_id}}
        return self.dynamodb.get_item(TableName=self._clients, Key=key, ConsistentRead=True).get("Item")

    def connection_ids(self, user_id: str) -> set[str]:
        """Return the connections of a user that the index shows."""
        rows = self.dynamodb.query(
            TableName=self._clients,
            IndexName="userId-index",
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": {"S": user_id}},
        )["Items"]
        return {row["connectionId"]["S"] for row in rows}

    def put_connection(self, row: "dict[str, AttributeValueTypeDef]") -> None:
        """Write the row of a connection, as if it had connected a minute earlier.

        A push does not delete a row while the handshake may still be running.
        """
        connected_at = int(row["connectedAt"]["N"]) - 60_000
        self.dynamodb.put_item(TableName=self._clients, Item={**row, "connectedAt": {"N": str(connected_at)}})

    def notifications(self, user_id: str) -> "list[dict[str, AttributeValueTypeDef]]":
        """Return all that is stored for a user, oldest first."""
        return self.dynamodb.query(
            TableName=self.outputs["notifications_table_name"],
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": {"S": user_id}},
            ConsistentRead=True,
        )["Items"]

    @property
    def _clients(self) -> str:
        return str(self.outputs["clients_table_name"])


def invoke(client: "LambdaClient", function_arn: str, request: object) -> Answer:
    """Return what a function answers to a request."""
    answer = client.invoke(FunctionName=function_arn, Payload=json.dumps(request))
    return Answer(json.loads(answer["Payload"].read()), answer.get("FunctionError"))


def clients(emulator: Emulator) -> Callable[..., Any]:
    """Return boto3's `client`, for the emulator alone, whatever the environment and the user's files say."""
    session = boto3.session.Session(
        aws_access_key_id=emulator.credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=emulator.credentials["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return functools.partial(
        session.client, endpoint_url=emulator.endpoint, config=Config(proxies={}, retries={"total_max_attempts": 1})
    )


def backend(emulator: Emulator, outputs: Mapping[str, Any]) -> Backend:
    """Make a backend."""
    client = clients(emulator)
    return Backend(outputs, client("lambda"), client("dynamodb"))


def leftovers(emulator: Emulator, name: str) -> list[str]:
    """List what is left in the emulator of a module with this name."""
    return left_in_account(clients(emulator), name)


_LISTED = (
    # What, the service that lists it, the operation, the member of its answer, and the member of that which names it.
    ("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("API", "apigatewayv2", "get_apis", "Items", "Name"),
    ("event source mapping", "lambda", "list_event_source_mappings", "EventSourceMappings", "EventSourceArn"),
    ("function", "lambda", "list_functions", "Functions", "FunctionName"),
    ("log group", "logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("queue", "sqs", "list_queues", "QueueUrls", None),
    ("REST API", "apigateway", "get_rest_apis", "items", "name"),
    ("role", "iam", "list_roles", "Roles", "RoleName"),
    ("table", "dynamodb", "list_tables", "TableNames", None),
)


def left_in_account(client: Callable[..., Any], name: str) -> list[str]:
    """List what an account holds whose name contains this one, reading every page.

    Parameters
    ----------
    client
        boto3's `client`.
    """
    found = []
    for kind, service, operation, member, named_by in _LISTED:
        for page in client(service).get_paginator(operation).paginate():
            names = [each[named_by] if named_by else each for each in page.get(member, [])]
            found += [f"{kind} {each}" for each in names if name in each]
    return sorted(found)


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = _WAIT_SECONDS) -> None:
    """Wait for something that happens on its own.

    Raises
    ------
    TimeoutError
        If it has not happened after a time that is long for it.
    """
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"still waiting after {seconds:.0f} s: {what}")
        time.sleep(0.05)
