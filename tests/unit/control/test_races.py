"""A `$connect` beside a revoke or a disconnect, both by their handlers, in every order that chance brings about."""

import asyncio
import itertools
import random
from typing import Any, cast

import pytest

from websocket_push.authorization import require_not_revoked
from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.queue import Queue
from websocket_push.control.closing import Reply
from websocket_push.control.revoking import Revoking
from websocket_push.handlers import connect, control
from websocket_push.protocol.errors import RequestError
from websocket_push.runtime.invocation import Invocation
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.registry import Registry
from websocket_push.tables.revocations import Token

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
        key, values = request["Key"]["connectionId"]["S"], request["ExpressionAttributeValues"]
        written = {"issuedBefore": values[":before"]} if ":before" in values else {}
        self._write(key, {**self._items.get(key, {}), **written})
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


class Race:
    """A `$connect` beside a request to the control function, and then the messages of that to itself.

    Parameters
    ----------
    seed
        Of the chance that decides how long each call takes.
    issued_at
        When the token of the connection was issued.

    Attributes
    ----------
    outlasted
        Whether the connection was open when such a message came, and still was afterwards.
    """

    def __init__(self, seed: int, *, issued_at: int) -> None:
        self.world = world = World(random.Random(seed))  # noqa: S311 - chance that can be repeated
        self.outlasted = False
        self._issued_at = issued_at
        dynamodb = cast(DynamoDB, world)
        clients = Clients(dynamodb, "clients", "index")
        settings = control.Settings("clients", "index", "https://api", "https://queue", 3600, "")
        registry = Registry(dynamodb, "clients", clients)
        self._connect = Invocation(connect.Warm(connect.Settings("clients", False, (), True), clients), 0.0, 1e9, {})
        self._control = Invocation(
            control.Warm(
                settings, dynamodb, clients, registry, cast(Management, world), cast(Queue, world), endings=None
            ),
            started=0.0,
            deadline=1e9,
            fields={},
        )

    async def run(self, request: dict[str, object]) -> dict[str, Any]:
        """Play it; return the reply of the control function."""
        _, reply = await asyncio.gather(self._connecting(), self._controlling(request))
        return dict(reply)

    async def _connecting(self) -> None:
        world, authorizer = self.world, {"userId": "alice", "issuedAt": str(self._issued_at)}
        event = {
            "requestContext": {"connectionId": CONNECTION, "eventType": "CONNECT", "authorizer": authorizer},
            "headers": {},
        }
        await world.take_time()
        try:
            await connect._connect(event, self._connect)
        except RequestError as refusal:
            world.state = "refused" if refusal.code == "TOKEN_REVOKED" else str(refusal.code)
            return
        await world.take_time()
        world.state = "open"

    async def _controlling(self, request: dict[str, object]) -> Reply:
        world = self.world
        await world.take_time()
        reply = await control._answer(request, self._control)
        while world.messages:
            # Five seconds later the index has caught up, while $connect may still be running.
            world.catch_up()
            was_open = world.state == "open"
            record = {"messageId": "m", "eventSource": "aws:sqs", "body": world.messages.pop(), "attributes": {}}
            await control._go_on({"Records": [record]}, self._control)
            self.outlasted = self.outlasted or (was_open and world.state == "open")
        return reply


REVOKE: dict[str, object] = {"action": "revoke", "userId": "alice", "issuedBefore": REVOKED_AT}


async def ends(races: int, *, issued_at: int) -> set[str]:
    found = set()
    for seed in range(races):
        race = Race(seed, issued_at=issued_at)
        await race.run(REVOKE)
        assert not (race.outlasted and issued_at < REVOKED_AT), seed
        found.add(race.world.state)
    return found


def test_no_connection_of_a_revoked_token_stays_open() -> None:
    # Both ways to end are seen, or the races are none.
    assert asyncio.run(ends(RACES, issued_at=REVOKED_AT - 1)) == {"refused", "closed"}


def test_a_connection_of_a_newer_token_stays_open() -> None:
    assert asyncio.run(ends(RACES // 10, issued_at=REVOKED_AT)) == {"open"}


def test_a_connection_that_a_disconnect_finds_while_it_is_opened_does_not_stay_open() -> None:
    """One that comes too late to be found stays: nothing forbids its token."""

    async def play() -> set[tuple[int, str]]:
        found = set()
        for seed in range(RACES // 5):
            race = Race(seed, issued_at=REVOKED_AT)
            reply = await race.run({"action": "disconnect", "userId": "alice", "reason": "signed_out"})
            found.add((reply["connections"], race.world.state))
        return found

    assert asyncio.run(play()) == {(1, "closed"), (0, "open")}


def test_the_races_tell_where_the_order_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `$connect` that reads what is revoked before it writes its row lets some in that a revoke does not find."""
    add = Clients.add

    async def checking_first(
        self: Clients, connection: Connection, *, deadline: float, token: Token | None = None
    ) -> None:
        assert token is not None
        now = connection.connected_at
        await require_not_revoked(token, connection.user_id, self, now=now, deadline=deadline)
        await add(self, connection, deadline=deadline, token=token)

    async def checking_nothing(*_: object, now: int, deadline: float) -> None:
        pass

    monkeypatch.setattr(Clients, "add", checking_first)
    monkeypatch.setattr(connect, "require_not_revoked", checking_nothing)
    assert "open" in asyncio.run(ends(RACES // 10, issued_at=REVOKED_AT - 1))


def test_the_races_tell_where_there_is_no_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sending_nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(Revoking, "_send_again", sending_nothing)
    assert "open" in asyncio.run(ends(RACES // 10, issued_at=REVOKED_AT - 1))


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
