import json
import socket
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stub.answers import HISTORY_LENGTH, Answers, query_page, user_name
from benchmarks.stub.server import Stub, content_length

POST = b"POST /prod/@connections/XnJk80000000000%3D HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello"


def query(user_id: str, start: object = None) -> dict[str, object]:
    request: dict[str, object] = {
        "TableName": "clients",
        "IndexName": "userId-index",
        "ExpressionAttributeValues": {":userId": {"S": user_id}},
    }
    return request if start is None else {**request, "ExclusiveStartKey": start}


def items_of(page: dict[str, object]) -> list[dict[str, dict[str, str]]]:
    items = page["Items"]
    assert isinstance(items, list)
    return items


@settings(max_examples=30)
@given(count=st.integers(1, 300), page_bytes=st.integers(1, 20_000))
def test_the_pages_of_a_query_hold_every_connection_once(count: int, page_bytes: int) -> None:
    found: list[str] = []
    start: object = None
    while True:
        page = query_page(query(user_name(count, 7), start), page_bytes)
        found += [item["connectionId"]["S"] for item in items_of(page)]
        start = page.get("LastEvaluatedKey")
        if start is None:
            break
    assert len(found) == count
    assert len(set(found)) == count


@settings(max_examples=30)
@given(count=st.integers(1, 300), share=st.floats(0, 1))
def test_so_many_connections_as_the_name_says_take_nothing(count: int, share: float) -> None:
    full = int(count * share)
    answers = Answers()
    ids = [item["connectionId"]["S"] for item in items_of(query_page(query(user_name(count, 7, full=full))))]
    heads = [f"POST /prod/@connections/{name.replace('=', '%3D')} HTTP/1.1".encode() for name in ids]
    said = [answers.answer(head, b"hello").split(b" ")[1] for head in heads]
    assert (said.count(b"429"), said.count(b"200")) == (full, count - full)


def test_a_page_holds_a_megabyte() -> None:
    pages = [query_page(query(user_name(20_000, 0)))]
    pages.append(query_page(query(user_name(20_000, 0), pages[0]["LastEvaluatedKey"])))
    assert 10_000 < len(items_of(pages[0])) < 20_000
    assert "LastEvaluatedKey" not in pages[1]


def test_a_query_without_an_index_is_for_the_history() -> None:
    page = query_page({"ExpressionAttributeValues": {":userId": {"S": "alice"}, ":now": {"N": "1"}}})
    assert len(items_of(page)) == HISTORY_LENGTH


def test_answers_of_dynamodb_carry_their_checksum() -> None:
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.Query\r\nHost: x"
    response = Answers().answer(head, json.dumps(query("c2-u0")).encode())
    headers, _, body = response.partition(b"\r\n\r\n")
    assert b"\r\nx-amz-crc32: %d\r\n" % zlib.crc32(body) in headers
    assert b"content-length: %d\r\n" % len(body) in headers
    assert json.loads(body)["Count"] == 2


def test_requests_are_counted_by_operation() -> None:
    answers = Answers()
    for operation in ("PutItem", "GetItem", "DeleteItem", "PutItem"):
        answers.answer(b"POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.%b" % operation.encode(), b"{}")
    answers.answer(b"POST /prod/@connections/a HTTP/1.1", b"")
    answers.answer(b"DELETE /prod/@connections/a HTTP/1.1", b"")
    assert answers.counts == {
        "PutItem": 2,
        "GetItem": 1,
        "DeleteItem": 1,
        "PostToConnection": 1,
        "DeleteConnection": 1,
    }


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 12\r\nHost: x", 12),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length:7", 7),
        (b"DELETE / HTTP/1.1\r\nhost: x", 0),
    ],
)
def test_the_length_of_a_body_is_read_however_it_is_written(head: bytes, length: int) -> None:
    assert content_length(head) == length


@pytest.mark.parametrize("size", [1, 7, len(POST), 2 * len(POST)])
def test_requests_are_answered_however_they_arrive(size: int) -> None:
    stub = Stub(Answers())
    port = stub.listen()
    threading.Thread(target=stub.serve, daemon=True).start()
    requests = POST * 3
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for start in range(0, len(requests), size):
            connection.sendall(requests[start : start + size])
        received = b""
        while received.count(b"\r\n\r\n") < 3:
            received += connection.recv(65_536)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert stub.answers.counts["PostToConnection"] == 3
