"""The `$connect` route on boto3."""

import os
import time
from typing import Any

import boto3

_dynamodb: Any = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Register the connection under its user."""
    request = event["requestContext"]
    now = time.time_ns() // 1_000_000
    _dynamodb.put_item(
        TableName=os.environ["CLIENTS_TABLE"],
        Item={
            "connectionId": {"S": request["connectionId"]},
            "userId": {"S": request["authorizer"]["userId"]},
            "connectedAt": {"N": str(now)},
            "expiresAt": {"N": str(min(now // 1000 + 7260, int(request["authorizer"]["expiresAt"])))},
        },
    )
    return {"statusCode": 200}
