"""How many requests may be under way at once: a decision without I/O.

API Gateway refuses with 429 what exceeds the account's requests per second, which all functions and regions' APIs share
("API Gateway quotas"). One request that waits and comes again does not help while all others go on as before. So where
one is refused, all that go to the same address become fewer together: half as many, and again half for as long as
requests are refused; and one more for each round that is not (additive increase, multiplicative decrease, as TCP does:
RFC 5681, section 3.1).
"""


class Pace:
    """The bound on requests under way to one address.

    Parameters
    ----------
    most : int
        The bound while nothing is refused; at least 1.

    Attributes
    ----------
    bound : int
        How many may be under way now, from 1 to `most`.
    wave : int
        To be noted when a request goes out: the number of reductions so far. What was sent before a reduction says
        nothing about the pace after it.
    """

    __slots__ = ("_most", "_taken", "bound", "wave")

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self.bound = most
        self.wave = 0

    @property
    def slow(self) -> bool:
        """Whether the bound is lower than it could be."""
        return self.bound < self._most

    def take(self) -> None:
        """Note that a request was taken."""
        self._taken += 1
        if self._taken >= self.bound:
            self._taken = 0
            self.bound = min(self._most, self.bound + 1)

    def refuse(self, wave: int, under_way: int) -> None:
        """Note that a request was refused as one too many.

        Parameters
        ----------
        wave : int
            What `wave` was when it went out.
        under_way : int
            How many requests were under way, this one included.
        """
        if wave != self.wave:
            return
        self.wave += 1
        self._taken = 0
        self.bound = max(1, min(self.bound, under_way) // 2)
