"""Corrections of ministack where it differs from AWS in what the module or its functions rely on.

The product knows nothing of the emulator, so what the emulator gets wrong is put right here, in its own process. Each
patch says what AWS does, and `apply` fails loudly if the thing to be patched is not there any more.
"""

import contextvars
import functools
import hashlib
import inspect
import json
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

VERSION = "1.5.33"

_Record = dict[str, Any]


def apply() -> None:
    """Apply every patch; call it once, before the emulator starts."""
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import apigateway, cloudwatch, lambda_svc, sqs

    _read_back_authorizers(apigateway)
    _read_back_integrations(apigateway)
    _give_the_endpoint_of_aws(apigateway)
    _reply_only_through_route_responses(apigateway)
    _echo_the_subprotocol(apigateway)
    _answer_401_to_unauthorized(apigateway, lambda_svc)
    _remember_when_a_connection_was_made(apigateway)
    _name_the_exception(lambda_runtime, lambda_svc)
    _put_local_libraries_first(lambda_runtime)
    _count_loopback_as_secure(iam_evaluator)
    _describe_failed_invocations(lambda_svc, sqs)
    _keep_alarms_whole(cloudwatch)
    _answer_queries_in_full(cloudwatch)


def _read_back_authorizers(apigateway: Any) -> None:
    """Return an authorizer as it was written.

    AWS: `authorizerPayloadFormatVersion`, `enableSimpleResponses` and `jwtConfiguration` belong to HTTP APIs (API
    Gateway v2 API reference, Authorizer); a WebSocket API's REQUEST authorizer comes back without them, and without
    identity sources if none were given. ministack makes values up, so that every plan wants to change them.
    """
    create = _existing(apigateway, "_create_authorizer", ("api_id", "data"))
    stored = _existing(apigateway, "_authorizers")

    @functools.wraps(create)
    def create_as_written(api_id: str, data: _Record) -> Any:
        answer = create(api_id, data)
        if data.get("authorizerType") != "REQUEST" or answer[0] != 201:
            return answer
        authorizer = stored[api_id][json.loads(answer[2])["authorizerId"]]
        _drop_unless_given(
            authorizer,
            data,
            ("jwtConfiguration", "authorizerPayloadFormatVersion", "enableSimpleResponses", "identitySource"),
        )
        return apigateway._apigw_response(authorizer, 201)

    apigateway._create_authorizer = create_as_written


def _read_back_integrations(apigateway: Any) -> None:
    """Keep what a MOCK integration was given, and add nothing.

    AWS returns `templateSelectionExpression` and `passthroughBehavior` as they were set, and a MOCK integration has
    neither a method nor a URI (API Gateway v2 API reference, Integration). ministack forgets the first two and makes
    up the others.
    """
    create = _existing(apigateway, "_create_integration", ("api_id", "data"))
    update = _existing(apigateway, "_update_integration", ("api_id", "int_id", "data"))
    stored = _existing(apigateway, "_integrations")
    forgotten = ("templateSelectionExpression", "passthroughBehavior")

    def keep(integration: _Record, data: _Record, status: int) -> Any:
        integration.update({name: data[name] for name in forgotten if name in data})
        return apigateway._apigw_response(integration, status)

    @functools.wraps(create)
    def create_as_written(api_id: str, data: _Record) -> Any:
        answer = create(api_id, data)
        if answer[0] != 201:
            return answer
        integration = stored[api_id][json.loads(answer[2])["integrationId"]]
        if data.get("integrationType") == "MOCK":
            _drop_unless_given(integration, data, ("integrationMethod", "integrationUri"))
        return keep(integration, data, 201)

    @functools.wraps(update)
    def update_as_written(api_id: str, int_id: str, data: _Record) -> Any:
        answer = update(api_id, int_id, data)
        return answer if answer[0] != 200 else keep(stored[api_id][int_id], data, 200)

    apigateway._create_integration = create_as_written
    apigateway._update_integration = update_as_written


def _give_the_endpoint_of_aws(apigateway: Any) -> None:
    """Give a WebSocket API's endpoint as AWS does: `wss://`, and the host name without a port.

    Who uses it dials the address in `AWS_ENDPOINT_URL` and keeps the name, as SDKs do with that variable. ministack's
    own form names its port, and a scheme that depends on whether it serves TLS.
    """
    create = _existing(apigateway, "_create_api", ("data",))
    stored = _existing(apigateway, "_apis")
    host = _existing(apigateway, "_HOST")

    @functools.wraps(create)
    def create_with_endpoint(data: _Record) -> Any:
        answer = create(data)
        if answer[0] != 201 or data.get("protocolType") != "WEBSOCKET":
            return answer
        api = stored[json.loads(answer[2])["apiId"]]
        api["apiEndpoint"] = f"wss://{api['apiId']}.execute-api.{host}"
        return apigateway._apigw_response(api, 201)

    apigateway._create_api = create_with_endpoint


def _reply_only_through_route_responses(apigateway: Any) -> None:
    """Send an integration's answer back only where the route has a route response.

    AWS: "To return a response to the client, set up a route response" (API Gateway developer guide, "Set up route
    responses for WebSocket APIs in API Gateway"). ministack always sends it, so a missing one would go unnoticed.
    """
    parameters = ("api_id", "account_id", "region", "route", "stage", "connection_id", "event_type")
    invoke: Callable[..., Awaitable[_Record | None]] = _existing(apigateway, "_invoke_ws_lambda", parameters)
    responses = _existing(apigateway, "_route_responses")

    @functools.wraps(invoke)
    async def invoke_and_reply(*arguments: Any, **options: Any) -> _Record | None:
        answer = await invoke(*arguments, **options)
        api_id, _account, _region, route, _stage, _connection, event_type = arguments[:7]
        if event_type != "MESSAGE" or not isinstance(answer, dict):
            return answer
        two_way = route.get("routeResponseSelectionExpression") and responses.get(api_id, {}).get(route["routeId"])
        return answer if two_way else {**answer, "body": None}

    apigateway._invoke_ws_lambda = invoke_and_reply


def _echo_the_subprotocol(apigateway: Any) -> None:
    """Accept with the subprotocol that the `$connect` integration chose.

    AWS passes the `Sec-WebSocket-Protocol` header of the `$connect` answer on to the client (API Gateway developer
    guide, "Setting up a $connect route that requires a WebSocket subprotocol"). ministack drops it, and a browser
    refuses a handshake that does not answer its subprotocol.
    """
    invoke: Callable[..., Awaitable[_Record | None]] = _existing(apigateway, "_invoke_ws_lambda")
    handle: Callable[..., Awaitable[None]] = _existing(apigateway, "handle_websocket", ("scope", "receive", "send"))
    chosen: contextvars.ContextVar[str | None] = contextvars.ContextVar("chosen", default=None)

    @functools.wraps(invoke)
    async def invoke_and_note(*arguments: Any, **options: Any) -> _Record | None:
        answer = await invoke(*arguments, **options)
        if arguments[6] == "CONNECT" and isinstance(answer, dict):
            headers = answer.get("headers") or {}
            found = (value for name, value in headers.items() if name.lower() == "sec-websocket-protocol")
            chosen.set(next(found, None))
        return answer

    @functools.wraps(handle)
    async def handle_with_subprotocol(scope: Any, receive: Any, send: Any, *arguments: Any, **options: Any) -> None:
        async def send_with_subprotocol(message: _Record) -> None:
            if message["type"] == "websocket.accept" and chosen.get() is not None:
                message = {**message, "subprotocol": chosen.get()}
            await send(message)

        await handle(scope, receive, send_with_subprotocol, *arguments, **options)

    apigateway._invoke_ws_lambda = invoke_and_note
    apigateway.handle_websocket = handle_with_subprotocol


def _answer_401_to_unauthorized(apigateway: Any, lambda_svc: Any) -> None:
    """Answer 401 if the authorizer raises `Exception("Unauthorized")`, and 500 if it raises anything else.

    AWS: API Gateway developer guide, "Input to an API Gateway Lambda authorizer" and its examples, whose comment reads
    'return a 401 Unauthorized response: raise Exception("Unauthorized")'. ministack answers 500 to both.
    """
    authorize: Callable[..., Awaitable[Any]] = _existing(
        apigateway, "_authorize_ws_connect", ("api_id", "route", "request_context")
    )
    execute = _existing(lambda_svc, "_execute_function_with_config_scope", ("func", "event"))
    errors: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("errors", default=None)

    @functools.wraps(execute)
    def execute_and_note(func: _Record, event: _Record) -> Any:
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


def _remember_when_a_connection_was_made(apigateway: Any) -> None:
    """Give `requestContext.connectedAt` as the time of the connection, not of the message.

    AWS: "The Epoch-formatted connection time" (API Gateway developer guide, "API Gateway WebSocket API mapping template
    reference"). The functions tell their clients from it when the connection will end.
    """
    parameters = ("api_id", "route_key", "stage", "connection_id", "event_type")
    make: Callable[..., _Record] = _existing(apigateway, "_ws_request_context", parameters)
    connected: dict[str, int] = {}

    @functools.wraps(make)
    def make_with_time(*arguments: Any, **options: Any) -> _Record:
        context = make(*arguments, **options)
        connection_id, event_type = arguments[3:5]
        context["connectedAt"] = connected.setdefault(connection_id, context["connectedAt"])
        if event_type == "DISCONNECT":
            del connected[connection_id]
        return context

    apigateway._ws_request_context = make_with_time


def _name_the_exception(lambda_runtime: Any, lambda_svc: Any) -> None:
    """Report a handler's exception under the name of its class.

    AWS: `errorType` is the exception's class (Lambda developer guide, "Lambda function errors in Python"). ministack
    writes `Runtime.HandlerError` whatever was raised.
    """
    script = _existing(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    reported = '"error": str(e), "trace":'
    if script.count(reported) != 1:
        raise _changed("lambda_runtime._PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(reported, f'"errorType": type(e).__name__, {reported}')
    invoke = _existing(lambda_runtime.Worker, "invoke", ("self", "event", "request_id"))
    execute = _existing(lambda_svc, "_execute_function_warm", ("func", "event", "request_id"))
    last = threading.local()  # Both run in the invocation's own thread, one within the other.

    @functools.wraps(invoke)
    def invoke_and_note(*arguments: Any, **options: Any) -> _Record:
        answer: _Record = invoke(*arguments, **options)
        last.error_type = answer.get("errorType")
        return answer

    @functools.wraps(execute)
    def execute_and_name(*arguments: Any, **options: Any) -> _Record:
        last.error_type = None
        result: _Record = execute(*arguments, **options)
        if result.get("error") and last.error_type:
            result["body"]["errorType"] = last.error_type
        return result

    lambda_runtime.Worker.invoke = invoke_and_note
    lambda_svc._execute_function_warm = execute_and_name


def _put_local_libraries_first(lambda_runtime: Any) -> None:
    """Import libraries from the emulator's environment, and from a function's package only what is not there.

    A package holds wheels for the function's own runtime and architecture, which Lambda provides. ministack runs every
    function in its own interpreter, on this machine, where compiled wheels for another one cannot be loaded.
    """
    script = _existing(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    package_first = "sys.path.insert(0, code_dir)"
    if script.count(package_first) != 1:
        raise _changed("lambda_runtime._PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(package_first, "sys.path.append(code_dir)")


def _count_loopback_as_secure(iam_evaluator: Any) -> None:
    """Take every request for one over TLS.

    The emulator stands for endpoints that are reached by TLS, and is reached without it, over loopback. A policy that
    refuses requests without TLS (`aws:SecureTransport`) would shut everybody out, Terraform included.
    """
    resolve = _existing(iam_evaluator, "_resolve_condition_key", ("key", "ctx"))

    @functools.wraps(resolve)
    def resolve_secure(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_secure


def _describe_failed_invocations(lambda_svc: Any, sqs: Any) -> None:
    """Send an on-failure queue the whole record of an asynchronous invocation.

    AWS: the example in "Capturing records of Lambda asynchronous invocations" (Lambda developer guide) also has a
    version, the time, the request's id, the function's version, and how often it was invoked. ministack leaves out the
    former and always counts three.
    """
    route = _existing(lambda_svc, "_route_async_failure", ("target_arn", "func_name", "event", "result"))
    functions = _existing(lambda_svc, "_functions")
    find_queue = _existing(sqs, "_queue_by_arn", ("arn",))
    lock = _existing(sqs, "_queues_lock")

    @functools.wraps(route)
    def route_whole(target_arn: str, func_name: str, event: _Record, result: _Record) -> None:
        with lock:  # Nobody receives the message before it is whole.
            queue = find_queue(target_arn)
            before = len(queue["messages"]) if queue else 0
            route(target_arn, func_name, event, result)
            if queue is None or len(queue["messages"]) == before:
                return
            message = queue["messages"][-1]
            record = json.loads(message["body"])
            record["requestContext"] |= {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{record['requestContext']['functionArn']}:$LATEST",
                "approximateInvokeCount": 1 + functions[func_name]["event_invoke_config"]["MaximumRetryAttempts"],
            }
            record["responseContext"]["executedVersion"] = "$LATEST"
            record |= {"version": "1.0", "timestamp": _now()}
            message["body"] = json.dumps(record)
            message["md5_body"] = hashlib.md5(message["body"].encode(), usedforsecurity=False).hexdigest()

    lambda_svc._route_async_failure = route_whole


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_ALARM_MEMBERS = ("Metrics", "OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions")


def _keep_alarms_whole(cloudwatch: Any) -> None:
    """Keep an alarm as it was put.

    AWS returns what PutMetricAlarm was given: the queries of an alarm on metric math (`Metrics`), and then no metric,
    statistic or period beside them (CloudWatch API reference, MetricAlarm). ministack forgets the queries and makes up
    the others.
    """
    parameters = ("params", "cbor_data", "is_cbor", "is_json")
    put = _existing(cloudwatch, "_put_metric_alarm", parameters)
    stored = _existing(cloudwatch, "_alarms")

    @functools.wraps(put)
    def put_whole(params: _Record, cbor_data: _Record, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, cbor_data, is_cbor, is_json)
        given = cbor_data if is_cbor or is_json else _nested(params)
        if answer[0] != 200:
            return answer
        alarm = stored[given["AlarmName"]]
        alarm.update({name: given.get(name, []) for name in _ALARM_MEMBERS})
        if given.get("Metrics"):
            for name in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
                alarm.pop(name, None)
        return answer

    cloudwatch._put_metric_alarm = put_whole


def _answer_queries_in_full(cloudwatch: Any) -> None:
    """Answer in XML with all that there is to say, as in JSON.

    AWS answers in the form it is asked in, with the same members (CloudWatch API reference, DescribeAlarms and
    GetDashboard). ministack's XML has a few of them, without escaping what XML reserves.
    """
    ok = _existing(cloudwatch, "_xml", ("status", "root_tag", "inner"))
    for function, action in (("_describe_alarms", "DescribeAlarms"), ("_get_dashboard", "GetDashboard")):
        describe = _existing(cloudwatch, function, ("params", "cbor_data", "is_cbor", "is_json"))
        setattr(cloudwatch, function, _answering_in_xml(describe, action, ok))


def _answering_in_xml(describe: Callable[..., Any], action: str, ok: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(describe)
    def described(params: _Record, cbor_data: _Record, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, cbor_data, is_cbor, is_json)
        status, _, body = describe({}, _nested(params), False, True)
        if status != 200:
            return describe(params, cbor_data, is_cbor, is_json)
        return ok(200, f"{action}Response", _xml(f"{action}Result", json.loads(body)))

    return described


def _nested(params: _Record) -> _Record:
    """Make of the flat names of the query protocol (`A.member.1.B=x`) what they stand for (`{"A": [{"B": "x"}]}`)."""
    tree: _Record = {}
    for name, values in params.items():
        *parents, last = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = values[0] if isinstance(values, list) else values

    def listed(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if set(node) == {"member"} and isinstance(node["member"], dict):
            return [listed(each) for _, each in sorted(node["member"].items(), key=lambda item: int(item[0]))]
        return {name: listed(each) for name, each in node.items()}

    result: _Record = listed(tree)
    return result


def _xml(name: str, value: Any) -> str:
    """Write a value as an element: a member that is None is left out, a time is written as text."""
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = "".join(_xml(member, each) for member, each in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml("member", each) for each in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    elif name.endswith("Timestamp") and isinstance(value, int):
        inner = datetime.fromtimestamp(value, UTC).isoformat()
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _drop_unless_given(record: _Record, given: _Record, names: Iterable[str]) -> None:
    for name in names:
        if not given.get(name):
            record.pop(name, None)


def _existing(owner: Any, name: str, parameters: tuple[str, ...] = ()) -> Any:
    """Give what is to be patched.

    Raises
    ------
    RuntimeError
        If it is gone, or takes other parameters than the patch relies on.
    """
    found = getattr(owner, name, None)
    if found is None:
        raise _changed(f"{owner.__name__}.{name}")
    if parameters and tuple(inspect.signature(found).parameters)[: len(parameters)] != parameters:
        raise _changed(f"{owner.__name__}.{name}()")
    return found


def _changed(what: str) -> RuntimeError:
    return RuntimeError(f"ministack has changed: {what} is not what tools/emulator/patches.py was written for.")
