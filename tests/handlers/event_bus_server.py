"""An EventBridge endpoint on loopback that keeps what is sent to it, and fails as a test says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class EventBusServer:
    """Serves PutEvents."""

    bus_arn = "arn:aws:events:eu-west-1:123456789012:event-bus/push"

    def __init__(self) -> None:
        self.requests: list[list[dict[str, str]]] = []
        self.failing: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                entries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Entries"]
                assert self.headers["X-Amz-Target"] == "AWSEvents.PutEvents"
                assert self.headers["Content-Type"] == "application/x-amz-json-1.1"
                assert 1 <= len(entries) <= 10
                assert {each["EventBusName"] for each in entries} == {outer.bus_arn}
                failed = outer.failing.pop(0) if outer.failing else 0
                outer.requests.append(entries)
                results = [
                    {"ErrorCode": "ThrottlingException"} if number < failed else {"EventId": f"e{number}"}
                    for number in range(len(entries))
                ]
                body = json.dumps({"FailedEntryCount": failed, "Entries": results}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where EventBridge is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self) -> list[dict[str, Any]]:
        """Return the details of the events since the last time, each with the source and the type it was sent under."""
        requests, self.requests = self.requests, []
        details = []
        for entry in (each for entries in requests for each in entries):
            detail = json.loads(entry["Detail"])
            assert (entry["Source"], entry["DetailType"]) == (detail["source"], detail["type"])
            details.append(detail)
        return details

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
