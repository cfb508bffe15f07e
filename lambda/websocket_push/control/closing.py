"""Closing many connections concurrently, and counting the outcomes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from websocket_push.aws.management import Connections
from websocket_push.aws.requests import Payload
from websocket_push.control.ending import Cause, end
from websocket_push.tables.clients import Clients, Connection
from websocket_push.tables.endings import Endings

MAX_AT_ONCE = 64
"""How many calls of one request are under way at once."""

AGAIN_SECONDS = 5
"""After how long connections that may be open are checked again."""

_UNFINISHED = ("connecting", "failed")

Result = TypeVar("Result")

Reply = dict[str, object]
"""An answer of the control function, as a JSON object."""


class Tally(NamedTuple):
    """The outcomes of closing connections.

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
    """The outcomes, counted, and the connections that may still be open or be about to open."""

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
        When to stop closing, on the event loop's clock.
    endings
        Where to note why; None where there are no events.
    """

    clients: Clients
    management: Connections
    now: Callable[[], int]
    deadline: float
    endings: Endings | None = None

    async def close(self, connections: Sequence[Connection], bye: str, cause: Cause) -> Closing:
        """Close connections, each after a last frame, and remove their rows; return the outcomes."""
        payload = Payload(bye.encode())
        ends = await each_of(
            [
                end(
                    each,
                    payload,
                    clients=self.clients,
                    management=self.management,
                    endings=self.endings,
                    cause=cause,
                    now=self.now(),
                    deadline=self.deadline,
                )
                for each in connections
            ]
        )
        return Closing(
            Tally(**{name: ends.count(name) for name in Tally._fields}),
            [each for each, end in zip(connections, ends, strict=True) if end in _UNFINISHED],
        )


async def each_of(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Run calls side by side, a bounded number at once; return their results in the same order, or raise an error."""
    places, every = asyncio.Semaphore(MAX_AT_ONCE), list(calls)

    async def placed(call: Coroutine[Any, Any, Result]) -> Result:
        async with places:
            return await call

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(placed(call)) for call in every]
    except ExceptionGroup as failures:
        # The first one stands for all: it has the code that the caller sees.
        raise failures.exceptions[0] from None
    finally:
        # Python would warn, in a log line that is not JSON, of those that never got a place.
        for call in every:
            call.close()
    return [task.result() for task in tasks]
