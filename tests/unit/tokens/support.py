"""Keys, and tokens sound and forged. Tokens are put together by hand: a library would refuse to make most of them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from websocket_push.http.endpoint import Endpoint
from websocket_push.tokens.token_settings import TokenSettings

NOW = 1_769_860_800.0
SECRET = bytes(range(64))
JWKS = Endpoint("https", "issuer.test", 443, "issuer.test", "/keys")
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf"

CLAIMS: dict[str, Any] = {
    "sub": "alice",
    "iss": "https://issuer.test/",
    "aud": "app",
    "exp": int(NOW) + 600,
    "nbf": int(NOW) - 5,
    "iat": int(NOW) - 5,
}

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_CURVES = {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48), "P-521": (ec.SECP521R1(), 66)}
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_DIGESTS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def rsa_key(name: str = "a", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the RSA key of this name, made once."""
    return _made(name, bits)


@cache
def _made(name: str, bits: int) -> rsa.RSAPrivateKey:
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: str = "P-256", number: int = 1) -> ec.EllipticCurvePrivateKey:
    """Return an EC key."""
    return ec.derive_private_key(0x1234567 + number, _CURVES[curve][0])


def ed_key(curve: str = "Ed25519") -> ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey:
    """Return an Edwards curve key."""
    if curve == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    return ed448.Ed448PrivateKey.from_private_bytes(bytes(57))


def jwk(key: Private, kid: str | None = "a", **members: Any) -> dict[str, Any]:
    """Return the public part of a key as a JSON Web Key."""
    public: Any = key.public_key()
    entry: dict[str, Any]
    if isinstance(key, rsa.RSAPrivateKey):
        entry = RSAAlgorithm.to_jwk(public, as_dict=True)
        del entry["key_ops"]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        entry = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        entry = OKPAlgorithm.to_jwk(public, as_dict=True)
    return entry | ({} if kid is None else {"kid": kid}) | members


def pem(key: Private) -> bytes:
    """Return the public part of a key as PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def segment(value: object) -> str:
    """Encode bytes, text or something JSON as a segment."""
    if not isinstance(value, bytes):
        value = (value if isinstance(value, str) else json.dumps(value)).encode()
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Decode a segment."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signature(algorithm: str, key: Private | bytes, data: bytes) -> bytes:
    """Sign as an algorithm says, whether the key is meant for it or not."""
    bits = algorithm[2:]
    if isinstance(key, bytes):
        return hmac.new(key, data, _DIGESTS[bits]).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        digest = _HASHES[bits]
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(data, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        return b"".join(
            number.to_bytes(size, "big") for number in decode_dss_signature(key.sign(data, ec.ECDSA(_HASHES[bits])))
        )
    return key.sign(data)


def token(
    key: Private | bytes | None = None,
    algorithm: str = "RS256",
    *,
    header: Mapping[str, Any] | str | None = None,
    claims: object = None,
    **changes: Any,
) -> str:
    """Make a token.

    `header` replaces the usual one whole; changes are to the usual claims, None taking one away.
    """
    payload = claims
    if payload is None:
        payload = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    start = f"{segment({'alg': algorithm, 'kid': 'a'} if header is None else header)}.{segment(payload)}"
    signed = signature(algorithm, rsa_key() if key is None else key, start.encode())
    return f"{start}.{segment(signed)}"


def settings(
    *algorithms: str,
    issuer: str | None = "https://issuer.test/",
    audience: tuple[str, ...] = ("app",),
    user_id_claim: str = "sub",
    topics_claim: str | None = None,
    token_use: str | None = None,
    typ: str | None = None,
    leeway: int = 0,
    cache_seconds: int = 300,
    secret: bool = False,
) -> TokenSettings:
    """Make settings; with a JWKS unless a secret is asked for."""
    return TokenSettings(
        issuer=issuer,
        audience=audience,
        jwks=None if secret else JWKS,
        secret_arn=SECRET_ARN if secret else None,
        algorithms=algorithms or ("RS256",),
        user_id_claim=user_id_claim,
        topics_claim=topics_claim,
        token_use=token_use,
        typ=typ,
        leeway=leeway,
        cache_seconds=cache_seconds,
    )
