"""One connection for all tabs of a user, in Chromium: who holds it, what each tab shows, and what a change costs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.clients.npm import BROWSER
from tests.clients.pages import browser, pages
from tests.clients.server import Server, server, until
from websocket_push.protocol.inbox import State

PAGE = """<!doctype html><title>tab</title><script type="module">
import { createPushClient, localStore } from "/src/index.js";
window.shown = [];
window.primary = [];
window.states = [];
window.start = (options) => {
  window.client = createPushClient({
    sharedKey: "alice",
    onNotification: ({ content }, { primary }) => (shown.push(content), primary && window.primary.push(content)),
    onState: (state, { reason }) => states.push([state, reason]),
    ...options,
  });
};
window.stored = (options) => start({ ...options, store: localStore("alice") });
window.loaded = true;
</script>"""
CHANGE_SECONDS = 1.0


@dataclass
class World:
    server: Server
    context: BrowserContext
    address: str

    async def tab(self, start: str = "start", **options: Any) -> Page:
        page = await self.context.new_page()
        await page.goto(f"{self.address}/tab.html")
        await page.wait_for_function("window.loaded")
        await page.evaluate(f"options => {start}(options)", {"url": self.server.url, **options})
        return page


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    (folder / "tab.html").write_text(PAGE)
    (folder / "src").symlink_to(BROWSER / "src")
    with pages(folder) as address:
        async with server() as serving, browser() as context:
            yield World(serving, context, address)


async def opened(page: Page) -> None:
    await page.wait_for_function("client.state === 'open'")


async def shows(page: Page, contents: list[str], name: str = "shown") -> None:
    """Wait until a tab has shown something, and check that it has shown nothing else and nothing twice."""
    wanted = "([name, count]) => window[name].length >= count"
    await page.wait_for_function(wanted, arg=[name, len(contents)], timeout=10_000)
    assert sorted(await page.evaluate(f"window.{name}")) == sorted(contents)


async def lifecycle(page: Page, event: str) -> None:
    """Have a page freeze or resume. Playwright emulates the focus, and Chromium freezes no page that has it."""
    await page.evaluate("name => void document.dispatchEvent(new Event(name))", event)


async def leaders(tabs: list[Page]) -> list[int]:
    return [number for number, tab in enumerate(tabs) if await tab.evaluate("client.leader")]


@pytest.mark.parametrize("count", [1, 3, 10])
async def test_tabs_hold_one_socket_and_show_each_notification_once(count: int, tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.server.store("before")
        tabs = [await there.tab() for _ in range(count)]
        await asyncio.gather(*map(opened, tabs))
        for number in range(5):
            await there.server.push(f"live {number}")
        wanted = ["before", *(f"live {number}" for number in range(5))]
        await asyncio.gather(*(shows(tab, wanted) for tab in tabs))
        assert len(there.server.handshakes) == there.server.peak == 1
        [leader] = await leaders(tabs)
        await shows(tabs[leader], wanted, "primary")
        for tab in tabs[:leader] + tabs[leader + 1 :]:
            await shows(tab, [], "primary")


@pytest.mark.parametrize("how", ["close", "navigate", "freeze", "client.close()"])
async def test_a_leader_that_goes_leaves_its_place_within_a_second_and_nothing_is_lost(
    how: str, tmp_path: Path
) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab() for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        [leading] = await leaders(tabs)
        leader = tabs.pop(leading)
        pushed = [f"number {number}" for number in range(60)]
        pushing = asyncio.create_task(push_all(there.server, pushed))
        await until(lambda: len(there.server.stored) > 20, "pushes under way")
        start = time.monotonic()
        match how:
            case "close":
                await leader.close()
            case "navigate":
                await leader.goto("about:blank")
            case "freeze":
                await lifecycle(leader, "freeze")
            case _:
                await leader.evaluate("client.close()")
        await until(lambda: len(there.server.handshakes) == 2, "another tab connects", CHANGE_SECONDS)
        took = time.monotonic() - start
        await pushing
        await asyncio.gather(*(shows(tab, pushed) for tab in tabs))
        assert took < CHANGE_SECONDS
        assert len(await leaders(tabs)) == 1
        assert len(there.server.connections) == 1
        alive = tabs if how in ("close", "navigate") else [*tabs, leader]
        primary = [content for tab in alive for content in await tab.evaluate("primary")]
        assert len(primary) == len(set(primary))


async def push_all(server: Server, contents: list[str]) -> None:
    for content in contents:
        await server.push(content)
        await asyncio.sleep(0.01)


async def test_a_frozen_tab_catches_up_as_a_follower(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first, second = await there.tab(), await there.tab()
        await asyncio.gather(opened(first), opened(second))
        await lifecycle(first, "freeze")
        await until(lambda: len(there.server.handshakes) == 2, "the other tab connects")
        await opened(second)
        await there.server.push("while frozen")
        await shows(second, ["while frozen"])
        await lifecycle(first, "resume")
        await shows(first, ["while frozen"])
        await shows(first, [], "primary")
        assert len(there.server.connections) == 1


async def test_a_leader_that_hangs_is_replaced(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first, second = await there.tab(), await there.tab(pongTimeout=500)
        await asyncio.gather(opened(first), opened(second))
        hanging = asyncio.create_task(
            first.evaluate("{ const until = Date.now() + 8000; while (Date.now() < until); }")
        )
        await asyncio.sleep(0)
        await second.evaluate("client.reconnect()")  # It pings, and is not answered.
        await second.wait_for_function("client.leader && client.state === 'open'", timeout=7_000)
        await there.server.push("on")
        await shows(second, ["on"])
        await hanging
        await opened(first)
        await shows(first, ["on"])
        assert await leaders([first, second]) == [1]
        await until(lambda: len(there.server.connections) == 1, "one socket is left")


async def test_followers_push_and_page_through_the_leader(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(), await there.tab()]
        await asyncio.gather(*map(opened, tabs))
        [leading] = await leaders(tabs)
        follower = tabs[1 - leading]
        report = await follower.evaluate("client.push({ userId: 'alice', content: 'from a follower' })")
        assert report == {"totals": {"recipients": 1}}
        before = "ffffffff-ffff-7fff-bfff-ffffffffffff"
        page = await follower.evaluate(f"client.loadOlder({{ before: '{before}' }})")
        assert [row["content"] for row in page["notifications"]] == ["from a follower"]
        assert await follower.evaluate("client.session.userId") == "alice"
        there.server.mute = True
        refused = "client.push({ userId: 'alice', content: 'x'.repeat(40000) }).catch(({ code }) => code)"
        assert await follower.evaluate(refused) == "FRAME_TOO_LARGE"


async def test_a_lost_connection_is_lost_for_all_tabs_and_back_for_all(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(minReconnectDelay=100) for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        await there.server.drop()
        there.server.store("missed")
        await asyncio.gather(*(shows(tab, ["missed"]) for tab in tabs))
        await asyncio.gather(*map(opened, tabs))
        assert (len(there.server.handshakes), there.server.peak) == (2, 1)


async def test_a_bye_that_is_final_closes_all_tabs(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab() for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        await there.server.tell({"type": "bye", "reason": "revoked"})
        for tab in tabs:
            await tab.wait_for_function("client.state === 'closed'")
            assert (await tab.evaluate("states")).pop() == ["closed", "bye"]
        assert there.server.peak == len(there.server.handshakes) == 1


async def test_a_reloaded_tab_is_shown_what_only_another_tab_has_shown(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first, second = await there.tab("stored"), await there.tab("stored")
        await asyncio.gather(opened(first), opened(second))
        await there.server.push("both")
        await shows(first, ["both"])
        await shows(second, ["both"])
        await first.goto("about:blank")
        await second.wait_for_function("client.leader && client.state === 'open'")
        await there.server.push("one")
        await shows(second, ["both", "one"])
        await first.goto(f"{there.address}/tab.html")
        await first.wait_for_function("window.loaded")
        await first.evaluate("options => stored(options)", {"url": there.server.url})
        await shows(first, ["one"])
        await shows(first, [], "primary")


async def test_other_keys_and_other_addresses_are_not_shared(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(), await there.tab(sharedKey="bob"), await there.tab(url=f"{there.server.url}?a=b")]
        await asyncio.gather(*map(opened, tabs))
        assert len(there.server.connections) == 3
        assert await leaders(tabs) == [0, 1, 2]


async def test_without_locks_each_tab_has_a_socket_and_shows_everything(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.context.add_init_script("delete Navigator.prototype.locks")
        tabs = [await there.tab(), await there.tab()]
        await asyncio.gather(*map(opened, tabs))
        await there.server.push("each")
        for tab in tabs:
            await shows(tab, ["each"])
        assert len(there.server.connections) == 2


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize("shared", [True, False])
async def test_when_all_tabs_are_hidden_for_a_time_there_is_no_connection_until_one_is_looked_at(
    shared: bool, tmp_path: Path
) -> None:
    async with world(tmp_path) as there:
        count = 3 if shared else 1
        tabs = [await there.tab(hiddenTimeout=300, **({} if shared else {"sharedKey": ""})) for _ in range(count)]
        await asyncio.gather(*map(opened, tabs))
        for tab in tabs[1:]:
            await tab.evaluate(HIDE, True)
        await there.server.push("in view")
        await shows(tabs[0], ["in view"])
        assert len(there.server.connections) == 1
        await tabs[0].evaluate(HIDE, True)
        await until(lambda: not there.server.connections, "no connection is left")
        for tab in tabs:
            await tab.wait_for_function("client.state === 'waiting'")
            assert (await tab.evaluate("states")).pop() == ["waiting", "hidden"]
        there.server.store("missed")
        handshakes = len(there.server.handshakes)
        await tabs[-1].evaluate(HIDE, False)
        await shows(tabs[-1], ["in view", "missed"])
        assert len(there.server.handshakes) == handshakes + 1
        assert len(there.server.connections) == 1


async def hide(*tabs: Page) -> None:
    for tab in tabs:
        await tab.evaluate(HIDE, True)


async def test_a_tab_in_view_is_connected_although_the_leader_s_place_falls_to_one_that_is_hidden(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(hiddenTimeout=300) for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        leader, hidden, viewed = tabs
        await hide(hidden)
        await hidden.wait_for_timeout(700)  # It has been hidden for long, and the others have not.
        await there.server.push("while one is hidden")
        await shows(hidden, ["while one is hidden"])
        await leader.close()
        await until(lambda: len(there.server.handshakes) == 2, "another tab connects", CHANGE_SECONDS)
        await opened(viewed)
        await there.server.push("in view")
        await shows(viewed, ["while one is hidden", "in view"])


async def test_a_hidden_leader_disconnects_when_the_tab_in_view_is_closed_instead_of_hidden(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        leader, viewed = await there.tab(hiddenTimeout=300), await there.tab(hiddenTimeout=300)
        await asyncio.gather(opened(leader), opened(viewed))
        await hide(leader)
        await leader.wait_for_timeout(700)
        assert len(there.server.connections) == 1
        await viewed.close()
        await until(lambda: not there.server.connections, "no connection is left")
        assert (await leader.evaluate("states")).pop() == ["waiting", "hidden"]


async def test_a_leader_that_was_in_view_a_moment_ago_stays_though_another_has_been_hidden_for_long(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as there:
        leader, other = await there.tab(hiddenTimeout=3_000), await there.tab(hiddenTimeout=300)
        await asyncio.gather(opened(leader), opened(other))
        await hide(leader, other)
        await other.wait_for_timeout(700)
        assert await leader.evaluate("client.state") == "open"
        assert await other.evaluate("client.state") == "open"
        await until(lambda: not there.server.connections, "no connection is left")


async def test_a_new_tab_wakes_those_that_sleep(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(hiddenTimeout=300) for _ in range(2)]
        await asyncio.gather(*map(opened, tabs))
        await hide(*tabs)
        await until(lambda: not there.server.connections, "no connection is left")
        there.server.store("missed")
        tabs.append(await there.tab(hiddenTimeout=300))
        await opened(tabs[-1])
        for tab in tabs:
            await shows(tab, ["missed"])
        await hide(tabs[-1])
        await until(lambda: not there.server.connections, "no connection is left again")


async def test_a_limited_message_of_a_follower_is_sent_when_it_may_be_and_once(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(timeout=1_000) for _ in range(2)]
        await asyncio.gather(*map(opened, tabs))
        [leading] = await leaders(tabs)
        there.server.refusals = 1
        pushing = tabs[1 - leading].evaluate("client.push({ userId: 'alice', content: 'later' })")
        assert await pushing == {"totals": {"recipients": 1}}
        assert [row["content"] for row in there.server.stored] == ["later"]


async def test_a_leader_that_closes_while_it_is_asked_throws_nothing_and_the_mark_is_made(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.server.inbox = State()
        there.server.store("to be read")
        leader, other = await there.tab(), await there.tab()
        await asyncio.gather(opened(leader), opened(other))
        await shows(other, ["to be read"])
        there.server.mute = True
        await other.evaluate(
            """async () => {
              const { createInbox } = await import("/src/inbox.js");
              window.inbox = createInbox(client);
              inbox.markReadUpTo(client.lastId);
            }"""
        )
        await until(lambda: there.server.received[-1]["action"] == "mark", "the mark is under way")
        there.server.mute = False
        await leader.evaluate("client.close()")
        await until(lambda: bool(there.server.inbox.read_up_to), "it is marked")
        marks = [message for message in there.server.received if message["action"] == "mark"]
        assert len(marks) == 2
        assert marks[0]["at"] == marks[1]["at"]
        await opened(other)
        assert await leader.evaluate("client.state") == "closed"


async def test_what_a_follower_asks_for_when_a_hanging_leader_goes_on_is_done_once(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first, second, third = [await there.tab(pongTimeout=500) for _ in range(3)]
        await asyncio.gather(*map(opened, (first, second, third)))
        hanging = asyncio.create_task(
            first.evaluate("{ const until = Date.now() + 6000; while (Date.now() < until); }")
        )
        await asyncio.sleep(0)
        await second.evaluate("client.reconnect()")
        await second.wait_for_function("client.leader && client.state === 'open'", timeout=7_000)
        await opened(third)
        for number in range(5):
            # The one that hangs has these before it as well, and before the news that it does not lead any more.
            await third.evaluate(f"client.push({{ userId: 'alice', content: {number} }})")
        assert not hanging.done()
        await hanging
        await opened(first)
        await first.wait_for_function("!client.leader")
        assert [row["content"] for row in there.server.stored] == list(range(5))


async def test_a_follower_s_topics_are_subscribed_to_by_the_leader_and_by_its_successor(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        leader, other = await there.tab(), await there.tab()
        await asyncio.gather(opened(leader), opened(other))
        assert await other.evaluate("client.subscribe(['org/7'])") == {"topics": ["org/7"], "refused": []}
        assert await leader.evaluate("client.topics") == ["org/7"]
        await leader.close()
        await until(lambda: len(there.server.handshakes) == 2, "another tab connects")
        await opened(other)
        subscriptions = [message["topics"] for message in there.server.received if message["action"] == "subscribe"]
        assert subscriptions == [["org/7"], ["org/7"]]


async def test_subscribing_while_the_leader_goes_is_done_by_its_successor(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        leader, other = await there.tab(), await there.tab()
        await asyncio.gather(opened(leader), opened(other))
        there.server.mute = True
        subscribing = asyncio.create_task(other.evaluate("client.subscribe(['org/7'])"))
        await until(lambda: there.server.received[-1]["action"] == "subscribe", "it is under way")
        there.server.mute = False
        await leader.close()
        assert await subscribing == {"topics": ["org/7"], "refused": []}


async def test_a_follower_that_closes_takes_nothing_with_it(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab() for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        await tabs[1].evaluate("client.close()")
        await there.server.push("on")
        await shows(tabs[0], ["on"])
        await shows(tabs[2], ["on"])
        await shows(tabs[1], [])
        assert len(there.server.handshakes) == 1


async def test_without_broadcasts_each_tab_has_a_socket_and_shows_everything(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.context.add_init_script("delete window.BroadcastChannel")
        tabs = [await there.tab(), await there.tab()]
        await asyncio.gather(*map(opened, tabs))
        await there.server.push("each")
        for tab in tabs:
            await shows(tab, ["each"])
        assert len(there.server.connections) == 2


FORBIDDEN = """
const forbidden = async () => { throw new DOMException("storage is forbidden", "SecurityError"); };
if (navigator.locks) navigator.locks.request = forbidden;
"""


@pytest.mark.parametrize(
    "script",
    [FORBIDDEN, "window.BroadcastChannel = class { constructor() { throw new DOMException('', 'SecurityError'); } }"],
    ids=["locks", "broadcasts"],
)
async def test_where_storage_is_forbidden_each_tab_is_alone_and_sleeps_alone(script: str, tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.context.add_init_script(script)
        tabs = [await there.tab(hiddenTimeout=300), await there.tab(hiddenTimeout=300)]
        await asyncio.gather(*map(opened, tabs))
        await there.server.push("each")
        for tab in tabs:
            await shows(tab, ["each"])
        assert await leaders(tabs) == [0, 1]
        await hide(*tabs)
        await until(lambda: not there.server.connections, "no connection is left")


async def test_when_the_network_is_back_so_are_all_tabs_without_sitting_out_a_wait(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(minReconnectDelay=3_600_000, maxReconnectDelay=3_600_000) for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        await there.context.set_offline(True)
        await there.server.drop()
        for tab in tabs:
            await tab.wait_for_function("client.state === 'waiting'")
        there.server.store("missed")
        await there.context.set_offline(False)
        await asyncio.gather(*(shows(tab, ["missed"]) for tab in tabs))
        assert (len(there.server.handshakes), there.server.peak) == (2, 1)


async def test_when_all_take_a_hanging_leader_s_place_at_once_one_has_it(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        first, *others = [await there.tab(pongTimeout=500) for _ in range(6)]
        await asyncio.gather(*map(opened, (first, *others)))
        hanging = asyncio.create_task(
            first.evaluate("{ const until = Date.now() + 4000; while (Date.now() < until); }")
        )
        await asyncio.sleep(0)
        await asyncio.gather(*(tab.evaluate("client.reconnect()") for tab in others))
        await asyncio.gather(*(tab.wait_for_function("states.length > 3") for tab in others))
        await asyncio.gather(*map(opened, others))
        await there.server.push("on")
        await hanging
        await asyncio.gather(*(shows(tab, ["on"]) for tab in (first, *others)))
        await asyncio.gather(*map(opened, (first, *others)))
        assert len(await leaders([first, *others])) == 1
        await until(lambda: len(there.server.connections) == 1, "one socket is left")


async def test_what_one_tab_unsubscribes_from_no_tab_asks_for_again(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        tabs = [await there.tab(topics=["org/7", "page/42"]) for _ in range(3)]
        await asyncio.gather(*map(opened, tabs))
        [leading] = await leaders(tabs)
        leader = tabs.pop(leading)
        await tabs[0].evaluate("client.unsubscribe(['page/42'])")
        there.server.received.clear()
        # Once by another connection of the same tab, and once by another tab that becomes the leader.
        await there.server.drop()
        await until(lambda: not there.server.connections, "the connection is gone")
        await leader.evaluate("client.reconnect()")
        # Until the browser says so, the tabs take the connection for open.
        await until(lambda: len(there.server.handshakes) == 2, "the leader is back")
        await asyncio.gather(*map(opened, [leader, *tabs]))
        await leader.close()
        await until(lambda: len(there.server.handshakes) == 3, "another tab leads")
        await asyncio.gather(*map(opened, tabs))
        asked = [message["topics"] for message in there.server.received if message["action"] == "subscribe"]
        assert len(asked) >= 2
        assert all(topics == ["org/7"] for topics in asked)


async def test_two_clients_of_one_page_with_another_user_or_address_have_nothing_in_common(tmp_path: Path) -> None:
    async with world(tmp_path) as there, server() as other:
        tab = await there.tab()
        await opened(tab)
        for name, url, user in (("bob", there.server.url, "bob"), ("elsewhere", other.url, "alice")):
            start = """([name, url, sharedKey]) => {
                window[name] = [];
                const first = window.client;
                start({ url, sharedKey, onNotification: ({ content }) => window[name].push(content) });
                window[name + "Client"] = client;
                window.client = first;
            }"""
            await tab.evaluate(start, [name, url, user])
            await tab.wait_for_function(f"{name}Client.state === 'open'")
        assert await tab.evaluate("[client.leader, bobClient.leader, elsewhereClient.leader]") == [True, True, True]
        await other.push("elsewhere")
        await shows(tab, ["elsewhere"], "elsewhere")
        await shows(tab, [])
        await tab.evaluate("bobClient.close()")
        await there.server.push("here")
        await shows(tab, ["here"])
        assert await tab.evaluate("[bob, elsewhere]") == [[], ["elsewhere"]]
