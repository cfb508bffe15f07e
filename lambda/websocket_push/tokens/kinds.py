"""Which tokens of an issuer are a login.

An issuer may sign other tokens with the same keys: logout tokens (OpenID Connect Back-Channel Logout 1.0), security
events (RFC 8417), credentials. The header's `typ` states the kind (RFC 8725 section 3.11), so a token of another kind
is refused regardless of its claims.
"""

from collections.abc import Mapping

from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.token_settings import TokenSettings, media_type

LOGIN_TYPES = frozenset({"jwt", "at+jwt"})
"""The accepted values of `typ` if the settings have none: a token (RFC 7519) or an access token (RFC 9068)."""


def check_kind(typ: str | None, claims: Mapping[str, object], settings: TokenSettings) -> None:
    """Check that a token is a login, and of the kind that the settings require.

    Parameters
    ----------
    typ
        The header's member; None if it has none.

    Raises
    ------
    RequestError
        `INVALID_TOKEN_TYPE`; `MISSING_CLAIM` if `token_use` is required and missing.
    """
    # A security event must have this claim (RFC 8417 section 2.2), but need not have a typ.
    if "events" in claims:
        raise _invalid("The token reports an event; it is no login.")
    if settings.typ is None:
        if typ is not None and media_type(typ) not in LOGIN_TYPES:
            raise _invalid("The token's typ is not that of a login.")
    elif typ is None or media_type(typ) != media_type(settings.typ):
        raise _invalid("The token's typ is not the required one.")
    if settings.token_use is None:
        return
    if "token_use" not in claims:
        raise RequestError("MISSING_CLAIM", "The token has no claim token_use.")
    if claims["token_use"] != settings.token_use:
        raise _invalid("The token's token_use is not the required one.")


def _invalid(message: str) -> RequestError:
    return RequestError("INVALID_TOKEN_TYPE", message)
