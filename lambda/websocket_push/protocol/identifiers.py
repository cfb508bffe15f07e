"""Notification ids: UUIDv7 (RFC 9562 section 5.7), so that ids sort by time."""

import time

_GROUPS = [8, 4, 4, 4, 12]
_HEXADECIMAL = "0123456789abcdef"

RANDOM_BYTES = 8
"""How many random bytes a new id needs."""

_NANOSECONDS_PER_MILLISECOND = 1_000_000

MAX_AHEAD_MILLISECONDS = 60_000
"""How far ahead of the clock an id from outside may lie, because the clock that made it may be fast.

A client resumes after the last id that it has seen. An id in the future would hide everything that is pushed until
then.
"""


def new_notification_id(unix_nanoseconds: int, random: bytes) -> str:
    """Make an id for a notification accepted at a given time.

    The 12 bits after the version hold the fraction of the millisecond (RFC 9562 section 6.2, method 3), so that ids
    made in sequence by one process keep their order down to a quarter of a microsecond.

    Parameters
    ----------
    unix_nanoseconds
        Time since the epoch, not negative.
    random
        `RANDOM_BYTES` bytes; the variant replaces two of their bits.
    """
    milliseconds, remainder = divmod(unix_nanoseconds, _NANOSECONDS_PER_MILLISECOND)
    fraction = remainder * 4096 // _NANOSECONDS_PER_MILLISECOND
    return _format(milliseconds, fraction, int.from_bytes(random, "big"))


def derived_notification_id(unix_milliseconds: int, digest: bytes) -> str:
    """Make the id of a notification from its message: the same time and digest result in the same id.

    Parameters
    ----------
    unix_milliseconds
        When it was sent, since the epoch, below 2^48.
    digest
        At least ten bytes of a hash that distinguishes it from others of that millisecond; they replace the fraction
        and the random bits.
    """
    return _format(unix_milliseconds, int.from_bytes(digest[:2], "big") >> 4, int.from_bytes(digest[2:10], "big"))


def earliest_id_at(unix_milliseconds: int) -> str:
    """Return the lowest id that a notification of this millisecond can have; times before the epoch count as 0."""
    return _format(max(unix_milliseconds, 0), 0, 0)


def parse_notification_id(value: object) -> str | None:
    """Return the id in its canonical lower-case form, or None if the value is not a UUIDv7.

    RFC 9562 section 4 requires accepting upper case on input; the table's key order needs one case.
    """
    if not isinstance(value, str):
        return None
    lowered = value.lower()
    groups = lowered.split("-")
    # Not by a regular expression: to compile one takes longer than anything else in a poll.
    if [len(each) for each in groups] != _GROUPS or "".join(groups).strip(_HEXADECIMAL):
        return None
    return lowered if groups[2][0] == "7" and groups[3][0] in "89ab" else None


def milliseconds_of(notification_id: str) -> int:
    """Return the time in a canonical id, in milliseconds since the epoch."""
    return int(notification_id[:8] + notification_id[9:13], 16)


LATEST_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999, since the epoch: RFC 3339 has no later time."""


def rfc_3339(unix_milliseconds: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds, as in 2026-01-31T12:00:00.000Z."""
    seconds, milliseconds = divmod(unix_milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def _format(milliseconds: int, fraction: int, random: int) -> str:
    digits = f"{milliseconds:012x}7{fraction:03x}{random & 0x3FFF_FFFF_FFFF_FFFF | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
