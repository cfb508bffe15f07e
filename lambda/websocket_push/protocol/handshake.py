"""What the handshake of a connection says: headers, query parameters, origin and subprotocols.

The events of `$connect` and of its authorizer hold it alike, in maps of lists and in plain maps. The lists have every
value; a plain map has the last one of each name and serves where there is no other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from websocket_push.protocol.errors import ErrorCode, RequestError

Event = Mapping[str, Any]

BEARER = "bearer"
"""The subprotocol after which a token follows: `new WebSocket(url, ["bearer", token])`."""


def header_values(event: Event, name: str) -> list[str]:
    """Give the values of a header, by its name in lower case; clients write names in any case."""
    return _values(event, "multiValueHeaders", "headers", lambda key: key.lower() == name)


def query_values(event: Event, name: str) -> list[str]:
    """Give the values of a query parameter."""
    return _values(event, "multiValueQueryStringParameters", "queryStringParameters", lambda key: key == name)


def offered_subprotocols(event: Event) -> list[str]:
    """Give the subprotocols that the client offers, in its order; repeated lines are one list (RFC 6455 11.3.4)."""
    return [each.strip() for line in header_values(event, "sec-websocket-protocol") for each in line.split(",")]


def chosen_subprotocol(event: Event) -> str | None:
    """Give the subprotocol to answer with, or None.

    A browser that offers subprotocols ends the connection unless one of them is chosen (WHATWG WebSockets standard,
    "Establish a WebSocket connection"). Of `bearer, <token>` the token must not be sent back.
    """
    return BEARER if BEARER in offered_subprotocols(event) else None


def require_allowed_origin(event: Event, allowed_origins: Sequence[str]) -> None:
    """Raise `ORIGIN_NOT_ALLOWED` for a browser that comes from a page elsewhere; an empty list allows all.

    A browser sends `Origin` with every handshake (RFC 6455 section 10.2) and its pages cannot change it. What sends
    none is no browser, so it cannot have been led here by another site's page.
    """
    if allowed_origins and any(origin not in allowed_origins for origin in header_values(event, "origin")):
        raise RequestError(ErrorCode.ORIGIN_NOT_ALLOWED, "Connections from this origin are not allowed.")


def _values(event: Event, lists: str, plain: str, wanted: Callable[[str], bool]) -> list[str]:
    for member in (lists, plain):
        entries = event.get(member)
        if not isinstance(entries, Mapping):
            continue
        values = [text for key, value in entries.items() if wanted(key) for text in _texts(value)]
        if values:
            return values
    return []


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
