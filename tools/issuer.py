"""An issuer of tokens on loopback, shaped as Amazon Cognito: for the demo and the end to end tests."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "local-app-client"
_PATH = "/.well-known/jwks.json"
_KEY_ID = "local-1"


class Issuer:
    """A running issuer.

    Parameters
    ----------
    url
        What its tokens name as `iss`; its keys are below, where Cognito has them.
    """

    def __init__(self, url: str, key: rsa.RSAPrivateKey) -> None:
        self.url = url
        self._key = key

    @property
    def jwks_uri(self) -> str:
        """Where its public keys are."""
        return self.url + _PATH

    @property
    def variables(self) -> dict[str, object]:
        """The variables of examples/jwt for this issuer."""
        return {"issuer": self.url, "audience": [AUDIENCE], "allow_insecure_loopback": True}

    def token(self, user_id: str, *, seconds: float = 3600, **claims: Any) -> str:
        """Sign a token for a user that expires so many seconds from now; claims given replace its own."""
        now = time.time()
        body = {"iss": self.url, "aud": AUDIENCE, "sub": user_id, "iat": int(now), "exp": int(now + seconds), **claims}
        return jwt.encode(body, self._key, algorithm="RS256", headers={"kid": _KEY_ID})


def new_key() -> rsa.RSAPrivateKey:
    """Return a new key to sign tokens with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(key: rsa.RSAPrivateKey) -> str:
    """Return the key set (JWKS) that an issuer with this key publishes."""
    published = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": _KEY_ID, "use": "sig"}
    return json.dumps({"keys": [published]})


@contextlib.contextmanager
def issuer(key: rsa.RSAPrivateKey | None = None) -> Iterator[Issuer]:
    """Run an issuer, with the key or one of its own, for as long as the block lasts."""
    key = key or new_key()
    body = key_set(key).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == _PATH else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body if self.path == _PATH else b"{}")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Issuer(f"http://127.0.0.1:{server.server_port}", key)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
