"""Records of the stream of the clients table, as Lambda passes them on.

The event's shape is that of "Using Lambda with Amazon DynamoDB" (AWS Lambda developer guide).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from websocket_push.protocol.errors import RequestError

_SOURCE = "aws:dynamodb"


class Change(NamedTuple):
    """A row that was written or removed.

    Parameters
    ----------
    before, after
        The row as DynamoDB JSON; None where there was no row, or no longer is.
    at
        When, in milliseconds since the epoch; the stream has whole seconds.
    by_ttl
        Whether DynamoDB removed it because it had expired.
    """

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: int
    by_ttl: bool


def is_stream(event: object) -> bool:
    """Return whether an event comes from a stream."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return isinstance(records, list) and any(_is_record(record) for record in records)


def parse_stream(event: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a batch, in their order.

    Raises
    ------
    RequestError
        `INVALID_REQUEST` for a record of another kind.
    """
    records = event["Records"]
    if not all(_is_record(record) for record in records):
        raise RequestError("INVALID_REQUEST", "A record of the batch is not from a DynamoDB stream.")
    return [_change(record) for record in records]


def _is_record(record: object) -> bool:
    return (
        isinstance(record, Mapping)
        and record.get("eventSource") == _SOURCE
        and isinstance(record.get("dynamodb"), Mapping)
    )


def _change(record: Mapping[str, Any]) -> Change:
    what = record["dynamodb"]
    # Only what the TTL removes names who did it ("DynamoDB Streams and Time to Live").
    remover = record.get("userIdentity") or {}
    return Change(
        before=what.get("OldImage"),
        after=what.get("NewImage"),
        at=int(float(what.get("ApproximateCreationDateTime", 0)) * 1000),
        by_ttl=remover.get("type") == "Service" and remover.get("principalId") == "dynamodb.amazonaws.com",
    )
