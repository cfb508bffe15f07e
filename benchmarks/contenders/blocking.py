"""The steps of a push on boto3's clients."""

import os
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.contenders.requests import PushRequests, is_current


class Boto3Push:
    """The clients, and one method per step; they may be called from threads.

    Parameters
    ----------
    pool_size
        How many connections each client keeps.
    """

    def __init__(self, pool_size: int) -> None:
        config = Config(max_pool_connections=pool_size)
        self._dynamodb: Any = boto3.client("dynamodb", config=config)
        self._management: Any = boto3.client(
            "apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL"], config=config
        )

    def store(self, requests: PushRequests, user_id: str) -> None:
        """Store the notification for a user."""
        self._dynamodb.put_item(**requests.put(user_id))

    def look_up(self, requests: PushRequests, user_id: str) -> list[str]:
        """Return the ids of a user's open connections."""
        found: list[str] = []
        start = None
        while True:
            page = self._dynamodb.query(**requests.query(user_id, start))
            found += [item["connectionId"]["S"] for item in page["Items"] if is_current(item)]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return found

    def post(self, requests: PushRequests, connection_id: str) -> bool:
        """Send to a connection; say whether it was open."""
        try:
            self._management.post_to_connection(ConnectionId=connection_id, Data=requests.frame)
        except self._management.exceptions.GoneException:
            return False
        return True
