"""The tooling itself: the emulator answers as AWS does, and nothing that the demo starts outlives it."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.stack import Workshop
from tools.aws import clients, wait_until
from tools.paths import CHECKOUT

# Does what its query string says: as authorizer, as $connect integration and as route.
FUNCTION = """
class Refused(Exception):
    pass

def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if event.get("type") == "REQUEST":
        if query.get("user") == "nobody":
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
    route = gateway.create_route(
        ApiId=api_id, RouteKey="replying", Target=target, RouteResponseSelectionExpression="$default"
    )
    gateway.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api_id, StageName="live")
    yield {"api": made, "authorizer": authorizer, "mock": mock}
    gateway.delete_api(ApiId=api_id)
    client("lambda").delete_function(FunctionName="tools")
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


@pytest.mark.parametrize(("user", "status"), [("nobody", 401), ("broken", 500)])
async def test_authorizer_that_raises(workshop: Workshop, api: dict[str, Any], user: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(workshop, api, user):
            pass
    assert refused.value.response.status_code == status


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
