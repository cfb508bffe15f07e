"""What the stub answers: a request's bytes in, a response's bytes out.

Shapes and headers are those of the services (Amazon DynamoDB API Reference; API Gateway Developer Guide, "Use
@connections commands in your backend service"). What a user's Query returns is in the user's name, so the stub keeps
no data: `c100-u7` has 100 connections, and of those of `c100f5-u7` five answer 429 to every post.
"""

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable

PAGE_BYTES = 1024 * 1024
"""How much a Query reads before it pages ("Paginating table query results", DynamoDB Developer Guide)."""

HISTORY_LENGTH = 20
"""How many notifications every user's history holds."""

CONNECTED_AT = 1_700_000_000_000
EXPIRES_AT = 4_000_000_000

_DATE = b"date: Sat, 31 Jan 2026 12:00:00 GMT\r\n"
_POSTED = (
    b"HTTP/1.1 200 OK\r\n"
    + _DATE
    + b"content-type: application/json\r\ncontent-length: 0\r\nconnection: keep-alive\r\n"
    b"x-amzn-requestid: 8f5d7f0e-6c1b-4f57-9d3e-0a1b2c3d4e5f\r\nx-amz-apigw-id: XnJk8E8yDoEFz2A=\r\n\r\n"
)
_DELETED = b"HTTP/1.1 204 No Content\r\n" + _DATE + b"connection: keep-alive\r\n\r\n"
_TARGET = b"DynamoDB_20120810."


_FULL = "XnJkF"
"""How the id of a connection begins that takes nothing; others begin with XnJk8."""

_FULL_PATH = f"/@connections/{_FULL}".encode()
_REFUSED = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    + _DATE
    + b"content-type: application/json\r\ncontent-length: 16\r\nconnection: keep-alive\r\n"
    b'x-amzn-errortype: LimitExceededException\r\n\r\n{"message":null}'
)


class Quota:
    """The requests to the management API that an account may make: a token bucket.

    Parameters
    ----------
    per_second
        How many tokens it gains.
    burst
        How many it holds.
    clock
        Returns seconds on a clock that does not run back.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens, self._at = burst, clock()

    def take(self) -> bool:
        """Take a token; return False if there is none."""
        now = self._clock()
        self._tokens, self._at = min(self._burst, self._tokens + (now - self._at) * self._per_second), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def user_name(connections: int, number: int, *, full: int = 0) -> str:
    """Name a user who has so many connections, some of them full."""
    return f"c{connections}{f'f{full}' if full else ''}-u{number}"


class Answers:
    """Answers requests and counts them.

    Parameters
    ----------
    page_bytes
        How many bytes of items, as DynamoDB counts them, a page of a Query holds.
    quota
        What the management API takes; more is refused by 429. None takes everything.
    """

    def __init__(self, page_bytes: int = PAGE_BYTES, quota: Quota | None = None) -> None:
        self._quota = quota
        self.counts: Counter[str] = Counter()
        self._page_bytes = page_bytes
        # The same user is asked for again and again; the stub must not be what limits the clients.
        self._queries: dict[bytes, bytes] = {}
        self._written = _dynamodb({})

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Answer one request.

        Parameters
        ----------
        head
            Request line and headers, without the empty line.
        body
            All of it.
        """
        start = head.find(_TARGET)
        if start < 0:
            return self._answer_management(head)
        operation = head[start + len(_TARGET) :].partition(b"\r\n")[0].decode()
        self.counts[operation] += 1
        if operation == "Query":
            return self._answer_query(body)
        if operation == "Scan":
            return _dynamodb(scan_page(json.loads(body)))
        if operation == "GetItem":
            return _dynamodb({"Item": _client("alice", 0)})
        return self._written

    def _answer_management(self, head: bytes) -> bytes:
        if head.startswith(b"GET /_stub/counts "):
            return _response(json.dumps(dict(self.counts)).encode(), b"content-type: application/json\r\n")
        if self._quota is not None and not self._quota.take():
            self.counts["Throttled"] += 1
            return _REFUSED
        if head.startswith(b"DELETE "):
            self.counts["DeleteConnection"] += 1
            return _DELETED
        self.counts["PostToConnection"] += 1
        return _REFUSED if _FULL_PATH in head else _POSTED

    def _answer_query(self, body: bytes) -> bytes:
        known = self._queries.get(body)
        if known is None:
            known = self._queries[body] = _dynamodb(query_page(json.loads(body), self._page_bytes))
        return known


def query_page(request: dict[str, object], page_bytes: int = PAGE_BYTES) -> dict[str, object]:
    """Return the page that a Query request asks for.

    Parameters
    ----------
    request
        The Query's members, the user being the value `:userId`. One with an `IndexName` asks for the user's
        connections, any other for the history.
    page_bytes
        How many bytes of items it may hold.
    """
    values = request["ExpressionAttributeValues"]
    assert isinstance(values, dict)  # noqa: S101 - what DynamoDB requires
    user_id: str = values[":userId"]["S"]
    if "IndexName" not in request:
        items = [_notification(user_id, number) for number in range(HISTORY_LENGTH)]
        return {"Items": items, "Count": HISTORY_LENGTH, "ScannedCount": HISTORY_LENGTH}
    (count, full), first = _connection_counts(user_id), 0
    start = request.get("ExclusiveStartKey")
    if isinstance(start, dict):
        first = int(start["connectionId"]["S"].removesuffix("=")[-10:]) + 1
    last = min(count, first + max(1, page_bytes // _size(_client(user_id, 0))))
    # Those that are full are spread evenly.
    items = [
        _client(user_id, number, full=(number + 1) * full // count > number * full // count)
        for number in range(first, last)
    ]
    page: dict[str, object] = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
    if last < count:
        page["LastEvaluatedKey"] = {name: items[-1][name] for name in ("connectionId", "userId")}
    return page


def scan_page(request: dict[str, object]) -> dict[str, object]:
    """Return the page that a Scan request asks for: connections of a table that is named as a user is.

    Parameters
    ----------
    request
        The Scan's members, with a `Limit`.
    """
    table, limit, start = request["TableName"], request["Limit"], request.get("ExclusiveStartKey")
    assert isinstance(table, str)  # noqa: S101 - what DynamoDB requires
    assert isinstance(limit, int)  # noqa: S101 - what the workers ask for
    first = int(start["connectionId"]["S"].removesuffix("=")[-10:]) + 1 if isinstance(start, dict) else 0
    count, _ = _connection_counts(table)
    last = min(count, first + limit)
    read = ("connectionId", "connectedAt", "expiresAt")
    rows = (_client(table, number) for number in range(first, last))
    page: dict[str, object] = {"Items": [{name: row[name] for name in read} for row in rows]}
    if last < count:
        page["LastEvaluatedKey"] = {"connectionId": _client(table, last - 1)["connectionId"]}
    return page


def _connection_counts(user_id: str) -> tuple[int, int]:
    """Read how many connections a user has, and how many of them are full."""
    digits, _, full = user_id.partition("-")[0].removeprefix("c").partition("f")
    return int(digits) if digits.isdigit() else 1, int(full) if full.isdigit() else 0


def _client(user_id: str, number: int, *, full: bool = False) -> dict[str, dict[str, str]]:
    # As long as a real id, and as a real id with "=" at its end, which has to be percent-encoded in a path.
    return {
        "connectionId": {"S": f"{_FULL if full else 'XnJk8'}{number:010d}="},
        "userId": {"S": user_id},
        "connectedAt": {"N": str(CONNECTED_AT)},
        "expiresAt": {"N": str(EXPIRES_AT)},
    }


def _notification(user_id: str, number: int) -> dict[str, dict[str, str]]:
    return {
        "userId": {"S": user_id},
        "notificationId": {"S": f"018bcfe5-6800-7000-8000-{number:012d}"},
        "content": {"S": json.dumps({"title": "Order shipped", "number": number, "text": "x" * 120})},
        "createdAt": {"S": "2023-11-14T22:13:20.000Z"},
        "expiresAt": {"N": str(EXPIRES_AT)},
    }


def _size(item: dict[str, dict[str, str]]) -> int:
    """Return an item's size in bytes ("DynamoDB item sizes and formats", DynamoDB Developer Guide)."""
    return sum(len(name) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, str]) -> int:
    return len(value["N"].rstrip("0")) // 2 + 1 if "N" in value else len(value["S"])


def _dynamodb(document: object) -> bytes:
    body = json.dumps(document, separators=(",", ":")).encode()
    # The SDKs compare the checksum, so it has to be there and right.
    return _response(
        body,
        b"server: Server\r\ncontent-type: application/x-amz-json-1.0\r\n"
        b"x-amzn-requestid: RH3SUNKPGV5LCKMJ4D6LBCQ0VFVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        b"x-amz-crc32: %d\r\n" % zlib.crc32(body),
    )


def _response(body: bytes, headers: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%b%bcontent-length: %d\r\nconnection: keep-alive\r\n\r\n%b" % (
        _DATE,
        headers,
        len(body),
        body,
    )
