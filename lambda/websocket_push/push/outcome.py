"""What became of a notification, recipient by recipient."""

from websocket_push.telemetry.explain import Failure


class Outcome:
    """What became of a notification for one recipient.

    `connections` is `delivered` + `gone` + `connecting` + `failed`.

    Parameters
    ----------
    persisted
        Whether it is in the recipient's history.
    connections
        How many connections the index showed.
    delivered
        How many API Gateway took it for.
    gone
        How many turned out to be closed, or to be past their end; their rows are deleted.
    connecting
        How many API Gateway did not know yet: their handshake may still be running, so their rows stay.
    failed
        How many it could not be sent to.
    unclosed
        How many of these could not be closed either, although it is persisted: they may be open with a gap.
    untried
        How many of the failed there was no time to send to even once.
    unreadable
        How many rows of the recipient could not be read. They are passed over.
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
        "missed",
        "persisted",
        "unclosed",
        "unreadable",
        "untried",
        "user_id",
    )

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.persisted = self.missed = False
        self.connections = self.delivered = self.gone = self.connecting = 0
        self.failed = self.unclosed = self.untried = self.unreadable = 0
        self.error: Failure | None = None

    @property
    def nothing_done(self) -> bool:
        """Whether the recipient is as if the push had never been asked for."""
        return self.error is not None and not self.persisted and self.connections == 0

    @property
    def incomplete(self) -> bool:
        """Whether the recipient may miss the notification unless it is pushed again.

        A connection that failed and was closed is no such case where the notification is persisted: its client comes
        back and resumes. One that may still be open does not.
        """
        return self.error is not None and (not self.persisted or self.missed or self.unclosed > 0)
