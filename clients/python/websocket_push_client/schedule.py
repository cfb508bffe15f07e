"""When to do what. Nothing here reads a clock; all times are in seconds."""

from typing import Any, Literal, NamedTuple

CONNECTION_LIFE = 2 * 60 * 60.0
"""How long API Gateway lets a connection live at most."""

_LONGEST_LEAD = 2 * 60.0
_LEAD_SHARE = 0.2
_POLL_SECONDS = 4 * 60.0
_PING_SECONDS = 5 * 60.0
_PING_LIMIT = 9 * 60.0


class Keepalive(NamedTuple):
    """What keeps a connection alive, and after how long."""

    action: Literal["poll", "ping"]
    delay: float


def retry_delay(failures: int, random: float, base: float, cap: float) -> float:
    """Return how long to wait before the next attempt: full jitter below a bound that doubles with every failure."""
    return random * min(cap, base * 2.0 ** min(failures, 30))


def replacement_delay(expires_at: float | None, opened_at: float, now: float, random: float) -> float:
    """Return when to open the connection that replaces this one: ahead of its end, by two minutes at most.

    A session that seems to be over already is the sign of a wrong clock: then only what API Gateway allows counts.
    """
    known = expires_at is not None and expires_at > now
    life = min(expires_at - opened_at, CONNECTION_LIFE) if known and expires_at is not None else CONNECTION_LIFE
    lead = min(_LONGEST_LEAD, life * _LEAD_SHARE) * (1 - random / 2)
    return max(opened_at + life - lead - now, 0.0)


def keepalive(session: Any, random: float) -> Keepalive:
    """Return what the session asks for, less up to a fifth; polls for a server that does not say: they close gaps."""
    asked = session.get("keepalive") if isinstance(session, dict) else None
    asked = asked if isinstance(asked, dict) else {}
    seconds = asked.get("seconds")
    every = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0 else None
    if asked.get("action") == "ping":
        return Keepalive("ping", min(every or _PING_SECONDS, _PING_LIMIT) * (1 - random / 5))
    return Keepalive("poll", min(every or _POLL_SECONDS, _POLL_SECONDS) * (1 - random / 5))
