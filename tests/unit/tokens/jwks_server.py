"""An issuer's web server on loopback, in threads of its own, that does what a test says, down to the bytes."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

Answer = Callable[[socket.socket], None]


def reply(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    """Answer with a body."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def keys(*entries: Any) -> Answer:
    """Answer with a key set."""
    return reply(json.dumps({"keys": entries}).encode(), Content_Type="application/json")


def raw(data: bytes) -> Answer:
    """Answer with just these bytes and close."""
    return lambda connection: connection.sendall(data)


def silent(connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    connection.recv(1)


def dripping(start: bytes, count: int = 10_000) -> Answer:
    """Go on for as long as the client listens, a byte in a millisecond: too slowly to reach any limit of size."""

    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(start)
        for _ in range(count):
            connection.sendall(b" ")
            time.sleep(0.001)

    return answer


class JwksServer:
    """Serves every request with `answer` as it is at that time; `requests` are the heads that came."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port to connect to."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def uri(self) -> str:
        """The URI of the key set."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/.well-known/jwks.json"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving: from now on connections are refused."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that gives up, or does not trust the certificate, is what many tests are about.
        with connection, contextlib.suppress(OSError):
            if self._tls is None:
                self._answer(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        self.requests.append(head.decode())
        self.answer(connection)
