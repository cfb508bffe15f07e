"""The keys that may verify a token, from a JSON Web Key Set or a shared secret.

A key is used only for what it is meant for. The algorithms that it can verify are determined once, from the key and the
list of allowed ones, before any token is read; a token only selects among these.
"""

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.algorithms import ALGORITHMS
from websocket_push.tokens.key_cache import KeysUnavailable

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

MIN_RSA_BITS = 2048
"""RFC 7518 sections 3.3 and 3.5."""

_QUOTES = ("'", '"', "`", "\u2018", "\u2019", "\u201c", "\u201d", "\u201e", "\u00ab", "\u00bb")
_ZERO_WIDTH = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_READERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


@dataclass(frozen=True, slots=True)
class Key:
    """A key from the source.

    Parameters
    ----------
    kid
        Its id in the set; None if it has none.
    algorithms
        The allowed algorithms that it may verify; empty if there is a problem.
    material
        A public key, or a shared secret.
    problem
        Why it cannot verify anything.
    """

    kid: str | None
    algorithms: frozenset[str] = frozenset()
    material: "AllowedPublicKeys | bytes" = b""
    problem: str = ""


def keys_of_set(entries: Sequence[object], allowed: Collection[str]) -> tuple[Key, ...]:
    """Read a JSON Web Key Set (RFC 7517).

    Parameters
    ----------
    entries
        The value of its member `keys`. An unusable entry does not affect the others (section 5).
    allowed
        Names of allowed algorithms that use a public key.

    Raises
    ------
    KeysUnavailable
        If there is no usable key.
    """
    keys = tuple(_read_key(entry, allowed) for entry in entries if isinstance(entry, dict))
    if not any(key.algorithms for key in keys):
        problems = sorted({key.problem for key in keys})
        raise KeysUnavailable(" ".join(["The JWKS holds no key to verify with.", *problems]))
    return keys


def keys_of_secret(secret: bytes, allowed: Collection[str]) -> tuple[Key, ...]:
    """Return a shared secret, unchanged, as the only key.

    Parameters
    ----------
    secret
        Text in UTF-8, or any bytes.
    allowed
        Names of allowed algorithms that use a secret.

    Raises
    ------
    KeysUnavailable
        If it is shorter than the hash of an allowed algorithm, or not the secret alone: a public key, which is not
        secret, a JSON object such as the Secrets Manager console writes for key/value pairs, or text with something
        around it. All tokens would be refused then, without any hint that the secret is wrong.
    """
    if _is_json_container(secret):
        raise KeysUnavailable("The secret is a JSON object or list. Store the secret itself as plain text.")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except InvalidKeyError:
        raise KeysUnavailable("The secret is a public key or a certificate.") from None
    wrapping = _wrapping(secret)
    if wrapping:
        raise KeysUnavailable(wrapping)
    needed = max(ALGORITHMS[name].secret_bytes for name in allowed)
    if len(secret) < needed:
        raise KeysUnavailable(f"The secret is shorter than the {needed} bytes that the allowed algorithms need.")
    return (Key(None, frozenset(allowed), secret),)


def choose_key(keys: Sequence[Key], *, kid: str | None, algorithm: str) -> Key:
    """Return the one key that a token can have been signed with.

    Exactly one key of the set must match the algorithm and, if the token has one, the `kid`: trying several would let
    the token decide. A key that is listed more than once counts as one.

    Raises
    ------
    RequestError
        `UNKNOWN_KEY` if the set has no such key, or several; `UNUSABLE_KEY` if it has one that must not be used.
    """
    named = [key for key in keys if kid is None or key.kid == kid]
    fitting = [key for key in named if algorithm in key.algorithms]
    if fitting and all(key.material == fitting[0].material for key in fitting):
        return fitting[0]
    if fitting:
        raise RequestError("UNKNOWN_KEY", "More than one key matches the token's kid and algorithm.")
    if kid is None or not named:
        raise RequestError("UNKNOWN_KEY", "No key matches the token's kid and algorithm.")
    problem = named[0].problem or "The key is for another algorithm."
    raise RequestError("UNUSABLE_KEY", problem)


def _read_key(entry: dict[str, Any], allowed: Collection[str]) -> Key:
    kid = entry.get("kid") if isinstance(entry.get("kid"), str) else None
    problem = _marked_otherwise(entry)
    if problem:
        return Key(kid, problem=problem)
    algorithms = _fitting(entry, allowed)
    if not algorithms:
        return Key(kid, problem="A key is for no allowed algorithm.")
    try:
        material = _read_material(entry)
    except Exception:
        # If the numbers of a key are invalid, only this key cannot be used.
        return Key(kid, problem="A key cannot be read.")
    if isinstance(material, RSAPublicKey) and material.key_size < MIN_RSA_BITS:
        return Key(kid, problem=f"An RSA key has fewer than {MIN_RSA_BITS} bits.")
    return Key(kid, algorithms, material)


def _marked_otherwise(entry: dict[str, Any]) -> str:
    """Return why a key's metadata from the issuer rules it out (RFC 7517 sections 4.2 and 4.3)."""
    if "kid" in entry and not isinstance(entry["kid"], str):
        return "A key's kid is not a string."
    if entry.get("use", "sig") != "sig":
        return "A key is not for signatures."
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return "A key is not for verifying."
    if "d" in entry:
        return "A key is published with its private part."
    return ""


def _fitting(entry: dict[str, Any], allowed: Collection[str]) -> frozenset[str]:
    key_type, curve, only = entry.get("kty"), entry.get("crv"), entry.get("alg")
    return frozenset(
        name
        for name in allowed
        if ALGORITHMS[name].key_type == key_type
        and (not ALGORITHMS[name].curves or curve in ALGORITHMS[name].curves)
        and ("alg" not in entry or name == only)
    )


def _read_material(entry: dict[str, Any]) -> Any:
    key_type = entry["kty"]
    public = {name: entry[name] for name in _PUBLIC_MEMBERS[key_type]}
    return _READERS[key_type].from_jwk({"kty": key_type, **public})


def _wrapping(secret: bytes) -> str:
    """Return what surrounds a secret that is text; random bytes are not checked."""
    if _is_utf_16(secret):
        return "The secret is text in UTF-16. Store it in UTF-8."
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return ""
    if text.startswith("\ufeff"):
        return "The secret begins with a byte order mark. Store it without."
    content = text.strip().strip(_ZERO_WIDTH).strip()
    if not all(character.isprintable() or character.isspace() for character in content):
        return ""
    if content != text.strip():
        return "The secret begins or ends with a character of no width. Store it without."
    if content != text:
        return "The secret begins or ends with white space, such as a line break. Store it without."
    if content[:1] in _QUOTES and content[-1:] in _QUOTES:
        return "The secret is in quotes. Store it without."
    return ""


def _is_utf_16(secret: bytes) -> bool:
    """Return whether a secret is text of Western scripts in UTF-16: every other byte is zero."""
    if secret.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return b"\0" in secret[2:4]
    halves = secret[::2], secret[1::2]
    return len(secret) % 2 == 0 and any(all(half) for half in halves) and not all(any(half) for half in halves)


def _is_json_container(secret: bytes) -> bool:
    try:
        return isinstance(json.loads(secret), dict | list)
    except (ValueError, RecursionError):
        return False
