"""The bell of examples/browser: one state on all devices, and what is replaced changes in its place."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import ViewportSize, expect

from tests.clients.server import Server, server
from tests.e2e.chromium import DESKTOP, PHONE, Tab, tab
from tools.paths import BUILD
from tools.playground.site import site
from websocket_push.protocol.inbox import State

SCREENSHOTS = BUILD / "screenshots"
NARROW = ViewportSize(width=320, height=640)
"""What a page zoomed to 400 % has on a usual screen; nothing has to be scrolled sideways in it (WCAG 2.2, 1.4.10)."""

BOX = "selector => document.querySelector(selector).getBoundingClientRect().toJSON()"


@contextlib.asynccontextmanager
async def devices(inbox: State | None) -> AsyncIterator[tuple[Server, Tab, Tab]]:
    """Open the page on a phone, in the dark, and on a laptop, in the light, for the same user."""
    async with server() as serving:
        serving.inbox = inbox
        config = {"url": serving.url, "user": "alice"}
        with site() as page:
            async with (
                tab(page, config, viewport=PHONE, dark=True) as phone,
                tab(page, config, viewport=DESKTOP) as laptop,
            ):
                for each in (phone, laptop):
                    await each.open()
                    await each.becomes("open")
                yield serving, phone, laptop


async def screenshot(name: str, *shown: Tab) -> None:
    """Keep what the page looks like, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for each, device in zip(shown, ("phone-dark", "laptop-light"), strict=True):
        await each.page.screenshot(path=SCREENSHOTS / f"bell-{name}-{device}.png", full_page=True)


async def test_what_is_read_on_one_device_is_read_on_the_other() -> None:
    async with devices(State()) as (serving, phone, laptop):
        first = await serving.push({"title": "Parcel", "text": "It leaves the warehouse"})
        await serving.push({"title": "Table for two", "text": "20:00"})
        for each in (phone, laptop):
            await expect(each.page.locator("#unread")).to_have_text("2")
            await expect(each.page.locator("#bell")).to_have_class("bell unseen")
            await each.is_accessible()
        await screenshot("unread", phone, laptop)
        # A click on it, on the phone.
        await phone.page.locator(".item").nth(1).click()
        for each in (phone, laptop):
            await expect(each.page.locator(f".item[data-id='{first}']")).not_to_have_class("item new unread")
            await expect(each.page.locator("#unread")).to_have_text("1")
            assert await each.page.title() == "(1) Notifications"
        # By keyboard, on the laptop: the bell, then the first notification's button.
        await laptop.press_until("Tab", "#bell")
        assert await laptop.page.get_attribute("#bell", "aria-label") == "Go to the notifications: 1 unread"
        await laptop.page.keyboard.press("Enter")
        await expect(phone.page.locator("#bell")).to_have_class("bell")
        await laptop.press_until("Tab", ".toggle")
        await laptop.page.keyboard.press("Enter")
        for each in (phone, laptop):
            await expect(each.page.locator("#unread")).to_be_hidden()
            await expect(each.page.locator(".item.unread")).to_have_count(0)
        await laptop.page.keyboard.press("Enter")
        for each in (phone, laptop):
            await expect(each.page.locator("#unread")).to_have_text("1")
            await expect(each.page.locator(".item.unread .title")).to_have_text("Table for two")
            await each.is_accessible()
        await screenshot("one-read", phone, laptop)
        await phone.page.click("#read")
        await expect(laptop.page.locator(".item.unread")).to_have_count(0)
        await expect(laptop.page.locator("#read")).to_be_disabled()


async def test_what_is_replaced_changes_in_its_place() -> None:
    async with devices(State()) as (serving, phone, laptop):
        first = await serving.push({"title": "Parcel", "text": "It leaves the warehouse"})
        await serving.push({"title": "Table for two", "text": "20:00"})
        third = await serving.push({"title": "Vote", "text": "ends today"})
        await laptop.shows(3)
        await laptop.page.locator(".toggle").nth(2).focus()
        await serving.replace(
            first, {"title": "Parcel", "text": "Out for delivery \u2014 \u0639\u0631\u0628\u064a \u65e5\u672c"}
        )
        for each in (phone, laptop):
            await expect(each.page.locator(".item").nth(2)).to_contain_text("Out for delivery")
            assert len(await each.shows(3)) == 3
            await expect(each.page.locator(".item").nth(2).locator(".tag")).to_have_text("Updated")
            await expect(each.page.locator("#unread")).to_have_text("3")
            await each.is_accessible()
        # The focus stays where it was.
        assert await laptop.page.evaluate("document.activeElement.closest('.item').innerText.includes('Out for')")
        await screenshot("replaced", phone, laptop)
        await serving.recall(third)
        for each in (phone, laptop):
            await expect(each.page.locator(".item")).to_have_count(2)
            await expect(each.page.locator("#unread")).to_have_text("2")
            await each.announces("taken back")
        assert await phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@contextlib.asynccontextmanager
async def narrow() -> AsyncIterator[tuple[Server, Tab]]:
    """Open the page in a window that is as narrow as it gets."""
    async with server() as serving:
        serving.inbox = State()
        with site() as page:
            config = {"url": serving.url, "user": "alice", "command": "push " * 30}
            async with tab(page, config, viewport=NARROW) as shown:
                await shown.open()
                await shown.becomes("open")
                yield serving, shown


async def test_nothing_overlaps_or_is_cut_off_in_a_narrow_window() -> None:
    async with narrow() as (serving, shown):
        await expect(shown.page.locator("#command")).to_be_visible()
        assert await shown.page.evaluate("command.parentElement.scrollWidth - command.parentElement.clientWidth") == 0
        for number in range(100):
            await serving.push(f"{number}")
        await expect(shown.page.locator("#unread")).to_have_text("99+")
        badge, chip = [await shown.page.evaluate(BOX, each) for each in ("#unread", "#state")]
        assert badge["right"] <= chip["left"]
        await shown.page.click("#drop")
        await shown.becomes("waiting")
        bell = await shown.page.evaluate(BOX, "#bell")
        assert bell["width"] == bell["height"]
        assert await shown.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        await shown.is_accessible()


async def test_the_bell_leads_to_the_whole_of_the_newest_notification() -> None:
    async with narrow() as (serving, shown):
        for number in range(20):
            await serving.push(f"{number}")
        await shown.shows(20)
        await shown.page.click("#bell")
        newest, bar = [await shown.page.evaluate(BOX, each) for each in (".item", ".bar")]
        assert newest["top"] >= bar["bottom"]
        # Nor is what the keyboard comes to behind the bar.
        await shown.press_until("Tab", ".item:nth-child(9) .toggle")
        await shown.press_until("Shift+Tab", ".item:nth-child(1) .toggle")
        focused = await shown.page.evaluate(BOX, ".toggle")
        assert focused["top"] >= bar["bottom"]


async def test_what_is_read_was_seen() -> None:
    async with devices(State()) as (serving, phone, laptop):
        await serving.push("hello")
        for each in (phone, laptop):
            await expect(each.page.locator("#bell")).to_have_class("bell unseen")
        await phone.page.click("#read")
        for each in (phone, laptop):
            await expect(each.page.locator("#bell")).to_have_class("bell")


async def test_without_inboxes_what_is_read_is_this_devices_own() -> None:
    async with devices(None) as (serving, phone, laptop):
        await serving.push("hello")
        for each in (phone, laptop):
            await expect(each.page.locator("#unread")).to_have_text("1")
            await expect(each.page.locator(".toggle")).to_have_count(0)
        await phone.page.click("#read")
        await expect(phone.page.locator(".item.unread")).to_have_count(0)
        await expect(laptop.page.locator(".item.unread")).to_have_count(1)
        assert not [message for message in serving.received if message["action"] == "mark"]
