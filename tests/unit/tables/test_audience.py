import asyncio
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websocket_push.aws.dynamodb import DynamoDB, QueryPage
from websocket_push.protocol.topics import EVERYBODY
from websocket_push.tables.audience import Audience, Share
from websocket_push.tables.revocations import revocation_key


class Scanned:
    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        return await self.scan(request, deadline=deadline)

    async def scan(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        self.requests.append(request)
        row = {"connectionId": {"S": "a="}, "connectedAt": {"N": "1"}, "expiresAt": {"N": "2"}}
        revocation = {"connectionId": {"S": revocation_key("alice")}, "expiresAt": {"N": "2"}}
        return QueryPage([revocation, row, {"connectionId": {"S": "damaged="}}], None)


def test_a_broadcast_passes_over_revocations() -> None:
    audience = Audience(cast(DynamoDB, Scanned()), subscriptions="subscriptions", clients="clients")
    page = asyncio.run(audience.page(Share(EVERYBODY), "", rows=10, deadline=1e9))
    assert [each.connection_id for each in page.connections] == ["a="]
    assert page.unreadable == 1


@pytest.mark.parametrize("share", [Share(EVERYBODY), Share("org/7"), Share("org/7", 1, 3, "a=")])
def test_a_connection_that_listened_before_the_read_is_found(share: Share) -> None:
    scanned = Scanned()
    audience = Audience(cast(DynamoDB, scanned), subscriptions="subscriptions", clients="clients")
    asyncio.run(audience.page(share, "", rows=10, deadline=1e9))
    assert [request["ConsistentRead"] for request in scanned.requests] == [True]


MOST_ROWS = 1024 * 1024 // 200
"""As many rows as a query surely reads before it has read 1 MB; of more, it says less than was counted."""


class Counted:
    """A topic with so many connections, whose ids are their numbers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.queries = 0

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        self.queries += 1
        assert request["FilterExpression"] == "attribute_not_exists(userId)"
        assert request["Limit"] <= MOST_ROWS
        start = request.get("ExclusiveStartKey")
        end = request["Limit"] + (0 if start is None else int(start["connectionId"]["S"]))
        return QueryPage([], {"connectionId": {"S": f"{end:09d}"}} if end < self.count else None)


@settings(deadline=None, max_examples=50)
@given(count=st.integers(0, 2_000_000), parts=st.integers(1, 100))
def test_a_topic_is_divided_evenly_by_few_queries(count: int, parts: int) -> None:
    counted = Counted(count)
    audience = Audience(cast(DynamoDB, counted), subscriptions="subscriptions")
    ends = [int(each) for each in asyncio.run(audience.ends("org/7", parts, deadline=1e9))]
    assert ends == sorted(set(ends))
    assert len(ends) < parts or parts == 1
    sizes = [end - start for start, end in zip([0, *ends], [*ends, count], strict=True)]
    # A page more than fair, and with the last part what the last page had beyond.
    assert max(sizes) <= count / parts + 2 * max(100, count / 16 + 1)
    if count > 200_000 and parts <= 10:
        assert max(sizes) < 1.5 * count / parts
    assert counted.queries <= (500 if parts > 1 else 0)
