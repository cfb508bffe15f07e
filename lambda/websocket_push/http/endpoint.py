"""One address of a server, and the URL that says it."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_IPV6_CHARACTERS = frozenset("0123456789abcdef:.")
_PATH_CHARACTERS = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"<>\\^`{|}?#')


class Endpoint:
    """One address, and how the server behind it is addressed.

    Attributes
    ----------
    scheme
        `"http"` or `"https"`.
    dial_host
        The name or IP address to connect to; an IPv6 address without brackets.
    port
        The port to connect to.
    host
        The Host header: with brackets around an IPv6 address, with the port where it is not the scheme's own.
    path
        What every request path begins with; may be empty.
    server_name
        The name that the server's certificate must be valid for.
    address
        What a pool of connections is kept for: scheme, `dial_host`, port. `server_name` follows from it.
    """

    __slots__ = ("address", "dial_host", "host", "path", "port", "scheme", "server_name")

    def __init__(self, scheme: str, dial_host: str, port: int, host: str, path: str) -> None:
        self.scheme = scheme
        self.dial_host = dial_host
        self.port = port
        self.host = host
        self.path = path
        self.server_name = dial_host
        self.address = (scheme, dial_host, port)


def parse_url(url: str, *, with_query: bool = False) -> Endpoint:
    """Read a URL.

    Parameters
    ----------
    url
        With the scheme http or https.
    with_query
        Whether the path may end with a query.

    Returns
    -------
    Endpoint
        Its host in lower case, its path as it is written, with the query.

    Raises
    ------
    ValueError
        Says what a URL must be, without the value.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError("must begin with https:// or http://")
    end = next((position for position, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, path = rest[:end], rest[end:]
    if not _PATH_CHARACTERS.issuperset(path.replace("?", "", 1) if with_query else path):
        allowed = "no fragment" if with_query else "no query, no fragment"
        raise ValueError(f"must end with its path: {allowed}, nothing that needs percent-encoding")
    host, port = _split_authority(authority.lower())
    dial_host = host.strip("[]")
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return Endpoint(scheme, dial_host, _DEFAULT_PORTS[scheme], host, path)
    return Endpoint(scheme, dial_host, port, f"{host}:{port}", path)


def _split_authority(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        host += bracket
        valid = bracket and ":" in host and _IPV6_CHARACTERS.issuperset(host[1:-1]) and rest[:1] in ("", ":")
        colon, digits = rest[:1], rest[1:]
    else:
        host, colon, digits = authority.partition(":")
        labels = host.removesuffix(".").split(".")
        valid = _HOST_CHARACTERS.issuperset(host) and all(0 < len(label) < 64 for label in labels)
    if not valid:
        raise ValueError("must have a host name or an IP address (IPv6 in brackets), and no user name")
    if not colon:
        return host, None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):
        raise ValueError("must have a port from 1 to 65535, or none")
    return host, int(digits)
