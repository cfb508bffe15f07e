"""Pages and a real browser, for clients that run in it."""

import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.async_api import BrowserContext, async_playwright, expect

from tests.e2e.chromium import find_chromium

# Playwright's own five seconds are little on a machine that is busy.
expect.set_options(timeout=30_000)

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback for as long as the block lasts; the value is its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[BrowserContext]:
    """Run Chromium for as long as the block lasts; what a page complains of fails the test."""
    faults: list[str] = []
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_chromium(), args=_ARGUMENTS)
        context = await running.new_context()
        context.on("weberror", lambda error: faults.append(str(error.error)))
        yield context
        await running.close()
    assert faults == []
