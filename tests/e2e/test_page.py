"""The page of examples/browser, in a real browser, on the applied examples."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.chromium import PHONE, tab
from tests.e2e.stack import Stack, new_user
from tools.issuer import Issuer
from tools.playground.site import Site
from tools.websocket import browser_url

NOTHING_LISTENS = "ws://127.0.0.1:9/live"


def anonymous(stack: Stack, user: str) -> dict[str, object]:
    return {"url": browser_url(stack.emulator, stack.outputs), "user": user}


async def push(stack: Stack, user: str, *contents: object) -> None:
    for content in contents:
        answer = await asyncio.to_thread(stack.backend.push, {"userId": user, "content": content})
        assert answer.function_error is None, answer


@pytest.fixture
def with_token(authorized: Stack, page_site: Site, tokens: Issuer) -> Callable[[str], dict[str, object]]:
    """Return the config of a user for whom the site signs tokens."""

    def configure(user: str) -> dict[str, object]:
        page_site.token = lambda: tokens.token(user)
        url = browser_url(authorized.emulator, authorized.outputs)
        return {"url": url, "user": user, "tokenEndpoint": "token", "command": "push something"}

    return configure


async def test_what_is_pushed_is_shown_at_once(
    authorized: Stack, page_site: Site, with_token: Callable[[str], dict[str, object]]
) -> None:
    user = new_user()
    async with tab(page_site, with_token(user)) as shown:
        await shown.open()
        await shown.becomes("open")
        await shown.page.wait_for_selector("#empty:not([hidden])")
        assert await shown.text("#command") == "push something"
        await shown.is_accessible()
        await push(authorized, user, {"title": "Parcel", "text": "At <b>2</b>"}, "plain", {"n": [1]})
        assert await shown.shows(3) == ['JSON {\n  "n": [\n    1\n  ]\n}', "plain", "Parcel At <b>2</b>"]
        await shown.announces("New notification")
        assert await shown.text("#unread") == "3"
        assert await shown.page.title() == "(3) Notifications"
        assert await shown.page.locator(".item time[datetime]").count() == 3
        await shown.is_accessible()
        await shown.page.click("#read")
        assert await shown.page.title() == "Notifications"
        assert await shown.page.locator(".unread").count() == 0
        await shown.is_accessible()


async def test_what_is_pushed_while_dropped_comes_once_when_it_resumes(stack: Stack, page_site: Site) -> None:
    user = new_user()
    async with tab(page_site, anonymous(stack, user), viewport=PHONE, dark=True) as shown:
        await shown.open()
        await shown.becomes("open")
        await push(stack, user, "before")
        await shown.shows(1)
        await shown.page.click("#drop")
        await shown.becomes("waiting")
        await shown.announces("Connection lost.")
        await push(stack, user, "first missed", "second missed")
        await shown.is_accessible()
        assert await shown.shows(1) == ["before"]
        await shown.page.click("#drop")
        await shown.becomes("open")
        await shown.announces("2 missed")
        await push(stack, user, "after")
        assert await shown.shows(4) == ["after", "second missed", "first missed", "before"]
        assert await shown.page.locator(".tag").count() == 2
        await shown.is_accessible()
        # Nothing on a phone is wider than the phone.
        assert await shown.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_a_reload_keeps_the_position_and_what_was_read(stack: Stack, page_site: Site) -> None:
    user = new_user()
    async with tab(page_site, anonymous(stack, user)) as shown:
        await shown.open()
        await shown.becomes("open")
        await push(stack, user, "read")
        await shown.shows(1)
        await shown.page.click("#read")
        await push(stack, user, "unread")
        await shown.shows(2)
        await shown.page.goto("about:blank")
        await push(stack, user, "missed")
        await shown.open()
        assert await shown.shows(3) == ["missed", "unread", "read"]
        assert await shown.page.locator(".unread").count() == 2
        assert await shown.page.locator(".item:has(.tag)").inner_text() != ""
        assert await shown.page.locator(".tag").count() == 1


async def test_older_pages_are_loaded_by_keyboard_until_there_are_none(stack: Stack, page_site: Site) -> None:
    user = new_user()
    await asyncio.to_thread(store_many, stack, user, 80)
    async with tab(page_site, anonymous(stack, user)) as shown:
        await shown.open()
        assert len(await shown.shows(70)) == 70
        await shown.page.wait_for_selector("#older:not([hidden])")
        await shown.page.focus("#older")
        await shown.page.keyboard.press("Enter")
        texts = await shown.shows(80)
        assert texts == [f"number {number:02}" for number in reversed(range(80))]
        assert await shown.page.evaluate("document.activeElement.innerText.includes('number 09')")
        await shown.announces("10 older loaded.")
        assert await shown.page.is_hidden("#older")
        assert await shown.text("#older-text") == "That is all there is."


async def test_a_refused_connection_says_what_to_do_and_tries_again(
    authorized: Stack, page_site: Site, with_token: Callable[[str], dict[str, object]]
) -> None:
    user = new_user()
    config = with_token(user)
    good, page_site.token = page_site.token, lambda: "not.a.token"
    async with tab(page_site, config) as shown:
        await shown.open()
        await shown.page.wait_for_selector("#trouble:not([hidden])")
        assert "allowed_origins" in await shown.text("#trouble")
        await shown.announces("Could not connect.")
        await shown.is_accessible()
        page_site.token = good
        await shown.press_until("Tab", "#trouble-retry")
        await shown.page.keyboard.press("Enter")
        await shown.becomes("open")
        assert await shown.page.is_hidden("#trouble")
        page_site.token = None


async def test_a_token_that_cannot_be_had_is_told_apart(page_site: Site) -> None:
    async with tab(page_site, {"url": NOTHING_LISTENS, "user": "alice", "tokenEndpoint": "nowhere"}) as shown:
        await shown.open()
        await shown.page.wait_for_selector("#trouble:not([hidden])")
        assert await shown.text("#trouble-title") == "No token"


async def test_all_of_it_works_by_keyboard(stack: Stack, page_site: Site) -> None:
    user = new_user()
    async with tab(page_site, anonymous(stack, user)) as shown:
        await shown.open()
        await shown.becomes("open")
        await shown.press_until("Tab", ".skip")
        await shown.press_until("Tab", "#note")
        await shown.page.keyboard.type("from myself")
        await shown.page.keyboard.press("Enter")
        assert await shown.shows(1) == ["from myself"]
        assert await shown.page.input_value("#note") == ""
        await shown.press_until("Shift+Tab", "#drop")
        assert await shown.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await shown.page.keyboard.press("Enter")
        await shown.becomes("waiting")
        await shown.page.keyboard.press("Space")
        await shown.becomes("open")
        await shown.press_until("Shift+Tab", "#read")
        await shown.page.keyboard.press("Enter")
        assert await shown.page.locator(".unread").count() == 0


async def test_an_address_in_a_link_is_not_connected_to_by_itself(stack: Stack, page_site: Site) -> None:
    user = new_user()
    url = browser_url(stack.emulator, stack.outputs)
    async with tab(page_site, None) as shown:
        sockets: list[str] = []
        shown.page.on("websocket", lambda opened: sockets.append(opened.url))
        await shown.open(f"?url={url}")
        await shown.page.wait_for_selector("#settings:not([hidden])")
        await shown.is_accessible()
        assert await shown.page.input_value("#url") == url
        await shown.page.click("#settings button[type=submit]")
        assert "Give a token" in await shown.text("#settings-error")
        assert sockets == []
        await shown.page.fill("#user", user)
        await shown.page.keyboard.press("Enter")
        await shown.becomes("open")
        await push(stack, user, "hello")
        assert await shown.shows(1) == ["hello"]


async def test_a_token_is_left_nowhere(authorized: Stack, page_site: Site, tokens: Issuer) -> None:
    token = tokens.token(new_user())
    async with tab(page_site, None) as shown:
        await shown.open(f"?url={browser_url(authorized.emulator, authorized.outputs)}")
        await shown.page.fill("#token", token)
        await shown.page.keyboard.press("Enter")
        await shown.becomes("open")
        kept = await shown.page.evaluate("[location.href, {...localStorage}, {...sessionStorage}, document.cookie]")
        assert token not in json.dumps(kept)


def store_many(stack: Stack, user: str, count: int) -> None:
    """Store notifications as push does, but many at once: one, and copies of it from the milliseconds before."""
    stack.backend.push({"userId": user, "content": f"number {count - 1:02}"})
    [row] = stack.backend.notifications(user)
    last = row["notificationId"]["S"]
    time = int(last[:8] + last[9:13], 16)

    def copy(number: int) -> Any:
        digits = f"{time - count + number:012x}"
        identity = {"S": f"{digits[:8]}-{digits[8:]}{last[13:]}"}
        return {"PutRequest": {"Item": row | {"notificationId": identity, "content": {"S": f'"number {number:02}"'}}}}

    requests = [copy(number) for number in range(count - 1)]
    for start in range(0, len(requests), 25):
        table = stack.outputs["notifications_table_name"]
        stack.backend.dynamodb.batch_write_item(RequestItems={table: requests[start : start + 25]})
