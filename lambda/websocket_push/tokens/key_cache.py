"""What tokens are verified with, kept between invocations.

Keys come from somewhere that can be slow, down or asked too often: an issuer's JWKS, a secret store. They are fetched
when first needed and when their time is up; once more, but rarely, when a token does not fit them; and the last good
ones are kept while their source is down. How long that may last is not bounded here: Lambda ends an execution
environment, and this cache with it, every few hours (AWS Lambda developer guide, "Understanding the Lambda execution
environment lifecycle").
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Keys = TypeVar("Keys")

RENEWAL_SECONDS = 30.0
"""How far apart renewals are, so that tokens naming random keys cannot hammer the issuer."""

RETRY_SECONDS = 10.0
"""How long after a failed fetch the source is left alone."""

_NEVER = float("-inf")


class KeysUnavailable(Exception):  # noqa: N818 - named for what the log says
    """The source of the keys could not be read, or holds nothing to verify with. The text can be logged."""


class KeyCache(Generic[Keys]):
    """The keys of one source.

    Times are seconds since the epoch, one reading for each invocation. They are not from a monotonic clock: that one
    may stand still while Lambda has the execution environment frozen.

    Parameters
    ----------
    fetch : Callable[[], Keys]
        Reads the source, or raises `KeysUnavailable`.
    seconds : float
        How long fetched keys serve.
    """

    def __init__(self, fetch: Callable[[], Keys], seconds: float) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._failure: str | None = None
        self._keys: Keys | None = None
        self._fetched_at = _NEVER
        self._failed_at = _NEVER
        self._renewed_at = _NEVER

    @property
    def failure(self) -> str | None:
        """Why the latest fetch failed, while older keys serve; None if it did not, or there are none."""
        return None if self._keys is None else self._failure

    def current(self, now: float) -> Keys:
        """Return the keys, fetched again where their time is up.

        Raises
        ------
        KeysUnavailable
            None were ever fetched, and the source failed just now or moments ago.
        """
        if self._keys is None or not _within(self._seconds, self._fetched_at, now):
            self._try_fetch(now)
        if self._keys is None:
            raise KeysUnavailable(self._failure)
        return self._keys

    def renewed(self, now: float) -> Keys | None:
        """Fetch the keys again because a token did not fit them.

        Returns
        -------
        Keys or None
            None where the present ones were fetched in this invocation already, where the source was asked for this
            or failed moments ago, and where it fails now.
        """
        if self._fetched_at == now or _within(RENEWAL_SECONDS, self._renewed_at, now):
            return None
        self._renewed_at = now
        return self._keys if self._try_fetch(now) else None

    def _try_fetch(self, now: float) -> bool:
        if _within(RETRY_SECONDS, self._failed_at, now):
            return False
        try:
            self._keys = self._fetch()
        except KeysUnavailable as error:
            self._failure, self._failed_at = str(error), now
            return False
        self._failure, self._failed_at, self._fetched_at = None, _NEVER, now
        return True


def _within(seconds: float, since: float, now: float) -> bool:
    # A clock that was set back must not prolong anything.
    return 0 <= now - since < seconds
