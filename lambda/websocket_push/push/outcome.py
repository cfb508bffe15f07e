"""The outcome of a push, for each recipient."""

from collections.abc import MutableSequence

from websocket_push.aws.errors import AwsError
from websocket_push.tables.clients import Connection
from websocket_push.telemetry.explain import Failure, explain


class Outcome:
    """The outcome of a push for one recipient.

    `connections` is `delivered` + `gone` + `connecting` + `failed`.

    Parameters
    ----------
    persisted
        Whether it is in the recipient's history.
    connections
        How many connections are in the index.
    delivered
        For how many of them API Gateway accepted it.
    gone
        How many were found to be closed or expired; their rows are deleted.
    connecting
        How many API Gateway did not know yet: their handshake may still be in progress, so their rows are kept.
    failed
        To how many it could not be sent.
    unclosed
        How many of these could not be closed either, although it is persisted: they may stay open with a gap.
    left
        Which ones these are, where that is wanted, or the last of them; None counts them only.
    untried
        How many of the failed ones were not tried even once because time ran out.
    unreadable
        How many rows of the recipient are malformed. They are skipped.
    superseded
        Whether a later notification had taken its place when it arrived, so that it is stored as such and not sent.
    missed
        Whether some of the recipient's connections could not be looked up.
    error
        Why something failed: the code and an explanation. None if nothing did.
    """

    __slots__ = (
        "connecting",
        "connections",
        "delivered",
        "error",
        "failed",
        "gone",
        "left",
        "missed",
        "persisted",
        "superseded",
        "unclosed",
        "unreadable",
        "untried",
        "user_id",
    )

    def __init__(self, user_id: str, *, persisted: bool = False) -> None:
        self.user_id = user_id
        self.persisted = persisted
        self.missed = self.superseded = False
        self.connections = self.delivered = self.gone = self.connecting = 0
        self.failed = self.unclosed = self.untried = self.unreadable = 0
        self.error: Failure | None = None
        self.left: MutableSequence[Connection] | None = None

    def leave(self, connection: Connection) -> None:
        """Count a connection that could be neither sent to nor closed, if it misses what is persisted."""
        if self.persisted:
            self.unclosed += 1
            if self.left is not None:
                self.left.append(connection)

    def fail(self, error: Exception) -> None:
        """Count a connection that could not be sent to."""
        self.failed += 1
        self.untried += isinstance(error, AwsError) and error.code == "DeadlineExceeded" and not error.attempts
        self.error = self.error or explain(error)

    @property
    def nothing_done(self) -> bool:
        """Whether nothing was done for the recipient."""
        return self.error is not None and not self.persisted and self.connections == 0

    @property
    def incomplete(self) -> bool:
        """Whether the recipient may miss the notification unless it is pushed again.

        If the notification is persisted, a connection that failed and was closed does not count: its client reconnects
        and resumes. The client of a connection that may still be open does not.
        """
        return self.error is not None and (not self.persisted or self.missed or self.unclosed > 0)
