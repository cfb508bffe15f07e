"""The `$disconnect` route on boto3."""

import os
from typing import Any

import boto3

_dynamodb: Any = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Remove the connection's row."""
    key = {"connectionId": {"S": event["requestContext"]["connectionId"]}}
    _dynamodb.delete_item(TableName=os.environ["CLIENTS_TABLE"], Key=key)
    return {"statusCode": 200}
