"""Reporting what was kept for users who had no connection, by the queue of the events function."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.aws.queue import Queue
from websocket_push.push.outcome import Outcome
from websocket_push.settings import read_flag, read_text
from websocket_push.tables.notifications import Notification
from websocket_push.telemetry.explain import explain

MAX_USERS = 200
"""How many users a message names: with the longest ids, and the longest content, it is below the 256 KB of SQS."""

MAX_CONTENT_BYTES = 64 * 1024
"""Content above this is left out of the event."""


class UndeliveredSettings(NamedTuple):
    """The URL of the queue of the events function, and whether events hold the content."""

    queue_url: str
    include_content: bool


class Undelivered(NamedTuple):
    """What reporting needs.

    Parameters
    ----------
    queue
        The queue of the events function.
    include_content
        Whether events hold the content.
    """

    queue: Queue
    include_content: bool

    async def report(
        self, notification: Notification, outcomes: Sequence[Outcome], *, now: int, expires_at: int, deadline: float
    ) -> None:
        """Report the users for whom a notification was kept and who had no connection, or only such as were gone.

        A recall is not a notification, and one that has been replaced is not to be seen. Where reporting fails, their
        outcomes are incomplete: pushed again with the same id, it is reported then.

        Parameters
        ----------
        now
            Milliseconds since the epoch.
        expires_at
            When the notification expires, in seconds since the epoch.
        """
        if not notification.content:
            return
        kept = [each for each in outcomes if each.persisted and not each.superseded]
        missed = [each for each in kept if not each.missed and each.connections == each.gone]
        await asyncio.gather(
            *(
                self._send(notification, some, now=now, expires_at=expires_at, deadline=deadline)
                for some in _slices(missed, MAX_USERS)
            )
        )

    async def _send(
        self, notification: Notification, outcomes: Sequence[Outcome], *, now: int, expires_at: int, deadline: float
    ) -> None:
        message: dict[str, object] = {
            "undelivered": notification.notification_id,
            "at": now,
            "expiresAt": expires_at,
            "userIds": [each.user_id for each in outcomes],
        }
        if self.include_content and len(json.dumps(notification.content)) <= MAX_CONTENT_BYTES:
            message["text"] = notification.content
        try:
            await self.queue.send(json.dumps(message), deadline=deadline)
        except AwsError as error:
            for each in outcomes:
                each.missed, each.error = True, each.error or explain(error)


def read_undelivered_settings(environment: Mapping[str, str]) -> UndeliveredSettings:
    """Read the settings; `SettingsError` names the variable that is missing or cannot be read."""
    return UndeliveredSettings(
        read_text(environment, "EVENTS_QUEUE_URL"), read_flag(environment, "EVENTS_INCLUDE_CONTENT")
    )


def make_undelivered(sender: ConcurrentSender, settings: UndeliveredSettings) -> Undelivered:
    """Make what reports them."""
    return Undelivered(Queue(sender, settings.queue_url), settings.include_content)


def _slices(outcomes: Sequence[Outcome], size: int) -> Iterator[Sequence[Outcome]]:
    for start in range(0, len(outcomes), size):
        yield outcomes[start : start + size]
