"""A cache of the keys that verify tokens, kept between invocations.

The source of the keys, an issuer's JWKS or a secret store, can be slow, down or rate limited. Keys are fetched when
first needed and when they expire; again, at a limited rate, when a token does not match them; and the last good keys
are used while the source is down. There is no bound on that time here: Lambda ends an execution environment, and this
cache with it, every few hours (AWS Lambda developer guide, "Understanding the Lambda execution environment lifecycle").
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Keys = TypeVar("Keys")

RENEWAL_SECONDS = 30.0
"""The minimum time between renewals, so that tokens with random key ids cannot overload the issuer."""

RETRY_SECONDS = 10.0
"""How long to wait after a failed fetch."""

_NEVER = float("-inf")


class KeysUnavailable(Exception):  # noqa: N818 - named after the text in the log
    """The source of the keys could not be read, or contains no usable key. The text can be logged."""


class KeyCache(Generic[Keys]):
    """The keys of one source.

    Times are seconds since the epoch, read once for each invocation. They are not from a monotonic clock, which may
    stop while Lambda freezes the execution environment.

    Parameters
    ----------
    fetch
        Reads the source, or raises `KeysUnavailable`.
    seconds
        How long fetched keys are used.
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
        """Why the latest fetch failed, while older keys are used; None if it succeeded, or there are no keys."""
        return None if self._keys is None else self._failure

    def current(self, now: float) -> Keys:
        """Return the keys, fetched again if they have expired.

        Raises
        ------
        KeysUnavailable
            If no keys were ever fetched, and the source failed now or a moment ago.
        """
        if self._keys is None or not _within(self._seconds, self._fetched_at, now):
            self._try_fetch(now)
        if self._keys is None:
            raise KeysUnavailable(self._failure)
        return self._keys

    def renewed(self, now: float) -> Keys | None:
        """Fetch the keys again because a token did not match them.

        Returns
        -------
        Keys or None
            None if the current keys were already fetched in this invocation, if the source was renewed or failed a
            moment ago, or if it fails now.
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
    # A clock that was set back must not extend any period.
    return 0 <= now - since < seconds
