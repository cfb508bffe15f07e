"""What a poll returns about the user's inbox: the state, read before the page, and the count, read concurrently."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.history import Page
from websocket_push.http.blocking import together
from websocket_push.protocol.inbox import Unread, state_member
from websocket_push.tables.inboxes import Inboxes

LARGEST_COUNT = Unread(100, "0" * 36)


async def read_with_inbox(
    read_page: Callable[[int], Coroutine[Any, Any, Page]],
    dynamodb: DynamoDB,
    table: str,
    user_id: str,
    *,
    page_bytes: int,
    now: int,
    deadline: float,
) -> tuple[Page, str]:
    """Read a page and the state of the user's inbox, as JSON text.

    The notifications leave room for the state. Where one is too large for that, it comes without the state, which the
    next page or poll has.

    Parameters
    ----------
    read_page
        Reads the page, given how many bytes its notifications may have.
    page_bytes
        How many bytes both may have.
    now
        Seconds since the epoch.
    """
    inboxes = Inboxes(dynamodb, table)
    state, version = await inboxes.find(user_id, deadline=deadline)
    reserved = len(state_member(state, version, LARGEST_COUNT)) + len(',"state":')
    answers = await together(
        cast(Coroutine[Any, Any, object], read_page(page_bytes - reserved)),
        inboxes.count(user_id, state, now=now, deadline=deadline),
    )
    page, unread = cast(tuple[Page, Unread], tuple(answers))
    fits = sum(len(text.encode()) + 1 for text in (*page.texts, *page.recalls)) <= page_bytes - reserved
    return page, state_member(state, version, unread) if fits else ""
