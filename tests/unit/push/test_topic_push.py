"""Which topics have few enough connections to be sent to at once, and how the others are passed on."""

import asyncio
import json
from typing import cast

import pytest

from tests import virtual
from websocket_push.aws.errors import AwsError
from websocket_push.aws.queue import Queue
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.push.posting import Clocks
from websocket_push.push.topic_push import Topics
from websocket_push.tables.audience import Audience, AudiencePage, Share
from websocket_push.tables.clients import Connection
from websocket_push.tables.notifications import Notification


class Listeners:
    """A topic's connections. Where a page is full, DynamoDB names the last row even if none follows."""

    def __init__(self, count: int, unreadable: int) -> None:
        self.count = count
        self.unreadable = unreadable

    async def page(self, share: Share, after: str, *, rows: int, deadline: float) -> AudiencePage:
        found = [Connection(str(number), "", 1, 2) for number in range(min(rows - self.unreadable, self.count))]
        full = len(found) + self.unreadable == rows
        return AudiencePage(found, self.unreadable, found[-1].connection_id if full else None)


@pytest.mark.parametrize(
    ("count", "unreadable", "few"),
    # With a row that cannot be read, what follows the page is unknown.
    [(0, 0, True), (2, 0, True), (3, 0, True), (4, 0, False), (5, 0, False), (2, 1, True), (3, 1, False)],
)
def test_up_to_the_bound_connections_are_few(count: int, unreadable: int, few: bool) -> None:
    topics = Topics(cast(Audience, Listeners(count, unreadable)), cast(Queue, None), segments=1, immediate=3)
    found = asyncio.run(topics._few("org/7", deadline=1e9))
    assert (None if found is None else (len(found[0]), found[1])) == ((count, unreadable) if few else None)


def test_where_a_segment_is_not_taken_the_others_are_passed_on_before_it_is_said() -> None:
    class Refusing:
        """Takes no first segment, and the others only a while after."""

        def __init__(self) -> None:
            self.taken: list[int] = []

        async def send(self, body: str, *, deadline: float) -> None:
            part = json.loads(body)["segment"]
            if part == 0:
                raise AwsError("AccessDenied", status=403)
            await asyncio.sleep(1)
            self.taken.append(part)

    async def pass_on() -> list[int]:
        queue = Refusing()
        topics = Topics(cast(Audience, None), cast(Queue, queue), segments=3, immediate=0)
        notification = Notification("0193a5b0-7c00-7abc-9def-0123456789ab", "1")
        with pytest.raises(AwsError):
            await topics._pass_on(EVERYBODY, notification, persisted=True, clocks=Clocks(lambda: 0, 10, 20))
        return queue.taken

    assert virtual.run(pass_on()) == [1, 2]
