"""An SQS endpoint on loopback that keeps what is sent to it, and refuses as a test says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Server(ThreadingHTTPServer):
    # A connection for each segment comes at once; one that finds no place would be tried again a second later.
    request_queue_size = 128


class QueueServer:
    """Serves SendMessage; every other request is an error."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.delays: list[int] = []
        self.refusing: tuple[int, str] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["X-Amz-Target"] == "AmazonSQS.SendMessage"
                assert request["QueueUrl"] == outer.queue_url
                if outer.refusing is not None:
                    status, code = outer.refusing
                    self.answer(status, {"__type": f"com.amazonaws.sqs#{code}", "message": code})
                    return
                outer.bodies.append(request["MessageBody"])
                outer.delays.append(request.get("DelaySeconds", 0))
                self.answer(200, {"MessageId": f"message-{len(outer.bodies)}", "MD5OfMessageBody": "0"})

            def answer(self, status: int, document: dict[str, str]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/fanout"

    @property
    def url(self) -> str:
        """Where SQS is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self) -> list[str]:
        """Receive all messages."""
        bodies, self.bodies = self.bodies, []
        return bodies

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
