"""SQS: the request against a scripted server, the result against moto."""

import json

import boto3
import pytest
from moto.moto_api import state_manager  # noqa: F401 - moto.server needs it imported first
from moto.server import ThreadedMotoServer

from tests.unit.aws.support import Server, check_signature, environment, run, soon, status, transport_to
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.endpoints import sqs_endpoint
from websocket_push.aws.errors import AwsError
from websocket_push.aws.queue import Queue

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/fanout"
BODY = '{"content":"\u00e9 \U0001f600 \\u0000"}'


async def send(sender: ConcurrentSender) -> None:
    await Queue(sender, URL).send(BODY, deadline=soon())


def test_a_message_is_sent_signed() -> None:
    with Server(status(200, b'{"MessageId":"1","MD5OfMessageBody":"x"}')) as server:
        run(transport_to(server), send)
        (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/")
    assert json.loads(request.body) == {"QueueUrl": URL, "MessageBody": BODY, "DelaySeconds": 0}
    assert request.headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    check_signature(request, "sqs")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"MessageId":1}', b"<html>", b"[" * 100_000])
def test_what_does_not_say_that_the_message_was_taken_is_retried(body: bytes) -> None:
    with Server(status(200, body), status(503), status(200, b'{"MessageId":"1"}')) as server:
        run(transport_to(server), send)
        assert len(server.requests) == 3


def test_a_refusal_names_the_code() -> None:
    refusal = json.dumps({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}).encode()
    with Server(status(400, refusal)) as server, pytest.raises(AwsError) as caught:
        run(transport_to(server), send)
    assert (caught.value.code, caught.value.transient) == ("QueueDoesNotExist", False)


def test_a_message_arrives_as_it_was_sent() -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        url = client.create_queue(QueueName="fanout")["QueueUrl"]

        async def deliver(sender: ConcurrentSender) -> None:
            await Queue(sender, url).send(BODY, deadline=soon())

        run(ConcurrentSender(environment(1, AWS_ENDPOINT_URL_SQS=endpoint)), deliver)
        (message,) = client.receive_message(QueueUrl=url)["Messages"]
        assert message["Body"] == BODY
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({}, "sqs.eu-west-1.amazonaws.com"),
        ({"DNS_SUFFIX": "amazonaws.com.cn"}, "sqs.eu-west-1.amazonaws.com.cn"),
        ({"AWS_ENDPOINT_URL": "http://global"}, "global"),
        ({"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_SQS": "http://own"}, "own"),
        (
            {"AWS_ENDPOINT_URL_SQS": "http://own", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "sqs.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_where_messages_are_sent(variables: dict[str, str], host: str) -> None:
    assert sqs_endpoint({"AWS_REGION": "eu-west-1", **variables}).host == host
