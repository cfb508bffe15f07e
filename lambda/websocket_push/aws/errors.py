"""The one error that callers of this package see; :mod:`websocket_push.aws.error_mapping` makes it of all others."""


class AwsError(Exception):
    """A call to AWS that failed permanently, or could not be retried in time.

    The text names the operation, the code and the status. It never holds a request or response body, a token or a
    credential, so it can be logged.

    Attributes
    ----------
    code
        AWS's error code without its namespace (`"ConditionalCheckFailedException"`), the HTTP status as text where
        AWS sent no code (`"503"`), or one of `"Timeout"`, `"ConnectionFailed"`, `"InvalidResponse"`,
        `"DeadlineExceeded"`, `"MissingCredentials"`, `"InvalidConfiguration"`.
    status
        The HTTP status, where a response came.
    attempts
        How many requests were sent.
    transient
        True where the same call may succeed later: the retries or the deadline ran out. False where AWS, or the
        configuration, said no.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        attempts: int = 0,
        transient: bool = False,
        operation: str = "",
        detail: str = "",
    ) -> None:
        facts = [] if status is None else [f"HTTP {status}"]
        if attempts:
            facts.append("1 attempt" if attempts == 1 else f"{attempts} attempts")
        text = f"{operation}: {code}" if operation else code
        if facts:
            text += f" ({', '.join(facts)})"
        super().__init__(f"{text}: {detail}" if detail else text)
        self.code = code
        self.status = status
        self.attempts = attempts
        self.transient = transient
