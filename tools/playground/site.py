"""Serves the page of an example on loopback, with its config.json and, if wanted, tokens."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tools.errors import ToolError
from tools.paths import CHECKOUT

PAGE = CHECKOUT / "examples" / "browser"
FRONT = CHECKOUT / "tools" / "playground" / "page"
"""The page that shows the pages of some users side by side, with a box to push from."""
CLIENT = CHECKOUT / "clients" / "browser" / "src"
"""Where the page imports the client from; its address is the same as on a host that serves the whole repository."""
_CLIENT_PATH = "/clients/browser/src/"
_USERS_PATH = "/users/"
_FRONT_PATH = "/playground/"
_MAX_REQUEST_BYTES = 256 * 1024
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}


@dataclass(frozen=True)
class Front:
    """What a page with the pages of some users has.

    Parameters
    ----------
    users
        Whose pages are shown.
    command
        What pushes from a terminal.
    token_of
        Returns a user's token.
    push
        Pushes what the page asks for, and returns the report or the error.
    """

    users: tuple[str, ...]
    command: str
    token_of: Callable[[str], str] = field(repr=False)
    push: Callable[[Mapping[str, Any]], Mapping[str, object]] = field(repr=False)


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
    front
        What is shown in place of the page, which is then shown in it for each user; None without.
    """

    port: int
    config: Mapping[str, object] | None = None
    token: Callable[[], str] | None = field(default=None, repr=False)
    page: Path = PAGE
    front: Front | None = None

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
        path, user = self._path_and_user()
        front = self.site.front if user is None else None
        if path == "/config.json" and self.site.config is not None:
            config = {**self.site.config, **({} if user is None else {"user": user})}
            self._answer(200, "application/json", json.dumps(config).encode())
            return
        if front is not None and path == "/playground.json":
            about = {"users": front.users, "command": front.command}
            self._answer(200, "application/json", json.dumps(about).encode())
            return
        if front is not None and (path == "/" or path.startswith(_FRONT_PATH)):
            file = _file("/" + path.removeprefix(_FRONT_PATH).removeprefix("/"), FRONT)
        else:
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
            return
        path, user = self._path_and_user()
        front = self.site.front
        if path == "/token" and user is not None and front is not None:
            self._answer(200, "text/plain", front.token_of(user).encode())
        elif path == "/token" and user is None and self.site.token is not None:
            self._answer(200, "text/plain", self.site.token().encode())
        elif path == "/push" and user is None and front is not None:
            self._push(front)
        else:
            self._answer(404, "text/plain", b"Not found")

    def _push(self, front: Front) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
            request = json.loads(self.rfile.read(length)) if 0 <= length <= _MAX_REQUEST_BYTES else None
        except (ValueError, RecursionError):
            request = None
        if isinstance(request, dict):
            self._answer(200, "application/json", json.dumps(front.push(request)).encode())
        else:
            self._answer(400, "text/plain", b"A JSON object of at most 256 KB")

    def _path_and_user(self) -> tuple[str, str | None]:
        """Return the path, within the page of a user where it is that; and the user."""
        path = self.path.partition("?")[0]
        if self.site.front is not None and path.startswith(_USERS_PATH):
            user, _, rest = path.removeprefix(_USERS_PATH).partition("/")
            if user in self.site.front.users:
                return f"/{rest}", user
        return path, None

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
        ancestors = "'none'" if self.site.front is None else "'self'"
        self.send_header("Content-Security-Policy", f"frame-ancestors {ancestors}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _file(path: str, page: Path) -> Path | None:
    """Find the file of the page or of the client that a path names."""
    folder, name = (CLIENT, path[len(_CLIENT_PATH) :]) if path.startswith(_CLIENT_PATH) else (page, path[1:])
    if "\0" in name:
        return None
    file = (folder / (name or "index.html")).resolve()
    return file if folder in file.parents and file.suffix in _TYPES and file.is_file() else None
