"""The requests of one push, as an SDK takes them; and the frame that is posted."""

import json
import os
import time
import uuid
from typing import Any

from benchmarks.contenders.harness import NOTIFICATION


class PushRequests:
    """What one push asks for: the same as this project's own."""

    def __init__(self) -> None:
        milliseconds = time.time_ns() // 1_000_000
        self.notification_id = str(uuid.UUID(int=(milliseconds << 80) | 0x7000_8000_0000_0000_0000))
        self.created_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(milliseconds // 1000))
        self.expires_at = milliseconds // 1000 + int(os.environ["NOTIFICATION_TTL"])
        self.frame = json.dumps(
            {
                "type": "notification",
                "id": self.notification_id,
                "createdAt": self.created_at,
                "content": json.loads(NOTIFICATION),
            }
        ).encode()

    def put(self, user_id: str) -> dict[str, Any]:
        """Return the members of the PutItem request that stores the notification for a user."""
        return {
            "TableName": os.environ["NOTIFICATIONS_TABLE"],
            "Item": {
                "userId": {"S": user_id},
                "notificationId": {"S": self.notification_id},
                "content": {"S": NOTIFICATION},
                "createdAt": {"S": self.created_at},
                "expiresAt": {"N": str(self.expires_at)},
            },
        }

    @staticmethod
    def query(user_id: str, start: object = None) -> dict[str, Any]:
        """Return the members of the Query request for a page of a user's connections."""
        request: dict[str, Any] = {
            "TableName": os.environ["CLIENTS_TABLE"],
            "IndexName": os.environ["CLIENTS_INDEX"],
            "KeyConditionExpression": "userId = :userId",
            "ExpressionAttributeValues": {":userId": {"S": user_id}},
        }
        return request if start is None else {**request, "ExclusiveStartKey": start}


def is_current(item: dict[str, dict[str, str]]) -> bool:
    """Return whether a connection's row has not expired."""
    return int(item["expiresAt"]["N"]) > time.time()
