"""What a REQUEST authorizer answers API Gateway.

The result may have 8 KB ("AWS Lambda authorizer result size", quotas for WebSocket APIs); values of the context are
strings, numbers or booleans and reach the integrations as strings ("Output from an API Gateway Lambda authorizer").
"""

from typing import Literal

from websocket_push.tokens.claims import Authorization

Policy = dict[str, object]


def allow(authorization: Authorization, method_arn: str) -> Policy:
    """Let the connection in, with what the other functions need to know of it."""
    context = {"userId": authorization.user_id, "expiresAt": str(authorization.expires_at)}
    if authorization.issued_at is not None:
        context["issuedAt"] = str(authorization.issued_at)
    if authorization.token_id is not None:
        context["tokenId"] = authorization.token_id
    return _policy("Allow", authorization.user_id, method_arn, context)


def deny(method_arn: str) -> Policy:
    """Keep the connection out (403). Why is for the log: an access log could show the context."""
    return _policy("Deny", "anonymous", method_arn, {})


def _policy(effect: Literal["Allow", "Deny"], principal: str, method_arn: str, context: dict[str, str]) -> Policy:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
