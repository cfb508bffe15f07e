"""Messages to connections."""

import asyncio
import hashlib

import pytest

from tests.unit.aws.support import (
    CONNECTIONS_URL,
    Answer,
    Server,
    check_signature,
    environment,
    post,
    post_failure,
    reply,
    run,
    soon,
    stall,
    status,
    transport_to,
)
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone, Management
from websocket_push.aws.requests import Payload


async def close(transport: ConcurrentSender, connection_id: str = "id=") -> None:
    await Management(transport, CONNECTIONS_URL).close(connection_id, deadline=soon())


def test_a_post_names_its_api_stage_and_connection_and_carries_the_message() -> None:
    with Server() as server:
        run(transport_to(server), lambda transport: post(transport, "L0SM9cOFvHcCIhw="))
        (request,) = server.requests
        assert (request.method, request.path) == ("POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D")
        assert request.headers["host"] == "abc.execute-api.eu-west-1.amazonaws.com"
        assert request.headers["content-length"] == "5"
        assert request.body == b"hello"
        check_signature(request, "execute-api")


def test_a_close_is_a_delete_without_a_body() -> None:
    with Server(reply(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        run(transport_to(server), close)
        (request,) = server.requests
        assert (request.method, request.path, request.body) == ("DELETE", "/prod/@connections/id%3D", b"")
        check_signature(request, "execute-api")


def test_a_service_specific_endpoint_replaces_host_and_path() -> None:
    with Server() as server:
        own = f"http://127.0.0.1:{server.port}/_path/api/stage"
        run(ConcurrentSender(environment(server.port, AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI=own)), post)
        (request,) = server.requests
        assert request.path == "/_path/api/stage/@connections/id%3D"
        assert request.headers["host"] == f"127.0.0.1:{server.port}"
        check_signature(request, "execute-api")


@pytest.mark.parametrize("answer", [status(410), status(410, b'{"__type":"ThrottlingException"}')])
def test_a_post_to_a_connection_that_is_gone_says_so_at_once(answer: Answer) -> None:
    with Server(answer) as server:
        error = run(transport_to(server), post_failure)
        assert isinstance(error, ConnectionGone)
        assert (error.status, error.attempts, error.transient) == (410, 1, False)
        assert len(server.requests) == 1


def test_gone_keeps_the_code_of_aws() -> None:
    with Server(status(410, x_amzn_ErrorType="GoneException:")) as server:
        assert run(transport_to(server), post_failure).code == "GoneException"


def test_closing_what_is_gone_is_success() -> None:
    with Server(status(410)) as server:
        run(transport_to(server), close)
        assert len(server.requests) == 1


def test_a_denied_close_is_a_failure() -> None:
    with Server(status(403, x_amzn_ErrorType="ForbiddenException")) as server, pytest.raises(AwsError) as caught:
        run(transport_to(server), close)
    assert (caught.value.code, caught.value.status) == ("ForbiddenException", 403)
    assert not isinstance(caught.value, ConnectionGone)


def test_a_payload_is_hashed_once_for_all_its_posts() -> None:
    payload = Payload(b"hello")
    assert payload.digest == hashlib.sha256(b"hello").hexdigest()


@pytest.mark.parametrize("url", ["", "wss://abc.execute-api.eu-west-1.amazonaws.com/prod"])
def test_a_wrong_connections_url_is_found_before_anything_is_sent(url: str) -> None:
    with pytest.raises(AwsError, match="the connections URL") as caught:
        Management(ConcurrentSender({"AWS_REGION": "eu-west-1"}), url)
    assert caught.value.code == "InvalidConfiguration"


def test_no_region_is_found_before_anything_is_sent() -> None:
    with pytest.raises(AwsError, match="AWS_REGION"):
        Management(ConcurrentSender({}), CONNECTIONS_URL)


def test_one_stalled_connection_does_not_hold_up_the_others() -> None:
    with Server(stall(), reply()) as server:

        async def work(transport: ConcurrentSender) -> None:
            stalled = asyncio.create_task(post(transport))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 1)
            await asyncio.gather(*(post(transport) for _ in range(20)))
            assert not stalled.done()
            stalled.cancel()
            await asyncio.wait([stalled])

        run(transport_to(server, maximum_connections=2), work)
        assert len(server.requests) == 21
