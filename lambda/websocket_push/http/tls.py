"""The TLS settings of a client."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext


class ClientTls:
    """A context that verifies the server's certificate and name.

    Parameters
    ----------
    context
        With the authorities that are loaded by now.
    path
        The PEM file of all authorities; None for Python's own defaults.
    partial
        Whether some of them have not been loaded.

    Attributes
    ----------
    context, partial
        As above.
    """

    __slots__ = ("_path", "context", "partial")

    def __init__(self, context: "SSLContext", path: str | None, *, partial: bool) -> None:
        self.context = context
        self._path = path
        self.partial = partial

    def complete(self) -> None:
        """Load the authorities that have not been."""
        if not self.partial:
            return
        self.partial = False
        try:
            if self._path is None:
                self.context.load_default_certs()
            else:
                self.context.load_verify_locations(cafile=self._path)
        except OSError:
            # It could be read a moment ago. Without it the server cannot be verified, which is reported.
            return
