"""What can go wrong on a connection; :mod:`websocket_push.aws.error_mapping` turns each into an `AwsError`."""


class ConnectionLost(Exception):  # noqa: N818 - an event on a socket; AwsError is the error
    """The connection closed before the response was complete."""


class ConnectionRefused(Exception):  # noqa: N818
    """No connection could be opened.

    Attributes
    ----------
    transient
        False where another try cannot help: the server's certificate is not valid for its name.
    """

    def __init__(self, reason: str, *, transient: bool) -> None:
        super().__init__(reason)
        self.transient = transient


class Expired(Exception):  # noqa: N818
    """The time given to an attempt, or to the whole call, ran out."""


class InvalidResponse(Exception):  # noqa: N818
    """What came back is not HTTP/1.1, exceeds a limit, or is not what the API promises."""
