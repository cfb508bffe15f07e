"""The settings of verify-jwt: one environment variable, `JWT`, that contains a JSON object."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from websocket_push.http.endpoint import Endpoint
from websocket_push.protocol.values import is_whole
from websocket_push.settings import SettingsError, read_text
from websocket_push.tokens.algorithms import ALGORITHMS, SECRET_ALGORITHMS
from websocket_push.tokens.jwks import parse_uri

_ISSUER_DEFAULTS: dict[str, Any] = {
    "issuer": None,
    "audience": [],
    "jwksUri": None,
    "secretArn": None,
    "algorithms": [],
    "userIdClaim": "sub",
    "topicsClaim": None,
    "tokenUse": None,
    "typ": None,
}
_DEFAULTS: dict[str, Any] = _ISSUER_DEFAULTS | {
    "leeway": 0,
    "jwksCacheSeconds": 300,
    "allowInsecureLoopback": False,
    "additionalIssuers": [],
}

_NO_LOGIN_TYPES = frozenset({"logout+jwt", "secevent+jwt"})

_SECRET_ARN = re.compile(r"arn:[\w-]+:(secretsmanager:[\w-]+:\d{12}:secret:|ssm:[\w-]+:\d{12}:parameter/)\S+")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """The settings for the tokens of one issuer. Either `jwks` or `secret_arn` is set.

    Parameters
    ----------
    issuer
        What `iss` must be; None leaves it unchecked.
    audience
        One of these must be in `aud`, or be `client_id` if there is no `aud`; empty leaves both unchecked.
    jwks
        The location of the issuer's public keys.
    secret_arn
        The ARN of the shared secret.
    algorithms
        The accepted algorithms; all match the source of the keys.
    user_id_claim
        The claim that contains the user id.
    topics_claim
        The claim that lists the topics that the client may listen to; None if there is none.
    token_use
        What the claim `token_use` must be; None leaves it unchecked.
    typ
        What the header's `typ` must be; None accepts that of any login.
    leeway
        The clock skew to tolerate, in seconds.
    cache_seconds
        How long fetched keys are used.
    """

    issuer: str | None
    audience: tuple[str, ...]
    jwks: Endpoint | None
    secret_arn: str | None
    algorithms: tuple[str, ...]
    user_id_claim: str
    topics_claim: str | None
    token_use: str | None
    typ: str | None
    leeway: int
    cache_seconds: int


def read_token_settings(environment: Mapping[str, str]) -> tuple[TokenSettings, ...]:
    """Read `JWT`; absent or null members have their defaults.

    Returns
    -------
    tuple of TokenSettings
        One for each issuer. If there are several, each has an `issuer`, and all are different.

    Raises
    ------
    SettingsError
        With the name of the wrong member and what it must be.
    """
    shared = _known(_read_object(read_text(environment, "JWT")), _DEFAULTS)
    additional = shared["additionalIssuers"]
    if not isinstance(additional, list) or not all(isinstance(each, dict) for each in additional):
        raise _wrong("additionalIssuers", "must be a list of objects")
    issuers = [shared, *(shared | _known(each, _ISSUER_DEFAULTS) for each in additional)]
    settings = tuple(_issuer_settings(values) for values in issuers)
    names = [each.issuer for each in settings]
    if len(settings) > 1 and (None in names or len(set(names)) < len(names)):
        raise _wrong("issuer", "must be given for each of several issuers, and differ")
    return settings


def media_type(typ: str) -> str:
    """Return a header's `typ` in the form that is compared: in lower case, without the optional `application/`."""
    return typ.lower().removeprefix("application/")


def _issuer_settings(values: Mapping[str, Any]) -> TokenSettings:
    allow_insecure_loopback = _flag(values, "allowInsecureLoopback")
    jwks_uri, secret_arn = _text(values, "jwksUri"), _text(values, "secretArn")
    if (jwks_uri is None) == (secret_arn is None):
        raise _wrong("jwksUri", "or secretArn must be given, and not both")
    if secret_arn is not None and not _SECRET_ARN.fullmatch(secret_arn):
        raise _wrong("secretArn", "must be the ARN of a Secrets Manager secret or of an SSM parameter")
    typ = _text(values, "typ")
    if typ is not None and media_type(typ) in _NO_LOGIN_TYPES:
        raise _wrong("typ", "must be that of a login")
    return TokenSettings(
        issuer=_text(values, "issuer"),
        audience=_texts(values, "audience"),
        jwks=None if jwks_uri is None else _endpoint(jwks_uri, allow_insecure_loopback=allow_insecure_loopback),
        secret_arn=secret_arn,
        algorithms=_algorithms(values, with_secret=secret_arn is not None),
        user_id_claim=_text(values, "userIdClaim") or "",
        topics_claim=_text(values, "topicsClaim"),
        token_use=_text(values, "tokenUse"),
        typ=typ,
        leeway=_seconds(values, "leeway", least=0),
        cache_seconds=_seconds(values, "jwksCacheSeconds", least=1),
    )


def _read_object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise SettingsError("The environment variable JWT must be a JSON object.")
    return values


def _known(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(values.keys() - defaults.keys())
    if unknown:
        raise _wrong(unknown[0], f"is not known; known are {', '.join(defaults)}")
    return {**defaults, **{name: value for name, value in values.items() if value is not None}}


def _algorithms(values: Mapping[str, Any], *, with_secret: bool) -> tuple[str, ...]:
    algorithms = _texts(values, "algorithms")
    fitting = SECRET_ALGORITHMS if with_secret else ALGORITHMS.keys() - SECRET_ALGORITHMS
    if not algorithms or not fitting.issuperset(algorithms):
        source = "secretArn" if with_secret else "jwksUri"
        raise _wrong("algorithms", f"must name at least one algorithm; with {source}: {', '.join(sorted(fitting))}")
    return algorithms


def _endpoint(uri: str, *, allow_insecure_loopback: bool) -> Endpoint:
    try:
        return parse_uri(uri, allow_insecure_loopback=allow_insecure_loopback)
    except ValueError as error:
        raise _wrong("jwksUri", str(error).removesuffix(".")) from None


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values[name]
    if value is not None and not (isinstance(value, str) and value):
        raise _wrong(name, "must be a string that is not empty")
    return value


def _texts(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = values[name]
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise _wrong(name, "must be a list of strings that are not empty")
    return tuple(value)


def _flag(values: Mapping[str, Any], name: str) -> bool:
    value = values[name]
    if not isinstance(value, bool):
        raise _wrong(name, "must be true or false")
    return value


def _seconds(values: Mapping[str, Any], name: str, *, least: int) -> int:
    value = values[name]
    if not is_whole(value) or value < least:
        raise _wrong(name, f"must be a whole number of seconds, at least {least}")
    return value


def _wrong(name: str, must: str) -> SettingsError:
    return SettingsError(f"In the environment variable JWT, {name} {must}.")
