"""A management API on loopback: connections that a test opens, and the messages that reached them."""

import threading
from collections import defaultdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class ManagementServer:
    """Serves `/{stage}/@connections/{id}` as API Gateway does; unknown connections are gone."""

    def __init__(self) -> None:
        self.received: dict[str, list[bytes]] = defaultdict(list)
        self.closed: list[str] = []
        self.statuses: dict[str, HTTPStatus] = {}
        self.closing = HTTPStatus.NO_CONTENT
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.statuses.get(self.connection_id, HTTPStatus.GONE)
                if status is HTTPStatus.OK:
                    outer.received[self.connection_id].append(body)
                self.answer(status)

            def do_DELETE(self) -> None:
                outer.closed.append(self.connection_id)
                if outer.closing is not HTTPStatus.NO_CONTENT:
                    self.answer(outer.closing)
                    return
                known = outer.statuses.pop(self.connection_id, None)
                self.answer(HTTPStatus.GONE if known is None else HTTPStatus.NO_CONTENT)

            @property
            def connection_id(self) -> str:
                stage, connections, connection_id = self.path.removeprefix("/").split("/")
                assert (stage, connections) == ("live", "@connections")
                return unquote(connection_id)

            def answer(self, status: HTTPStatus) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """The connections URL of the stage `live`."""
        return f"http://127.0.0.1:{self._server.server_port}/live"

    def open(self, *connection_ids: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Have these connections answer with a status."""
        self.statuses.update(dict.fromkeys(connection_ids, status))

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
