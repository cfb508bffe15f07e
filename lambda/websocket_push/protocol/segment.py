"""A segment of a fan-out: what push passes to the fan-out workers by their queue, and they to each other."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.frames import JsonText, to_json
from websocket_push.protocol.identifiers import parse_notification_id
from websocket_push.protocol.topics import EVERYBODY, is_topic
from websocket_push.protocol.values import is_whole, parse_push_message, require_known_fields

MAX_SEGMENTS = 100
"""The most segments that the connections of one notification are cut into."""

MAX_ONLY = 500
"""The most connections that a segment can be restricted to; each takes some 50 bytes."""

_FIELDS = ("segment", "of", "after", "until", "only", "topic", "id", "persisted", "content")

_REFUSED_BY_SQS = re.compile("[\ufffe\uffff]")
"""What JSON text may hold unescaped and a message may not ("SendMessage", SQS API reference)."""


class Remaining(NamedTuple):
    """A connection to which a segment still has to be sent; see `tables.clients.Connection`."""

    connection_id: str
    connected_at: int
    expires_at: int


class Segment(NamedTuple):
    """A part of the connections that a notification goes to.

    Parameters
    ----------
    topic
        The topic, or `EVERYBODY`.
    notification_id
        A canonical UUIDv7.
    content
        JSON text.
    persisted
        Whether the notification is in the topic's history.
    part, of
        Which of how many segments it is, from 0.
    after
        The id of the last connection that it was sent to, or after which it begins; empty for the first.
    only
        The connections that it is limited to, if it is: those that were neither sent to nor closed before.
    until
        The id of the connection with which it ends; empty for the last of a topic, and for a broadcast.
    """

    topic: str
    notification_id: str
    content: str
    persisted: bool
    part: int
    of: int
    after: str = ""
    only: tuple[Remaining, ...] = ()
    until: str = ""


def segment_text(segment: Segment) -> str:
    """Write a segment as the body of a message; the content stays the text it was accepted as."""
    members = {
        "segment": segment.part,
        "of": segment.of,
        **({"after": segment.after} if segment.after else {}),
        **({"until": segment.until} if segment.until else {}),
        **({"only": segment.only} if segment.only else {}),
        "topic": segment.topic,
        "id": segment.notification_id,
        "persisted": segment.persisted,
    }
    content = _REFUSED_BY_SQS.sub(lambda found: f"\\u{ord(found[0]):04x}", segment.content)
    return f'{to_json(members)[:-1]},"content":{content}}}'


def finished_text(segment: Segment, *, at: int) -> str:
    """Write that a segment is finished, for the events function; `at` is in milliseconds since the epoch."""
    return to_json(
        {
            "finished": segment.notification_id,
            "topic": segment.topic,
            "part": segment.part,
            "of": segment.of,
            "at": at,
        }
    )


def parse_segment(body: object) -> Segment:
    """Read the body of a message.

    Raises
    ------
    RequestError
        `INVALID_REQUEST` for anything but what `segment_text` writes: nothing else belongs in the queue.
    """
    message = parse_push_message(body)
    require_known_fields(message, _FIELDS)
    notification_id = parse_notification_id(message.get("id"))
    topic, content = message.get("topic"), message.get("content")
    after, until = message.get("after", ""), message.get("until", "")
    of = _number(message, "of", 1, MAX_SEGMENTS)
    if (
        notification_id is None
        or not isinstance(topic, str)
        or not (topic == EVERYBODY or is_topic(topic))
        or not isinstance(content, JsonText)
        or not isinstance(after, str)
        or not isinstance(until, str)
        or not isinstance(message.get("persisted"), bool)
    ):
        raise _not_a_segment()
    return Segment(
        topic=topic,
        notification_id=notification_id,
        content=str(content),
        persisted=message["persisted"] is True,
        part=_number(message, "segment", 0, of - 1),
        of=of,
        after=after,
        only=_remaining(message.get("only", [])),
        until=until,
    )


def _remaining(value: object) -> tuple[Remaining, ...]:
    if not isinstance(value, list) or len(value) > MAX_ONLY or not all(map(_is_remaining, value)):
        raise _not_a_segment()
    return tuple(Remaining(*each) for each in value)


def _is_remaining(value: object) -> bool:
    return isinstance(value, list) and [type(each) for each in value] == [str, int, int]


def _number(message: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = message.get(name)
    if not is_whole(value) or not least <= value <= most:
        raise _not_a_segment()
    return value


def _not_a_segment() -> RequestError:
    return RequestError(
        "INVALID_REQUEST", "The message is not a segment of a fan-out. Only the functions send to this queue."
    )
