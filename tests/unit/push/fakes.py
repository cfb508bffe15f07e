"""Stand-ins for the tables and the management API, in memory, each call scripted by the test."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from websocket_push.aws.calls import Call
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import Item, QueryPage, decode_page
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import Attempt
from websocket_push.push.delivery import Delivery, IsBuried
from websocket_push.push.posting import Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.notifications import Notification
from websocket_push.tables.storing import Notifications

NOW = 1_769_860_800_000
LONG_AGO = NOW - 60_000

Script = Callable[[str], Awaitable[None]]


async def fine(_: str) -> None:
    """Script of a call that succeeds at once."""


def failing(error: Exception) -> Script:
    """Script of a call that fails."""

    async def fail(_: str) -> None:
        raise error

    return fail


def connection(connection_id: str, *, user_id: str = "alice", connected_at: int = LONG_AGO) -> Connection:
    """Make a connection that is open and established unless said otherwise."""
    return Connection(connection_id, user_id, connected_at, connected_at // 1000 + 7260)


class World:
    """Everything a delivery touches, and a journal of what it did, in order."""

    def __init__(self, *connections: Connection, page_size: int = 100) -> None:
        self.connections = list(connections)
        self.page_size = page_size
        self.now = NOW
        self.journal: list[tuple[str, str]] = []
        self.frames: list[bytes] = []
        self.deadlines: list[float] = []
        self.closing_deadlines: list[float] = []
        self.attempts: set[int | None] = set()
        self.started = 0.0
        self.chance = 0.0
        self.refusals = Refusals()
        self.damaged: list[dict[str, Any]] = []
        self.storing: Script = fine
        self.querying: Script = fine
        self.posting: Script = fine
        self.closing: Script = fine
        self.removing: Script = fine
        self.is_buried: IsBuried | None = None

    def delivery(
        self, *, stored_until: int | None = NOW // 1000 + 60, content: str = "1", seconds: float = 60
    ) -> Delivery:
        """Make a delivery in this world; it has `seconds` for posting and as many more for closing."""
        started = self.started = asyncio.get_running_loop().time()
        dynamodb = cast(PreparingDynamoDB, _DynamoDB(self))
        return Delivery(
            dynamodb,
            Clients(dynamodb, "clients", "userId-index"),
            Notifications("notifications"),
            cast(Management, _Management(self)),
            notification=Notification("0193a5b0-7c00-7abc-9def-0123456789ab", content),
            stored_until=stored_until,
            clocks=Clocks(lambda: self.now, started + seconds, started + 2 * seconds),
            random=lambda: self.chance,
            refusals=self.refusals,
            is_buried=self.is_buried,
        )

    def done(self, what: str) -> list[str]:
        """List whom or what a kind of call was made for, in order."""
        return [subject for kind, subject in self.journal if kind == what]

    async def act(self, kind: str, subject: str, script: Script) -> None:
        """Play a call: its script, then the journal."""
        await script(subject)
        self.journal.append((kind, subject))

    async def page(self, user_id: str, start: int) -> bytes:
        """Play a query, and return the page that begins with the connection of this number."""
        await self.act("query", user_id, self.querying)
        own = [each for each in self.connections if each.user_id == user_id]
        return page_of(
            self.damaged,
            own[start : start + self.page_size],
            start + self.page_size if len(own) > start + self.page_size else None,
        )


def page_of(
    damaged: Sequence[dict[str, Any]], connections: Sequence[Connection], following: int | None = None
) -> bytes:
    """Write the answer to a query, with rows that are damaged first; `following` is where the next page starts."""
    page: dict[str, Any] = {
        "Items": [
            *damaged,
            *(
                {
                    "connectionId": {"S": each.connection_id},
                    "connectedAt": {"N": str(each.connected_at)},
                    "expiresAt": {"N": str(each.expires_at)},
                }
                for each in connections
            ),
        ]
    }
    if following is not None:
        page["LastEvaluatedKey"] = {"next": {"N": str(following)}}
    return json.dumps(page).encode()


class _DynamoDB:
    def __init__(self, world: World) -> None:
        self._world = world

    def prepare(self, operation: str, request: dict[str, Any]) -> "_Prepared":
        return _Prepared(self._world, operation)

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        user_id = request["ExpressionAttributeValues"][":userId"]["S"]
        start = int(request["ExclusiveStartKey"]["next"]["N"])
        return decode_page(await self._world.page(user_id, start))

    async def delete_item(self, table: str, key: Item, *, deadline: float) -> None:
        await self._world.act("remove", key["connectionId"]["S"], self._world.removing)


class _Prepared:
    def __init__(self, world: World, operation: str) -> None:
        self._world = world
        self._operation = operation

    def begin(self, text: str, *, deadline: float, done: Callable[[Call, Attempt | None], None]) -> Call:
        return abandoned(deadline, done)

    async def send(
        self, text: str, decode: Callable[[bytes], Any], *, deadline: float, begun: Attempt | None = None
    ) -> Any:
        if self._operation == "Query":
            return decode(await self._world.page(text, 0))
        await self._world.act("store", text, self._world.storing)
        return decode(b"{}")


def abandoned(deadline: float, done: Callable[[Call, Attempt | None], None]) -> Call:
    """A call that leaves everything to a task, as the transport does with what does not succeed at once."""
    call = Call(cast(ConcurrentSender, None), cast(Target, None), "", "", Payload(b""), deadline, done)
    call.cancel()
    return call


def require_time(deadline: float) -> None:
    """Begin nothing after the deadline, as the transport does."""
    if asyncio.get_running_loop().time() >= deadline:
        raise AwsError("DeadlineExceeded", transient=True)


class _Management:
    def __init__(self, world: World) -> None:
        self._world = world

    def begin_post(
        self,
        connection_id: str,
        payload: Payload,
        *,
        deadline: float,
        done: Callable[[Call, Attempt | None], None],
    ) -> Call:
        self._world.deadlines.append(deadline)
        return abandoned(deadline, done)

    async def post(
        self,
        connection_id: str,
        payload: Payload,
        *,
        deadline: float,
        attempts: int | None = None,
        begun: Attempt | None = None,
    ) -> None:
        self._world.deadlines.append(deadline)
        self._world.attempts.add(attempts)
        require_time(deadline)
        await self._world.act("post", connection_id, self._world.posting)
        self._world.frames.append(payload.body)

    async def close(self, connection_id: str, *, deadline: float) -> None:
        self._world.closing_deadlines.append(deadline)
        require_time(deadline)
        await self._world.act("close", connection_id, self._world.closing)
