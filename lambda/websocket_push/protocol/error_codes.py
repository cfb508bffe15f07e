"""The closed list of error codes, for the type checker and the tests: in the functions a code is a plain string."""

from typing import Literal, TypeAlias, get_args

ErrorCode: TypeAlias = Literal[
    # Refused before anything is written or sent.
    "INVALID_REQUEST",
    "INVALID_REQUEST_ID",
    "UNKNOWN_ACTION",
    "UNKNOWN_FIELD",
    "INVALID_RECIPIENT",
    "INVALID_USER_ID",
    "INVALID_TOPIC",
    "TOPICS_DISABLED",
    "MISSING_CONTENT",
    "INVALID_CONTENT",
    "CONTENT_TOO_LARGE",
    "INVALID_PERSIST",
    "INVALID_TTL",
    "INVALID_ID",
    "INVALID_ON_FAILURE",
    "INVALID_RANGE",
    "INVALID_LIMIT",
    "INVALID_CONNECTION_ID",
    "INVALID_REASON",
    "INVALID_RECONNECT",
    "INVALID_TOKEN_ID",
    "INVALID_ISSUED_BEFORE",
    "INVALID_MARK",
    "INVALID_REPLACEMENT",
    "INBOX_DISABLED",
    # Not allowed for this connection.
    "ORIGIN_NOT_ALLOWED",
    "MISSING_USER_ID",
    "PUSH_NOT_ALLOWED",
    "TOPIC_NOT_ALLOWED",
    "TOO_MANY_TOPICS",
    "UNKNOWN_CONNECTION",
    "TOKEN_EXPIRED",
    "TOKEN_REVOKED",
    "CONNECTION_LIMIT",
    "RATE_LIMITED",
    # Connections refused by verify-jwt, which also uses TOKEN_EXPIRED. The client sees a status, the log has the code.
    "MISSING_TOKEN",
    "AMBIGUOUS_TOKEN",
    "TOKEN_TOO_LARGE",
    "MALFORMED_TOKEN",
    "ALGORITHM_NOT_ALLOWED",
    "UNKNOWN_KEY",
    "UNUSABLE_KEY",
    "INVALID_SIGNATURE",
    "INVALID_TOKEN_TYPE",
    "MISSING_CLAIM",
    "INVALID_CLAIM",
    "TOKEN_NOT_YET_VALID",
    "INVALID_ISSUER",
    "INVALID_AUDIENCE",
    "KEYS_UNAVAILABLE",
    # A valid request that could not be carried out.
    "INCOMPLETE",
    "UNAVAILABLE",
    "AWS_REFUSED",
    "INTERNAL",
]
"""Every error code of replies, reports and log lines. docs/protocol.md explains each."""

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)
