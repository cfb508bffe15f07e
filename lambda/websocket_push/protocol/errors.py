"""The closed list of error codes, and the one exception that carries them."""

from enum import StrEnum

# ruff: noqa: S105 - the codes that begin or end with TOKEN are no passwords.


class ErrorCode(StrEnum):
    """Every error code of replies, reports and log lines. docs/protocol.md explains each."""

    # Refused before anything is written or sent.
    INVALID_REQUEST = "INVALID_REQUEST"
    INVALID_REQUEST_ID = "INVALID_REQUEST_ID"
    UNKNOWN_ACTION = "UNKNOWN_ACTION"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    INVALID_RECIPIENT = "INVALID_RECIPIENT"
    INVALID_USER_ID = "INVALID_USER_ID"
    INVALID_TOPIC = "INVALID_TOPIC"
    TOPICS_DISABLED = "TOPICS_DISABLED"
    MISSING_CONTENT = "MISSING_CONTENT"
    INVALID_CONTENT = "INVALID_CONTENT"
    CONTENT_TOO_LARGE = "CONTENT_TOO_LARGE"
    INVALID_PERSIST = "INVALID_PERSIST"
    INVALID_TTL = "INVALID_TTL"
    INVALID_ID = "INVALID_ID"
    INVALID_ON_FAILURE = "INVALID_ON_FAILURE"
    INVALID_RANGE = "INVALID_RANGE"
    INVALID_LIMIT = "INVALID_LIMIT"
    INVALID_CONNECTION_ID = "INVALID_CONNECTION_ID"
    INVALID_REASON = "INVALID_REASON"
    INVALID_RECONNECT = "INVALID_RECONNECT"
    INVALID_TOKEN_ID = "INVALID_TOKEN_ID"
    INVALID_ISSUED_BEFORE = "INVALID_ISSUED_BEFORE"
    INVALID_MARK = "INVALID_MARK"
    INVALID_REPLACEMENT = "INVALID_REPLACEMENT"
    INBOX_DISABLED = "INBOX_DISABLED"

    # Not allowed for this connection.
    ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
    MISSING_USER_ID = "MISSING_USER_ID"
    PUSH_NOT_ALLOWED = "PUSH_NOT_ALLOWED"
    TOPIC_NOT_ALLOWED = "TOPIC_NOT_ALLOWED"
    TOO_MANY_TOPICS = "TOO_MANY_TOPICS"
    UNKNOWN_CONNECTION = "UNKNOWN_CONNECTION"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    TOKEN_REVOKED = "TOKEN_REVOKED"
    CONNECTION_LIMIT = "CONNECTION_LIMIT"
    RATE_LIMITED = "RATE_LIMITED"

    # Connections refused by verify-jwt, which also uses TOKEN_EXPIRED. The client sees a status, the log has the code.
    MISSING_TOKEN = "MISSING_TOKEN"
    AMBIGUOUS_TOKEN = "AMBIGUOUS_TOKEN"
    TOKEN_TOO_LARGE = "TOKEN_TOO_LARGE"
    MALFORMED_TOKEN = "MALFORMED_TOKEN"
    ALGORITHM_NOT_ALLOWED = "ALGORITHM_NOT_ALLOWED"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    UNUSABLE_KEY = "UNUSABLE_KEY"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    INVALID_TOKEN_TYPE = "INVALID_TOKEN_TYPE"
    MISSING_CLAIM = "MISSING_CLAIM"
    INVALID_CLAIM = "INVALID_CLAIM"
    TOKEN_NOT_YET_VALID = "TOKEN_NOT_YET_VALID"
    INVALID_ISSUER = "INVALID_ISSUER"
    INVALID_AUDIENCE = "INVALID_AUDIENCE"
    KEYS_UNAVAILABLE = "KEYS_UNAVAILABLE"

    # A valid request that could not be carried out.
    INCOMPLETE = "INCOMPLETE"
    UNAVAILABLE = "UNAVAILABLE"
    AWS_REFUSED = "AWS_REFUSED"
    INTERNAL = "INTERNAL"


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

    def __init__(self, code: ErrorCode, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
