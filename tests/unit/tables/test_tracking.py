"""When a user is offline, by what the table says at that moment."""

import asyncio
from typing import Any, cast

import pytest

from websocket_push.aws.dynamodb import DynamoDB, Item, QueryPage
from websocket_push.aws.errors import AwsError
from websocket_push.tables.clients import Clients
from websocket_push.tables.tracking import Tracking

NOW = 1_769_860_800


class Table:
    """The item of a user who is online, and pages of connections that expire at these times.

    Calls that are made at the same time take turns.
    """

    def __init__(self, *pages: list[int]) -> None:
        self.item: Item = {"seen": {"S": "phone"}, "broughtBy": {"S": "phone"}}
        self.pages = pages

    async def get_item(self, table: str, key: Item, *, deadline: float) -> Item:
        await asyncio.sleep(0)
        return dict(self.item)

    async def query(self, request: dict[str, Any], *, deadline: float) -> QueryPage:
        await asyncio.sleep(0)
        page = int(request.get("ExclusiveStartKey", {}).get("page", "0"))
        rows = [
            {"connectionId": {"S": "tv"}, "connectedAt": {"N": "1"}, "expiresAt": {"N": str(each)}}
            for each in self.pages[page]
        ]
        return QueryPage(rows, cast(Item, {"page": page + 1}) if page + 1 < len(self.pages) else None)

    async def update_item(self, request: dict[str, Any], *, deadline: float) -> Item:
        await asyncio.sleep(0)
        values = request["ExpressionAttributeValues"]
        met = {
            "seen = :seen": self.item["seen"] == values[":seen"],
            "attribute_exists(broughtBy)": "broughtBy" in self.item,
        }
        if not all(met[each] for each in request["ConditionExpression"].split(" AND ")):
            raise AwsError("ConditionalCheckFailedException", status=400)
        self.item = {"seen": self.item["seen"], "leftBy": values[":connection"]}
        return self.item


def leave(table: Table, *connection_ids: str) -> list[bool]:
    """Have these connections end at the same time; return which of them report the user offline."""
    dynamodb = cast(DynamoDB, table)
    tracking = Tracking(dynamodb, "clients", Clients(dynamodb, "clients", "userId-index"))

    async def at_once() -> list[bool]:
        return await asyncio.gather(*(tracking.leave("alice", each, now=NOW, deadline=1e9) for each in connection_ids))

    return asyncio.run(at_once())


@pytest.mark.parametrize(
    ("pages", "offline"),
    [
        ([[]], True),
        ([[NOW]], True),
        ([[NOW + 1]], False),
        # DynamoDB keeps rows for days after they have expired, so they can fill a page.
        ([[NOW - 60, NOW - 1], [NOW + 1]], False),
        ([[NOW - 60], [NOW - 1], []], True),
    ],
)
def test_a_user_is_offline_when_every_row_has_expired(pages: list[list[int]], offline: bool) -> None:
    assert leave(Table(*pages), "phone") == [offline]


def test_the_connection_that_has_ended_keeps_nobody_online_while_the_index_still_shows_it() -> None:
    assert leave(Table([NOW + 1]), "tv") == [True]


def test_of_two_that_decide_at_the_same_time_one_reports() -> None:
    table = Table([])
    assert leave(table, "phone", "tablet") == [True, False]
    assert table.item["leftBy"] == {"S": "phone"}


def test_a_departure_is_reported_although_the_user_is_back_before_its_message_is_received_again() -> None:
    table = Table([])
    assert leave(table, "phone") == [True]
    table.item |= {"seen": {"S": "tv"}, "broughtBy": {"S": "tv"}}
    table.pages = ([NOW + 1],)
    assert leave(table, "phone", "tablet") == [True, False]


def test_a_departure_is_reported_although_its_answer_was_lost_and_the_user_was_back_when_it_was_sent_again() -> None:
    class Repeating(Table):
        async def update_item(self, request: dict[str, Any], *, deadline: float) -> Item:
            await super().update_item(request, deadline=deadline)
            self.item |= {"seen": {"S": "tv"}, "broughtBy": {"S": "tv"}}
            return await super().update_item(request, deadline=deadline)

    assert leave(Repeating([]), "phone") == [True]


class Noted:
    """A table that keeps what is written, whatever it is."""

    def __init__(self) -> None:
        self.expiries: list[int] = []

    async def update_item(self, request: dict[str, Any], *, deadline: float) -> Item:
        self.expiries.append(int(request["ExpressionAttributeValues"][":expiresAt"]["N"]))
        return {"broughtBy": {"S": "phone"}, "parts": {"NS": ["0"]}}


def test_what_is_noted_is_kept_for_as_long_as_it_is_needed() -> None:
    noted = Noted()
    dynamodb = cast(DynamoDB, noted)
    tracking = Tracking(dynamodb, "clients", Clients(dynamodb, "clients", "userId-index"))
    asyncio.run(tracking.arrive("alice", "phone", now=NOW, deadline=1e9))
    asyncio.run(tracking.finish("id", "*", 0, 2, now=NOW, deadline=1e9))
    connection, broadcast = (expiry - NOW for expiry in noted.expiries)
    # As long as API Gateway keeps a connection and DynamoDB then its row, and as SQS keeps a part of a broadcast.
    assert connection > 2 * 60 * 60 + 7 * 24 * 60 * 60
    assert broadcast > 7 * 24 * 60 * 60
