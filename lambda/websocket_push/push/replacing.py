"""Pushes that replace or recall: the logs are changed first, then the users' connections are posted to.

Each user's log is changed in steps that can be repeated, so a push that is interrupted, repeated or late has the same
result. A notification that has already been replaced when it arrives is not sent.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from websocket_push.aws.errors import AwsError
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import notification_frame
from websocket_push.protocol.replacement import Replacement, recall_frame
from websocket_push.push.delivery import MAX_RECIPIENTS_AT_ONCE, id_taken
from websocket_push.push.outcome import Outcome
from websocket_push.tables.notifications import TAKEN, Notification
from websocket_push.tables.replacements import BURIED_SECONDS, Replacements
from websocket_push.telemetry.explain import explain

Send = Callable[[str, Sequence[str]], Coroutine[Any, Any, list[Outcome]]]
"""Posts a frame to the connections of users for whom it is stored, and returns the outcomes."""


class Replacing(NamedTuple):
    """What changing logs needs.

    Parameters
    ----------
    replacements
        The notifications table.
    stored_until
        When what is stored expires, in seconds since the epoch.
    now
        Seconds since the epoch.
    deadline
        When to give up, on the event loop's clock.
    """

    replacements: Replacements
    stored_until: int
    now: int
    deadline: float

    async def push(
        self, notification: Notification, replacement: Replacement, recipients: Sequence[str], send: Send
    ) -> list[Outcome]:
        """Store a notification or a recall for each user and send it; return the outcomes, in the users' order."""
        outcomes = {user_id: Outcome(user_id) for user_id in recipients}
        frames = await self._change_each(outcomes, notification, replacement)
        for frame in dict.fromkeys(frames.values()):
            sent = await send(frame, [user_id for user_id in recipients if frames.get(user_id) == frame])
            for outcome in sent:
                outcome.superseded = outcomes[outcome.user_id].superseded
                outcomes[outcome.user_id] = outcome
        return list(outcomes.values())

    async def _change_each(
        self, outcomes: dict[str, Outcome], notification: Notification, replacement: Replacement
    ) -> dict[str, str]:
        """Change each user's log; return the frame for the users that are to get one."""
        places, frames = asyncio.Semaphore(MAX_RECIPIENTS_AT_ONCE), dict[str, str]()

        async def change(outcome: Outcome) -> None:
            async with places:
                try:
                    frame = await self._change(outcome, notification, replacement)
                except Exception as error:
                    taken = isinstance(error, AwsError) and error.code == TAKEN
                    outcome.error = explain(id_taken() if taken else error)
                    return
            outcome.persisted = True
            if frame is not None:
                frames[outcome.user_id] = frame

        await asyncio.gather(*map(change, outcomes.values()))
        return frames

    async def _change(self, outcome: Outcome, notification: Notification, replacement: Replacement) -> str | None:
        if replacement.recall is not None:
            return await self._recall(outcome.user_id, notification, replacement.recall)
        if replacement.key is not None:
            return await self._replace_by_key(outcome, notification, replacement.key)
        return await self._replace_one(outcome, notification, replacement.replaces or "")

    async def _recall(self, user_id: str, notification: Notification, recalled: str) -> str:
        # The recall names the key, and is stored before anything is buried: it may be refused.
        key = await self.replacements.find_key(user_id, recalled, deadline=self.deadline)
        await self._store(user_id, notification._replace(key=key), recalls=recalled)
        buried_key = await self._bury(user_id, recalled)
        if buried_key != key:
            # The notification to recall has arrived meanwhile.
            key = buried_key
            await self._store(user_id, notification._replace(key=key), recalls=recalled)
        return recall_frame(notification.notification_id, notification.created_at, recalled, key)

    async def _replace_one(self, outcome: Outcome, notification: Notification, replaced: str) -> str:
        user_id, new_id = outcome.user_id, notification.notification_id
        stored = await self._store(user_id, notification)
        if await self._bury(user_id, replaced) is not None:
            # The new one does not carry the key, by which a client that was away knows what the old one had replaced.
            await self.replacements.note(user_id, replaced, replaced, deadline=self.deadline)
        if stored:
            return _frame(notification)
        # It has been replaced already. The one that it replaced is to be buried all the same.
        outcome.superseded = True
        await self.replacements.note(user_id, new_id, replaced, deadline=self.deadline)
        return recall_frame(new_id, notification.created_at, replaced, None)

    async def _replace_by_key(self, outcome: Outcome, notification: Notification, key: str) -> str | None:
        user_id, new_id = outcome.user_id, notification.notification_id
        pointed = await self.replacements.point(
            user_id, key, new_id, expires_at=self._buried_until, deadline=self.deadline
        )
        if pointed is None:
            raise RequestError("UNAVAILABLE", "Other pushes with this key were in the way. Push it again.")
        if pointed.superseded:
            # The later one has the key, by which clients know.
            await self._bury(user_id, new_id)
            outcome.superseded = True
            return None
        try:
            stored = await self._store(user_id, notification)
        except AwsError as error:
            # The id is that of another notification, which has nothing to do with the key.
            if error.code == TAKEN and pointed.previous != new_id:
                await self.replacements.point_back(user_id, key, new_id, pointed, deadline=self.deadline)
            raise
        await asyncio.gather(*(self._bury(user_id, each) for each in pointed.earlier))
        frame = _frame(notification)
        if not stored:
            outcome.superseded = True
            if not pointed.earlier:
                return None
            await self.replacements.note(user_id, new_id, pointed.earlier[-1], key=key, deadline=self.deadline)
            frame = recall_frame(new_id, notification.created_at, pointed.earlier[-1], key)
        await self.replacements.settle(user_id, key, new_id, deadline=self.deadline)
        return frame

    async def _store(self, user_id: str, notification: Notification, *, recalls: str | None = None) -> bool:
        return await self.replacements.store(
            user_id, notification, recalls=recalls, expires_at=self._kept_until(notification), deadline=self.deadline
        )

    async def _bury(self, user_id: str, notification_id: str) -> str | None:
        return await self.replacements.bury(
            user_id, notification_id, expires_at=self._buried_until, deadline=self.deadline
        )

    def _kept_until(self, notification: Notification) -> int:
        return self.stored_until if notification.content else self._buried_until

    @property
    def _buried_until(self) -> int:
        return max(self.stored_until, self.now + BURIED_SECONDS)


def _frame(notification: Notification) -> str:
    return notification_frame(
        notification.notification_id,
        notification.created_at,
        notification.content,
        about=Replacement(notification.replaces, notification.key).about,
    )
