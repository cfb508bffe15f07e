"""Marking notifications as seen and read: changes the state of a user, and sends it to the other devices."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from websocket_push.aws.dynamodb import Item
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import state_frame
from websocket_push.protocol.inbox import Mark, marked, state_member
from websocket_push.tables.clients import Clients, read_connections
from websocket_push.tables.inboxes import Inboxes, Stored

ATTEMPTS = 10
"""How often a mark is tried if others of the same user interfere; each time one of them succeeds."""

POST_ATTEMPTS = 3

POST_SECONDS = 5.0
"""How long the reply waits for the posts to the other devices: an attempt that gets no answer (3 s), and another."""

POSTS_AT_ONCE = 64


class Marking(NamedTuple):
    """What marking needs.

    Parameters
    ----------
    inboxes, clients, management
        The tables and the management API.
    ttl
        For how many seconds a state is kept after the last mark.
    now
        Returns milliseconds since the epoch.
    deadline
        When the answer must be ready, on the event loop's clock.
    """

    inboxes: Inboxes
    clients: Clients
    management: Management
    ttl: int
    now: Callable[[], int]
    deadline: float

    async def mark(self, user_id: str, mark: Mark, *, sender: str | None = None) -> str:
        """Change a user's state and return it with the count, as JSON text.

        The change is sent to the user's connections except the sender's, which gets the reply. A connection that it
        does not reach gets it by its next poll.

        Parameters
        ----------
        sender
            The connection that the mark came over; None if it came from a backend.

        Raises
        ------
        RequestError
            `UNAVAILABLE` if concurrent marks interfere again and again.
        """
        stored, changed = await self._change(user_id, mark)
        others, unread = await asyncio.gather(
            self._connections(user_id) if changed else _nobody(),
            self.inboxes.count(user_id, stored.state, now=self.now() // 1000, deadline=self.deadline),
        )
        member = state_member(stored.state, stored.version, unread)
        await self._send(state_frame(member), [each for each in others if each != sender])
        return member

    async def _change(self, user_id: str, mark: Mark) -> tuple[Stored, bool]:
        """Return the state after a mark, and whether it may have been changed by it."""
        written = False
        for _ in range(ATTEMPTS):
            stored = await self.inboxes.find(user_id, deadline=self.deadline)
            state = marked(stored.state, mark, now=self.now())
            if mark == Mark() or state == stored.state:
                # A write whose answer was lost is found here, and the others do not know of it yet.
                return stored, written
            written = True
            expires_at = self.now() // 1000 + self.ttl
            if await self.inboxes.write(
                user_id, state, over=stored.version, expires_at=expires_at, deadline=self.deadline
            ):
                return Stored(state, stored.version + 1), True
        raise RequestError("UNAVAILABLE", "Other marks of this user were in the way. Send it again.")

    async def _connections(self, user_id: str) -> list[str]:
        """Return the open connections that the index shows; those of the pages that could be read, if one could not.

        One whose authorization has expired may still be open, and gets nothing more.
        """
        found: list[str] = []
        start: Item | None = None
        now = self.now() // 1000
        try:
            while True:
                page = await self.clients.page(user_id, start, deadline=self.deadline)
                rows = read_connections(page.items, user_id)
                found += [each.connection_id for each in rows if each.expires_at > now]
                start = page.last_evaluated_key
                if start is None:
                    return found
        except AwsError:
            return found

    async def _send(self, frame: str, connections: list[str]) -> None:
        payload, places = Payload(frame.encode()), asyncio.Semaphore(POSTS_AT_ONCE)
        until = min(self.deadline, asyncio.get_running_loop().time() + POST_SECONDS)

        async def send(connection_id: str) -> None:
            async with places:
                try:
                    await self.management.post(connection_id, payload, deadline=until, attempts=POST_ATTEMPTS)
                except AwsError:
                    return

        await asyncio.gather(*(send(each) for each in connections))


async def _nobody() -> list[str]:
    return []
