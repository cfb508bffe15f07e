"""The hooks with a real React, in Chromium, and rendered on a server."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.clients.npm import BROWSER, REACT, react_project, run
from tests.clients.pages import browser, pages
from tests.clients.server import Server, server, until
from websocket_push.protocol.inbox import State

APP = Path(__file__).with_name("react_app.jsx")
PACKAGE = json.loads((REACT / "package.json").read_text(encoding="utf-8"))
RENDER = """
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { App } from "APP";
process.stdout.write(renderToString(createElement(App, { url: "ws://127.0.0.1:1" })));
"""


def bundle(toolchain: Path, source: Path, target: Path, *options: str) -> None:
    esbuild = toolchain / "node_modules" / "esbuild" / "bin" / "esbuild"
    # Where the sources lie there is no node_modules.
    aliases = [f"--alias:{name}={toolchain / 'node_modules' / name}" for name in ("react", "react-dom")]
    options = ("--bundle", "--format=esm", "--jsx=automatic", f"--outfile={target}", *aliases, *options)
    run(esbuild, source, *options, cwd=target.parent)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, toolchain: Path) -> Path:
    folder = tmp_path_factory.mktemp("react")
    bundle(toolchain, APP, folder / "app.js")
    source = folder / "render.js"
    source.write_text(RENDER.replace("APP", str(APP)))
    bundle(toolchain, source, folder / "rendered.mjs", "--platform=node", "--banner:js=" + REQUIRE)
    (folder / "rendered.html").write_text(run(folder / "rendered.mjs", cwd=folder))
    return folder


REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);'


def write_page(site: Path, serving: Server, html: str = "") -> None:
    start = f'<script>window.serverUrl = {json.dumps(serving.url)}</script><script type="module" src="app.js"></script>'
    (site / "index.html").write_text(f'<!doctype html><title>app</title><div id="root">{html}</div>{start}')


@contextlib.asynccontextmanager
async def opened(
    site: Path, *, rendered: bool = False, inbox: State | None = None
) -> AsyncIterator[tuple[Server, Page]]:
    """Open the page; what React warns of fails the test."""
    warnings: list[str] = []
    async with server() as serving, browser() as context:
        serving.inbox = inbox
        for number in range(55):
            # Further apart than a poll reads behind its position: what is older comes when it is asked for.
            serving.store(f"old {number}", milliseconds=int(time.time() * 1000) - (55 - number) * 600_000)
        html = (site / "rendered.html").read_text() if rendered else ""
        write_page(site, serving, html)
        with pages(site) as address:
            page = await context.new_page()
            page.on("console", lambda said: warnings.append(said.text) if said.type in ("error", "warning") else None)
            await page.goto(f"{address}/index.html{'#shared' if inbox else ''}")
            await expect(page.locator("#state")).to_have_text("open")
            yield serving, page
        assert [each for each in warnings if "favicon" not in each and "404" not in each] == []


async def test_they_show_the_state_the_notifications_and_the_unread_count(site: Path) -> None:
    async with opened(site) as (serving, page):
        await expect(page.locator("li")).to_have_count(50)
        await expect(page.locator("#unread")).to_have_text("50")
        await page.click("#unread")
        await expect(page.locator("#unread")).to_have_text("0")
        await serving.push("live")
        await expect(page.locator("li").first).to_have_text("live")
        await expect(page.locator("#unread")).to_have_text("1")
        await page.click("#older")
        await expect(page.locator("li")).to_have_count(53)
        await expect(page.locator("#unread")).to_have_text("1")
        for _ in range(2):
            await page.click("#older")
        await expect(page.locator("#older")).to_have_count(0)
        await expect(page.locator("li")).to_have_count(56)


async def test_with_an_inbox_two_devices_show_the_same(site: Path) -> None:
    async with opened(site, inbox=State()) as (serving, phone):
        laptop = await phone.context.new_page()
        await laptop.goto(phone.url)
        for page in (phone, laptop):
            await expect(page.locator("#unread")).to_have_text("55")
        await phone.locator("li").first.click()
        for page in (phone, laptop):
            await expect(page.locator("#unread")).to_have_text("54")
            await expect(page.locator("li").first).to_have_class("read")
        pushed = await serving.push("out for delivery")
        for page in (phone, laptop):
            await expect(page.locator("#unread")).to_have_text("55")
        later = await serving.push("something else")
        await serving.replace(pushed, "delivered")
        for page in (phone, laptop):
            # In the place of the one before, below what came since.
            await expect(page.locator("li").nth(0)).to_have_text("something else")
            await expect(page.locator("li").nth(1)).to_have_text("delivered")
            await expect(page.locator("li")).to_have_count(52)
            await expect(page.locator("#unread")).to_have_text("56")
        await serving.recall(later)
        for page in (phone, laptop):
            await expect(page.locator("li").nth(0)).to_have_text("delivered")
            await expect(page.locator("#unread")).to_have_text("55")
        await laptop.click("#unread")
        for page in (phone, laptop):
            await expect(page.locator("#unread")).to_have_text("0")
            await expect(page.locator("li:not(.read)")).to_have_count(0)
        await laptop.close()


async def test_strict_mode_opens_one_socket_and_unmounting_closes_it(site: Path) -> None:
    async with opened(site) as (serving, page):
        assert len(serving.handshakes) == 1
        await page.click("#out")
        await until(lambda: not serving.connections, "the socket is closed")
        await page.click("#other")
        await expect(page.locator("#state")).to_have_text("open")
        assert serving.handshakes == ["/live?userId=alice", "/live?userId=bob"]


async def test_what_was_read_in_one_tab_is_read_in_another_that_is_reloaded(site: Path) -> None:
    async with opened(site) as (serving, first):
        second = await first.context.new_page()
        await second.goto(first.url)
        for page in (first, second):
            await expect(page.locator("#unread")).to_have_text("50")
        for page in (first, second):
            await page.click("#unread")
            await expect(page.locator("#unread")).to_have_text("0")
        await serving.push("live")
        for page in (first, second):
            await expect(page.locator("#unread")).to_have_text("1")
        await first.click("#unread")
        await expect(first.locator("#unread")).to_have_text("0")
        await second.reload()
        await expect(second.locator("li").first).to_have_text("live")
        await expect(second.locator("#unread")).to_have_text("0")
        await second.close()


async def test_an_inbox_that_cannot_be_made_leaves_no_client_open(site: Path) -> None:
    async with server() as serving, browser() as context:
        write_page(site, serving)
        with pages(site) as address:
            page = await context.new_page()
            await page.goto(f"{address}/index.html#broken")
            await expect(page.locator("#problem")).to_have_text("no inbox")
            states = await page.evaluate("made.map(({ state }) => state)")
            assert states
            assert set(states) == {"closed"}


async def test_another_user_gets_another_client_and_nothing_of_the_first(site: Path) -> None:
    async with opened(site) as (serving, page):
        await page.click("#unread")
        serving.stored.clear()
        serving.store("for bob")
        await page.click("#other")
        await expect(page.locator("li")).to_have_text(["for bob"])
        await expect(page.locator("#unread")).to_have_text("1")
        await until(lambda: len(serving.connections) == 1, "one socket is left")


async def test_a_component_renders_when_what_it_shows_has_changed(site: Path) -> None:
    async with opened(site) as (serving, page):
        await expect(page.locator("#unread")).to_have_text("50")
        before = await page.evaluate("badge")
        await serving.drop()
        await expect(page.locator("#state")).to_have_text("waiting")
        await page.evaluate("client.reconnect()")
        await expect(page.locator("#state")).to_have_text("open")
        assert await page.evaluate("badge") == before


async def test_what_a_server_renders_is_taken_over(site: Path) -> None:
    assert '<p id="state">connecting</p>' in (site / "rendered.html").read_text()
    async with opened(site, rendered=True) as (_, page):
        await expect(page.locator("li")).to_have_count(50)


def test_react_is_the_only_peer() -> None:
    assert list(PACKAGE["peerDependencies"]) == ["react"]
    assert not PACKAGE.keys() & {"dependencies", "optionalDependencies", "devDependencies"}


async def test_its_types_are_right_for_a_consumer(toolchain: Path, tmp_path: Path) -> None:
    project = react_project(toolchain, tmp_path)
    name = json.loads((BROWSER / "package.json").read_text())["name"]
    (project / "consumer.tsx").write_text(CONSUMER.replace("CLIENT", name).replace("HOOKS", PACKAGE["name"]))
    options = ["--strict", "--noEmit", "--jsx", "react-jsx", "--module", "nodenext", "--target", "es2022"]
    tsc = toolchain / "node_modules" / "typescript" / "bin" / "tsc"
    await asyncio.to_thread(run, tsc, *options, "--exactOptionalPropertyTypes", "consumer.tsx", cwd=project)


CONSUMER = """
import { createPushClient, type PushClient } from "CLIENT";
import { createInbox, markStore } from "CLIENT/inbox";
import { PushProvider, useNotifications, usePush, useUnread } from "HOOKS";

function Bell() {
  const { client, state } = usePush<PushClient>();
  const { notifications, more, loadOlder } = useNotifications<{ text: string }>();
  const { unread, markRead } = useUnread();
  void [client?.session?.userId, state === "open", more, unread, notifications[0]?.topic?.length];
  // @ts-expect-error there is no such state
  void (state === "connected");
  return <button onClick={() => (markRead(), void loadOlder({ limit: 5 }))}>{notifications[0]?.content.text}</button>;
}

export const app = (
  <PushProvider create={() => createPushClient({ url: "wss://example.test" })} readStore={markStore("read")}>
    <Bell />
  </PushProvider>
);

export const shared = (
  <PushProvider create={() => createPushClient({ url: "wss://example.test" })} createInbox={createInbox} />
);

// @ts-expect-error a client has to be made
void (<PushProvider />);
"""
