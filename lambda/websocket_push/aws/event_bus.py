"""Events for an EventBridge bus (AWS JSON 1.1 protocol)."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from websocket_push.aws.endpoints import event_bus_endpoint
from websocket_push.aws.requests import Payload, decode_object
from websocket_push.aws.sender import Sender
from websocket_push.aws.signing import canonical_path
from websocket_push.http.errors import InvalidResponse

MAX_ENTRIES = 10
MAX_BYTES = 240 * 1024
"""What one PutEvents request may hold: ten entries of 256 KB in all, some of it for the rest of the request."""


class Entry(NamedTuple):
    """An event: its type, and its detail as JSON text."""

    detail_type: str
    detail: str


class EventBus:
    """An event bus.

    Parameters
    ----------
    sender
        Sends the requests.
    arn
        ARN of the bus, in the functions' own Region.
    source
        What the events name as their source.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where the environment names no region or no valid endpoint.
    """

    def __init__(self, sender: Sender, arn: str, source: str) -> None:
        endpoint = event_bus_endpoint(sender.environment)
        self._sender = sender
        self._bus = {"EventBusName": arn, "Source": source}
        self._path = f"{endpoint.path}/"
        self._target = sender.target(
            "PutEvents",
            "POST",
            "events",
            endpoint,
            content_type="application/x-amz-json-1.1",
            x_amz_target="AWSEvents.PutEvents",
        )

    async def put(self, entries: Sequence[Entry], *, deadline: float) -> None:
        """Send events; if a request was accepted in part, all of its events are sent again.

        Parameters
        ----------
        entries
            Any number.
        deadline
            Event loop time in seconds.

        Raises
        ------
        AwsError
            See `Sender.request`.
        """
        for some in _requests(entries):
            document = {
                "Entries": [{**self._bus, "DetailType": each.detail_type, "Detail": each.detail} for each in some]
            }
            payload = Payload(json.dumps(document).encode())
            await self._sender.request(
                self._target, self._path, canonical_path(self._path), payload, _require_taken, deadline=deadline
            )


def _requests(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    size = 0
    for each in entries:
        its = len(each.detail)
        if some and (len(some) == MAX_ENTRIES or size + its > MAX_BYTES):
            yield some
            some, size = [], 0
        some.append(each)
        size += its
    if some:
        yield some


def _require_taken(body: bytes) -> None:
    """Raise `InvalidResponse` for an answer that does not say that every event was taken."""
    if decode_object(body).get("FailedEntryCount") != 0:
        raise InvalidResponse("events were not taken")
