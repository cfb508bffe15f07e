"""`doctor`: looks at a deployment in use, and changes nothing but for two notifications to a test user.

They expire after a minute. Nothing that is printed holds a token or the content of a notification.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import InvalidStatus, WebSocketException

from tools.acceptance.account import AwsError, explain
from tools.acceptance.checks import Check, failed, handshake, let_in, ok, refused, unchecked
from tools.acceptance.deployment import Deployment
from tools.acceptance.standing import alarms, push_queues, quota_checks
from tools.aws import Answer, invoke
from tools.websocket import Device, Frame, device

USER = "websocket-push-doctor"
_TTL_SECONDS = 60
_STEPS = ("connect", "push", "resume")

Connect = Callable[[], AbstractAsyncContextManager[Device]]


def examine(deployment: Deployment, client: Callable[..., Any], pause: Callable[[], None]) -> Iterator[Check]:
    """Yield each check when it has been made.

    Parameters
    ----------
    client
        boto3's `client`.
    pause
        Waits before a queue is looked at once more.
    """
    yield from asyncio.run(_over_connections(deployment, client))
    yield from push_queues(deployment, client, pause)
    yield from alarms(deployment, client)
    yield from quota_checks(deployment, client)


async def _over_connections(deployment: Deployment, client: Callable[..., Any]) -> list[Check]:
    """Check who is let in, and whether a push arrives, and is there for a client that was away."""
    found: list[Check] = []
    try:
        identity = await _refusals(deployment, found)
        if identity is None:
            why = "needs a token of the test user: export DOCTOR_TOKEN"
            return [*found, *(unchecked(step, why) for step in _STEPS)]
        await _push_and_resume(deployment, lambda: _connect(deployment, **identity), client, found)
    except InvalidStatus as refusal:
        text, advice = handshake(refusal.response.status_code)
        _stop(found, lambda step: failed(step, text, advice))
    except AwsError as problem:
        refusal_ = explain(problem, f"lambda:InvokeFunction on {deployment.push_function_arn}")
        _stop(found, lambda step: refused(step, refusal_))
    except AssertionError:  # Its message holds the frame.
        advice = "see the logs of poll and push"
        _stop(found, lambda step: failed(step, "the frame received is not a notification", advice))
    except (OSError, TimeoutError, WebSocketException, ValueError) as problem:
        text = f"{type(problem).__name__}: {problem}"
        advice = (
            f"is {deployment.websocket_url} the output websocket_url? Check the network, the proxy, docs/runbook.md"
        )
        _stop(found, lambda step: failed(step, text, advice))
    return found


def _stop(found: list[Check], make: Callable[[str], Check]) -> None:
    """Have the step fail that was under way, and say of the later ones that they were not reached."""
    under_way, *later = [step for step in _STEPS if step not in {check.name for check in found}]
    found.append(make(under_way))
    found += [unchecked(step, f"{under_way} comes first") for step in later]


async def _refusals(deployment: Deployment, found: list[Check]) -> dict[str, str] | None:
    """Check that no client gets in without a token, and return how the test user does; None if there is no way."""
    status = await _status(_connect(deployment, user=deployment.user))
    if status == 101:
        found.append(ok("anonymous clients", "let in as the user that they name (allow_anonymous): for trials only"))
        return {"user": deployment.user}
    found.append(let_in(status, "a client without a token"))
    found.append(let_in(await _status(_connect(deployment, token="not-a-token")), "a token that is none"))  # noqa: S106
    return None if deployment.token is None else {"token": deployment.token}


async def _push_and_resume(
    deployment: Deployment, connect: Connect, client: Callable[..., Any], found: list[Check]
) -> None:
    async with connect() as phone:
        began = time.perf_counter()
        pong = await phone.ask({"action": "ping"})
        took = (time.perf_counter() - began) * 1000
        page = await phone.ask({"action": "poll", "limit": 1})
        if pong != {"type": "pong"} or page.get("type") != "history":
            text = f"a ping gets {_kind(pong)}, a poll {_kind(page)}"
            return _stop(found, lambda step: failed(step, text, "see the log of poll, and docs/protocol.md, Errors"))
        found.append(ok("connect", f"a ping gets its pong after {took:.0f} ms"))
        if page["session"]["userId"] != deployment.user:
            why = "DOCTOR_TOKEN is not for the test user, and nothing is pushed to other users"
            advice = f"make a token of {deployment.user}, or name the test user: DOCTOR_USER"
            return _stop(found, lambda step: unchecked(step, why, advice))
        began = time.perf_counter()
        sent = await _push(deployment, client)
        if sent.function_error:
            return _stop(found, lambda step: _function_failed(step, sent))
        while (await phone.next_notification())["id"] != sent.payload["id"]:
            pass  # Of an earlier visit.
        took = (time.perf_counter() - began) * 1000
        found.append(ok("push", f"received {took:.0f} ms after it was sent, by {deployment.user}"))
    missed = await _push(deployment, client)
    if missed.function_error:
        return _stop(found, lambda step: _function_failed(step, missed))
    async with connect() as again:
        page = await again.ask({"action": "poll", "after": sent.payload["id"]})
    if missed.payload["id"] in [each["id"] for each in page.get("notifications", [])]:
        found.append(ok("resume", "a client that was away gets what it missed"))
    else:
        text = "what was pushed meanwhile is not in the history"
        found.append(failed("resume", text, "see the logs of push and poll, and docs/runbook.md"))
    return None


def _kind(frame: Frame) -> str:
    """Return what a reply is: its code, or its type; API Gateway's own faults have neither, but a message."""
    return str(frame.get("code") or frame.get("type") or frame.get("message"))


def _function_failed(step: str, answer: Answer) -> Check:
    code = answer.payload.get("errorType")
    return failed(step, f"the push function fails with {code}", "see docs/protocol.md, Errors, and the log of push")


async def _push(deployment: Deployment, client: Callable[..., Any]) -> Answer:
    request = {"userId": deployment.user, "content": {"doctor": "a test"}, "persist": True, "ttl": _TTL_SECONDS}
    return await asyncio.to_thread(lambda: invoke(client("lambda"), deployment.push_function_arn, request))


async def _status(connection: AbstractAsyncContextManager[Device]) -> int:
    try:
        async with connection:
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def _connect(
    deployment: Deployment, *, token: str | None = None, user: str | None = None
) -> AbstractAsyncContextManager[Device]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    query = {} if user is None else {"userId": user}
    return device(deployment.local, deployment.websocket_url, headers=headers, **query)
