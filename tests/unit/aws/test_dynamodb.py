"""DynamoDB: the requests against a scripted server, the results against moto."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import boto3
import pytest
from moto.moto_api import state_manager  # noqa: F401 - moto.server needs it imported first
from moto.server import ThreadedMotoServer

from tests.unit.aws.support import (
    PATIENCE,
    Answer,
    Server,
    check_signature,
    environment,
    reply,
    run,
    soon,
    status,
    transport_to,
)
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import MAX_BATCH_READ, DynamoDB, Item
from websocket_push.aws.errors import AwsError

Call = Callable[[ConcurrentSender], Coroutine[Any, Any, Any]]

ALICE: Item = {"userId": {"S": "alice"}, "notificationId": {"S": "1"}}


class Once(ConcurrentSender):
    """A transport that tries each request once."""

    async def request(self, *args: Any, **options: Any) -> Any:
        return await super().request(*args, **options, attempts=1)


async def put(transport: ConcurrentSender) -> None:
    await DynamoDB(transport).put_item("table", ALICE, deadline=soon())


async def get(transport: ConcurrentSender) -> Item | None:
    return await DynamoDB(transport).get_item("table", ALICE, deadline=soon())


async def delete(transport: ConcurrentSender) -> None:
    await DynamoDB(transport).delete_item("table", ALICE, deadline=soon())


async def query(transport: ConcurrentSender) -> list[Item]:
    page = await DynamoDB(transport).query({"TableName": "table"}, deadline=soon())
    assert page.last_evaluated_key is None
    return page.items


@pytest.mark.parametrize(
    ("call", "operation", "body"),
    [
        (put, "PutItem", b'{"TableName":"table","Item":{"userId":{"S":"alice"},"notificationId":{"S":"1"}}}'),
        (
            get,
            "GetItem",
            b'{"TableName":"table","Key":{"userId":{"S":"alice"},"notificationId":{"S":"1"}},"ConsistentRead":true}',
        ),
        (delete, "DeleteItem", b'{"TableName":"table","Key":{"userId":{"S":"alice"},"notificationId":{"S":"1"}}}'),
        (query, "Query", b'{"TableName":"table"}'),
    ],
)
def test_requests(call: Call, operation: str, body: bytes) -> None:
    with Server(status(200, b'{"Items":[]}')) as server:
        run(transport_to(server), call)
        (request,) = server.requests
        assert (request.method, request.path, request.body) == ("POST", "/", body)
        assert request.headers["x-amz-target"] == f"DynamoDB_20120810.{operation}"
        assert request.headers["content-type"] == "application/x-amz-json-1.0"
        check_signature(request, "dynamodb")
        assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target," in request.headers["authorization"]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (put, b""),
        (put, b"<html>"),
        (delete, b"[]"),
        (get, b'{"Item":'),
        (get, b'{"Item":{"userId":"alice"}}'),
        (get, b'{"Item":[]}'),
        (query, b"{}"),
        (query, b'{"Items":{}}'),
        (query, b'{"Items":[[]]}'),
        (query, b'{"Items":[],"LastEvaluatedKey":1}'),
        (query, b"[" * 100_000),
        (query, b"\xff"),
    ],
)
def test_an_answer_that_is_not_what_was_promised_is_retried_and_then_reported(call: Call, body: bytes) -> None:
    with Server(status(200, body), status(200, b'{"Items":[]}')) as server:
        run(transport_to(server), call)
        assert [request.connection for request in server.requests] == [1, 1]
    with Server(status(200, body)) as server, pytest.raises(AwsError) as caught:
        run(Once(environment(server.port)), call)
    error = caught.value
    assert (error.code, error.status, error.attempts, error.transient) == ("InvalidResponse", 200, 1, True)
    assert "html" not in str(error)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"]
)
def test_a_throttled_request_slows_down_all_that_follow(code: str) -> None:
    with Server(status(400, f'{{"__type":"com.amazonaws.dynamodb#{code}"}}'.encode()), reply()) as server:
        bounds: list[int] = []

        def clock() -> float:  # asked once for each request
            bounds.extend(pool._pace.bound for pool in transport._pools.values())
            return 0.0

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(put(transport) for _ in range(20)))

        transport = transport_to(server, clock=clock, maximum_connections=8)
        run(transport, work)
        assert (bounds[0], min(bounds)) == (8, 4)
        assert len(server.requests) == 21


def test_a_path_in_the_endpoint_is_kept() -> None:
    with Server() as server:
        url = f"http://127.0.0.1:{server.port}/prefix/"
        run(ConcurrentSender(environment(server.port, AWS_ENDPOINT_URL=url)), put)
        (request,) = server.requests
        assert request.path == "/prefix/"
        check_signature(request, "dynamodb")


def test_one_pool_serves_both_services_behind_one_address() -> None:
    from tests.unit.aws.support import post

    with Server() as server:

        async def work(transport: ConcurrentSender) -> None:
            await put(transport)
            await post(transport)

        run(transport_to(server), work)
        assert [request.connection for request in server.requests] == [1, 1]


@pytest.fixture(scope="module")
def moto() -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield environment(1, AWS_ENDPOINT_URL_DYNAMODB=f"http://{host}:{port}")
    finally:
        server.stop()


@pytest.fixture
def table(moto: dict[str, str], request: pytest.FixtureRequest) -> str:
    """A table of the test's own, with the keys of the notifications table."""
    name = "".join(character for character in request.node.name if character.isalnum())
    client = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=moto["AWS_ENDPOINT_URL_DYNAMODB"],
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "userId", "KeyType": "HASH"},
            {"AttributeName": "notificationId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "userId", "AttributeType": "S"},
            {"AttributeName": "notificationId", "AttributeType": "S"},
        ],
    )
    client.close()
    return name


def test_an_item_is_written_read_and_deleted(moto: dict[str, str], table: str) -> None:
    item: Item = {**ALICE, "content": {"S": '{"é": "😀"}'}, "expiresAt": {"N": "1764000000"}}

    async def work(transport: ConcurrentSender) -> None:
        database = DynamoDB(transport)
        deadline = soon(PATIENCE)
        assert await database.get_item(table, ALICE, deadline=deadline) is None
        await database.put_item(table, item, deadline=deadline)
        assert await database.get_item(table, ALICE, deadline=deadline) == item
        await database.delete_item(table, ALICE, deadline=deadline)
        await database.delete_item(table, ALICE, deadline=deadline)
        assert await database.get_item(table, ALICE, deadline=deadline) is None

    run(ConcurrentSender(moto), work)


def test_a_query_is_read_page_by_page(moto: dict[str, str], table: str) -> None:
    async def work(transport: ConcurrentSender) -> list[list[str]]:
        database = DynamoDB(transport)
        deadline = soon(PATIENCE)
        items: list[Item] = [{"userId": {"S": "alice"}, "notificationId": {"S": str(number)}} for number in range(5)]
        await asyncio.gather(*(database.put_item(table, item, deadline=deadline) for item in items))
        pages = []
        start: dict[str, Any] = {}
        while True:
            page = await database.query(
                {
                    "TableName": table,
                    "KeyConditionExpression": "userId = :user",
                    "ExpressionAttributeValues": {":user": {"S": "alice"}},
                    "Limit": 2,
                    **start,
                },
                deadline=deadline,
            )
            pages.append([item["notificationId"]["S"] for item in page.items])
            if page.last_evaluated_key is None:
                return pages
            start = {"ExclusiveStartKey": page.last_evaluated_key}

    assert run(ConcurrentSender(moto), work) == [["0", "1"], ["2", "3"], ["4"]]


def test_many_items_are_read_by_their_keys(moto: dict[str, str], table: str) -> None:
    async def work(transport: ConcurrentSender) -> set[str]:
        database = DynamoDB(transport)
        deadline = soon(PATIENCE)
        items: list[Item] = [{"userId": {"S": "alice"}, "notificationId": {"S": str(n)}} for n in range(120)]
        await database.write_items(
            table, [{"PutRequest": {"Item": {**item, "content": {"S": "x"}}}} for item in items], deadline=deadline
        )
        missing: Item = {"userId": {"S": "alice"}, "notificationId": {"S": "missing"}}
        found = await database.get_items(table, [*items, missing], attributes="notificationId", deadline=deadline)
        assert all(item.keys() == {"notificationId"} for item in found)
        assert len(found) == 120
        return {item["notificationId"]["S"] for item in found}

    assert run(ConcurrentSender(moto), work) == {str(n) for n in range(120)}


def test_items_that_were_left_out_are_asked_for_again() -> None:
    def batch(*, found: list[str], left: list[str]) -> Answer:
        answer = {
            "Responses": {"t": [{"id": {"S": each}} for each in found]},
            "UnprocessedKeys": {"t": {"Keys": [{"id": {"S": each}} for each in left]}} if left else {},
        }
        body = json.dumps(answer).encode()
        return reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def work(transport: ConcurrentSender) -> list[Item]:
        keys: list[Item] = [{"id": {"S": "a"}}, {"id": {"S": "b"}}]
        return await DynamoDB(transport).get_items("t", keys, attributes="id", deadline=soon(PATIENCE))

    # Some of them, none of them, and the rest.
    answers = (batch(found=["a"], left=["b"]), batch(found=[], left=["b"]), batch(found=["b"], left=[]))
    with Server(*answers) as server:
        assert run(transport_to(server), work) == [{"id": {"S": "a"}}, {"id": {"S": "b"}}]
        asked = [json.loads(request.body)["RequestItems"]["t"]["Keys"] for request in server.requests]
    assert asked == [[{"id": {"S": "a"}}, {"id": {"S": "b"}}], [{"id": {"S": "b"}}], [{"id": {"S": "b"}}]]


@pytest.mark.parametrize(
    "odd",
    [
        b'{"Responses":null}',
        b'{"Responses":[]}',
        b'{"Responses":{"t":null}}',
        b'{"Responses":{"t":[1]}}',
        b'{"Responses":{},"UnprocessedKeys":{"t":{}}}',
        b'{"Responses":{},"UnprocessedKeys":{"t":[1]}}',
    ],
)
def test_a_batch_that_is_not_one_is_asked_for_again(odd: bytes) -> None:
    async def work(transport: ConcurrentSender) -> list[Item]:
        return await DynamoDB(transport).get_items("t", [{"id": {"S": "a"}}], attributes="id", deadline=soon(PATIENCE))

    with Server(status(200, odd), status(200, b'{"Responses":{"t":[{"id":{"S":"a"}}]}}')) as server:
        assert run(transport_to(server), work) == [{"id": {"S": "a"}}]


def test_a_batch_of_the_largest_notifications_fits_into_a_response() -> None:
    def batch(count: int) -> Answer:
        answer = {"Responses": {"t": [{"content": {"S": '"' * 128 * 1024}}] * count}, "UnprocessedKeys": {}}
        body = json.dumps(answer).encode()
        return reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def work(transport: ConcurrentSender) -> list[Item]:
        keys: list[Item] = [{"id": {"S": str(number)}} for number in range(MAX_BATCH_READ + 1)]
        return await DynamoDB(transport).get_items("t", keys, attributes="content", deadline=soon(PATIENCE))

    with Server(batch(MAX_BATCH_READ), batch(1)) as server:
        assert len(run(transport_to(server), work)) == MAX_BATCH_READ + 1
        asked = [json.loads(request.body)["RequestItems"]["t"]["Keys"] for request in server.requests]
    assert [len(keys) for keys in asked] == [MAX_BATCH_READ, 1]


def test_what_a_batch_leaves_unprocessed_is_written_in_the_end_between_throttles_too() -> None:
    deletes = [{"DeleteRequest": {"Key": {"id": {"S": str(number)}}}} for number in range(26)]
    left = status(200, json.dumps({"UnprocessedItems": {"t": deletes[:1]}}).encode())
    throttled = status(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')

    async def work(transport: ConcurrentSender) -> None:
        await DynamoDB(transport).write_items("t", deletes, deadline=soon(PATIENCE))

    with Server(left, throttled, left, status(200, b"{}"), status(200, b'{"UnprocessedItems":{}}')) as server:
        run(transport_to(server), work)
        written = [json.loads(request.body)["RequestItems"]["t"] for request in server.requests]
    assert written == [deletes[:25]] * 4 + [deletes[25:]]


def test_a_batch_that_stays_unprocessed_fails_at_the_deadline() -> None:
    left = status(200, b'{"UnprocessedItems":{"t":[{}]}}')

    async def work(transport: ConcurrentSender) -> AwsError:
        with pytest.raises(AwsError) as caught:
            await DynamoDB(transport).write_items("t", [{}], deadline=soon(0.2))
        return caught.value

    with Server(left) as server:
        assert run(transport_to(server), work).transient


def test_an_error_of_dynamodb_has_its_code(moto: dict[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        run(ConcurrentSender(moto), put)
    error = caught.value
    assert (error.code, error.status, error.attempts, error.transient) == ("ResourceNotFoundException", 400, 1, False)


def test_a_throttled_write_is_written_in_the_end() -> None:
    throttled = status(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}')
    with Server(throttled, throttled, reply()) as server:
        run(transport_to(server), put)
        assert len(server.requests) == 3
