"""What a request is made of, apart from its path: the body and the operation, each computed once; and its answer."""

import json
from hashlib import sha256
from typing import Any

from websocket_push.aws.signing import Signer
from websocket_push.http.endpoint import Endpoint
from websocket_push.http.errors import InvalidResponse


class Payload:
    """A request body with what every request that carries it needs, computed once.

    Parameters
    ----------
    body
        May be empty.
    """

    __slots__ = ("body", "digest", "head_end")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.digest = sha256(body).hexdigest()
        self.head_end = f"\r\ncontent-length: {len(body)}\r\n\r\n"


class Target:
    """One operation of one service: all that its requests have in common.

    Parameters
    ----------
    operation
        AWS's name of it, for error messages.
    method
        The HTTP method.
    endpoint
        Where it is served.
    signer
        With the operation's headers.
    individual
        Whether a refusal as one request too many may concern the path alone, and not all requests to the endpoint.
    """

    __slots__ = ("endpoint", "individual", "method", "operation", "signer")

    def __init__(
        self, operation: str, method: str, endpoint: Endpoint, signer: Signer, *, individual: bool = False
    ) -> None:
        self.operation = operation
        self.method = method
        self.endpoint = endpoint
        self.signer = signer
        self.individual = individual


def decode_object(body: bytes) -> dict[str, Any]:
    """Read a body that must be a JSON object; `InvalidResponse` where it is not."""
    if body == b"{}":
        return {}  # what nearly every write is answered with
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        # The parser's own error is not chained: it holds the body.
        raise InvalidResponse("the body is not a JSON object")
    return document
