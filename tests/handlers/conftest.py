import json
import logging
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.handlers.management_server import ManagementServer
from websocket_push.handlers.poll_topics import tails
from websocket_push.runtime import concurrent, sequential

EVENTS = Path(__file__).parent.parent / "fixtures" / "events"
CLIENTS, NOTIFICATIONS, SUBSCRIPTIONS = "clients", "notifications", "subscriptions"

Event = dict[str, Any]


class Context:
    """The context that Lambda passes to a handler."""

    aws_request_id = "8f5d7f0e-6c1b-4f57-9d3e-0a1b2c3d4e5f"

    def __init__(self, milliseconds: int = 5_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def management() -> Iterator[ManagementServer]:
    server = ManagementServer()
    yield server
    server.stop()


@pytest.fixture
def environment(aws_url: str, management: ManagementServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of the functions; a test changes what it is about."""
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_DYNAMODB": aws_url,
        "CLIENTS_TABLE": CLIENTS,
        "CLIENTS_INDEX": "userId-index",
        "NOTIFICATIONS_TABLE": NOTIFICATIONS,
        "CONNECTIONS_URL": management.url,
        "ALLOW_ANONYMOUS": "true",
        "ALLOWED_ORIGINS": "[]",
        "CLIENT_PUSH": "self",
        "PERSIST_BY_DEFAULT": "true",
        "REVOCABLE": "false",
        "REVOCATION_TTL": "3600",
        "NOTIFICATION_TTL": "3600",
        "MAX_FRAME_BYTES": "32768",
        "KEEPALIVE_ACTION": "poll",
        "KEEPALIVE_SECONDS": "240",
        "LOG_LEVEL": "INFO",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def redeploy() -> None:
    """Let the next invocation read its settings again, as a function does whose configuration was changed."""
    concurrent.made.cache_clear()
    sequential.made.cache_clear()


@pytest.fixture(autouse=True)
def cold_start() -> Iterator[None]:
    """Each test begins with a function that has not run yet, and leaves no loop or socket behind."""
    yield
    if concurrent.sender.cache_info().currsize:
        concurrent.loop().run_until_complete(concurrent.sender().close())
        concurrent.loop().close()
    if sequential.sender.cache_info().currsize:
        sequential.sender().close()
    for kept in (concurrent.made, concurrent.sender, concurrent.loop, sequential.made, sequential.sender, tails):
        kept.cache_clear()


@pytest.fixture
def tables(aws_url: str, environment: pytest.MonkeyPatch) -> Iterator["Tables"]:
    dynamodb = boto3.resource("dynamodb", endpoint_url=aws_url, region_name="eu-west-1")
    clients = dynamodb.create_table(
        TableName=CLIENTS,
        KeySchema=[{"AttributeName": "connectionId", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "connectionId", "AttributeType": "S"},
            {"AttributeName": "userId", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "userId-index",
                "KeySchema": [{"AttributeName": "userId", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["connectedAt", "expiresAt"]},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    notifications = dynamodb.create_table(
        TableName=NOTIFICATIONS,
        KeySchema=[
            {"AttributeName": "userId", "KeyType": "HASH"},
            {"AttributeName": "notificationId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "userId", "AttributeType": "S"},
            {"AttributeName": "notificationId", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield Tables(clients, notifications)
    clients.delete()
    notifications.delete()


@pytest.fixture
def subscriptions(aws_url: str, environment: pytest.MonkeyPatch) -> Iterator["Subscriptions"]:
    """The table that there is with topics, which are on with it."""
    environment.setenv("SUBSCRIPTIONS_TABLE", SUBSCRIPTIONS)
    environment.setenv("TOPICS", "true")
    environment.setenv("MAX_TOPICS_PER_CONNECTION", "3")
    dynamodb = boto3.resource("dynamodb", endpoint_url=aws_url, region_name="eu-west-1")
    table = dynamodb.create_table(
        TableName=SUBSCRIPTIONS,
        KeySchema=[
            {"AttributeName": "topic", "KeyType": "HASH"},
            {"AttributeName": "connectionId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "topic", "AttributeType": "S"},
            {"AttributeName": "connectionId", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield Subscriptions(table)
    table.delete()


class Subscriptions:
    """The subscriptions table, seen from outside."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._table.scan()["Items"]
        return rows

    def add(self, topic: str, connection_id: str) -> None:
        self._table.put_item(Item={"topic": topic, "connectionId": connection_id})

    def topics(self, connection_id: str) -> set[str]:
        return {row["topic"] for row in self.rows() if row["connectionId"] == connection_id}


class Tables:
    """Both tables, seen from outside."""

    def __init__(self, clients: Any, notifications: Any) -> None:
        self._clients = clients
        self._notifications = notifications

    def add_client(
        self, connection_id: str, user_id: str = "alice", *, connected_at: int = 1, **attributes: Any
    ) -> None:
        self._clients.put_item(
            Item={
                "connectionId": connection_id,
                "userId": user_id,
                "connectedAt": connected_at,
                "expiresAt": 4_000_000_000,
                **attributes,
            }
        )

    def add_connection(self, **attributes: Any) -> None:
        """Write a row of the clients table with other attributes than those of a connection."""
        row = {"userId": "alice", "connectedAt": 1, "expiresAt": 4_000_000_000}
        self._clients.put_item(Item=row | attributes)

    def add_notification(self, notification_id: str, user_id: str = "alice", **attributes: Any) -> None:
        self._notifications.put_item(
            Item={
                "userId": user_id,
                "notificationId": notification_id,
                "content": '"hello"',
                "createdAt": "2026-01-31T12:00:00.000Z",
                "expiresAt": 4_000_000_000,
                **attributes,
            }
        )

    def end_revocation(self, user_id: str) -> None:
        """Have what is revoked of a user be over, and not deleted yet."""
        self._clients.update_item(
            Key={"connectionId": f"revoked#{user_id}"},
            UpdateExpression="SET expiresAt = :now",
            ExpressionAttributeValues={":now": int(time.time())},
        )

    def add_inbox_item(self, key: str, **attributes: Any) -> None:
        """Write the item of a user's state."""
        self._notifications.put_item(Item={"userId": key, "notificationId": "state", **attributes})

    def clients(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._clients.scan()["Items"]
        return rows

    def notifications(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._notifications.scan()["Items"]
        return rows


@pytest.fixture(scope="session")
def event() -> Callable[..., Event]:
    """Return a recorded event, changed as asked."""
    recorded = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EVENTS.glob("*.json")}

    def changed(name: str, *, body: object = None, authorizer: Event | None = None, **changes: Any) -> Event:
        copy: Event = deepcopy(recorded[name]) | changes
        if body is not None:
            copy["body"] = body if isinstance(body, str) else json.dumps(body)
        if authorizer is not None:
            copy["requestContext"]["authorizer"] = authorizer
        return copy

    return changed


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Return the log lines printed since it was last asked."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
