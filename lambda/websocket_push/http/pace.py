"""How many requests may be under way at once: a decision without I/O.

API Gateway answers 429 for two reasons: the account's requests per second, which all functions and the Region's APIs
share ("API Gateway quotas"), and the send buffer of one client that does not read. The first calls for fewer requests
to the address, new ones and retries alike; the second is the business of that one connection.

So refusals are judged by how many different subjects (connections) get them. Answers are counted in rounds, each as
long as the bound. Where a quarter of a round's subjects is refused, the bound is halved; it is halved again after four
such rounds in a row in which something was accepted. A round with fewer refusals lets one more out (additive increase,
multiplicative decrease, as TCP does: RFC 5681, section 3.1), or doubles the bound if the subjects that were refused
before are refused again while the others are accepted: then it was their own buffers, and the reduction a mistake.

A refusal that has no subject, such as a throttled request to DynamoDB, concerns the whole address and halves the bound
at once.
"""

_SHARE = 4
"""One in how many subjects must be refused for a round to count against the address.

Below it the retries' own pauses are enough: they add less than a third to the requests."""

_FEWEST = 8
"""The shortest round: among fewer answers, a few full buffers would look like the account's limit."""

_BAD_ROUNDS = 4
"""How many rounds in a row must be bad for another reduction after the first one."""

_MOST_SUSPECTS = 4096
"""How many subjects are remembered as refused; beyond that all are forgotten."""


class Pace:
    """The bound on requests under way to one address.

    Parameters
    ----------
    most
        The bound while nothing is refused; at least 1.

    Attributes
    ----------
    bound
        How many may be under way now, from 1 to `most`.
    wave
        To be noted when a request goes out: the number of reductions so far. What was sent before a reduction says
        nothing about the pace after it.
    limited
        Whether the refusals of late concern the whole address, so that they say nothing about a single subject.
    watchful
        Whether accepted requests are to be noted too: a round has begun, or the bound is lower than it could be.
    """

    __slots__ = (
        "_accepted",
        "_bad_rounds",
        "_most",
        "_recovered",
        "_refused",
        "_refused_again",
        "_suspects",
        "_widest",
        "bound",
        "limited",
        "watchful",
        "wave",
    )

    def __init__(self, most: int) -> None:
        self._most = most
        self._suspects: set[str] = set()
        self._bad_rounds = 0
        self._widest = 0
        self.limited = False
        self.bound = most
        self.wave = 0
        self._begin_round()

    @property
    def slow(self) -> bool:
        """Whether the bound is lower than it could be."""
        return self.bound < self._most

    def accept(self, subject: str | None) -> None:
        """Note that a request was accepted.

        Parameters
        ----------
        subject
            What it was about, if a refusal may concern that alone.
        """
        if subject in self._suspects:
            self._suspects.remove(subject)
            self._recovered += 1
        else:
            self._accepted += 1
        self._judge()

    def refuse(self, subject: str | None, wave: int, under_way: int) -> None:
        """Note that a request was refused as one too many.

        Parameters
        ----------
        subject
            See `accept`.
        wave
            What `wave` was when it went out.
        under_way
            How many requests were under way, this one included.
        """
        known = subject in self._suspects
        if subject is not None and not known:
            if len(self._suspects) >= _MOST_SUSPECTS:
                self._suspects.clear()
            self._suspects.add(subject)
        if wave != self.wave:
            return
        self.watchful = True
        self._widest = max(self._widest, under_way)
        if subject is None:
            self._reduce()
            return
        if not known:
            self._refused.add(subject)
        elif subject not in self._refused:
            self._refused_again.add(subject)
        self._judge()

    def _judge(self) -> None:
        """Judge a round that is complete."""
        first = self._accepted + len(self._refused)
        again, recovered = len(self._refused_again), self._recovered
        answers = first + again + recovered
        if answers < max(self.bound, _FEWEST):
            return
        refused = len(self._refused)
        if first * _SHARE < answers and recovered:
            # Hardly anything but retries, some of them accepted: they have to suffice as evidence.
            first, refused = answers, refused + again
        if refused * _SHARE < first:
            self._find_good(mistaken=again > recovered)
        elif first:
            self._find_bad(total=not self._accepted and not recovered)
        else:
            self._begin_round()  # nothing but full buffers

    def _find_good(self, *, mistaken: bool) -> None:
        self._bad_rounds = 0
        self.bound = min(self._most, self.bound * 2 if mistaken else self.bound + 1)
        self.limited = self.slow and not mistaken
        self._begin_round()

    def _find_bad(self, *, total: bool) -> None:
        self.limited = True
        # Where nothing at all is accepted, fewer requests change nothing; the retries' pauses do.
        self._bad_rounds += not total
        if not self.slow or self._bad_rounds >= _BAD_ROUNDS:
            self._reduce()
        else:
            self._begin_round()

    def _reduce(self) -> None:
        self.wave += 1
        self.bound = max(1, min(self.bound, self._widest) // 2)
        self._bad_rounds = 0
        self.limited = True
        self._begin_round()

    def _begin_round(self) -> None:
        self._accepted = 0
        self._recovered = 0
        self._widest = 0
        self._refused: set[str] = set()
        self._refused_again: set[str] = set()
        self.watchful = self.slow
