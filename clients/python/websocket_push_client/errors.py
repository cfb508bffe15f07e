"""What goes wrong, by code: those of the browser client and those of the protocol."""


class PushError(Exception):
    """An error with a code.

    Parameters
    ----------
    code
        The client's own, as its README lists them, or the server's.
    message
        What happened, for people.
    retry_after
        With RATE_LIMITED: after how many seconds to try again.
    """

    def __init__(self, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
