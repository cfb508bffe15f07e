"""What goes wrong, by code: those of the browser client and those of the protocol."""

CODES = (
    "TOKEN",
    "SOCKET",
    "STORE",
    "POSITION",
    "UNREADABLE_FRAME",
    "GATEWAY",
    "FRAME_TOO_LARGE",
    "FRAME_REFUSED",
    "INVALID_CONTENT",
    "TIMEOUT",
    "CONNECTION_LOST",
    "NOT_CONNECTED",
    "CLOSED",
)
"""The client's own codes, a closed list; all others are the server's."""


class PushError(Exception):
    """An error with a code.

    Parameters
    ----------
    code
        One of `CODES`, or the server's.
    message
        What happened, for people. It holds no token, no address and no content.
    retry_after
        With RATE_LIMITED: after how many seconds to try again.
    cause
        What was raised, as `__cause__`.
    """

    def __init__(
        self, code: str, message: str, *, retry_after: float | None = None, cause: BaseException | None = None
    ) -> None:
        super().__init__(message)
        self.__cause__ = cause
        self.code = code
        self.retry_after = retry_after
