"""Events as CloudEvents 1.0 in JSON (github.com/cloudevents/spec): the detail of an EventBridge event.

The id is derived from what happened, so an event that is sent again has the same id.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from websocket_push.protocol.identifiers import rfc_3339

_ID_CHARACTERS = 32


class Event(NamedTuple):
    """What happened.

    Parameters
    ----------
    kind
        What it is called, such as `user.online`.
    key
        What distinguishes it from other events of its kind.
    at
        When, in milliseconds since the epoch.
    subject
        The user or the topic.
    data
        Its other members.
    """

    kind: str
    key: tuple[str, ...]
    at: int
    subject: str
    data: Mapping[str, object]

    @property
    def event_id(self) -> str:
        """The id, the same whenever the event is sent."""
        return sha256(json.dumps([self.kind, *self.key]).encode()).hexdigest()[:_ID_CHARACTERS]

    def detail(self, source: str) -> str:
        """Return the event as JSON text; `source` is where it happened."""
        return json.dumps(
            {
                "specversion": "1.0",
                "id": self.event_id,
                "source": source,
                "type": self.kind,
                "subject": self.subject,
                "time": rfc_3339(self.at),
                "datacontenttype": "application/json",
                "data": self.data,
            },
            separators=(",", ":"),
        )
