"""The checks of a token's claims (RFC 7519 section 4.1), made after its signature is verified."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.topics import sound_grants
from websocket_push.protocol.values import is_token_id, require_user_id
from websocket_push.tokens.token_settings import TokenSettings

START_TOLERANCE = 5
"""The minimum clock skew, in seconds, that is tolerated for `nbf` and `iat`: clocks differ by fractions of a second,
and a token is used as soon as it is issued. For `exp` only the leeway counts."""

LATEST_EXPIRY = 253_402_300_799
"""The end of the year 9999, in seconds since the epoch: a later expiry would only be a longer text."""


MAX_GRANTS_CHARACTERS = 4096
"""How long the topics of a client may be, as text: the authorizer's answer has 8 KB for all that it holds."""


class Authorization(NamedTuple):
    """The user that may connect, until when, in seconds since the epoch, and the topics that the client may listen to.

    The topics are names and prefixes that end in `/*`, separated by spaces; None if no claim is configured for them.
    The token can be revoked by `issued_at` (in the same unit) and `token_id`; None if it does not have them.
    """

    user_id: str
    expires_at: int
    topics: str | None = None
    issued_at: int | None = None
    token_id: str | None = None


def check_claims(claims: Mapping[str, object], settings: TokenSettings, *, now: float) -> Authorization:
    """Check the claims of a token.

    Parameters
    ----------
    now
        Seconds since the epoch.

    Returns
    -------
    Authorization
        Valid until the token is no longer accepted: its own expiry plus the leeway.

    Raises
    ------
    RequestError
        `MISSING_CLAIM`, `INVALID_CLAIM` (of the wrong type), `TOKEN_EXPIRED`, `TOKEN_NOT_YET_VALID`, `INVALID_ISSUER`,
        `INVALID_AUDIENCE` or `INVALID_USER_ID`. Messages name the claim, not its value.
    """
    expiry = _time(claims, "exp")
    if expiry is None:
        raise _missing("exp")
    if now >= expiry + settings.leeway:
        raise RequestError("TOKEN_EXPIRED", "The token has expired.")
    for name in ("nbf", "iat"):
        start = _time(claims, name)
        if start is not None and now + max(settings.leeway, START_TOLERANCE) < start:
            raise RequestError("TOKEN_NOT_YET_VALID", f"The token is not valid yet by its {name}.")
    _check_issuer(claims, settings)
    _check_audience(claims, settings)
    if settings.user_id_claim not in claims:
        raise _missing(settings.user_id_claim)
    user_id = require_user_id(claims[settings.user_id_claim], f"The claim {settings.user_id_claim}")
    issued_at = _time(claims, "iat")
    return Authorization(
        user_id,
        min(math.floor(expiry) + settings.leeway, LATEST_EXPIRY),
        topics=_topics(claims, settings.topics_claim),
        issued_at=None if issued_at is None else max(0, math.floor(issued_at)),
        token_id=_token_id(claims.get("jti")),
    )


def _token_id(value: object) -> str | None:
    """Return a `jti` that can be passed on; by any other one a token cannot be revoked."""
    return value if isinstance(value, str) and is_token_id(value) else None


def _time(claims: Mapping[str, object], name: str) -> int | float | None:
    """Return a NumericDate, which may have a fraction (RFC 7519 section 2); None if the claim is missing."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value in (math.inf, -math.inf):
        raise RequestError("INVALID_CLAIM", f"The claim {name} is not a number.")
    return value


def _check_issuer(claims: Mapping[str, object], settings: TokenSettings) -> None:
    if settings.issuer is None:
        return
    if "iss" not in claims:
        raise _missing("iss")
    if claims["iss"] != settings.issuer:
        raise RequestError("INVALID_ISSUER", "The token is from another issuer.")


def _check_audience(claims: Mapping[str, object], settings: TokenSettings) -> None:
    if not settings.audience:
        return
    # Cognito's access tokens have no aud and name the app client in client_id. The rule is that of API Gateway's JWT
    # authorizers ("Control access to HTTP APIs with JWT authorizers"): if there is an aud, only it counts.
    name = "aud" if "aud" in claims else "client_id"
    if name not in claims:
        raise _missing("aud")
    audience = claims[name]
    audiences = audience if name == "aud" and isinstance(audience, list) else [audience]
    if not all(isinstance(each, str) for each in audiences) or not set(settings.audience).intersection(audiences):
        raise RequestError("INVALID_AUDIENCE", "The token is for another audience.")


def _topics(claims: Mapping[str, object], name: str | None) -> str | None:
    """Return what a claim grants: a list, or, like `scope` (RFC 8693 section 4.2), one string with spaces."""
    if name is None:
        return None
    value = claims.get(name, [])
    entries = value.split(" ") if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
        raise RequestError("INVALID_CLAIM", f"The claim {name} is neither a list of strings nor a string.")
    topics = " ".join(sound_grants(entries))
    if len(topics) > MAX_GRANTS_CHARACTERS:
        raise RequestError(
            "INVALID_CLAIM",
            f"The claim {name} has over {MAX_GRANTS_CHARACTERS} characters of topics: name prefixes, such as org/*.",
        )
    return topics


def _missing(name: str) -> RequestError:
    return RequestError("MISSING_CLAIM", f"The token has no claim {name}.")
