"""The token of a connecting client."""

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.handshake import presented_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event

MAX_TOKEN_BYTES = 8 * 1024
"""The largest accepted token. Less fits into the URL, which API Gateway limits to 4,096 characters."""


def find_token(event: "Event") -> str:
    """Return the token in a `$connect` request.

    It may be in any of three places, and in several if it is the same. Two different tokens could mean two users, so
    neither is preferred: the request is refused. An empty token counts as missing.

    Parameters
    ----------
    event
        The event of a REQUEST authorizer (API Gateway developer guide, "Control access to WebSocket APIs with AWS
        Lambda REQUEST authorizers").

    Raises
    ------
    RequestError
        `MISSING_TOKEN`, `AMBIGUOUS_TOKEN` or `TOKEN_TOO_LARGE`.
    """
    tokens = set(presented_tokens(event))
    if not tokens:
        raise RequestError("MISSING_TOKEN", "No token in Authorization, the query or Sec-WebSocket-Protocol.")
    if len(tokens) > 1:
        raise RequestError("AMBIGUOUS_TOKEN", "The request carries more than one token.")
    (token,) = tokens
    # Base64url and dots are one byte each; a token with other characters is refused anyway.
    if len(token) > MAX_TOKEN_BYTES:
        raise RequestError("TOKEN_TOO_LARGE", f"The token has more than {MAX_TOKEN_BYTES} bytes.")
    return token
