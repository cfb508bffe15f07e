"""What API Gateway and Lambda pass to a function, and the answers they accept: only for the type checker.

An event may come from any caller that may invoke the function, so what it holds is checked before it is used.
Sources: "Lambda integrations for WebSocket APIs" and "Output from an API Gateway Lambda authorizer" (API Gateway
developer guide), "Implementing partial batch responses" (AWS Lambda developer guide).
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict

Event: TypeAlias = Mapping[str, Any]
"""Anything that a function may be invoked with."""


class LambdaContext(Protocol):
    """What is used of the context object that Lambda passes to a handler."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run."""
        ...


class RequestContext(TypedDict):
    """The part of a WebSocket event that all routes have in common, as far as it is used."""

    connectionId: str
    eventType: Literal["CONNECT", "DISCONNECT", "MESSAGE"]
    connectedAt: int
    domainName: str
    authorizer: NotRequired[Mapping[str, object]]


class Response(TypedDict):
    """The answer to a route: a status for `$connect`, else a frame as the body."""

    statusCode: int
    body: NotRequired[str]
    headers: NotRequired[dict[str, str]]


class BatchItemFailure(TypedDict):
    """A message to be redelivered."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """The answer to a batch from SQS: the messages that failed."""

    batchItemFailures: list[BatchItemFailure]


class PolicyStatement(TypedDict):
    """What an authorizer allows or denies."""

    Action: str
    Effect: Literal["Allow", "Deny"]
    Resource: str


class PolicyDocument(TypedDict):
    """The policy of an authorizer."""

    Version: str
    Statement: list[PolicyStatement]


class Policy(TypedDict):
    """The answer of a REQUEST authorizer."""

    principalId: str
    policyDocument: PolicyDocument
    context: dict[str, str]
