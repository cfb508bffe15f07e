"""How Lambda runs functions and reports their failures."""

import functools
import hashlib
import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from tools.emulator.patches.support import Record, changed, existing


def name_the_exception(lambda_runtime: Any, lambda_svc: Any) -> None:
    """Report a handler's exception under the name of its class.

    AWS: `errorType` is the exception's class (Lambda developer guide, "Lambda function errors in Python"). ministack
    writes `Runtime.HandlerError` whatever was raised.

    Goes when: ministack reports the class of the exception.
    """
    script = existing(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    reported = '"error": str(e), "trace":'
    if script.count(reported) != 1:
        raise changed("lambda_runtime._PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(reported, f'"errorType": type(e).__name__, {reported}')
    invoke = existing(lambda_runtime.Worker, "invoke", ("self", "event", "request_id"))
    execute = existing(lambda_svc, "_execute_function_warm", ("func", "event", "request_id"))
    last = threading.local()  # Both run in the invocation's own thread, one within the other.

    @functools.wraps(invoke)
    def invoke_and_note(*arguments: Any, **options: Any) -> Record:
        answer: Record = invoke(*arguments, **options)
        last.error_type = answer.get("errorType")
        return answer

    @functools.wraps(execute)
    def execute_and_name(*arguments: Any, **options: Any) -> Record:
        last.error_type = None
        result: Record = execute(*arguments, **options)
        if result.get("error") and last.error_type:
            result["body"]["errorType"] = last.error_type
        return result

    lambda_runtime.Worker.invoke = invoke_and_note
    lambda_svc._execute_function_warm = execute_and_name


def put_local_libraries_first(lambda_runtime: Any) -> None:
    """Import libraries from the emulator's environment, and from a function's package only what is not there.

    AWS runs a function in its own runtime and architecture, for which its package holds wheels. ministack runs every
    function in its own interpreter, on this machine, where compiled wheels for another one cannot be loaded.

    Goes when: ministack runs a function in an interpreter of its runtime.
    """
    script = existing(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    package_first = "sys.path.insert(0, code_dir)"
    if script.count(package_first) != 1:
        raise changed("lambda_runtime._PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(package_first, "sys.path.append(code_dir)")


def describe_failed_invocations(lambda_svc: Any, sqs: Any) -> None:
    """Send an on-failure queue the whole record of an asynchronous invocation.

    AWS: the example in "Capturing records of Lambda asynchronous invocations" (Lambda developer guide) also has a
    version, the time, the request's id, the function's version, and how often it was invoked. ministack leaves out the
    former and always counts three.

    Goes when: ministack sends the whole record.
    """
    route = existing(lambda_svc, "_route_async_failure", ("target_arn", "func_name", "event", "result"))
    functions = existing(lambda_svc, "_functions")
    find_queue = existing(sqs, "_queue_by_arn", ("arn",))
    lock = existing(sqs, "_queues_lock")

    @functools.wraps(route)
    def route_whole(target_arn: str, func_name: str, event: Record, result: Record) -> None:
        with lock:  # The message cannot be received before it is whole.
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


def count_loopback_as_secure(iam_evaluator: Any) -> None:
    """Take every request for one over TLS.

    AWS's endpoints are reached by TLS; the emulator stands for them without it, over loopback. A policy that refuses
    requests without TLS (`aws:SecureTransport`) would refuse every request, Terraform's included.

    Goes when: the emulator serves TLS, and the tests use it.
    """
    resolve = existing(iam_evaluator, "_resolve_condition_key", ("key", "ctx"))

    @functools.wraps(resolve)
    def resolve_secure(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_secure
