"""examples/topics: who receives what is pushed to a topic, over a connection, by polling, and in browsers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.e2e.chromium import Tab, tab
from tests.e2e.stack import ORIGIN, Stack, new_user
from tools.aws import wait_until
from tools.issuer import Issuer
from tools.playground.site import Site
from tools.websocket import Device, browser_url


@asynccontextmanager
async def connected(stack: Stack, tokens: Issuer, *, grants: object, user: str = "") -> AsyncIterator[Device]:
    token = tokens.token(user or new_user(), topics=grants)
    headers = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
    async with stack.connect_with(headers=headers) as device:
        yield device


async def push(stack: Stack, topic: str, content: object) -> dict[str, Any]:
    answer = await asyncio.to_thread(stack.backend.push, {"topic": topic, "content": content})
    assert answer.function_error is None, answer
    return answer.payload


def subscriptions(stack: Stack, topic: str) -> list[str]:
    rows = stack.client("dynamodb").query(
        TableName=stack.outputs["subscriptions_table_name"],
        KeyConditionExpression="topic = :topic",
        ExpressionAttributeValues={":topic": {"S": topic}},
        ConsistentRead=True,
    )["Items"]
    return [row["connectionId"]["S"] for row in rows]


async def test_a_connection_listens_within_its_token_and_gets_what_is_pushed(tenants: Stack, tokens: Issuer) -> None:
    topic = f"org/{new_user()}"
    async with (
        connected(tenants, tokens, grants=[topic, f"{topic}/*"]) as listening,
        connected(tenants, tokens, grants=f"openid {topic}") as silent,
    ):
        reply = await listening.ask(
            {"action": "subscribe", "topics": [topic, f"{topic}/news", "org/other"], "requestId": 1}
        )
        assert reply == {
            "type": "subscribed",
            "requestId": 1,
            "topics": [topic, f"{topic}/news"],
            "refused": [{"topic": "org/other", "code": "TOPIC_NOT_ALLOWED"}],
        }
        report = await push(tenants, topic, "hello")
        frame = await listening.next_notification()
        assert (frame["topic"], frame["content"], frame["id"]) == (topic, "hello", report["id"])
        page = await listening.ask({"action": "poll"})
        assert [(each["id"], each["topic"]) for each in page["notifications"]] == [(report["id"], topic)]
        assert (await silent.ask({"action": "poll"}))["notifications"] == []
        assert (await silent.ask({"action": "subscribe", "topics": [topic]}))["topics"] == [topic]
        page = await silent.ask({"action": "poll"})
        assert [each["id"] for each in page["notifications"]] == [report["id"]]


async def test_what_a_connection_listens_to_ends_with_it(tenants: Stack, tokens: Issuer) -> None:
    topic = f"org/{new_user()}"
    async with connected(tenants, tokens, grants=[topic]) as device:
        connection_id = await device.connection_id()
        await device.ask({"action": "subscribe", "topics": [topic]})
        assert await asyncio.to_thread(subscriptions, tenants, topic) == [connection_id]
        reply = await device.ask({"action": "unsubscribe", "topics": [topic]})
        assert (reply["topics"], await asyncio.to_thread(subscriptions, tenants, topic)) == ([], [])
        await device.ask({"action": "subscribe", "topics": [topic]})
    await asyncio.to_thread(wait_until, lambda: not subscriptions(tenants, topic), "the subscription to go")
    async with connected(tenants, tokens, grants=[]) as device:
        reply = await device.ask({"action": "subscribe", "topics": [topic]})
        assert (reply["topics"], [each["code"] for each in reply["refused"]]) == ([], ["TOPIC_NOT_ALLOWED"])


async def test_two_browsers_of_one_tenant_receive_and_one_of_another_does_not(
    tenants: Stack, tokens: Issuer, topics_site: Site
) -> None:
    tenant, other = f"org/{new_user()}", f"org/{new_user()}"

    async def browser(opened: AsyncExitStack, grant: str) -> Tab:
        token = tokens.token(new_user(), topics=[grant, f"{grant}/*"])
        config = {
            "url": browser_url(tenants.emulator, tenants.outputs),
            "tokenEndpoint": "token",
            "topics": [grant, tenant],
        }
        shown = await opened.enter_async_context(tab(topics_site, config))
        await shown.page.route("**/token", lambda route: route.fulfill(body=token, content_type="text/plain"))
        await shown.open()
        await shown.page.wait_for_selector("body[data-subscribed=true]")
        await shown.becomes("open")
        return shown

    async def entries(shown: Tab, count: int) -> list[str]:
        await shown.page.wait_for_function("count => document.querySelectorAll('#list li').length >= count", arg=count)
        texts: list[str] = await shown.page.eval_on_selector_all("#list li", "rows => rows.map(row => row.innerText)")
        return texts

    async with AsyncExitStack() as opened:
        one, two, stranger = [await browser(opened, grant) for grant in (tenant, tenant, other)]
        assert await one.text("#topics") == tenant
        assert await stranger.text("#topics") == other
        assert await stranger.text("#refused") == f"Refused: {tenant} (TOPIC_NOT_ALLOWED)."
        await push(tenants, tenant, "for the tenant")
        for shown in (one, two):
            assert await entries(shown, 1) == [f"{tenant} for the tenant"]
        # Had it come to the other tenant as well, it would stand before this.
        await push(tenants, other, "for the other")
        assert await entries(stranger, 1) == [f"{other} for the other"]
        await one.is_accessible()


async def test_a_broadcast_reaches_every_tenant(tenants: Stack, tokens: Issuer) -> None:
    async with (
        connected(tenants, tokens, grants=[]) as one,
        connected(tenants, tokens, grants=["org/9"]) as other,
    ):
        report = await push(tenants, "*", "to all")
        for device in (one, other):
            frame = await device.next_notification()
            assert (frame["id"], frame["topic"], frame["content"]) == (report["id"], "*", "to all")
            page = await device.ask({"action": "poll"})
            assert report["id"] in [each["id"] for each in page["notifications"]]
