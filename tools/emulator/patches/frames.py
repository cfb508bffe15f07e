"""What a connection carries: the frames of clients, and those of API Gateway itself."""

import contextvars
import functools
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from tools.emulator.patches.support import Record, existing

FRAME_BYTES = 32 * 1024
MESSAGE_BYTES = 128 * 1024
_UNSUPPORTED_DATA = 1003
_NO_ROUTE: Record = {"routeId": "", "routeKey": "", "target": ""}


def reply_only_through_route_responses(apigateway: Any) -> None:
    """Send an integration's answer back only where the route has a route response.

    AWS: "To return a response to the client, set up a route response" (API Gateway developer guide, "Set up route
    responses for WebSocket APIs in API Gateway"). ministack always sends it, so a missing one would go unnoticed.

    Goes when: ministack looks for the route response.
    """
    parameters = ("api_id", "account_id", "region", "route", "stage", "connection_id", "event_type")
    invoke: Callable[..., Awaitable[Record | None]] = existing(apigateway, "_invoke_ws_lambda", parameters)
    responses = existing(apigateway, "_route_responses")

    @functools.wraps(invoke)
    async def invoke_and_reply(*arguments: Any, **options: Any) -> Record | None:
        answer = await invoke(*arguments, **options)
        api_id, _account, _region, route, _stage, _connection, event_type = arguments[:7]
        if event_type != "MESSAGE" or not isinstance(answer, dict):
            return answer
        two_way = route.get("routeResponseSelectionExpression") and responses.get(api_id, {}).get(route["routeId"])
        return answer if two_way else {**answer, "body": None}

    apigateway._invoke_ws_lambda = invoke_and_reply


def answer_failures(apigateway: Any, lambda_svc: Any) -> None:
    """Send what API Gateway itself says where no integration answers: frames without a `type`.

    AWS sends `{"message": "Internal server error", "connectionId": ..., "requestId": ...}` where the function of a
    route fails, and the same with "Forbidden" where no route takes a message (re:Post and public threads on WebSocket
    APIs). To a client these are frames of a form that no function of this project sends. ministack sends the text of
    the exception, or nothing.

    Goes when: ministack sends these frames.
    """
    invoke: Callable[..., Awaitable[Record | None]] = existing(apigateway, "_invoke_ws_lambda")
    match = existing(apigateway, "_match_ws_route", ("api_id", "route_key"))
    run: Callable[..., Awaitable[Any]] = existing(apigateway, "run_reentrant", ("fn",))
    scoped = existing(lambda_svc, "_run_with_function_config_scope")
    failed: contextvars.ContextVar[bool] = contextvars.ContextVar("failed", default=False)

    @functools.wraps(match)
    def match_or_none(api_id: str, route_key: str) -> Any:
        found = match(api_id, route_key)
        return found if found or route_key in ("$connect", "$disconnect") else _NO_ROUTE

    @functools.wraps(run)
    async def run_and_note(fn: Any, *arguments: Any, **options: Any) -> Any:
        result = await run(fn, *arguments, **options)
        if fn is scoped and isinstance(result, dict) and result.get("status") == "error":
            failed.set(True)
        return result

    @functools.wraps(invoke)
    async def invoke_or_say(*arguments: Any, **options: Any) -> Record | None:
        failed.set(False)
        route, connection_id, event_type, request_id = arguments[3], *arguments[5:8]
        answer = None if route is _NO_ROUTE else await invoke(*arguments, **options)
        said = "Forbidden" if route is _NO_ROUTE else "Internal server error" if failed.get() else None
        if event_type != "MESSAGE" or said is None:
            return answer
        frame = {"message": said, "connectionId": connection_id, "requestId": request_id or str(uuid.uuid4())}
        return {"statusCode": 500, "body": json.dumps(frame)}

    apigateway._match_ws_route = match_or_none
    apigateway.run_reentrant = run_and_note
    apigateway._invoke_ws_lambda = invoke_or_say


def close_over_the_quotas(ws_stream: Any) -> None:
    """Close a connection with 1009 over a frame of more than 32 KB, or a message of more than 128 KB.

    AWS: API Gateway developer guide, "Quotas for configuring and running a WebSocket API in API Gateway", with its note
    that a larger message must be split into frames, and that the connection is closed with code 1009. The server under
    ministack takes 16 MB.

    Goes when: ministack keeps to both quotas.
    """
    extend = existing(ws_stream.WebsocketBuffer, "extend", ("self", "event"))

    @functools.wraps(extend)
    def extend_within_quotas(self: Any, event: Any) -> None:
        size = len(event.data.encode() if isinstance(event.data, str) else event.data)
        self.message_bytes = size + (0 if self.value is None else self.message_bytes)
        self.frame_bytes = size + getattr(self, "frame_bytes", 0)
        if self.frame_bytes > FRAME_BYTES or self.message_bytes > MESSAGE_BYTES:
            raise ws_stream.FrameTooLargeError
        if event.frame_finished:
            self.frame_bytes = 0
        extend(self, event)

    ws_stream.WebsocketBuffer.extend = extend_within_quotas


def close_over_binary(apigateway: Any) -> None:
    """Close a connection with 1003 over a binary frame.

    AWS: "binary frames are not supported" (API Gateway developer guide, "Overview of WebSocket APIs in API Gateway":
    routes are chosen by what a text frame holds); public threads name the close code 1003. ministack takes it for text.

    Goes when: ministack closes with 1003.
    """
    handle: Callable[..., Awaitable[None]] = existing(apigateway, "handle_websocket", ("scope", "receive", "send"))

    @functools.wraps(handle)
    async def handle_text(scope: Any, receive: Any, send: Any, *arguments: Any, **options: Any) -> None:
        closed = False

        async def receive_text() -> Record:
            nonlocal closed
            message: Record = await receive()
            if message["type"] != "websocket.receive" or message.get("bytes") is None:
                return message
            await send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
            closed = True
            return {"type": "websocket.disconnect", "code": _UNSUPPORTED_DATA, "reason": ""}

        async def send_while_open(message: Record) -> None:
            if not closed:
                await send(message)

        await handle(scope, receive_text, send_while_open, *arguments, **options)

    apigateway.handle_websocket = handle_text
