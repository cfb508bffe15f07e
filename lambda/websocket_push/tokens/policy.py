"""The responses of a REQUEST authorizer to API Gateway.

The result may have at most 8 KB ("AWS Lambda authorizer result size", quotas for WebSocket APIs); values of the context
are strings, numbers or booleans and reach the integrations as strings ("Output from an API Gateway Lambda authorizer").
"""

from typing import Literal

from websocket_push.tokens.claims import Authorization

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Policy, PolicyStatement


def allow(authorization: Authorization, method_arn: str) -> "Policy":
    """Return a policy that allows the connection, with the context for the other functions."""
    context = {"userId": authorization.user_id, "expiresAt": str(authorization.expires_at)}
    if authorization.topics:
        context["topics"] = authorization.topics
    if authorization.issued_at is not None:
        context["issuedAt"] = str(authorization.issued_at)
    if authorization.token_id is not None:
        context["tokenId"] = authorization.token_id
    return _policy("Allow", authorization.user_id, method_arn, context)


def deny(method_arn: str) -> "Policy":
    """Return a policy that denies the connection (403), without the reason, which an access log could show."""
    return _policy("Deny", "anonymous", method_arn, {})


def _policy(effect: Literal["Allow", "Deny"], principal: str, method_arn: str, context: dict[str, str]) -> "Policy":
    statement: PolicyStatement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
