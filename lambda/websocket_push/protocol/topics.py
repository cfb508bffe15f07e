"""Topics: what names them, what lets a connection listen to them, and the messages that subscribe."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.values import require_known_fields

EVERYBODY = "*"
"""The address of a broadcast: every connection listens to it, without a subscription."""

MAX_TOPIC_CHARACTERS = 128

MAX_TOPICS_AT_ONCE = 100
"""How many topics one message may name, and one connection may have."""

# Not compiled here: a function that meets no topic should not pay for it when it starts.
_NAME = "[A-Za-z0-9_.:@=+-]+(/[A-Za-z0-9_.:@=+-]+)*"
_BELOW = "/*"

_FIELDS = ("action", "requestId", "topics")


class Grants(NamedTuple):
    """Which topics a connection may listen to.

    Parameters
    ----------
    entries
        Names of topics, and prefixes that end in `/*` and grant what is below them.
    everything
        Whether it may listen to all of them, whatever the entries say.
    """

    entries: tuple[str, ...] = ()
    everything: bool = False

    def allow(self, topic: str) -> bool:
        """Return whether the topic is among them. `org/*` grants `org/7` and `org/7/news`, but not `org`."""
        return self.everything or any(
            topic.startswith(entry[:-1]) if entry.endswith(_BELOW) else topic == entry for entry in self.entries
        )


def is_topic(value: object) -> bool:
    """Return whether a value is the name of a topic; `*` is not."""
    return isinstance(value, str) and len(value) <= MAX_TOPIC_CHARACTERS and re.fullmatch(_NAME, value) is not None


def require_topic(value: object, field: str) -> str:
    """Return the value as the name of a topic, or raise `INVALID_TOPIC` naming the field that it came in."""
    if not isinstance(value, str) or not is_topic(value):
        raise RequestError(
            "INVALID_TOPIC",
            f"{field} must be 1 to {MAX_TOPIC_CHARACTERS} letters, digits and _ . : @ = + - in parts that are joined "
            "by single slashes, such as org/7.",
        )
    return value


def sound_grants(entries: Iterable[object]) -> tuple[str, ...]:
    """Return, each once and in their order, the entries that grant something: names, and prefixes that end in `/*`.

    A claim such as `scope` lists other things too, so whatever else there is grants nothing. Neither does `*`.
    """
    found = {each: None for each in entries if isinstance(each, str) and is_topic(each.removesuffix(_BELOW))}
    return tuple(found)


def parse_grants(text: str) -> Grants:
    """Read the topics in an authorizer's context: entries separated by spaces."""
    return Grants(sound_grants(text.split(" ")))


def parse_subscription(message: Mapping[str, object]) -> tuple[str, ...]:
    """Check a `subscribe` or `unsubscribe` message and return the topics that it names, each once.

    Raises
    ------
    RequestError
        `UNKNOWN_FIELD` or `INVALID_TOPIC`.
    """
    require_known_fields(message, _FIELDS)
    topics = message.get("topics")
    if not isinstance(topics, list) or not 1 <= len(topics) <= MAX_TOPICS_AT_ONCE:
        raise RequestError("INVALID_TOPIC", f"topics must be a list of 1 to {MAX_TOPICS_AT_ONCE} topics.")
    return tuple(dict.fromkeys(require_topic(topic, "Each of topics") for topic in topics))
