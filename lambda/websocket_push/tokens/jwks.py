"""Fetches an issuer's JSON Web Key Set (RFC 7517 section 5), over a separate connection.

One GET within a fixed time: connecting, the TLS handshake and every read share one deadline. (Name resolution has the
resolver's own timeout, because Python cannot interrupt it.) The response must be complete and small and have status
200. Redirects are not followed, because the operator decides where the keys come from, not the server.
"""

import json
import ssl
import time
from ipaddress import ip_address

from websocket_push.http.blocking import fetch
from websocket_push.http.endpoint import Endpoint, parse_url
from websocket_push.http.errors import ConnectionLost, ConnectionRefused, Expired, InvalidResponse
from websocket_push.http.response import Response
from websocket_push.tokens.key_cache import KeysUnavailable

MAX_JWKS_BYTES = 256 * 1024
"""The largest accepted body; published sets have a few kilobytes."""

FETCH_SECONDS = 3.0
"""The time for the whole fetch: a client waits for it, and API Gateway for the client."""

_OK = 200


def parse_uri(uri: str, *, allow_insecure_loopback: bool) -> Endpoint:
    """Parse the URI of a key set.

    Parameters
    ----------
    allow_insecure_loopback
        Whether http is accepted for `localhost`, 127.0.0.0/8 and `::1`, for tests.

    Raises
    ------
    ValueError
        With a message that says what it must be. Keys fetched without TLS could be from anyone.
    """
    try:
        endpoint = parse_url(uri, with_query=True)
    except ValueError as error:
        raise ValueError(f"{error}; for example https://issuer.example/.well-known/jwks.json.") from None
    if endpoint.scheme == "http" and not (allow_insecure_loopback and _is_loopback(endpoint.dial_host)):
        raise ValueError("must begin with https://.")
    return endpoint


def fetch_jwks(
    endpoint: Endpoint, *, seconds: float = FETCH_SECONDS, context: ssl.SSLContext | None = None
) -> list[object]:
    """Fetch a key set.

    Parameters
    ----------
    seconds
        The time limit for the whole fetch.
    context
        TLS settings; by default the system's certificate authorities (or `SSL_CERT_FILE`) and the server's name are
        verified.

    Returns
    -------
    list
        The value of `keys`, its entries unchecked.

    Raises
    ------
    KeysUnavailable
        For every other outcome, with the cause.
    """
    if endpoint.scheme == "https" and context is None:
        context = ssl.create_default_context()
    tls = context if endpoint.scheme == "https" else None
    until = time.monotonic() + seconds
    try:
        response = fetch(endpoint, tls, _request(endpoint), until, body_limit=MAX_JWKS_BYTES)
    except Expired:
        raise KeysUnavailable(f"The JWKS did not come within {seconds:g} s.") from None
    except InvalidResponse as error:
        raise KeysUnavailable(f"The JWKS did not come in sound HTTP: {error}.") from error
    except ConnectionLost as error:
        raise KeysUnavailable("The JWKS did not come: the connection closed before it was complete.") from error
    except ConnectionRefused as error:
        cause = getattr(error.__cause__, "strerror", None) or str(error)
        raise KeysUnavailable(f"The JWKS could not be fetched: {cause}.") from error
    return _read_keys(response)


def _request(endpoint: Endpoint) -> bytes:
    # Some issuers' web application firewalls reject requests without a User-Agent.
    path = endpoint.path if endpoint.path.startswith("/") else f"/{endpoint.path}"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {endpoint.host}\r\nUser-Agent: websocket-push\r\n"
        "Accept: application/json\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _read_keys(response: Response) -> list[object]:
    if response.status != _OK:
        hint = "; redirects are not followed" if 300 <= response.status < 400 else ""
        raise KeysUnavailable(f"The JWKS was answered with HTTP {response.status}{hint}.")
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        raise KeysUnavailable("The JWKS is not JSON.") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise KeysUnavailable("The JWKS is not a JSON object with a list of keys.")
    return keys


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
