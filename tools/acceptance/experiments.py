"""What no document settles, asked of AWS itself: each experiment says what it saw, whatever that is."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

from tools.acceptance.place import Place
from tools.acceptance.report import Finding
from tools.issuer import Issuer, new_key
from tools.terraform import Terraform
from tools.websocket import Device

KIB = 1024
SIZES = (32 * KIB, 64 * KIB, 127 * KIB)
DEPLOYMENT = "module.push.module.websocket_api.aws_apigatewayv2_deployment.this"
_USER = "experiment"

Apply = Callable[..., None]


async def frames_to_clients(place: Place) -> list[Finding]:
    """Send frames of each size to a client, by the @connections command itself and as a push with its history."""
    found = []
    management = place.management()
    for size in SIZES:
        async with place.connect(_USER) as device:
            connection_id = await device.connection_id()
            data = padded({"type": "notification", "content": ""}, size)
            answer = await _post(management, connection_id, data)
            found.append(
                Finding(f"A frame of {size // KIB} KB to a client", f"{answer}; {await _received(device, size)}")
            )
        async with place.connect(_USER) as device:
            found.append(Finding(f"A push of {size // KIB} KB", await _pushed(place, device, size)))
    return found


async def frames_from_clients(place: Place) -> list[Finding]:
    """Send what is no message of the protocol, each over a connection of its own."""
    frames: tuple[tuple[str, str | bytes], ...] = (
        ("A frame that is not JSON, for $default", "hello"),
        ("An unknown action, for $default", '{"action": "unknown"}'),
        ("A frame of 33 KB from a client", json.dumps({"action": "ping", "padding": "x" * (33 * KIB)})),
        ("A binary frame", b"\x00\x01"),
    )
    found = []
    for question, frame in frames:
        async with place.connect(_USER) as device:
            await device.send(frame)
            found.append(Finding(question, await reply_to(device)))
    return found


async def handshakes(place: Place) -> list[Finding]:
    """Knock with tokens that must not be let in."""
    tokens = place.tokens
    stranger = Issuer(tokens.url, new_key())
    knocks = {
        "no token": None,
        "no token at all, but a text": "not-a-token",
        "an expired token": tokens.token(_USER, seconds=-1),
        "a token for another audience": tokens.token(_USER, aud="another"),
        "a token of another key": stranger.token(_USER),
    }
    return [Finding(f"A handshake with {what}", str(await place.status(token))) for what, token in knocks.items()]


async def throttle_above_quota(place: Place) -> list[Finding]:
    """Ask for twice the account's throttle on the stage, see how AWS answers, and restore the previous setting."""
    gateway = place.account.client("apigatewayv2")
    quota = place.account.client("apigateway").get_account()["throttleSettings"]["rateLimit"]
    stage = {"ApiId": place.api_id, "StageName": place.stage}
    before = gateway.get_stage(**stage)["DefaultRouteSettings"]
    asked = 2 * quota
    question = f"A throttle of {asked:,.0f} requests per second, of an account that has {quota:,.0f}"
    try:
        gateway.update_stage(**stage, DefaultRouteSettings={**before, "ThrottlingRateLimit": asked})
    except ClientError as refused:
        error = refused.response["Error"]
        return [Finding(question, f"refused: {error.get('Code')}, {error.get('Message')}")]
    shown = gateway.get_stage(**stage)["DefaultRouteSettings"]["ThrottlingRateLimit"]
    gateway.update_stage(**stage, DefaultRouteSettings=before)
    return [Finding(question, f"accepted; the stage then shows {shown:,.0f}")]


async def redeployment(place: Place, terraform: Terraform, apply: Apply) -> list[Finding]:
    """Deploy the API again while a connection is open."""
    question = "An open connection while the API is deployed again"
    async with place.connect(_USER) as device:
        await device.ask({"action": "ping"})
        await asyncio.to_thread(apply, terraform, f"-replace={DEPLOYMENT}")
        if device.close_code is not None:
            return [Finding(question, f"closed with {device.close_code}")]
        pong = await _seen(lambda: device.ask({"action": "ping"}))
        await asyncio.to_thread(place.backend.push, {"userId": _USER, "content": "after", "persist": False})
        pushed = await _seen(device.next_notification)
    async with place.connect(_USER) as fresh:
        fresh_pong = await _seen(lambda: fresh.ask({"action": "ping"}))
    answer = f"stays open; a ping gets {pong}; a push arrives as {pushed}; a new connection's ping gets {fresh_pong}"
    return [Finding(question, answer)]


async def other_authority(place: Place, terraform: Terraform, apply: Apply, key_set: str) -> list[Finding]:
    """Have the keys read from another issuer, whose certificate another authority has signed."""
    question = f"A key set whose certificate is another authority's ({key_set})"
    if place.account.local:
        return [Finding(question, "not tried: the functions of a local AWS see no other machine")]
    await asyncio.to_thread(apply, terraform, f"-var=jwks_uri={key_set}")
    status = await place.status(place.tokens.token(_USER))
    meaning = {
        403: "403: it was read over TLS, and does not hold the token's key",
        500: "500: it was not read; the log of verify-jwt says why",
    }
    return [Finding(question, meaning.get(status, str(status)))]


def padded(message: dict[str, Any], size: int) -> str:
    """Return a message as JSON of exactly so many bytes, its content filled up."""
    bare = json.dumps({**message, "content": ""}, separators=(",", ":"))
    return json.dumps({**message, "content": "x" * (size - len(bare))}, separators=(",", ":"))


async def reply_to(device: Device) -> str:
    """Return what the server does about what was sent: the frame that comes, or the code of the close."""
    return await _seen(device.next_frame)


async def _seen(wait: Callable[[], Awaitable[object]]) -> str:
    try:
        return json.dumps(await wait(), ensure_ascii=False)
    except ConnectionClosed as closed:
        return f"closed with {closed.rcvd.code if closed.rcvd else 'no close frame'}"
    except TimeoutError:
        return "nothing; the connection stays open"


async def _received(device: Device, size: int) -> str:
    try:
        frame = await device.next_notification()
    except ConnectionClosed as closed:
        return f"the client was closed with {closed.rcvd.code if closed.rcvd else 'no close frame'}"
    except TimeoutError:
        return "the client received nothing"
    whole = len(json.dumps(frame, separators=(",", ":"))) == size
    return "the client received it whole" if whole else "the client received something else"


async def _post(management: Any, connection_id: str, data: str) -> str:
    try:
        await asyncio.to_thread(management.post_to_connection, ConnectionId=connection_id, Data=data.encode())
    except ClientError as refused:
        return f"refused with {refused.response['Error'].get('Code')}"
    return "taken"


async def _pushed(place: Place, device: Device, size: int) -> str:
    """Push a notification that makes a frame of so many bytes, and poll it."""
    probe = await asyncio.to_thread(place.backend.push, {"userId": _USER, "content": ""})
    frame = await device.next_notification()
    content = "x" * (size - len(json.dumps(frame, separators=(",", ":"))))
    answer = await asyncio.to_thread(place.backend.push, {"userId": _USER, "content": content})
    if answer.function_error or probe.function_error:
        return f"refused with {answer.payload.get('errorType')}"
    delivered = answer.payload["totals"]["delivered"]
    live = await _received(device, size)
    async with place.connect(_USER) as again:
        page = await _seen(lambda: again.ask({"action": "poll", "limit": 1}))
    polled = "a poll brings it" if content in page else f"a poll gets {page[:100]}"
    return f"delivered to {delivered} by the report; {live}; {polled}"
