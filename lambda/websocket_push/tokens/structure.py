"""The structure of a token: a JSON Web Signature in compact serialization (RFC 7515 section 7.1), read strictly.

Everything that two parsers could read differently is refused: padding, encodings other than UTF-8, duplicate members
(RFC 7519 section 4 leaves their meaning open), numbers that are not in JSON.
"""

import base64
import json
import re
from typing import Any, NamedTuple

from websocket_push.protocol.errors import RequestError

MAX_KID_CHARACTERS = 256

# The signature may be empty here, so that a token with `alg` none is refused because of its algorithm.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")


class Header(NamedTuple):
    """The parts of a header that are read: key id, algorithm and kind of token.

    Members that point to the key (`jku`, `jwk`, `x5u`, `x5c`) are ignored: an attacker could have written them.
    """

    algorithm: str
    kid: str | None
    typ: str | None


def read_header(token: str) -> Header:
    """Read a token's header.

    Raises
    ------
    RequestError
        `MALFORMED_TOKEN`; also for any `crit`, because no extension is supported (RFC 7515 section 4.1.11).
        `ALGORITHM_NOT_ALLOWED` if there is no algorithm.
    """
    compact = _segments(token)
    header = read_object(_decode(compact[1], "header"), "header")
    if "crit" in header:
        raise malformed("The token's header asks for an extension.")
    kid = header.get("kid")
    if "kid" in header and not (isinstance(kid, str) and len(kid) <= MAX_KID_CHARACTERS):
        raise malformed(f"The token's kid is not a string of at most {MAX_KID_CHARACTERS} characters.")
    typ = header.get("typ")
    if "typ" in header and not isinstance(typ, str):
        raise malformed("The token's typ is not a string.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise RequestError("ALGORITHM_NOT_ALLOWED", "The token's header names no algorithm.")
    return Header(algorithm, kid, typ)


def read_issuer(token: str) -> object:
    """Read a token's unverified `iss`, which may only be used to select among the configured issuers.

    Raises
    ------
    RequestError
        `MALFORMED_TOKEN`, or `MISSING_CLAIM`.
    """
    claims = read_object(_decode(_segments(token)[2], "payload"), "payload")
    if "iss" not in claims:
        raise RequestError("MISSING_CLAIM", "The token has no claim iss.")
    return claims["iss"]


def read_object(data: bytes, part: str) -> dict[str, Any]:
    """Read a JSON object without duplicate members at any depth, or raise `MALFORMED_TOKEN`."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise malformed(f"The token's {part} is not a JSON object, or names a member twice.")
    return value


def malformed(message: str) -> RequestError:
    """Return the error for a malformed token."""
    return RequestError("MALFORMED_TOKEN", message)


def _segments(token: str) -> re.Match[str]:
    compact = _COMPACT.fullmatch(token)
    if compact is None:
        raise malformed("The token is not three segments of base64url.")
    return compact


def _decode(segment: str, part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise malformed(f"The token's {part} is not base64url.") from None


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a member is named twice")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(constant)
