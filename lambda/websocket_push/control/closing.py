"""Closing connections from outside: a last word, the close, and the row."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.requests import Payload
from websocket_push.tables.clients import ESTABLISHING_MILLISECONDS, Clients, Connection

MAX_AT_ONCE = 64
"""How many calls of one request are under way at once."""

BYE_SECONDS = 1.0
"""How long the last word may take. A client that does not read it is closed all the same."""

AGAIN_SECONDS = 5
"""After how long connections that may be open are looked at once more."""

_UNFINISHED = ("connecting", "failed")

Result = TypeVar("Result")


class Tally(NamedTuple):
    """What became of connections that were to be closed.

    Parameters
    ----------
    closed
        Closed now.
    gone
        Not open any more.
    connecting
        With a handshake that is still running.
    failed
        Perhaps still open.
    """

    closed: int = 0
    gone: int = 0
    connecting: int = 0
    failed: int = 0

    def report(self) -> dict[str, int]:
        """Return the counts for a report."""
        return {"connections": sum(self), **self._asdict()}


class Closing(NamedTuple):
    """What became of connections, counted, and which of them may be open still or be about to open."""

    tally: Tally
    unfinished: list[Connection]


class Closer(NamedTuple):
    """Closes connections.

    Parameters
    ----------
    clients, management
        The table and the management API.
    now
        Returns milliseconds since the epoch.
    deadline
        When all is over, on the event loop's clock.
    """

    clients: Clients
    management: Management
    now: Callable[[], int]
    deadline: float

    async def close(self, connections: Sequence[Connection], bye: str) -> Closing:
        """Close connections, each after a last frame, and remove their rows; return what became of them."""
        payload = Payload(bye.encode())
        ends = await each_of([self._end(each, payload) for each in connections])
        return Closing(
            Tally(**{name: ends.count(name) for name in Tally._fields}),
            [each for each, end in zip(connections, ends, strict=True) if end in _UNFINISHED],
        )

    async def _end(self, connection: Connection, bye: Payload) -> str:
        end = "closed"
        try:
            until = min(self.deadline, asyncio.get_running_loop().time() + BYE_SECONDS)
            await self.management.post(connection.connection_id, bye, deadline=until, attempts=1)
        except ConnectionGone:
            # API Gateway answers so while $connect is still running: without its row it could not be found later.
            if self.now() - connection.connected_at < ESTABLISHING_MILLISECONDS:
                return "connecting"
            end = "gone"
        except AwsError:
            pass
        try:
            if end == "closed":
                await self.management.close(connection.connection_id, deadline=self.deadline)
            await self.clients.remove(connection.connection_id, deadline=self.deadline)
        except AwsError:
            return "failed"
        return end


async def each_of(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Run calls side by side, a bounded number at once; return their results in the same order, or raise an error."""
    places = asyncio.Semaphore(MAX_AT_ONCE)

    async def placed(call: Coroutine[Any, Any, Result]) -> Result:
        async with places:
            return await call

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(placed(call)) for call in calls]
    except ExceptionGroup as failures:
        # The first one stands for all: it has the code that the caller sees.
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
