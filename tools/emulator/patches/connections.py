"""How a WebSocket connection begins and ends, and what of it API Gateway remembers."""

import asyncio
import contextlib
import contextvars
import functools
import json
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

from tools.emulator.patches.support import Record, existing

_BUFFERED = 1024 * 1024
"""How many bytes wait for a client that does not read. AWS does not say how many."""

_SOCKET_BUFFER = 64 * 1024
_CLOSING_SECONDS = 1.0


def echo_the_subprotocol(apigateway: Any) -> None:
    """Accept with the subprotocol that the `$connect` integration chose.

    AWS passes the `Sec-WebSocket-Protocol` header of the `$connect` answer on to the client (API Gateway developer
    guide, "Setting up a $connect route that requires a WebSocket subprotocol"). ministack drops it, and a browser
    refuses a handshake that does not answer its subprotocol.

    Goes when: ministack accepts with the subprotocol of the $connect answer.
    """
    invoke: Callable[..., Awaitable[Record | None]] = existing(apigateway, "_invoke_ws_lambda")
    handle: Callable[..., Awaitable[None]] = existing(apigateway, "handle_websocket", ("scope", "receive", "send"))
    chosen: contextvars.ContextVar[str | None] = contextvars.ContextVar("chosen", default=None)

    @functools.wraps(invoke)
    async def invoke_and_note(*arguments: Any, **options: Any) -> Record | None:
        answer = await invoke(*arguments, **options)
        if arguments[6] == "CONNECT" and isinstance(answer, dict):
            headers = answer.get("headers") or {}
            found = (value for name, value in headers.items() if name.lower() == "sec-websocket-protocol")
            chosen.set(next(found, None))
        return answer

    @functools.wraps(handle)
    async def handle_with_subprotocol(scope: Any, receive: Any, send: Any, *arguments: Any, **options: Any) -> None:
        async def send_with_subprotocol(message: Record) -> None:
            if message["type"] == "websocket.accept" and chosen.get() is not None:
                message = {**message, "subprotocol": chosen.get()}
            await send(message)

        await handle(scope, receive, send_with_subprotocol, *arguments, **options)

    apigateway._invoke_ws_lambda = invoke_and_note
    apigateway.handle_websocket = handle_with_subprotocol


def answer_401_to_unauthorized(apigateway: Any, lambda_svc: Any) -> None:
    """Answer 401 if the authorizer raises `Exception("Unauthorized")`, and 500 if it raises anything else.

    AWS: API Gateway developer guide, "Input to an API Gateway Lambda authorizer" and its examples, whose comment reads
    'return a 401 Unauthorized response: raise Exception("Unauthorized")'. ministack answers 500 to both.

    Goes when: ministack answers 401 to that exception.
    """
    authorize: Callable[..., Awaitable[Any]] = existing(
        apigateway, "_authorize_ws_connect", ("api_id", "route", "request_context")
    )
    execute = existing(lambda_svc, "_execute_function_with_config_scope", ("func", "event"))
    errors: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("errors", default=None)

    @functools.wraps(execute)
    def execute_and_note(func: Record, event: Record) -> Any:
        result = execute(func, event)
        noted = errors.get()
        if noted is not None and isinstance(result, dict) and result.get("error"):
            noted.append(str((result.get("body") or {}).get("errorMessage")))
        return result

    @functools.wraps(authorize)
    async def authorize_with_401(*arguments: Any, **options: Any) -> Any:
        noted: list[str] = []
        errors.set(noted)
        refusal, context = await authorize(*arguments, **options)
        return ((401, "Unauthorized"), None) if noted == ["Unauthorized"] else (refusal, context)

    lambda_svc._execute_function_with_config_scope = execute_and_note
    apigateway._authorize_ws_connect = authorize_with_401


def remember_when_a_connection_was_made(apigateway: Any) -> None:
    """Set `requestContext.connectedAt` to the time of the connection, not of the message.

    AWS: "The Epoch-formatted connection time" (API Gateway developer guide, "API Gateway WebSocket API mapping template
    reference"). The functions tell their clients from it when the connection will end.

    Goes when: ministack keeps connectedAt over a connection's messages.
    """
    parameters = ("api_id", "route_key", "stage", "connection_id", "event_type")
    make: Callable[..., Record] = existing(apigateway, "_ws_request_context", parameters)
    connected: dict[str, int] = {}

    @functools.wraps(make)
    def make_with_time(*arguments: Any, **options: Any) -> Record:
        context = make(*arguments, **options)
        connection_id, event_type = arguments[3:5]
        context["connectedAt"] = connected.setdefault(connection_id, context["connectedAt"])
        if event_type == "DISCONNECT":
            del connected[connection_id]
        return context

    apigateway._ws_request_context = make_with_time


def refuse_with_the_status_of_connect(apigateway: Any) -> None:
    """Answer a handshake that the `$connect` integration refused with the status that it gave.

    AWS: the `statusCode` of the `$connect` answer is that of the handshake (API Gateway developer guide, "Manage
    connected users and client apps: $connect and $disconnect routes": a status other than 2xx refuses the connection).
    ministack answers 403 to every refusal.

    Goes when: ministack answers the handshake with that status.
    """
    invoke: Callable[..., Awaitable[Record | None]] = existing(apigateway, "_invoke_ws_lambda")
    handle: Callable[..., Awaitable[None]] = existing(apigateway, "handle_websocket", ("scope", "receive", "send"))
    refuse = existing(apigateway, "_refuse_ws_handshake", ("scope", "send", "status", "message", "connection_id"))
    refused: contextvars.ContextVar[tuple[int, str] | None] = contextvars.ContextVar("refused", default=None)

    @functools.wraps(invoke)
    async def invoke_and_note(*arguments: Any, **options: Any) -> Record | None:
        answer = await invoke(*arguments, **options)
        if arguments[6] == "CONNECT" and isinstance(answer, dict):
            status = int(answer.get("statusCode", HTTPStatus.OK))
            refused.set(None if 200 <= status < 300 else (status, arguments[5]))
        return answer

    @functools.wraps(handle)
    async def handle_with_status(scope: Any, receive: Any, send: Any, *arguments: Any, **options: Any) -> None:
        async def send_with_status(message: Record) -> None:
            answer = refused.get()
            if message["type"] == "websocket.close" and answer is not None:
                status, connection_id = answer
                phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else ""
                await refuse(scope, send, status, phrase, connection_id, str(uuid.uuid4()))
            else:
                await send(message)

        await handle(scope, receive, send_with_status, *arguments, **options)

    apigateway._invoke_ws_lambda = invoke_and_note
    apigateway.handle_websocket = handle_with_status


def pass_on_every_header(apigateway: Any) -> None:
    """Pass the authorizer and `$connect` every value of a header that comes more than once.

    AWS: `multiValueHeaders` holds all values, `headers` the last (API Gateway developer guide, "Input format of a
    Lambda function for proxy integration"). ministack's `multiValueHeaders` hold the last alone.

    Goes when: ministack keeps all values.
    """
    handle: Callable[..., Awaitable[None]] = existing(apigateway, "handle_websocket", ("scope", "receive", "send"))
    fields = existing(apigateway, "_ws_connect_fields", ("headers", "query_params"))
    received: contextvars.ContextVar[list[tuple[bytes, bytes]]] = contextvars.ContextVar("received")

    @functools.wraps(fields)
    def fields_with_every_value(headers: Record, query_params: Record | None) -> Record:
        found: Record = fields(headers, query_params)
        values: dict[str, list[str]] = {}
        for name, value in received.get():
            values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return found | {"multiValueHeaders": values}

    @functools.wraps(handle)
    async def handle_and_note(scope: Any, *arguments: Any, **options: Any) -> None:
        received.set(list(scope.get("headers", ())))
        await handle(scope, *arguments, **options)

    apigateway._ws_connect_fields = fields_with_every_value
    apigateway.handle_websocket = handle_and_note


def fill_the_buffer_of_a_client_that_does_not_read(apigateway: Any, tcp_server: Any) -> None:
    """Answer 429 to a post while the client does not read what was sent before, and close it when asked to.

    AWS: 429 from PostToConnection, LimitExceededException, has two causes: the caller's rate, or that this one client's
    send buffer is full (the model of the API: "The client is sending more than the allowed number of requests per unit
    of time or the WebSocket client side buffer is full."). ministack keeps everything for such a client without limit,
    and cannot close it: it waits until what it has begun to send is taken.

    Goes when: ministack bounds what waits for a client.
    """
    serve: Callable[..., Awaitable[Any]] = existing(
        apigateway, "handle_connections_api", ("method", "api_id", "stage", "connection_id", "body")
    )
    handle: Callable[..., Awaitable[None]] = existing(apigateway, "handle_websocket", ("scope", "receive", "send"))
    invoke: Callable[..., Awaitable[Record | None]] = existing(apigateway, "_invoke_ws_lambda")
    connections = existing(apigateway, "_ws_connections")
    run: Callable[..., Awaitable[None]] = existing(tcp_server.TCPServer, "run", ("self",))
    this: contextvars.ContextVar[list[str]] = contextvars.ContextVar("this")

    @functools.wraps(serve)
    async def serve_within_the_buffer(
        method: str, api_id: str, stage: str, connection_id: str, body: bytes, *arguments: Any, **options: Any
    ) -> Any:
        connection = connections.get(connection_id)
        if method == "POST" and connection and connection["apiId"] == api_id:
            waiting = sum(len(text.encode()) for text in connection["outbox"]._queue if text is not None)
            if waiting and waiting + len(body) > _BUFFERED:
                headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "LimitExceededException"}
                return 429, headers, json.dumps({"message": "LimitExceededException"}).encode()
        return await serve(method, api_id, stage, connection_id, body, *arguments, **options)

    @functools.wraps(invoke)
    async def invoke_and_note(*arguments: Any, **options: Any) -> Record | None:
        if arguments[6] == "CONNECT":
            this.get().append(arguments[5])
        return await invoke(*arguments, **options)

    @functools.wraps(handle)
    async def handle_without_waiting(scope: Any, receive: Any, send: Any, *arguments: Any, **options: Any) -> None:
        ids: list[str] = []
        this.set(ids)

        async def send_until_closed(message: Record) -> None:
            if message["type"] == "websocket.close":
                await _at_most(send(message), asyncio.sleep(_CLOSING_SECONDS))
            elif message["type"] == "websocket.send" and ids and ids[0] in connections:
                await _at_most(send(message), connections[ids[0]]["close_event"].wait())
            else:
                await send(message)

        await handle(scope, receive, send_until_closed, *arguments, **options)

    @functools.wraps(run)
    async def run_with_a_small_buffer(self: Any) -> None:
        # What the kernel takes for a client is not seen here: as little as it can be.
        with contextlib.suppress(OSError):
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        await run(self)

    apigateway.handle_connections_api = serve_within_the_buffer
    apigateway._invoke_ws_lambda = invoke_and_note
    apigateway.handle_websocket = handle_without_waiting
    tcp_server.TCPServer.run = run_with_a_small_buffer


async def _at_most(sending: Coroutine[Any, Any, None], end: Coroutine[Any, Any, Any]) -> None:
    """Wait until something is sent, or until the end; what was handed to the socket by then stays there."""
    tasks = [asyncio.ensure_future(sending), asyncio.ensure_future(end)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    if tasks[0].done() and not tasks[0].cancelled():
        tasks[0].result()
