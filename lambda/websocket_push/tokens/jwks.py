"""Fetches an issuer's JSON Web Key Set (RFC 7517 section 5), over a separate connection.

One GET within a fixed time: connecting, the TLS handshake and every read share one deadline. (Name resolution has the
resolver's own timeout, because Python cannot interrupt it.) The response must be complete and small and have status
200. Redirects are not followed, because the operator decides where the keys come from, not the server.
"""

import json
import socket
import ssl
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from websocket_push.http.errors import InvalidResponse
from websocket_push.http.response import Response, ResponseParser
from websocket_push.tokens.key_cache import KeysUnavailable

MAX_JWKS_BYTES = 256 * 1024
"""The largest accepted body; published sets have a few kilobytes."""

FETCH_SECONDS = 3.0
"""The time for the whole fetch: a client waits for it, and API Gateway for the client."""

_READ_BYTES = 64 * 1024
_OK = 200
_DEFAULT_PORTS = {"https": 443, "http": 80}
_VISIBLE = range(0x21, 0x7F)


class Address(NamedTuple):
    """The location of a key set.

    Parameters
    ----------
    secure
        Whether to use TLS.
    host, port
        What to connect to; an IPv6 address without brackets.
    authority
        The Host header.
    target
        Path and query.
    """

    secure: bool
    host: str
    port: int
    authority: str
    target: str


def parse_uri(uri: str, *, allow_insecure_loopback: bool) -> Address:
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
    if not all(ord(character) in _VISIBLE for character in uri):
        raise ValueError("must hold no white space and only ASCII characters.")
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://issuer.example/.well-known/jwks.json.") from None
    if parts.scheme == "http" and not (allow_insecure_loopback and _is_loopback(host)):
        raise ValueError("must begin with https://.")
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0:
        raise ValueError("must be a URL such as https://issuer.example/.well-known/jwks.json.")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("must hold no user name, password or fragment.")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Address(parts.scheme == "https", host, port or _DEFAULT_PORTS[parts.scheme], parts.netloc, target)


def fetch_jwks(
    address: Address,
    *,
    seconds: float = FETCH_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    context: ssl.SSLContext | None = None,
) -> list[object]:
    """Fetch a key set.

    Parameters
    ----------
    seconds
        The time limit for the whole fetch.
    clock
        Returns seconds on a monotonic clock.
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
    until = clock() + seconds

    def remaining() -> float:
        left = until - clock()
        if left <= 0:
            raise TimeoutError
        return left

    try:
        response = _get(address, remaining, context)
    except TimeoutError:
        raise KeysUnavailable(f"The JWKS did not come within {seconds:g} s.") from None
    except InvalidResponse as error:
        raise KeysUnavailable(f"The JWKS did not come in sound HTTP: {error}.") from error
    except (OSError, ValueError) as error:
        # ValueError: a name that is invalid for the resolver or for TLS.
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise KeysUnavailable(f"The JWKS could not be fetched: {cause}.") from error
    return _read_keys(response)


def _get(address: Address, remaining: Callable[[], float], context: ssl.SSLContext | None) -> Response:
    with _connect(address, remaining) as plain, _secure(plain, address, remaining, context) as connection:
        connection.sendall(_request(address))
        parser = ResponseParser(body_limit=MAX_JWKS_BYTES)
        while True:
            connection.settimeout(remaining())
            data = connection.recv(_READ_BYTES)
            response = parser.feed(data) if data else parser.finish()
            if response is not None:
                return response
            if not data:
                raise InvalidResponse("the connection closed before the answer was complete")


def _connect(address: Address, remaining: Callable[[], float]) -> socket.socket:
    failure = OSError("no address")
    for family, kind, protocol, _, where in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(remaining())
            connection.connect(where)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _secure(
    connection: socket.socket, address: Address, remaining: Callable[[], float], context: ssl.SSLContext | None
) -> socket.socket:
    connection.settimeout(remaining())
    if not address.secure:
        return connection
    return (context or ssl.create_default_context()).wrap_socket(connection, server_hostname=address.host)


def _request(address: Address) -> bytes:
    # Some issuers' web application firewalls reject requests without a User-Agent.
    return (
        f"GET {address.target} HTTP/1.1\r\nHost: {address.authority}\r\nUser-Agent: websocket-push\r\n"
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
