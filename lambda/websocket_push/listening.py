"""Who listens to which topics: what a connection may listen to, and how it begins and ends."""

from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from websocket_push.protocol.errors import RequestError, unknown_connection
from websocket_push.protocol.topics import Grants, parse_grants
from websocket_push.tables.subscriptions import Subscriptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from websocket_push.protocol.error_codes import ErrorCode
    from websocket_push.protocol.lambda_events import Event

    Refused: TypeAlias = tuple[tuple[str, ErrorCode], ...]

ATTEMPTS = 3
"""How often a subscription is tried if others of the same connection interfere."""


class Subscribed(NamedTuple):
    """The outcome of a message about topics.

    Parameters
    ----------
    topics
        What the connection listens to now.
    refused
        The topics that it asked for and does not listen to, each with the reason.
    """

    topics: Set[str]
    refused: "Refused" = ()


def granted(event: "Event", *, allow_anonymous: bool) -> Grants:
    """Return which topics the connection that a message came over may listen to.

    An authorizer lists them in its context, which API Gateway passes on with every message. Where anonymous connections
    are allowed, for trials, a client can take any user id, so it may listen to everything.
    """
    authorizer = event["requestContext"].get("authorizer")
    if authorizer is None:
        return Grants(everything=allow_anonymous)
    return parse_grants(str(authorizer.get("topics") or ""))


async def subscribe(
    subscriptions: Subscriptions,
    connection_id: str,
    wanted: Sequence[str],
    grants: Grants,
    *,
    most: int,
    now_milliseconds: Callable[[], int],
    deadline: float,
) -> Subscribed:
    """Subscribe a connection to topics, as far as it may.

    Parameters
    ----------
    most
        How many topics a connection may have.

    Raises
    ------
    RequestError
        `UNKNOWN_CONNECTION`; no row is then left behind. `UNAVAILABLE` if concurrent messages of the same connection
        interfere again and again.
    """
    written: list[str] = []
    for _ in range(ATTEMPTS):
        listener = await subscriptions.find(connection_id, deadline=deadline)
        if listener is None:
            await subscriptions.delete(connection_id, written, deadline=deadline)
            raise unknown_connection()
        accepted, refused = choose(wanted, listener.topics, grants, most=most)
        if not accepted:
            return Subscribed(listener.topics, refused)
        added = [topic for topic in accepted if topic not in listener.topics]
        # Those that it has are written too: even if their rows were lost, the client can rely on the reply.
        written = accepted
        await subscriptions.write(listener.connection, accepted, deadline=deadline)
        topics = await subscriptions.list_also(
            connection_id,
            accepted,
            # Where nothing is added, it may have more than there may be now: the limit was lowered.
            room=max(most - len(added), len(listener.topics)),
            removals=listener.removals,
            now=now_milliseconds(),
            deadline=deadline,
        )
        if topics is not None:
            return Subscribed(topics, refused)
        # The connection has ended meanwhile, or others have taken the room, or removed topics.
        await subscriptions.delete(connection_id, added, deadline=deadline)
    raise RequestError("UNAVAILABLE", "Other messages of this connection were in the way. Send it again.")


async def unsubscribe(
    subscriptions: Subscriptions, connection_id: str, unwanted: Sequence[str], *, deadline: float
) -> Subscribed:
    """Unsubscribe a connection from topics, whether it was subscribed or not.

    Raises
    ------
    RequestError
        `UNKNOWN_CONNECTION`.
    """
    await subscriptions.delete(connection_id, unwanted, deadline=deadline)
    topics = await subscriptions.list_no_more(connection_id, unwanted, deadline=deadline)
    if topics is None:
        raise unknown_connection()
    return Subscribed(topics)


def choose(wanted: Sequence[str], has: Set[str], grants: Grants, *, most: int) -> "tuple[list[str], Refused]":
    """Split the requested topics into those that can be granted, in their order, and those that cannot."""
    accepted: list[str] = []
    refused: list[tuple[str, ErrorCode]] = []
    room = most - len(has)
    for topic in wanted:
        if not grants.allow(topic):
            refused.append((topic, "TOPIC_NOT_ALLOWED"))
        elif topic in has:
            accepted.append(topic)
        elif room > 0:
            accepted.append(topic)
            room -= 1
        else:
            refused.append((topic, "TOO_MANY_TOPICS"))
    return accepted, tuple(refused)
