import asyncio
from typing import Any, cast

import pytest

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
