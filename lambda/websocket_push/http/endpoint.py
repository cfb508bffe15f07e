"""One address of a server."""


class Endpoint:
    """One address, and how the server behind it is addressed.

    Attributes
    ----------
    scheme : str
        `"http"` or `"https"`.
    dial_host : str
        The name or IP address to connect to; an IPv6 address without brackets.
    port : int
        The port to connect to.
    host : str
        The Host header: with brackets around an IPv6 address, with the port where it is not the scheme's own.
    path : str
        What every request path begins with, without a slash at its end; may be empty.
    server_name : str
        The name that the server's certificate must be valid for.
    address : tuple[str, str, int]
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
