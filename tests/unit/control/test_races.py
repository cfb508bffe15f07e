"""A `$connect` and a revoke at the same time, in every order that chance brings about."""

import asyncio
import itertools
import json
import random
from typing import Any, cast

import pytest

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.queue import Queue
from websocket_push.control.closing import Closer
from websocket_push.control.revoking import Revoking, parse_sweep
from websocket_push.handlers import connect
from websocket_push.protocol.control_request import RevokeRequest
from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.runtime.invocation import Invocation
from websocket_push.tables.clients import Clients
from websocket_push.tables.registry import Registry

RACES = 10_000
REVOKED_AT = 1_000
CONNECTION = "WKtlFcYLjoECFvg="


class World:
    """A table whose index is behind, and API Gateway, which knows no connection before its `$connect` has ended."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._items: dict[str, Item] = {}
        self._index: dict[str, Item] = {}
        self._behind: list[tuple[int, str, Item | None]] = []
        self._clock = itertools.count()
        self.state = "connecting"
        self.messages: list[str] = []

    async def take_time(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2, 30))):
            await asyncio.sleep(0)
        now = next(self._clock)
        for each in [each for each in self._behind if each[0] <= now]:
            self._apply(each)

    def catch_up(self) -> None:
        for each in list(self._behind):
            self._apply(each)

    def _apply(self, change: tuple[int, str, Item | None]) -> None:
        self._behind.remove(change)
        _, key, item = change
        if item is None:
            self._index.pop(key, None)
        else:
            self._index[key] = item

    def _write(self, key: str, item: Item | None) -> None:
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item
        if not key.startswith("revoked#"):
            self._behind.append((next(self._clock) + self._chance.randrange(20), key, item))

    async def put_item(self, table: str, item: Item, *, deadline: float) -> None:
        await self.take_time()
        self._write(item["connectionId"]["S"], item)
        await self.take_time()

    async def get_item(self, table: str, key: Item, *, deadline: float) -> Item | None:
        await self.take_time()
        item = self._items.get(key["connectionId"]["S"])
        await self.take_time()
        return item

    async def delete_item(self, table: str, key: Item, *, deadline: float) -> None:
        await self.take_time()
        self._write(key["connectionId"]["S"], None)
        await self.take_time()

    async def update_item(self, request: dict[str, Any], *, deadline: float) -> Item:
        await self.take_time()
        self._write(
            request["Key"]["connectionId"]["S"], {"issuedBefore": request["ExpressionAttributeValues"][":before"]}
        )
        await self.take_time()
        return {}

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        await self.take_time()
        page = QueryPage(list(self._index.values()), None)
        await self.take_time()
        return page

    async def post(self, connection_id: str, payload: object, *, deadline: float, attempts: int) -> None:
        await self.take_time()
        if self.state != "open":
            raise ConnectionGone("GoneException", status=410, attempts=1, operation="PostToConnection")

    async def close(self, connection_id: str, *, deadline: float) -> None:
        await self.take_time()
        if self.state == "open":
            self.state = "closed"

    async def send(self, body: str, *, deadline: float, delay: int) -> None:
        await self.take_time()
        self.messages.append(body)


async def race(seed: int, *, issued_at: int) -> str:
    world = World(random.Random(seed))  # noqa: S311 - chance that can be repeated
    dynamodb = cast(DynamoDB, world)
    clients = Clients(dynamodb, "clients", "index")
    fields: dict[str, object] = {}
    warm = connect.Warm(connect.Settings("clients", False, (), True), clients)
    invocation = Invocation(warm, 0.0, 1e9, fields)
    registry = Registry(dynamodb, "clients", clients)
    closer = Closer(clients, cast(Management, world), invocation.now_milliseconds, 1e9)
    revoking = Revoking(registry, clients, closer, cast(Queue, world), 3600, invocation.now_milliseconds, 1e9)

    async def connecting() -> None:
        authorizer = {"userId": "alice", "issuedAt": str(issued_at)}
        event = {
            "requestContext": {"connectionId": CONNECTION, "eventType": "CONNECT", "authorizer": authorizer},
            "headers": {},
        }
        await world.take_time()
        try:
            await connect._connect(event, invocation)
        except RequestError as refusal:
            world.state = "refused" if refusal.code is ErrorCode.TOKEN_REVOKED else str(refusal.code)
            return
        await world.take_time()
        world.state = "open"

    async def revoke() -> None:
        await world.take_time()
        await revoking.revoke(RevokeRequest("alice", REVOKED_AT, None))
        assert world.messages
        while world.messages:
            # Five seconds later the index has caught up, while $connect may still be running.
            world.catch_up()
            await revoking.sweep(parse_sweep(json.loads(world.messages.pop())))

    await asyncio.gather(connecting(), revoke())
    return world.state


def test_no_connection_of_a_revoked_token_stays_open() -> None:
    async def play() -> set[str]:
        return {await race(seed, issued_at=REVOKED_AT - 1) for seed in range(RACES)}

    # Both ways to end are seen, or the races are none.
    assert asyncio.run(play()) == {"refused", "closed"}


def test_a_connection_of_a_newer_token_stays_open() -> None:
    async def play() -> set[str]:
        return {await race(seed, issued_at=REVOKED_AT) for seed in range(RACES // 10)}

    assert asyncio.run(play()) == {"open"}


def test_what_cannot_be_read_of_the_revocations_lets_nobody_in() -> None:
    class Broken(World):
        async def get_item(self, table: str, key: Item, *, deadline: float) -> Item | None:
            raise AwsError("AccessDeniedException", status=400)

    dynamodb = cast(DynamoDB, Broken(random.Random(0)))  # noqa: S311 - chance that can be repeated
    warm = connect.Warm(connect.Settings("clients", False, (), True), Clients(dynamodb, "clients"))
    event = {
        "requestContext": {"connectionId": CONNECTION, "eventType": "CONNECT", "authorizer": {"userId": "alice"}},
    }
    with pytest.raises(AwsError):
        asyncio.run(connect._connect(event, Invocation(warm, 0.0, 1e9, {})))
