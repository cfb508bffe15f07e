"""The signature algorithms that can be allowed (RFC 7518 section 3.1, RFC 8037 section 3.1). `none` is not one."""

from typing import NamedTuple


class Algorithm(NamedTuple):
    """What an algorithm requires of its key.

    Parameters
    ----------
    key_type
        The `kty` of a JSON Web Key.
    curves
        The values of `crv` that the key may have; empty for key types without curves.
    secret_bytes
        The minimum length of a shared secret: that of the hash (RFC 7518 section 3.2). 0 for other types of key.
    """

    key_type: str
    curves: tuple[str, ...] = ()
    secret_bytes: int = 0


ALGORITHMS = {
    "HS256": Algorithm("oct", secret_bytes=32),
    "HS384": Algorithm("oct", secret_bytes=48),
    "HS512": Algorithm("oct", secret_bytes=64),
    "RS256": Algorithm("RSA"),
    "RS384": Algorithm("RSA"),
    "RS512": Algorithm("RSA"),
    "PS256": Algorithm("RSA"),
    "PS384": Algorithm("RSA"),
    "PS512": Algorithm("RSA"),
    "ES256": Algorithm("EC", curves=("P-256",)),
    "ES384": Algorithm("EC", curves=("P-384",)),
    "ES512": Algorithm("EC", curves=("P-521",)),
    "EdDSA": Algorithm("OKP", curves=("Ed25519", "Ed448")),
}

SECRET_ALGORITHMS = frozenset(name for name, algorithm in ALGORITHMS.items() if algorithm.secret_bytes)
"""The algorithms with a shared secret. The others verify with a public key."""
