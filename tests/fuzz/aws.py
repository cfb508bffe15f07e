"""The part of AWS that the functions call, on loopback: responds at once, and keeps what was written."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Mapping[str, object]]

WRITES = (
    *("PutItem", "DeleteItem", "UpdateItem", "BatchWriteItem", "SendMessage", "PutEvents"),
    *("PostToConnection", "DeleteConnection"),
)
_REASONS = {200: "OK", 400: "Bad Request", 410: "Gone", 500: "Internal Server Error"}


@dataclass(slots=True)
class Aws:
    """The state of it, and its record. A test sets the answers and clears the record; the functions then call.

    Attributes
    ----------
    url
        Where it is.
    written
        What it took: the operation, and the item or key, or the message to a connection.
    connections
        What the index of connections shows, and who listens to any topic.
    history
        What a query of notifications finds.
    owner
        Whose connection any connection is; None knows none.
    inbox
        What is kept of any user's inbox; None for nothing.
    refuse
        By operation, the answer instead of a success.
    """

    url: str = ""
    written: list[tuple[str, object]] = field(default_factory=list)
    connections: list[dict[str, object]] = field(default_factory=list)
    history: list[dict[str, object]] = field(default_factory=list)
    owner: str | None = "alice"
    inbox: dict[str, object] | None = None
    refuse: Mapping[str, Answer] = field(default_factory=dict)
    _stop: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Serve, in a thread of its own."""
        ready = threading.Event()
        loop = asyncio.new_event_loop()

        def serve() -> None:
            server = loop.run_until_complete(loop.create_server(lambda: _Connection(self), "127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            loop.run_forever()
            server.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

        thread = threading.Thread(target=serve, name="aws")
        thread.start()
        ready.wait()

        def stop() -> None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

        self._stop = stop

    def stop(self) -> None:
        """Stop serving."""
        self._stop()

    def answer(self, method: str, path: str, target: str, body: bytes) -> Answer:
        """Do what is asked and say so."""
        if target:
            operation, request = target.rpartition(".")[2], json.loads(body)
        else:
            operation, request = {"POST": "PostToConnection", "DELETE": "DeleteConnection"}[method], {}
        if operation in self.refuse:
            return self.refuse[operation]
        if operation in WRITES:
            told = request.get("Item") or request.get("Key") or request.get("Entries")
            self.written.append((operation, told or (path.rpartition("/")[2], body.decode())))
        if operation in ("Query", "Scan"):
            of_connections = "IndexName" in request or request["TableName"] in ("clients", "subscriptions")
            items = self.connections if of_connections else self.history
            return 200, {"Items": items, "Count": len(items)}
        if operation == "UpdateItem":
            return 200, {"Attributes": _updated(request)}
        if operation == "SendMessage":
            return 200, {"MessageId": "059f36b4-87a3-44ab-83d2-661975830a7d"}
        if operation == "PutEvents":
            return 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in request["Entries"]]}
        if operation == "GetItem" and "notificationId" in request["Key"]:
            return 200, {} if self.inbox is None else {"Item": self.inbox}
        if operation == "GetItem" and self.owner is not None:
            return 200, {"Item": row(request["Key"]["connectionId"]["S"], self.owner)}
        return 200, {}


class _Connection(asyncio.Protocol):
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            size = int(headers.get("content-length", "0"))
            if len(self._buffer) < end + 4 + size:
                return
            body = self._buffer[end + 4 : end + 4 + size]
            self._buffer = self._buffer[end + 4 + size :]
            method, path, _ = first.split(" ")
            self._reply(*self._aws.answer(method, path, headers.get("x-amz-target", ""), body))

    def _reply(self, status: int, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: {len(body)}\r\n\r\n"
        if self._transport is not None:
            self._transport.write(head.encode() + body)


def _updated(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it is after an update: of a connection, or one in which the events function keeps something."""
    if "connectionId" not in request["Key"]:
        return {}
    values = request["ExpressionAttributeValues"]
    arrived, part = values.get(":connection"), values.get(":part")
    return {
        **row(request["Key"]["connectionId"]["S"], "alice"),
        **({"seen": arrived, "broughtBy": arrived} if arrived else {}),
        **({"parts": part} if part else {}),
    }


def row(connection_id: str, user_id: str) -> dict[str, Any]:
    """Return the row of an open connection."""
    return {
        "connectionId": {"S": connection_id},
        "userId": {"S": user_id},
        "connectedAt": {"N": "1"},
        "expiresAt": {"N": "4000000000"},
    }
