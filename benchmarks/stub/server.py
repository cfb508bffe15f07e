"""The stub's event loop: `python -m benchmarks.stub.server`, one thread, plain and TLS side by side.

It stays below asyncio, because a server that costs more than its clients would decide what is measured.
"""

import argparse
import contextlib
import heapq
import os
import selectors
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.stub.answers import PAGE_BYTES, Answers, Quota

_RECEIVE_BYTES = 256 * 1024
_BACKLOG = 1024


@dataclass(slots=True, eq=False)
class _Peer:
    socket: socket.socket
    tls: ssl.SSLSocket | None
    shaking: bool
    received: bytes = b""
    waiting: bytes = b""
    closed: bool = False


@dataclass(slots=True)
class Stub:
    """The server.

    Parameters
    ----------
    answers
        What it answers.
    latency
        Seconds that pass before a response leaves; requests wait side by side.
    """

    answers: Answers
    latency: float = 0.0
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _due: list[tuple[float, int, _Peer, bytes]] = field(default_factory=list)
    _sequence: int = 0

    def listen(self, tls: ssl.SSLContext | None = None) -> int:
        """Listen on a free port of the loopback interface, and return its number."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, (listener, tls))
        port: int = listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Serve until the process ends."""
        while True:
            for key, events in self._selector.select(self._patience()):
                if isinstance(key.data, _Peer):
                    self._proceed(key.data, events)
                else:
                    self._accept(*key.data)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, peer, response = heapq.heappop(self._due)
                self._send(peer, response)

    def _patience(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                plain, _ = listener.accept()
                plain.setblocking(False)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wrapped = tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) if tls else None
                peer = _Peer(wrapped or plain, wrapped, shaking=wrapped is not None)
                self._selector.register(peer.socket, selectors.EVENT_READ, peer)

    def _proceed(self, peer: _Peer, events: int) -> None:
        try:
            if peer.tls is not None and peer.shaking:
                peer.tls.do_handshake()
                peer.shaking = False
            if events & selectors.EVENT_WRITE and peer.waiting:
                self._send(peer, b"")
            self._receive(peer)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._close(peer)

    def _receive(self, peer: _Peer) -> None:
        data = peer.socket.recv(_RECEIVE_BYTES)
        if not data:
            self._close(peer)
            return
        if peer.tls is not None:
            while peer.tls.pending():
                data += peer.socket.recv(_RECEIVE_BYTES)
        if peer.received:
            data = peer.received + data
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            head = data[:end]
            after = end + 4 + content_length(head)
            if len(data) < after:
                break
            self._respond(peer, self.answers.answer(head, data[end + 4 : after]))
            data = data[after:]
        peer.received = data

    def _respond(self, peer: _Peer, response: bytes) -> None:
        if not self.latency:
            self._send(peer, response)
            return
        self._sequence += 1
        heapq.heappush(self._due, (time.monotonic() + self.latency, self._sequence, peer, response))

    def _send(self, peer: _Peer, response: bytes) -> None:
        if peer.closed:
            return
        data = peer.waiting + response if peer.waiting else response
        try:
            while data:
                sent = peer.socket.send(data)
                data = data[sent:]
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._close(peer)
            return
        if bool(data) != bool(peer.waiting):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if data else 0)
            self._selector.modify(peer.socket, events, peer)
        peer.waiting = data

    def _close(self, peer: _Peer) -> None:
        if not peer.closed:
            peer.closed = True
            self._selector.unregister(peer.socket)
            peer.socket.close()


def content_length(head: bytes) -> int:
    """Read the length of a request's body; 0 where none is said."""
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    return 0 if start < 0 else int(lowered[start + 17 :].partition(b"\r\n")[0])


def main() -> None:
    """Serve; the first line that is printed holds the plain and the TLS port."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub.server")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each response")
    parser.add_argument("--page-bytes", type=int, default=PAGE_BYTES)
    parser.add_argument("--quota", type=float, default=0.0, help="posts per second; 0 takes all")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file with the chain and the key")
    parser.add_argument("--core", type=int, default=-1, help="the processor to stay on")
    options = parser.parse_args()
    if options.core >= 0 and sys.platform == "linux":
        os.sched_setaffinity(0, {options.core})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    # The account's bucket holds half of what it gains in a second ("Account-level throttling per Region").
    quota = Quota(options.quota, options.quota / 2) if options.quota else None
    stub = Stub(Answers(options.page_bytes, quota), options.latency)
    print(stub.listen(), stub.listen(context), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        stub.serve()


if __name__ == "__main__":
    main()
