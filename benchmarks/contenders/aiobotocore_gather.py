"""aiobotocore: put and query gathered, then all posts; users gathered."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from benchmarks.contenders import harness
from benchmarks.contenders.requests import PushRequests, is_current


class AiobotocorePush:
    """The clients, opened by the first push, and one method per step."""

    def __init__(self) -> None:
        self._dynamodb: Any = None
        self._management: Any = None

    async def open(self) -> None:
        """Open the clients, unless they are open."""
        if self._dynamodb is not None:
            return
        session = get_session()
        config = AioConfig(max_pool_connections=harness.POOL_SIZE)
        self._dynamodb = await session.create_client("dynamodb", config=config).__aenter__()
        self._management = await session.create_client(
            "apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL"], config=config
        ).__aenter__()

    async def push(self, users: Sequence[str]) -> int:
        """Push to users."""
        await self.open()
        requests = PushRequests()
        return sum(await asyncio.gather(*(self._reach(requests, user_id) for user_id in users)))

    async def _reach(self, requests: PushRequests, user_id: str) -> int:
        found, _ = await asyncio.gather(
            self._look_up(requests, user_id), self._dynamodb.put_item(**requests.put(user_id))
        )
        return sum(await asyncio.gather(*(self._post(requests, each) for each in found)))

    async def _look_up(self, requests: PushRequests, user_id: str) -> list[str]:
        found: list[str] = []
        start = None
        while True:
            page = await self._dynamodb.query(**requests.query(user_id, start))
            found += [item["connectionId"]["S"] for item in page["Items"] if is_current(item)]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return found

    async def _post(self, requests: PushRequests, connection_id: str) -> bool:
        try:
            await self._management.post_to_connection(ConnectionId=connection_id, Data=requests.frame)
        except self._management.exceptions.GoneException:
            return False
        return True


def main() -> None:
    """Do the tasks of the command line."""
    harness.run_async(AiobotocorePush().push)


if __name__ == "__main__":
    main()
