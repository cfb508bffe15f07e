"""What the READMEs of the clients have a newcomer write: installed, checked by TypeScript and run."""

import asyncio
import contextlib
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from tests.clients.npm import BROWSER, react_project, run
from tests.clients.server import server, until
from tools.paths import CHECKOUT

NAME = json.loads((BROWSER / "package.json").read_text(encoding="utf-8"))["name"]

GIVEN = """
declare const url: string, websocketUrl: string, userId: string, id: string;
declare const getToken: () => Promise<string>, fetchToken: () => Promise<string>;
declare function show(...values: unknown[]): void;
declare const showState: typeof show, showBell: typeof show, count: typeof show, remove: typeof show;
"""
"""What is the reader's own."""


def blocks(document: str, *languages: str) -> list[str]:
    """Return the code of a document in some languages."""
    found = re.findall(
        r"^```(\w+)\n(.*?)^```$", (CHECKOUT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [code for language, code in found if language in languages]


def completed(code: str) -> str:
    """Return a block with what the blocks before it have imported and made."""
    client = f'import {{ createPushClient, localStore, type PushClient }} from "{NAME}";\n'
    before = "" if f'from "{NAME}";' in code else client
    if not re.search(r"const client\b", code) and re.search(r"\bclient\.", code):
        before += "declare const client: PushClient;\n"
    if re.search(r"createInbox\(client,", code):
        before = f'import type {{ PushClient }} from "{NAME}";\ndeclare const client: PushClient;\n'
    return before + GIVEN + code.replace("({ userId })", "({ userId }: { userId: string })") + "\nexport {};\n"


async def test_the_types_agree_with_what_the_readmes_write(toolchain: Path, tmp_path: Path) -> None:
    project = react_project(toolchain, tmp_path)
    codes = [
        code
        for document in ("README.md", "clients/browser/README.md", "clients/react/README.md")
        for code in blocks(document, "js", "jsx")
    ]
    assert len(codes) == 7
    for number, code in enumerate(codes):
        (project / f"block{number}.tsx").write_text(completed(code), encoding="utf-8")
    # The blocks are JavaScript, which names no types.
    options = [
        "--strict",
        "--noImplicitAny",
        "false",
        "--noEmit",
        "--jsx",
        "react-jsx",
        "--module",
        "nodenext",
        "--target",
        "es2022",
    ]
    tsc = toolchain / "node_modules" / "typescript" / "bin" / "tsc"
    await asyncio.to_thread(run, tsc, *options, *sorted(path.name for path in project.glob("*.tsx")), cwd=project)


async def test_the_lines_of_the_python_client_handle_what_is_pushed(tmp_path: Path) -> None:
    [code] = blocks("clients/python/README.md", "python")
    code = code.replace('"position"', repr(str(tmp_path / "position")))
    handled: list[object] = []

    async def handle(_: str, content: object) -> None:
        handled.append(content)

    async with server() as serving:
        serving.store("before")
        given: dict[str, Any] = {"websocket_url": serving.url, "fetch_token": lambda: "token", "handle": handle}
        exec("async def main():\n" + textwrap.indent(code, "    "), given)  # noqa: S102 - the repository's own
        running = asyncio.create_task(given["main"]())
        await until(lambda: handled == ["before"], "what was there")
        await serving.push("live")
        await until(lambda: handled == ["before", "live"], "what is pushed")
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await until(lambda: not serving.connections, "the socket is closed")
