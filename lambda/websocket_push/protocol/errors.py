"""The one exception that carries an error of the closed list (`error_codes`)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.protocol.error_codes import ErrorCode


class RequestError(Exception):
    """A request that fails with an error of the closed list.

    Parameters
    ----------
    code
        What went wrong, for programs.
    message
        What to change, for people. Never contains a token or a notification's content.
    retry_after
        After how many seconds to try again; None where that is not known.
    """

    def __init__(self, code: "ErrorCode", message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


def unknown_connection() -> RequestError:
    """Return the error for a connection whose row is gone."""
    return RequestError("UNKNOWN_CONNECTION", "This connection is no longer registered. Connect again.")
