"""Content that reached the push function as text arrives as its characters: kept, sent and polled."""

from collections.abc import Callable

import pytest

from tests.handlers.conftest import Context, Event, Tables
from tests.handlers.management_server import ManagementServer
from websocket_push.handlers import poll, push

EventMaker = Callable[..., Event]

ALICE = {"userId": "alice"}
EXACT = [
    "10000000000000000.01",
    "0.12345678901234567890",
    "1E400",
    "-0",
    "9" * 5000,
    '{"b":1.0,"a":1,"a":2}',
    '{ "content" : [ 1 ,\t2 ] }',
    r'"\u00e9\/\ud83d\ude00\ud800"',
    '"é\U0001f600"',
    "null",
]


def from_queue(event: EventMaker, content: str) -> None:
    (recorded,) = event("queue")["Records"]
    answer = push.handler({"Records": [recorded | {"body": f'{{"userId":"alice","content": {content} }}'}]}, Context())
    assert answer == {"batchItemFailures": []}


def from_client(event: EventMaker, content: str) -> None:
    body = f'{{"action":"push","userId":"alice","content":{content}}}'
    answer = push.handler(event("message", body=body, authorizer=ALICE), Context())
    assert '"type":"receipt"' in str(answer["body"])


@pytest.mark.parametrize("send", [from_queue, from_client])
@pytest.mark.parametrize("content", EXACT, ids=lambda text: text[:25])
def test_it_is_kept_sent_and_polled_as_the_characters_that_came_in(
    tables: Tables,
    management: ManagementServer,
    event: EventMaker,
    send: Callable[[EventMaker, str], None],
    content: str,
) -> None:
    management.open("phone")
    tables.add_client("phone")
    send(event, content)
    (row,) = tables.notifications()
    assert row["content"] == content
    (frame,) = management.received["phone"]
    assert frame.decode().endswith(f',"content":{content}}}')
    page = poll.handler(event("message", body={"action": "poll"}, authorizer=ALICE), Context())
    assert f',"content":{content}}}]' in str(page["body"])
