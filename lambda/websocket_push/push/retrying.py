"""Handling posts that failed and connections that have expired: retries, closing, and counting both.

It is imported with the first one: in most invocations every post succeeds at once.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Attempt
from websocket_push.protocol.frames import bye_frame
from websocket_push.push.outcome import Outcome
from websocket_push.push.refusals import ALONE_SECONDS, Refusals
from websocket_push.push.window import loop_time
from websocket_push.tables.clients import ESTABLISHING_MILLISECONDS, Connection

ATTEMPTS = 3
"""How often a connection is tried before the cause of its refusals is judged: as often as the SDKs try ("Retry
behavior")."""

SILENT_SECONDS = 3.0
"""How long these attempts may take in total if one got no response: the time limit of one attempt."""

REFUSED_SECONDS = 0.25
"""The same if they got responses, which takes milliseconds: enough for their pauses."""

ASKING_MILLISECONDS = 2_000
"""How long after the time in its row a connection that API Gateway does not know is tried again.

Nearly every handshake is over by then.
"""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0

_BYE = Payload(bye_frame("token_expired").encode())


class Rows(Protocol):
    """Where the rows of connections are."""

    async def remove(self, connection_id: str, *, deadline: float) -> None:
        """Delete a connection's rows."""


class Retrying:
    """Continues with the connections of a delivery to which the first post failed.

    Parameters
    ----------
    management, clients, payload, random, refusals
        See `Posting`.
    now
        Returns the milliseconds since the epoch.
    posts_until, closes_until
        See `Clocks`.
    """

    def __init__(
        self,
        management: Management,
        clients: Rows,
        payload: Payload,
        *,
        now: Callable[[], int],
        posts_until: float,
        closes_until: float,
        random: Callable[[], float],
        refusals: Refusals,
    ) -> None:
        self._management = management
        self._clients = clients
        self._payload = payload
        self._now = now
        self._posts_until = posts_until
        self._closes_until = closes_until
        self._random = random
        self._refusals = refusals

    async def finish(self, connection: Connection, outcome: Outcome, begun: Attempt | None) -> None:
        """Send to a connection, or close it, and count the outcome in every case."""
        if begun is None and connection.expires_at * 1000 <= self._now():
            await self._dismiss(connection, outcome)
            return
        try:
            await self._send(connection, begun)
        except ConnectionGone:
            await self._miss(connection, outcome)
        except Exception as error:
            outcome.fail(error)
            # Once it is closed, its client reconnects and resumes.
            if outcome.persisted and await self._close(connection) is not None:
                outcome.leave(connection)
        else:
            outcome.delivered += 1
            self._refusals.note_taken()

    async def _send(self, connection: Connection, begun: Attempt | None) -> None:
        """Post to a connection, with retries for as long as they are worthwhile."""
        since = loop_time()
        # No retry may outlive the authorization.
        until = min(self._posts_until, since + connection.expires_at - self._now() / 1000)
        pause = _FIRST_PAUSE_SECONDS
        seconds = REFUSED_SECONDS if begun is not None and begun.response is not None else SILENT_SECONDS
        while True:
            try:
                await self._management.post(
                    connection.connection_id,
                    self._payload,
                    deadline=min(until, loop_time() + seconds),
                    attempts=ATTEMPTS,
                    begun=begun,
                )
                return
            except AwsError as error:
                if not self._may_pass(connection, error, since) or loop_time() + pause > until:
                    raise
            begun = None
            await asyncio.sleep(pause * (0.5 + self._random() / 2))
            pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)

    def _may_pass(self, connection: Connection, error: AwsError, since: float) -> bool:
        if isinstance(error, ConnectionGone):
            return self._age(connection) < ASKING_MILLISECONDS
        return error.transient and loop_time() - since < self._refusals.patience()

    async def _dismiss(self, connection: Connection, outcome: Outcome) -> None:
        """Send an expired connection the reason for closing it, and close it."""
        try:
            await self._management.post(connection.connection_id, _BYE, deadline=self._closing_end(), attempts=1)
        except Exception as error:  # with any other it is closed anyway
            if isinstance(error, ConnectionGone):
                await self._miss(connection, outcome)
                return
        failure = await self._close(connection)
        if failure is None:
            outcome.gone += 1
            await self._forget(connection)
            return
        # Its row stays, so that the next push tries again.
        outcome.fail(failure)
        outcome.leave(connection)

    async def _miss(self, connection: Connection, outcome: Outcome) -> None:
        """Count a connection that API Gateway does not know."""
        if self._age(connection) < ESTABLISHING_MILLISECONDS:
            outcome.connecting += 1
            return
        outcome.gone += 1
        await self._forget(connection)

    async def _forget(self, connection: Connection) -> None:
        if self._age(connection) < ESTABLISHING_MILLISECONDS:
            return
        # If the row cannot be deleted now, the next push or the row's TTL will.
        with contextlib.suppress(Exception):
            await self._clients.remove(connection.connection_id, deadline=self._closing_end())

    async def _close(self, connection: Connection) -> Exception | None:
        """Close a connection; return why it may still be open, or None if it is closed."""
        try:
            await self._management.close(connection.connection_id, deadline=self._closing_end())
        except AwsError as error:
            # Only this answer says that it is closed. A 404 comes from another address, such as a wrong stage.
            return None if error.code == "GoneException" else error
        except Exception as error:
            return error
        return None

    def _closing_end(self) -> float:
        return min(self._closes_until, loop_time() + ALONE_SECONDS)

    def _age(self, connection: Connection) -> int:
        return self._now() - connection.connected_at
