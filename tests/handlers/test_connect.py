import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables, redeploy
from websocket_push.handlers.connect import handler

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]


def test_an_anonymous_connection_is_registered_under_the_user_it_names(tables: Tables, event: EventMaker) -> None:
    before = time.time()
    assert handler(event("connect"), Context()) == {"statusCode": 200}

    (row,) = tables.clients()
    assert (row["connectionId"], row["userId"]) == ("WKtlFcYLjoECFvg=", "alice")
    assert before - 1 <= row["connectedAt"] / 1000 <= time.time() + 1
    assert row["expiresAt"] == row["connectedAt"] // 1000 + 7260


def test_the_authorizers_user_wins_over_the_query(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ALLOW_ANONYMOUS", "false")
    authorized = event("connect", authorizer={"userId": "bob", "principalId": "x", "integrationLatency": 3})
    assert handler(authorized, Context()) == {"statusCode": 200}
    assert [row["userId"] for row in tables.clients()] == ["bob"]


def test_a_row_lasts_as_long_as_the_authorization(tables: Tables, event: EventMaker) -> None:
    until = int(time.time()) + 600
    assert handler(event("connect", authorizer={"userId": "bob", "expiresAt": str(until)}), Context()) == {
        "statusCode": 200
    }
    assert [row["expiresAt"] for row in tables.clients()] == [until]


def test_an_authorization_that_is_over_does_not_connect(tables: Tables, event: EventMaker, log_lines: LogLines) -> None:
    assert handler(event("connect", authorizer={"userId": "bob", "expiresAt": "1769860800"}), Context()) == {
        "statusCode": 403
    }
    assert tables.clients() == []
    assert [line["outcome"] for line in log_lines()] == ["TOKEN_EXPIRED"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        (None, 401, "MISSING_USER_ID"),
        ({}, 401, "MISSING_USER_ID"),
        ({"userId": ""}, 400, "INVALID_USER_ID"),
        ({"userId": "x" * 257}, 400, "INVALID_USER_ID"),
        ({"userId": "a\x00"}, 400, "INVALID_USER_ID"),
    ],
)
def test_a_connection_of_nobody_is_refused_and_not_registered(
    tables: Tables, event: EventMaker, log_lines: LogLines, query: dict[str, str] | None, status: int, code: str
) -> None:
    refused = event(
        "connect",
        queryStringParameters=query,
        multiValueQueryStringParameters=None if query is None else {name: [value] for name, value in query.items()},
    )
    assert handler(refused, Context()) == {"statusCode": status}
    assert tables.clients() == []
    (line,) = log_lines()
    assert (line["outcome"], line["level"], line["connectionId"]) == (code, "WARN", "WKtlFcYLjoECFvg=")


def test_without_authorizer_and_permission_the_query_is_not_believed(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ALLOW_ANONYMOUS", "false")
    assert handler(event("connect"), Context()) == {"statusCode": 401}
    assert tables.clients() == []


def test_a_table_that_is_out_of_reach_asks_the_client_to_come_back(
    event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    assert handler(event("connect"), Context(milliseconds=600)) == {"statusCode": 503}
    (line,) = log_lines()
    assert (line["outcome"], line["level"]) == ("UNAVAILABLE", "ERROR")


def test_a_table_that_does_not_exist_is_an_error_of_the_deployment(
    event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    assert handler(event("connect"), Context()) == {"statusCode": 500}
    (line,) = log_lines()
    assert (line["outcome"], line["level"]) == ("AWS_REFUSED", "ERROR")
    assert "ResourceNotFoundException" in line["detail"]


def test_a_missing_setting_is_named_in_the_log_only(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    environment.delenv("CLIENTS_TABLE")
    assert handler(event("connect"), Context()) == {"statusCode": 500}
    assert log_lines()[0]["detail"] == "The environment variable CLIENTS_TABLE is not set."


@pytest.mark.parametrize("unsound", [{}, {"requestContext": None}, {"requestContext": {}}, [], None, "x"])
def test_an_event_of_another_kind_ends_in_an_answer(
    environment: pytest.MonkeyPatch, log_lines: LogLines, unsound: Any
) -> None:
    assert handler(unsound, Context()) == {"statusCode": 400}
    assert [line["outcome"] for line in log_lines()] == ["INVALID_REQUEST"]


@pytest.mark.parametrize("name", ["disconnect", "message", "authorizer"])
def test_an_event_of_another_route_registers_nobody(
    tables: Tables, event: EventMaker, log_lines: LogLines, name: str
) -> None:
    foreign = event(name, authorizer={"userId": "alice"})
    if name == "authorizer":
        del foreign["requestContext"]["eventType"]
    assert handler(foreign, Context()) == {"statusCode": 400}
    assert tables.clients() == []
    assert [line["outcome"] for line in log_lines()] == ["INVALID_REQUEST"]


def test_a_browser_from_elsewhere_is_refused_whoever_it_is(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    environment.setenv("ALLOWED_ORIGINS", '["https://other.example.org"]')
    assert handler(event("connect", authorizer={"userId": "bob"}), Context()) == {"statusCode": 403}
    assert tables.clients() == []
    assert [line["outcome"] for line in log_lines()] == ["ORIGIN_NOT_ALLOWED"]
    environment.setenv("ALLOWED_ORIGINS", '["https://other.example.org", "https://app.example.org"]')
    redeploy()
    assert handler(event("connect", authorizer={"userId": "bob"}), Context()) == {"statusCode": 200}


def test_a_native_client_may_send_the_apis_own_host_as_its_origin_where_self_is_allowed(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    native = event(
        "connect",
        multiValueHeaders={"Origin": ["https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"]},
    )
    environment.setenv("ALLOWED_ORIGINS", '["https://app.example.org"]')
    assert handler(native, Context()) == {"statusCode": 403}
    environment.setenv("ALLOWED_ORIGINS", '["https://app.example.org", "self"]')
    redeploy()
    assert handler(native, Context()) == {"statusCode": 200}


@pytest.mark.parametrize("offered", [["acme.v1"], ["acme.v1, eyJhbGciOiJub25lIn0.e30."], ["eyJ.e30.", "acme.v1"]])
def test_a_page_that_offers_its_own_subprotocol_is_answered_with_it(
    tables: Tables, event: EventMaker, offered: list[str]
) -> None:
    offering = event("connect", multiValueHeaders={"Sec-WebSocket-Protocol": offered})
    assert handler(offering, Context()) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "acme.v1"}}


def test_a_token_that_came_as_a_subprotocol_is_answered_with_bearer_alone(tables: Tables, event: EventMaker) -> None:
    offering = event("connect", multiValueHeaders={"Sec-WebSocket-Protocol": ["bearer, a.b.c"]})
    assert handler(offering, Context()) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "bearer"}}


def test_an_invocation_is_logged_in_one_line_without_the_query(
    tables: Tables, event: EventMaker, log_lines: LogLines
) -> None:
    handler(event("connect"), Context())
    (line,) = log_lines()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("durationMilliseconds") >= 0
    assert line == {
        "level": "INFO",
        "message": "connect",
        "requestId": Context.aws_request_id,
        "outcome": "OK",
        "connectionId": "WKtlFcYLjoECFvg=",
    }


def test_a_log_level_above_leaves_successes_out(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    environment.setenv("LOG_LEVEL", "WARN")
    handler(event("connect"), Context())
    assert log_lines() == []
    handler(event("connect", queryStringParameters=None, multiValueQueryStringParameters=None), Context())
    assert [line["outcome"] for line in log_lines()] == ["MISSING_USER_ID"]


def test_settings_and_tables_are_made_once_for_an_environment_of_the_function(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch
) -> None:
    assert handler(event("connect", authorizer={"userId": "bob"}), Context()) == {"statusCode": 200}
    environment.delenv("CLIENTS_TABLE")
    assert handler(event("connect", authorizer={"userId": "bob"}), Context()) == {"statusCode": 200}


def test_a_missing_setting_is_one_clear_error(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    environment.delenv("CLIENTS_TABLE")
    assert handler(event("connect", authorizer={"userId": "bob"}), Context()) == {"statusCode": 500}
    (line,) = log_lines()
    assert "CLIENTS_TABLE" in line["detail"]
