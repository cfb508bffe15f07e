"""Requests of Terraform's that come twice.

Where the answer to a request is lost, the provider sends it again. AWS loses next to none; over a busy loopback it
happens now and then, and a creation that has been done is then refused because the thing exists. So the second request
gets the first one's answer. The SDK marks both (`amz-sdk-invocation-id`) and counts them (`amz-sdk-request`).
"""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

_KEPT = 200
_FIRST_ATTEMPT = 1

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]


def answering_repeats(app: App) -> App:
    """Wrap an ASGI application, so that a request of Terraform's that has succeeded is not carried out again."""
    answers: OrderedDict[bytes, list[Message]] = OrderedDict()

    async def answering(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        headers = dict(scope.get("headers") or ())
        invocation = headers.get(b"amz-sdk-invocation-id")
        if invocation is None or b"terraform" not in headers.get(b"user-agent", b"").lower():
            await app(scope, receive, send)
            return
        if _attempt(headers.get(b"amz-sdk-request", b"")) > _FIRST_ATTEMPT and invocation in answers:
            for message in answers[invocation]:
                await send(message)
            return
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(dict(message))  # Before it is sent: it may be lost.
            if _is_success(sent):
                answers[invocation] = sent
                while len(answers) > _KEPT:
                    answers.popitem(last=False)
            await send(message)

        await app(scope, receive, keep)

    return answering


def _attempt(counted: bytes) -> int:
    found = re.search(rb"attempt=(\d+)", counted)
    return int(found[1]) if found else _FIRST_ATTEMPT


def _is_success(sent: list[Message]) -> bool:
    """Return whether messages are a whole answer that says yes."""
    whole = sent[-1]["type"] == "http.response.body" and not sent[-1].get("more_body")
    return whole and 200 <= sent[0].get("status", 0) < 300
