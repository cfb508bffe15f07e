"""Events out of messages: what push and fanout report, and what the events function checks again later."""

from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.cloud_events import Event
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import milliseconds_of, parse_notification_id, rfc_3339
from websocket_push.protocol.values import is_whole
from websocket_push.tables.tracking import Tracking


class Reporter(NamedTuple):
    """What taking messages needs.

    Parameters
    ----------
    tracking
        Who is online, and what is done.
    now
        Seconds since the epoch.
    deadline
        When the invocation must be done, on the event loop's clock.
    """

    tracking: Tracking
    now: int
    deadline: float

    async def events(self, message: Mapping[str, object]) -> list[Event]:
        """Return the events of a message.

        Raises
        ------
        RequestError
            `INVALID_REQUEST` for a message that none of the functions wrote.
        """
        if "left" in message:
            return await self._left(message)
        if "undelivered" in message:
            return _undelivered(message)
        return await self._finished(message)

    async def _left(self, message: Mapping[str, object]) -> list[Event]:
        user_id, connection_id, at = _text(message, "left"), _text(message, "connectionId"), _number(message, "at")
        if not await self.tracking.leave(user_id, connection_id, now=self.now, deadline=self.deadline):
            return []
        data = {"userId": user_id, "connectionId": connection_id}
        return [Event("user.offline", (user_id, connection_id), at, user_id, data)]

    async def _finished(self, message: Mapping[str, object]) -> list[Event]:
        notification_id, topic = _notification_id(message, "finished"), _text(message, "topic")
        at, part, of = (_number(message, name) for name in ("at", "part", "of"))
        if not await self.tracking.finish(notification_id, topic, part, of, now=self.now, deadline=self.deadline):
            return []
        data = {"topic": topic, **_about(notification_id)}
        return [Event("broadcast.completed", (topic, notification_id), at, topic, data)]


def _undelivered(message: Mapping[str, object]) -> list[Event]:
    notification_id, at = _notification_id(message, "undelivered"), _number(message, "at")
    expires_at, content = _number(message, "expiresAt"), message.get("text")
    user_ids = message.get("userIds")
    if not isinstance(user_ids, list) or not all(isinstance(each, str) for each in user_ids):
        raise _foreign()
    about = {**_about(notification_id), "expiresAt": rfc_3339(expires_at * 1000)}
    if isinstance(content, str):
        about["content"] = content
    return [
        Event("notification.undelivered", (each, notification_id), at, each, {"userId": each, **about})
        for each in user_ids
    ]


def _about(notification_id: str) -> dict[str, str]:
    return {"notificationId": notification_id, "createdAt": rfc_3339(milliseconds_of(notification_id))}


def _notification_id(message: Mapping[str, object], name: str) -> str:
    notification_id = parse_notification_id(message.get(name))
    if notification_id is None:
        raise _foreign()
    return notification_id


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise _foreign()
    return value


def _number(message: Mapping[str, object], name: str) -> int:
    value = message.get(name)
    if not is_whole(value) or value < 0:
        raise _foreign()
    return value


def _foreign() -> RequestError:
    return RequestError("INVALID_REQUEST", "The message was not sent by one of the functions.")
