"""Prepared requests: the same as those written from scratch for each string."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aws.support import Server, check_signature, run, soon, status, transport_to
from websocket_push.aws.calls import Call
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import decode_page, encode
from websocket_push.aws.prepared import VARIED, Prepared, PreparingDynamoDB, decoded
from websocket_push.aws.requests import decode_object
from websocket_push.aws.sender import Attempt


def put(user_id: str, content: str = "1") -> dict[str, object]:
    return {"TableName": "t", "Item": {"userId": {"S": user_id}, "content": {"S": content}, "n": {"N": "1"}}}


def prepared(content: str) -> Prepared:
    transport = ConcurrentSender({"AWS_REGION": "eu-west-1"})
    return PreparingDynamoDB(transport).prepare("PutItem", put(VARIED, content))


@given(st.text(max_size=20), st.text(max_size=40) | st.sampled_from(["\0", json.dumps("\0"), '{"S":"\\u0000"}']))
def test_the_body_is_what_would_be_written_for_the_string(user_id: str, content: str) -> None:
    assert prepared(content)._payload(user_id).body == encode(put(user_id, content)).encode()


async def began(transport: ConcurrentSender) -> tuple[Call, Attempt | None]:
    """Begin one request, and wait for its end."""
    ended: asyncio.Future[Attempt | None] = asyncio.get_running_loop().create_future()
    request = PreparingDynamoDB(transport).prepare("PutItem", put(VARIED))
    call = request.begin("alice", deadline=soon(), done=lambda _, attempt: ended.set_result(attempt))
    return call, await ended


def test_what_is_begun_is_the_request_that_is_sent_otherwise() -> None:
    with Server(status(200, b"{}")) as server:

        async def work(transport: ConcurrentSender) -> None:
            call, attempt = await began(transport)
            assert attempt is None
            assert decoded(call, decode_object) == {}
            dynamodb = PreparingDynamoDB(transport)
            await dynamodb.prepare("PutItem", put(VARIED)).send("alice", decode_object, deadline=soon())
            await dynamodb.put_item(
                "t", {"userId": {"S": "alice"}, "content": {"S": "1"}, "n": {"N": "1"}}, deadline=soon()
            )

        run(transport_to(server), work)
        first, second, third = server.requests
        assert first.body == second.body == third.body
        assert first.headers.keys() == second.headers.keys() == third.headers.keys()
        for request in server.requests:
            check_signature(request, "dynamodb")


def test_an_answer_that_is_not_what_was_promised_is_left_to_be_asked_again() -> None:
    with Server(status(200, b"<html>"), status(200, b'{"Items":[]}')) as server:

        async def work(transport: ConcurrentSender) -> None:
            call, attempt = await began(transport)
            assert attempt is None
            left = decoded(call, decode_page)
            assert isinstance(left, Attempt)
            assert (left.sent, left.failure) == (1, None)
            request = PreparingDynamoDB(transport).prepare("PutItem", put(VARIED))
            page = await request.send("alice", decode_page, deadline=soon(), begun=left)
            assert page.items == []

        run(transport_to(server), work)
        assert len(server.requests) == 2
