"""The page of the playground: two users side by side, and a box that pushes to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import FrameLocator, Page, ViewportSize, async_playwright, expect

from tests.clients.server import Server, server
from tests.e2e.chromium import DESKTOP, PHONE, find_chromium
from tools.paths import BUILD
from tools.playground.site import Front, site
from websocket_push.protocol.inbox import State

USERS = ("alice", "bob")
COMMAND = "python -m tools.playground push 'Your parcel is on its way'"


@contextlib.asynccontextmanager
async def opened(viewport: ViewportSize, dark: bool) -> AsyncIterator[tuple[Server, Page]]:
    """Open the page of a playground whose users are those of one server; what is pushed reaches both."""
    loop = asyncio.get_running_loop()
    faults: list[str] = []
    async with server() as serving, async_playwright() as playwright:
        serving.inbox = State()

        def push(request: Mapping[str, Any]) -> dict[str, object]:
            if "recall" in request:
                asyncio.run_coroutine_threadsafe(serving.recall(request["recall"]), loop).result(10)
                return {"id": "r", "totals": {"persisted": 1, "delivered": 1}}
            if request["content"] == "too large":
                return {"errorType": "CONTENT_TOO_LARGE", "errorMessage": "Push a reference to it instead."}
            pushed = asyncio.run_coroutine_threadsafe(serving.push(request["content"]), loop).result(10)
            return {"id": pushed, "totals": {"persisted": len(request["userIds"]), "delivered": 2}}

        with site() as page:
            page.config = {"url": serving.url, "user": "alice", "tokenEndpoint": "token"}
            page.front = Front(USERS, COMMAND, lambda user: user, push)
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            context = await browser.new_context(
                viewport=viewport, color_scheme="dark" if dark else "light", reduced_motion="reduce"
            )
            shown = await context.new_page()
            shown.on("pageerror", lambda fault: faults.append(str(fault)))
            shown.on("console", lambda line: faults.append(line.text) if "Security Policy" in line.text else None)
            await shown.goto(f"{page.address}/")
            yield serving, shown
            await browser.close()
    assert faults == []


def of_user(page: Page, user: str) -> FrameLocator:
    return page.frame_locator(f"iframe[title='The page of {user}']")


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop-light", "phone-dark"])
async def test_what_the_box_pushes_is_shown_beside_it(
    viewport: ViewportSize, dark: bool, request: pytest.FixtureRequest
) -> None:
    async with opened(viewport, dark) as (_, page):
        for user in ("alice", "bob"):
            await expect(of_user(page, user).locator("#state[data-state=open]")).to_be_visible()
        await page.check("input[value=bob]")
        await page.fill("#content", "hello, مرحبا, שלום, नमस्ते, สวัสดี, 你好, こんにちは, 안녕, 🎉")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_have_text("Pushed: kept for 2, delivered to 2 connections.")
        for user in ("alice", "bob"):
            await expect(of_user(page, user).locator(".item .text")).to_contain_text("hello")
            await expect(of_user(page, user).locator("#unread")).to_have_text("1")
        assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        # The command is not wider than its place, and leaves the rest where it was.
        await page.click("summary")
        await expect(page.locator("#command")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        command, users = [await page.locator(each).bounding_box() for each in ("#push pre", "#pages")]
        assert command is not None
        assert users is not None
        assert command["x"] + command["width"] <= users["x"] or command["y"] + command["height"] <= users["y"]
        outcome = await Axe().run(page)
        assert outcome.violations_count == 0, outcome.generate_report()
        folder = BUILD / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=folder / f"playground-{request.node.callspec.id}.png", full_page=True)
        await page.click("#recall")
        await expect(page.locator("#said")).to_contain_text("Recalled")
        for user in ("alice", "bob"):
            await expect(of_user(page, user).locator(".item")).to_have_count(0)
        await expect(page.locator("#recall")).to_be_disabled()
        await page.fill("#content", "too large")
        await page.click("#push .primary")
        await expect(page.locator("#said")).to_have_text("CONTENT_TOO_LARGE: Push a reference to it instead.")
        for user in ("alice", "bob"):
            await page.uncheck(f"input[value={user}]")
        await page.click("#push .primary")
        await expect(page.locator("#said")).to_have_text("Choose a user.")
