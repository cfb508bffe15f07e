"""The push function on boto3, with a pool of threads."""

import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3

_dynamodb: Any = boto3.client("dynamodb")
_management: Any = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL"])
_pool = ThreadPoolExecutor(16)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Store the notification, post it to every connection of the user, and report."""
    user_id, content, now = event["userId"], event["content"], time.time()
    notification_id = str(uuid.uuid4())
    created_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    stored = _pool.submit(
        _dynamodb.put_item,
        TableName=os.environ["NOTIFICATIONS_TABLE"],
        Item={
            "userId": {"S": user_id},
            "notificationId": {"S": notification_id},
            "content": {"S": json.dumps(content)},
            "createdAt": {"S": created_at},
            "expiresAt": {"N": str(int(now) + int(os.environ["NOTIFICATION_TTL"]))},
        },
    )
    found = connections_of(user_id)
    stored.result()
    frame = {"type": "notification", "id": notification_id, "createdAt": created_at, "content": content}
    delivered = list(_pool.map(lambda each: post(each, json.dumps(frame).encode()), found))
    print(json.dumps({"level": "INFO", "message": "push", "id": notification_id, "delivered": sum(delivered)}))
    return {
        "id": notification_id,
        "createdAt": created_at,
        "totals": {"recipients": 1, "connections": len(found), "delivered": sum(delivered)},
    }


def connections_of(user_id: str) -> list[str]:
    """Return the ids of a user's connections."""
    found: list[str] = []
    request: dict[str, Any] = {
        "TableName": os.environ["CLIENTS_TABLE"],
        "IndexName": os.environ["CLIENTS_INDEX"],
        "KeyConditionExpression": "userId = :userId",
        "ExpressionAttributeValues": {":userId": {"S": user_id}},
    }
    while True:
        page = _dynamodb.query(**request)
        found += [item["connectionId"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def post(connection_id: str, frame: bytes) -> bool:
    """Send to a connection; the row of one that is gone is removed."""
    try:
        _management.post_to_connection(ConnectionId=connection_id, Data=frame)
    except _management.exceptions.GoneException:
        _dynamodb.delete_item(TableName=os.environ["CLIENTS_TABLE"], Key={"connectionId": {"S": connection_id}})
        return False
    return True
