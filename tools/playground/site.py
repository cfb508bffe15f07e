"""Serves the page of an example on loopback, with its config.json and, if wanted, tokens."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tools.errors import ToolError
from tools.paths import CHECKOUT

PAGE = CHECKOUT / "examples" / "browser"
CLIENT = CHECKOUT / "clients" / "browser" / "src"
"""Where the page imports the client from; its address is the same as on a host that serves the whole repository."""
_CLIENT_PATH = "/clients/browser/src/"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}


@dataclass
class Site:
    """A running site.

    Parameters
    ----------
    port
        Where it listens, on 127.0.0.1.
    config
        What config.json holds; None, as long as there is none.
    token
        Gives the token that `POST /token` is answered with; None, as long as there is none.
    page
        The folder of the page.
    """

    port: int
    config: Mapping[str, object] | None = None
    token: Callable[[], str] | None = field(default=None, repr=False)
    page: Path = PAGE

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def origins(self) -> list[str]:
        """The origins that the page can have."""
        return [self.address, f"http://localhost:{self.port}"]


@contextlib.contextmanager
def site(port: int = 0, page: Path = PAGE) -> Iterator[Site]:
    """Serve for as long as the block lasts.

    Parameters
    ----------
    port
        Where to listen; any free port if 0.
    page
        The folder of the page.

    Raises
    ------
    ToolError
        If the port is taken.
    """

    class Handler(_Handler):
        pass

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as problem:
        raise ToolError(
            f"Port {port} is not free ({problem.strerror}). Name another: make playground PORT=8081"
        ) from None
    server.daemon_threads = True
    Handler.site = Site(server.server_port, page=page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Handler.site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        if not self._is_addressed():
            return
        path = urlsplit(self.path).path
        if path == "/config.json" and self.site.config is not None:
            self._answer(200, "application/json", json.dumps(self.site.config).encode())
            return
        file = _file(path, self.site.page)
        if file is None:
            self._answer(404, "text/plain", b"Not found")
        else:
            self._answer(200, _TYPES[file.suffix], file.read_bytes())

    def do_POST(self) -> None:
        if not self._is_addressed():
            return
        # Another site's page can have a browser post, but not with its own origin, and not read the answer either.
        if self.headers.get("Origin") not in self.site.origins:
            self._answer(403, "text/plain", b"Only the page itself may ask")
        elif urlsplit(self.path).path == "/token" and self.site.token is not None:
            self._answer(200, "text/plain", self.site.token().encode())
        else:
            self._answer(404, "text/plain", b"Not found")

    def _is_addressed(self) -> bool:
        """Refuse what asks for another host: a name that was made to point here by another site (DNS rebinding)."""
        if f"http://{self.headers.get('Host')}" in self.site.origins:
            return True
        self._answer(421, "text/plain", b"Another host")
        return False

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _file(path: str, page: Path) -> Path | None:
    """Find the file of the page or of the client that a path names."""
    folder, name = (CLIENT, path[len(_CLIENT_PATH) :]) if path.startswith(_CLIENT_PATH) else (page, path[1:])
    file = (folder / (name or "index.html")).resolve()
    return file if folder in file.parents and file.suffix in _TYPES and file.is_file() else None
