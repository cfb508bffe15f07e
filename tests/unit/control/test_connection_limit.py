"""Connections of one user that are opened at the same time, with a limit, in every order that chance brings about."""

import asyncio
import itertools
import random
from typing import Any, cast

import pytest

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.aws.management import ConnectionGone, Connections
from websocket_push.control.connection_limit import MAX_CLOSED, ConnectionLimit
from websocket_push.handlers import connect
from websocket_push.protocol.errors import ErrorCode, RequestError
from websocket_push.runtime.invocation import Invocation
from websocket_push.tables.clients import Clients, Connection

RACES = 2_000


class World:
    """A table whose index is behind, and API Gateway, which knows no connection before its `$connect` has ended."""

    def __init__(self, chance: random.Random, *, lag: int) -> None:
        self._chance = chance
        self._lag = lag
        self._clock = itertools.count()
        self._items: dict[str, Item] = {}
        self._index: dict[str, Item] = {}
        self._behind: list[tuple[int, str, Item | None]] = []
        self.queries = 0
        self.open: set[str] = set()
        self.closed: set[str] = set()

    async def take_time(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2, 30))):
            await asyncio.sleep(0)
        self.catch_up(next(self._clock))

    def catch_up(self, now: float = float("inf")) -> None:
        for change in [each for each in self._behind if each[0] <= now]:
            self._behind.remove(change)
            _, key, item = change
            if item is None:
                self._index.pop(key, None)
            else:
                self._index[key] = item

    def write(self, key: str, item: Item | None) -> None:
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item
        self._behind.append((next(self._clock) + self._chance.randrange(self._lag), key, item))

    async def put_item(self, table: str, item: Item, *, deadline: float) -> None:
        await self.take_time()
        self.write(item["connectionId"]["S"], item)
        await self.take_time()

    async def delete_item(self, table: str, key: Item, *, deadline: float) -> None:
        await self.take_time()
        self.write(key["connectionId"]["S"], None)
        await self.take_time()

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        self.queries += 1
        await self.take_time()
        page = QueryPage(list(self._index.values())[: request["Limit"]], None)
        await self.take_time()
        return page

    async def post(self, connection_id: str, payload: object, *, deadline: float, attempts: int) -> None:
        await self.take_time()
        if connection_id not in self.open:
            raise ConnectionGone("GoneException", status=410, attempts=1, operation="PostToConnection")

    async def close(self, connection_id: str, *, deadline: float) -> None:
        await self.take_time()
        if connection_id in self.open:
            self.open.remove(connection_id)
            self.closed.add(connection_id)

    async def connect(self, name: str, most: int, *, close_oldest: bool) -> str:
        dynamodb = cast(DynamoDB, self)
        clients = Clients(dynamodb, "clients", "index")
        limit = ConnectionLimit(most, dynamodb, clients, cast(Connections, self) if close_oldest else None)
        warm = connect.Warm(connect.Settings("clients", False, (), False), clients, limit)
        event = {
            "requestContext": {"connectionId": name, "eventType": "CONNECT", "authorizer": {"userId": "alice"}},
            "headers": {},
        }
        await self.take_time()
        try:
            await connect._connect(event, Invocation(warm, 0.0, 1e9, {}))
        except RequestError as refusal:
            if refusal.code is not ErrorCode.CONNECTION_LIMIT:
                raise
            return "refused"
        await self.take_time()
        self.open.add(name)
        return "open"


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("at_once", [2, 3])
def test_of_those_that_come_at_once_one_always_stays_and_the_next_one_restores_the_limit(
    most: int, at_once: int
) -> None:
    async def race(seed: int) -> None:
        world = World(random.Random(seed), lag=seed % 40 + 1)  # noqa: S311 - chance that can be repeated
        for number in range(most):
            await world.connect(f"1old{number}", most, close_oldest=True)
        world.catch_up()
        new = [f"2new{number}" for number in range(at_once)]
        await asyncio.gather(*(world.connect(name, most, close_oldest=True) for name in new))
        assert world.open & set(new), "all that were new were closed"
        assert len(world.open) <= most + at_once
        world.catch_up()
        assert await world.connect("3later", most, close_oldest=True) == "open"
        assert "3later" in world.open
        assert len(world.open) <= most

    async def play() -> None:
        for seed in range(RACES // 4):
            await race(seed)

    asyncio.run(play())


def test_one_after_the_other_is_exact() -> None:
    async def play() -> None:
        for close_oldest in (True, False):
            world = World(random.Random(1), lag=1)  # noqa: S311 - chance that can be repeated
            ends = []
            for number in range(6):
                ends.append(await world.connect(f"c{number}", 3, close_oldest=close_oldest))
                world.catch_up()
            assert world.queries == 6, "one query for each connection"
            if close_oldest:
                assert (ends, world.open) == (["open"] * 6, {"c3", "c4", "c5"})
            else:
                assert (ends, world.open) == (["open"] * 3 + ["refused"] * 3, {"c0", "c1", "c2"})

    asyncio.run(play())


def test_a_limit_that_was_lowered_is_reached_step_by_step() -> None:
    async def play() -> None:
        world = World(random.Random(1), lag=1)  # noqa: S311 - chance that can be repeated
        for number in range(20):
            await world.connect(f"c{number:02}", 100, close_oldest=True)
        world.catch_up()
        await world.connect("next", 2, close_oldest=True)
        assert len(world.closed) == MAX_CLOSED
        for number in range(4):
            world.catch_up()
            await world.connect(f"next{number}", 2, close_oldest=True)
        assert world.open == {"next2", "next3"}

    asyncio.run(play())


@pytest.mark.parametrize(("expires_at", "counts"), [(1_000, False), (1_001, True)])
def test_a_row_counts_until_it_expires(expires_at: int, counts: bool) -> None:
    class Rows:
        async def query(self, request: object, *, deadline: float) -> QueryPage:
            row = {"connectionId": {"S": "old"}, "connectedAt": {"N": "1"}, "expiresAt": {"N": str(expires_at)}}
            return QueryPage([row], None)

    dynamodb = cast(DynamoDB, Rows())
    limit = ConnectionLimit(1, dynamodb, Clients(dynamodb, "clients", "index"), None)

    async def has_room() -> bool:
        try:
            await limit.require_room(Connection("new", "alice", 1_000_000, 2_000), deadline=1e9)
        except RequestError:
            return False
        return True

    assert asyncio.run(has_room()) is not counts
