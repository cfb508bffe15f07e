"""Revoking a user's tokens: the item first, then the connections that they opened, and those once more a little later.

A `$connect` writes its row and then reads the item. So either it sees the item, and refuses, or its row was written
before the item and is found. But the index by which a user's rows are found lags behind the table: hence the second
time.
"""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from websocket_push.aws.queue import Queue
from websocket_push.control.closing import AGAIN_SECONDS, Closer, Closing, Reply, Tally, each_of
from websocket_push.control.ending import Cause
from websocket_push.protocol.control_request import RevokeRequest, UnrevokeRequest
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import bye_frame
from websocket_push.protocol.identifiers import rfc_3339
from websocket_push.protocol.values import is_whole, require_user_id
from websocket_push.tables.clients import Clients
from websocket_push.tables.registry import MAX_TOKEN_IDS, Registry

SWEEPING_MILLISECONDS = 120_000
"""For how long connections that may still be open are looked for again. A handshake is over after 29 s."""

_BYE = bye_frame("revoked", reconnect=False)


class Sweep(NamedTuple):
    """A message of the function to itself: whose connections to look for, and when their tokens were revoked."""

    user_id: str
    revoked_at: int


class Revoking(NamedTuple):
    """What revoking needs.

    Parameters
    ----------
    registry, clients
        The clients table.
    closer
        Closes connections.
    queue
        Where messages of the function to itself go.
    ttl
        For how many seconds a revocation is kept: at least a token's lifetime.
    now
        Returns milliseconds since the epoch.
    deadline
        When the invocation must be done, on the event loop's clock.
    """

    registry: Registry
    clients: Clients
    closer: Closer
    queue: Queue
    ttl: int
    now: Callable[[], int]
    deadline: float

    async def revoke(self, request: RevokeRequest) -> Reply:
        """Revoke tokens and close the connections that they opened.

        Raises
        ------
        RequestError
            `INVALID_TOKEN_ID` where too many tokens of the user are revoked one by one.
        """
        now = self.now()
        # A token that is issued just before that time lives for as long again.
        expires_at = max(now // 1000, request.issued_before or 0) + self.ttl
        revoked: Reply = {}
        if request.token_id is not None:
            revoked["tokenId"] = request.token_id
            if not await self.registry.revoke_token(
                request.user_id, request.token_id, expires_at=expires_at, deadline=self.deadline
            ):
                raise RequestError(
                    "INVALID_TOKEN_ID",
                    f"{MAX_TOKEN_IDS:,} tokens of this user are revoked already: revoke by issuedBefore.",
                )
        elif request.issued_before is not None:
            revoked["issuedBefore"] = request.issued_before
            await self.registry.revoke_before(
                request.user_id, request.issued_before, expires_at=expires_at, deadline=self.deadline
            )
        # Before anything is closed: should this invocation end early, the message closes the rest.
        await self._send_again(Sweep(request.user_id, now))
        closing = await self._close_revoked(request.user_id)
        return {
            "userId": request.user_id,
            **revoked,
            "revokedUntil": rfc_3339(expires_at * 1000),
            **closing.tally.report(),
        }

    async def unrevoke(self, request: UnrevokeRequest) -> Reply:
        """Undo revocations; closed connections stay closed."""
        if request.token_id is None:
            await self.registry.unrevoke(request.user_id, deadline=self.deadline)
            return {"userId": request.user_id, "revoked": False}
        await self.registry.unrevoke_token(request.user_id, request.token_id, deadline=self.deadline)
        return {"userId": request.user_id, "tokenId": request.token_id, "revoked": False}

    async def sweep(self, sweep: Sweep) -> Reply:
        """Close connections that an earlier attempt did not find, or could not close.

        Raises
        ------
        RequestError
            `INCOMPLETE` if some may still be open; SQS then redelivers the message.
        """
        closing = await self._close_revoked(sweep.user_id)
        if closing.unfinished:
            if self.now() - sweep.revoked_at >= SWEEPING_MILLISECONDS:
                raise RequestError("INCOMPLETE", "Connections of a revoked token could not be closed.")
            await self._send_again(sweep)
        return {"userId": sweep.user_id, **closing.tally.report()}

    async def _close_revoked(self, user_id: str) -> Closing:
        revocation = await self.clients.find_revocation(user_id, now=self.now() // 1000, deadline=self.deadline)
        if revocation is None:
            return Closing(Tally(), [])
        found = [each async for each in self.registry.connections(user_id, deadline=self.deadline)]
        # The index does not hold what is known of the token, and may show rows that are gone.
        rows = await each_of([self.registry.find(each.connection_id, deadline=self.deadline) for each in found])
        revoked = [row.connection for row in rows if row is not None and revocation.covers(row.token)]
        return await self.closer.close(revoked, _BYE, Cause("revoked"))

    async def _send_again(self, sweep: Sweep) -> None:
        body = json.dumps({"sweep": sweep.user_id, "revokedAt": sweep.revoked_at})
        await self.queue.send(body, deadline=self.deadline, delay=AGAIN_SECONDS)


def parse_sweep(message: Mapping[str, object]) -> Sweep:
    """Read a message of the function to itself.

    Raises
    ------
    RequestError
        `INVALID_REQUEST` or `INVALID_USER_ID` for any other.
    """
    revoked_at = message.get("revokedAt")
    if not is_whole(revoked_at):
        raise RequestError("INVALID_REQUEST", "The message was not sent by the control function.")
    return Sweep(require_user_id(message.get("sweep"), "sweep"), revoked_at)
