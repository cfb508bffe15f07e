"""The tooling itself: the emulator answers as AWS does, and nothing that the demo starts outlives it."""

import asyncio
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from tests.e2e.stack import Workshop
from tools.aws import clients, wait_until
from tools.paths import CHECKOUT

# Does what its query string says: as authorizer, as $connect integration and as route.
FUNCTION = """
import os

class Refused(Exception):
    pass

def post(api_id, connection_id):
    import botocore.session
    client = botocore.session.get_session().create_client(
        "apigatewaymanagementapi", endpoint_url=f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api_id}/live"
    )
    try:
        client.post_to_connection(ConnectionId=connection_id, Data=b"early")
        return 200
    except client.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]

def handler(event, context):
    query = event.get("queryStringParameters") or {}
    connection = event.get("requestContext") or {}
    if "status" in query and connection.get("eventType") == "CONNECT" and event.get("type") != "REQUEST":
        if query["status"] == "fault":
            raise Refused("$connect fails")
        if query["status"] == "early":
            return {"statusCode": post(connection["apiId"], connection["connectionId"])}
        if query["status"] == "headers":
            values, last = event["multiValueHeaders"]["x-many"], event["headers"]["x-many"]
            return {"statusCode": 420 if (values, last) == (["first", "second"], "second") else 400}
        return {"statusCode": int(query["status"])}
    if connection.get("routeKey") == "failing":
        raise Refused("a trace that no client is to see")
    if connection.get("routeKey") == "who":
        return {"statusCode": 200, "body": connection["connectionId"]}
    if event.get("type") == "REQUEST":
        if query.get("user") == "unknown":
            raise Exception("Unauthorized")
        if query.get("user") == "broken":
            raise Refused("Unauthorized because of a fault")
        statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
        return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    if event.get("raise"):
        raise Refused("no")
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "second"}, "body": "reply"}
"""


@pytest.fixture(scope="module")
def api(workshop: Workshop) -> Iterator[dict[str, Any]]:
    """Make an API with an authorizer, a route that has a route response and one that has none."""
    client = clients(workshop.emulator)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam").create_role(RoleName="tools", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    posting = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "*"}
    client("iam").put_role_policy(
        RoleName="tools",
        PolicyName="tools",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [posting]}),
    )
    function = client("lambda").create_function(
        FunctionName="tools",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": packed.getvalue()},
    )
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations"
    gateway = client("apigatewayv2")
    made = gateway.create_api(Name="tools", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    api_id = made["ApiId"]
    authorizer = gateway.create_authorizer(
        ApiId=api_id, Name="tools", AuthorizerType="REQUEST", AuthorizerUri=uri, IdentitySource=[]
    )
    integration = gateway.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
    mock = gateway.create_integration(ApiId=api_id, IntegrationType="MOCK", TemplateSelectionExpression="\\$default")
    target = f"integrations/{integration['IntegrationId']}"
    gateway.create_route(
        ApiId=api_id,
        RouteKey="$connect",
        Target=target,
        AuthorizationType="CUSTOM",
        AuthorizerId=authorizer["AuthorizerId"],
    )
    gateway.create_route(ApiId=api_id, RouteKey="silent", Target=target)
    gateway.create_route(ApiId=api_id, RouteKey="failing", Target=target)
    for key in ("replying", "who"):
        route = gateway.create_route(
            ApiId=api_id, RouteKey=key, Target=target, RouteResponseSelectionExpression="$default"
        )
        gateway.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api_id, StageName="live")
    yield {"api": made, "authorizer": authorizer, "mock": mock}
    gateway.delete_api(ApiId=api_id)
    client("lambda").delete_function(FunctionName="tools")
    client("iam").delete_role_policy(RoleName="tools", PolicyName="tools")
    client("iam").delete_role(RoleName="tools")


def opened(workshop: Workshop, api: dict[str, Any], user: str, **options: Any) -> connect:
    address = api["api"]["ApiEndpoint"].replace("wss://", "ws://")
    return connect(f"{address}/live?user={user}", host="127.0.0.1", port=workshop.emulator.port, proxy=None, **options)


def test_endpoint_is_that_of_aws(api: dict[str, Any]) -> None:
    assert api["api"]["ApiEndpoint"] == f"wss://{api['api']['ApiId']}.execute-api.us-east-1.amazonaws.com"


def test_authorizer_and_mock_integration_come_back_as_they_were_written(api: dict[str, Any]) -> None:
    assert not {"JwtConfiguration", "AuthorizerPayloadFormatVersion", "IdentitySource"} & set(api["authorizer"])
    assert api["mock"]["TemplateSelectionExpression"] == "\\$default"
    assert not {"IntegrationMethod", "IntegrationUri"} & set(api["mock"])


@pytest.mark.parametrize(("user", "status"), [("unknown", 401), ("broken", 500)])
async def test_authorizer_that_raises(workshop: Workshop, api: dict[str, Any], user: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(workshop, api, user):
            pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(("asked", "status"), [("400", 400), ("429", 429), ("503", 503), ("fault", 500)])
async def test_the_status_of_connect_is_that_of_the_handshake(
    workshop: Workshop, api: dict[str, Any], asked: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(workshop, api, f"me&status={asked}"):
            pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body or b"").keys() == {"message", "connectionId", "requestId"}


async def test_a_connection_is_gone_until_connect_has_returned(workshop: Workshop, api: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(workshop, api, "me&status=early"):
            pass
    assert refused.value.response.status_code == 410


async def test_every_value_of_a_header_is_passed_on(workshop: Workshop, api: dict[str, Any]) -> None:
    many = [("X-Many", "first"), ("X-Many", "second")]
    with pytest.raises(InvalidStatus) as refused:
        async with opened(workshop, api, "me&status=headers", additional_headers=many):
            pass
    assert refused.value.response.status_code == 420


def padded(size: int) -> str:
    """Return a message for the route that replies, of this many bytes, with letters that take two."""
    head = '{"action": "replying", "padding": "'
    room = size - len(head) - 2
    return f'{head}{"é" * (room // 2)}{"a" * (room % 2)}"}}'


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (padded(32 * 1024), None),
        (padded(32 * 1024 + 1), CloseCode.MESSAGE_TOO_BIG),
        ([padded(60_000)[start : start + 8_000] for start in range(0, 60_000, 8_000)], None),
        (["a" * 32 * 1024, "b" * (32 * 1024 + 1)], CloseCode.MESSAGE_TOO_BIG),
        (["a" * 30_000] * 5, CloseCode.MESSAGE_TOO_BIG),
        (b'{"action": "replying"}', CloseCode.UNSUPPORTED_DATA),
    ],
    ids=["largest frame", "larger frame", "frames", "larger second frame", "larger message", "binary"],
)
async def test_frames_over_the_quotas_and_binary_ones_close_the_connection(
    workshop: Workshop, api: dict[str, Any], sent: Any, code: CloseCode | None
) -> None:
    async with opened(workshop, api, "me", subprotocols=[Subprotocol("second")]) as connection:
        await connection.send(sent)
        if code is None:
            assert await connection.recv() == "reply"
        else:
            await connection.wait_closed()
            assert connection.close_code == code


@pytest.mark.parametrize(("action", "said"), [("failing", "Internal server error"), ("unknown", "Forbidden")])
async def test_api_gateway_says_itself_what_no_integration_answers(
    workshop: Workshop, api: dict[str, Any], action: str, said: str
) -> None:
    async with opened(workshop, api, "me", subprotocols=[Subprotocol("second")]) as connection:
        await connection.send(json.dumps({"action": action}))
        frame = json.loads(await connection.recv())
        assert frame.keys() == {"message", "connectionId", "requestId"}
        assert frame["message"] == said


async def test_the_buffer_of_a_client_that_does_not_read_fills_for_it_alone(
    workshop: Workshop, api: dict[str, Any]
) -> None:
    endpoint = f"{workshop.emulator.endpoint}/_aws/execute-api/{api['api']['ApiId']}/live"
    management = clients(workshop.emulator)("apigatewaymanagementapi", endpoint_url=endpoint)
    notification = secrets.token_hex(50_000).encode()  # What can be compressed fills nothing.

    def post(connection_id: str) -> str:
        try:
            management.post_to_connection(ConnectionId=connection_id, Data=notification)
        except management.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "sent"

    def fill(connection_id: str) -> bool:
        return any(post(connection_id) == "LimitExceededException" for _ in range(100))

    options = {"subprotocols": [Subprotocol("second")], "max_queue": 1}
    async with opened(workshop, api, "me", **options) as stuck, opened(workshop, api, "me", **options) as reading:
        ids = []
        for connection in (stuck, reading):
            await connection.send('{"action": "who"}')
            ids.append(str(await connection.recv()))
        assert await asyncio.to_thread(fill, ids[0])
        assert await asyncio.to_thread(post, ids[0]) == "LimitExceededException"
        assert await asyncio.to_thread(post, ids[1]) == "sent"
        assert await reading.recv() == notification.decode()

        await asyncio.to_thread(management.delete_connection, ConnectionId=ids[0])
        assert await asyncio.to_thread(post, ids[0]) == "GoneException"
        assert len([each async for each in stuck]) > 1
        assert stuck.close_code == CloseCode.NORMAL_CLOSURE


@pytest.fixture
def queues(workshop: Workshop) -> Iterator[dict[str, str]]:
    """Make a queue with a dead-letter queue that holds a message of it."""
    sqs = clients(workshop.emulator)("sqs")
    dead = sqs.create_queue(QueueName="tools-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    queue = sqs.create_queue(QueueName="tools", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    yield {"queue": queue, "dead": dead, "arn": arn}
    sqs.delete_queue(QueueUrl=queue)
    sqs.delete_queue(QueueUrl=dead)


def received(sqs: Any, url: str, **options: Any) -> dict[str, Any]:
    answer = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"], WaitTimeSeconds=5, **options)
    (message,) = answer["Messages"]
    assert isinstance(message, dict)
    return message


def test_redriven_messages_are_new_ones(workshop: Workshop, queues: dict[str, str]) -> None:
    sqs = clients(workshop.emulator)("sqs")
    sqs.send_message(QueueUrl=queues["queue"], MessageBody="lost")
    sent = received(sqs, queues["queue"], VisibilityTimeout=0)
    assert not sqs.receive_message(QueueUrl=queues["queue"]).get("Messages")
    dead = received(sqs, queues["dead"], VisibilityTimeout=0)
    assert (dead["MessageId"], dead["Attributes"]["SentTimestamp"]) == (
        sent["MessageId"],
        sent["Attributes"]["SentTimestamp"],
    )

    handle = sqs.start_message_move_task(SourceArn=queues["arn"])["TaskHandle"]
    (task,) = sqs.list_message_move_tasks(SourceArn=queues["arn"])["Results"]
    assert (task["TaskHandle"], task["Status"], task["ApproximateNumberOfMessagesMoved"]) == (handle, "COMPLETED", 1)
    again = received(sqs, queues["queue"])
    assert again["Body"] == "lost"
    assert again["MessageId"] != sent["MessageId"]
    assert int(again["Attributes"]["SentTimestamp"]) > int(sent["Attributes"]["SentTimestamp"])
    assert again["Attributes"]["ApproximateReceiveCount"] == "1"
    assert not sqs.receive_message(QueueUrl=queues["dead"]).get("Messages")


def test_only_a_dead_letter_queue_of_a_queue_is_redriven(workshop: Workshop, queues: dict[str, str]) -> None:
    sqs = clients(workshop.emulator)("sqs")
    arn = queues["arn"].removesuffix("-dead")
    with pytest.raises(sqs.exceptions.ClientError, match="must be configured as a Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=arn)
    with pytest.raises(sqs.exceptions.ClientError, match="does not exist"):
        sqs.start_message_move_task(SourceArn=f"{arn}-unknown")


async def test_subprotocol_of_connect_is_accepted(workshop: Workshop, api: dict[str, Any]) -> None:
    async with opened(workshop, api, "me", subprotocols=[Subprotocol("first"), Subprotocol("second")]) as connection:
        assert connection.subprotocol == "second"


async def test_only_a_route_with_a_route_response_replies(workshop: Workshop, api: dict[str, Any]) -> None:
    offered = [Subprotocol("second")]
    async with opened(workshop, api, "me", subprotocols=offered) as connection:
        await connection.send('{"action": "silent"}')
        await connection.send('{"action": "replying"}')
        assert await connection.recv() == "reply"
        await connection.close()
        assert [message async for message in connection] == []


def test_exception_is_reported_under_its_name(workshop: Workshop, api: dict[str, Any]) -> None:
    answer = clients(workshop.emulator)("lambda").invoke(FunctionName="tools", Payload='{"raise": true}')
    assert json.loads(answer["Payload"].read())["errorType"] == "Refused"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo_leaves_no_process_behind(number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "tools.demo"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        # In the middle of an apply, the emulator, Terraform and its provider are running.
        wait_until(lambda: any("terraform-pr" in name for name in descendants(demo.pid).values()), "Terraform to apply")
        started = descendants(demo.pid)
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert "Interrupted" in errors
    assert not started.keys() & processes().keys()


def processes() -> dict[int, tuple[int, str]]:
    """Return the parent and name of every running process, without zombies."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,comm="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[3]) for row in rows if not row[2].startswith("Z")}


def descendants(ancestor: int) -> dict[int, str]:
    running = processes()
    found = {ancestor: ""}
    while new := {pid: name for pid, (parent, name) in running.items() if parent in found and pid not in found}:
        found |= new
    return {pid: name for pid, name in found.items() if pid != ancestor}
