"""The verification of a token, from its text to the user that may connect."""

from collections.abc import Callable, Sequence
from functools import partial

from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, InvalidTokenError

from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.algorithms import ALGORITHMS
from websocket_push.tokens.claims import Authorization, check_claims
from websocket_push.tokens.jwks import fetch_jwks
from websocket_push.tokens.key_cache import KeyCache, KeysUnavailable
from websocket_push.tokens.keys import Key, choose_key, keys_of_secret, keys_of_set
from websocket_push.tokens.kinds import check_kind
from websocket_push.tokens.secrets import read_secret
from websocket_push.tokens.structure import Header, malformed, read_header, read_issuer, read_object
from websocket_push.tokens.token_settings import TokenSettings

_CURED_BY_OTHER_KEYS = frozenset({"UNKNOWN_KEY", "UNUSABLE_KEY", "INVALID_SIGNATURE"})
"""The errors that a token causes if the keys were rotated after they were fetched."""

_SIGNATURES = PyJWS(algorithms=list(ALGORITHMS), options={"enforce_minimum_key_length": True})


class Verifier:
    """Verifies the tokens of one issuer; keeps its keys between invocations.

    Parameters
    ----------
    settings
        The settings of the issuer.
    fetch
        Reads the source of the keys, or raises `KeysUnavailable`.
    """

    def __init__(self, settings: TokenSettings, fetch: Callable[[], tuple[Key, ...]]) -> None:
        self._settings = settings
        self._keys = KeyCache(fetch, settings.cache_seconds)

    @property
    def issuer(self) -> str | None:
        """The issuer whose tokens it verifies; None for any issuer that signs with the keys."""
        return self._settings.issuer

    @property
    def keys_failure(self) -> str | None:
        """Why the latest fetch of the keys failed, while older keys are used; None if it succeeded."""
        return self._keys.failure

    def verify(self, token: str, *, now: float) -> Authorization:
        """Verify a token.

        Parameters
        ----------
        now
            Seconds since the epoch, read once for this invocation.

        Raises
        ------
        RequestError
            `KEYS_UNAVAILABLE` if there are no keys; any other code says which check failed.
        """
        header = read_header(token)
        if header.algorithm not in self._settings.algorithms:
            raise RequestError("ALGORITHM_NOT_ALLOWED", "The token's algorithm is not allowed.")
        payload = self._verified_payload(token, header, now)
        claims = read_object(payload, "payload")
        check_kind(header.typ, claims, self._settings)
        return check_claims(claims, self._settings, now=now)

    def _verified_payload(self, token: str, header: Header, now: float) -> bytes:
        try:
            keys = self._keys.current(now)
        except KeysUnavailable as error:
            raise RequestError("KEYS_UNAVAILABLE", str(error)) from error
        try:
            return self._payload(token, header, keys)
        except RequestError as refusal:
            renewed = self._keys.renewed(now) if refusal.code in _CURED_BY_OTHER_KEYS else None
            if renewed is None:
                raise
        return self._payload(token, header, renewed)

    def _payload(self, token: str, header: Header, keys: Sequence[Key]) -> bytes:
        # There is only one shared secret, so the token's `kid` does not matter.
        kid = None if self._settings.secret_arn else header.kid
        key = choose_key(keys, kid=kid, algorithm=header.algorithm)
        return signed_payload(token, key)


def choose_verifier(verifiers: Sequence[Verifier], token: str) -> Verifier:
    """Return the verifier for a token: that of the issuer it names, so that only this issuer's keys are used.

    With one verifier there is no choice, and the token is not read.

    Raises
    ------
    RequestError
        `INVALID_ISSUER`, `MISSING_CLAIM` or `MALFORMED_TOKEN`.
    """
    if len(verifiers) == 1:
        return verifiers[0]
    issuer = read_issuer(token)
    for verifier in verifiers:
        if verifier.issuer == issuer:
            return verifier
    raise RequestError("INVALID_ISSUER", "The token is from another issuer.")


def make_verifier(settings: TokenSettings) -> Verifier:
    """Return a verifier with the source of keys in the settings."""
    if settings.jwks is not None:
        endpoint = settings.jwks
        return Verifier(settings, lambda: keys_of_set(fetch_jwks(endpoint), settings.algorithms))
    read = partial(read_secret, settings.secret_arn or "")
    return Verifier(settings, lambda: keys_of_secret(read(), settings.algorithms))


def signed_payload(token: str, key: Key) -> bytes:
    """Verify the signature and return the signed payload.

    Raises
    ------
    RequestError
        `INVALID_SIGNATURE`, or `MALFORMED_TOKEN`.
    """
    try:
        decoded = _SIGNATURES.decode_complete(token, key.material, sorted(key.algorithms))
    except InvalidSignatureError:
        raise RequestError("INVALID_SIGNATURE", "The token's signature does not verify.") from None
    except InvalidTokenError:
        raise malformed("The token is not a JSON Web Signature.") from None
    payload: bytes = decoded["payload"]
    return payload
