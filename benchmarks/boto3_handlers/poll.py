"""The `poll` route on boto3: the newest page of a user's history."""

import json
import os
import time
from typing import Any

import boto3

_dynamodb: Any = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer with a history frame."""
    page = _dynamodb.query(
        TableName=os.environ["NOTIFICATIONS_TABLE"],
        KeyConditionExpression="userId = :userId",
        FilterExpression="expiresAt > :now",
        ProjectionExpression="notificationId, createdAt, content",
        ExpressionAttributeValues={
            ":userId": {"S": event["requestContext"]["authorizer"]["userId"]},
            ":now": {"N": str(int(time.time()))},
        },
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=int(json.loads(event["body"]).get("limit", 50)),
    )
    notifications = [
        {
            "id": item["notificationId"]["S"],
            "createdAt": item["createdAt"]["S"],
            "content": json.loads(item["content"]["S"]),
        }
        for item in reversed(page["Items"])
    ]
    frame = {"type": "history", "notifications": notifications, "more": "LastEvaluatedKey" in page}
    return {"statusCode": 200, "body": json.dumps(frame)}
