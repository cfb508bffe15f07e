"""The handshake of a connection: headers, query parameters, origin and subprotocols.

The events of `$connect` and of its authorizer contain them in the same form, in maps of lists and in plain maps. The
lists have every value; a plain map has the last value of each name and is used only if there are no lists.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from websocket_push.protocol.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.lambda_events import Event

BEARER = "bearer"
"""The subprotocol after which a token follows: `new WebSocket(url, ["bearer", token])`."""

SELF = "self"
"""The entry of the allowed origins that stands for the API's own host."""

# A token of HTTP (RFC 9110 section 5.6.2). The shortest signed JSON Web Token has 68 characters, registered names of
# subprotocols have fewer than 50.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"

_JWT_START = "eyJ"
"""The start of every JSON Web Token header: `{"` in base64url."""


def header_values(event: "Event", name: str) -> list[str]:
    """Return the values of a header, by its name in lower case; clients write names in any case."""
    return _values(event, "multiValueHeaders", "headers", lambda key: key.lower() == name)


def query_values(event: "Event", name: str) -> list[str]:
    """Return the values of a query parameter."""
    return _values(event, "multiValueQueryStringParameters", "queryStringParameters", lambda key: key == name)


def offered_subprotocols(event: "Event") -> list[str]:
    """Return the subprotocols that the client offers, in its order; repeated lines are one list (RFC 6455 11.3.4)."""
    lines = header_values(event, "sec-websocket-protocol")
    return [name for line in lines for name in (each.strip() for each in line.split(",")) if name]


def presented_tokens(event: "Event") -> list[str]:
    """Return the tokens that the client sends, from all the places for one."""
    authorizations = (_bearer_token(value) for value in header_values(event, "authorization"))
    found = [*authorizations, *query_values(event, "token"), *_offered_tokens(event, lambda name: name == BEARER)]
    return [token for token in found if token]


def chosen_subprotocol(event: "Event") -> str | None:
    """Return the subprotocol to select: one that the client offers, or None.

    A browser that offers subprotocols ends the connection unless one of them is chosen (WHATWG WebSockets standard,
    "Establish a WebSocket connection"). Which one does not matter here: it is `bearer`, or else the first valid name. A
    token is never sent back, wherever it is among the names.
    """
    offered = offered_subprotocols(event)
    if BEARER in offered:
        return BEARER
    tokens = {*presented_tokens(event), *_offered_tokens(event, lambda name: name.lower() == BEARER)}
    return next((name for name in offered if _is_name(name) and name not in tokens), None)


def require_allowed_origin(event: "Event", allowed_origins: Sequence[str]) -> None:
    """Raise `ORIGIN_NOT_ALLOWED` for a browser on a page of another origin; an empty list allows all.

    A browser sends `Origin` with every handshake (RFC 6455 section 10.2) and its pages cannot change it. A client
    without it is not a browser, so no page of another site can have caused the request. Some native clients send the
    host that they connect to; `SELF` in the list allows it.
    """
    if not allowed_origins:
        return
    allowed = {*allowed_origins} - {SELF}
    if SELF in allowed_origins:
        allowed |= _own_origins(event)
    if not allowed.issuperset(header_values(event, "origin")):
        raise RequestError("ORIGIN_NOT_ALLOWED", "Connections from this origin are not allowed.")


def _own_origins(event: "Event") -> set[str]:
    # An execute-api host serves no pages, and a custom domain of a WebSocket API serves nothing else.
    host = event["requestContext"]["domainName"]
    return {f"{scheme}://{host}{port}" for scheme in ("https", "wss") for port in ("", ":443")}


def _bearer_token(value: str) -> str:
    # The scheme is case-insensitive (RFC 9110 section 11.1); with another scheme the value is not a token.
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == BEARER else ""


def _offered_tokens(event: "Event", announces: Callable[[str], bool]) -> list[str]:
    return [token for name, token in pairwise(offered_subprotocols(event)) if announces(name)]


def _is_name(text: str) -> bool:
    return re.fullmatch(_NAME, text) is not None and not text.startswith(_JWT_START)


def _values(event: "Event", lists: str, plain: str, wanted: Callable[[str], bool]) -> list[str]:
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
