"""The authorizer of the `$connect` route: accepts clients with a valid token."""

import os
import time
from functools import lru_cache

from websocket_push.settings import read_text
from websocket_push.telemetry.explain import Failure, explain, lambda_error
from websocket_push.telemetry.metrics import FAULTS
from websocket_push.telemetry.outcomes import log_outcome
from websocket_push.tokens.policy import allow, deny
from websocket_push.tokens.presented import find_token
from websocket_push.tokens.token_settings import read_token_settings
from websocket_push.tokens.verifier import Verifier, choose_verifier, make_verifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event, LambdaContext, Policy


_now = time.time


def handler(event: "Event", context: "LambdaContext") -> "Policy":
    """Allow the connection, or deny it (403).

    Raises
    ------
    Exception
        With the message `Unauthorized` if there is no token: API Gateway turns exactly this into 401. With another
        message, which becomes 500, if the verifier itself cannot work; its class is named after the code, for the
        function's log. Clients see only the status.
    """
    started = time.perf_counter()
    fields: dict[str, object] = {}
    try:
        answer: Policy | Failure = _authorize(event, fields)
    except Exception as error:
        answer = explain(error)
    log_outcome(
        "verify-jwt",
        answer,
        fields,
        request_id=context.aws_request_id,
        milliseconds=(time.perf_counter() - started) * 1000,
        environment=os.environ,
        # Failure to fetch keys should raise an alarm while the cached keys are still valid.
        level="WARN" if "keysFailure" in fields else "INFO",
    )
    if not isinstance(answer, Failure):
        return answer
    if answer.code not in FAULTS and answer.code != "MISSING_TOKEN":
        return deny(event["methodArn"])
    if answer.code == "MISSING_TOKEN":
        raise lambda_error(None, "Unauthorized")
    raise lambda_error(answer.code, "Internal Server Error")


def _authorize(event: "Event", fields: dict[str, object]) -> "Policy":
    fields["connectionId"] = event["requestContext"]["connectionId"]
    method_arn = event["methodArn"]
    verifiers = _verifiers(read_text(os.environ, "JWT"))
    token = find_token(event)
    verifier = choose_verifier(verifiers, token)
    try:
        return allow(verifier.verify(token, now=_now()), method_arn)
    finally:
        if verifier.keys_failure is not None:
            fields["keysFailure"] = verifier.keys_failure


@lru_cache(maxsize=1)
def _verifiers(settings: str) -> tuple[Verifier, ...]:
    """Return the verifiers of the issuers, kept with their keys for the next invocation."""
    return tuple(make_verifier(each) for each in read_token_settings({"JWT": settings}))
