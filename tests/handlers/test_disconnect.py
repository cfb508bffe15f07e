from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.conftest import Context, Event, Tables
from websocket_push.aws.errors import AwsError
from websocket_push.handlers.disconnect import handler
from websocket_push.tables.clients import Clients
from websocket_push.tables.endings import Endings

EventMaker = Callable[..., Event]


def test_only_the_row_of_this_connection_is_removed(tables: Tables, event: EventMaker) -> None:
    tables.add_client("WKtlFcYLjoECFvg=")
    tables.add_client("other")
    assert handler(event("disconnect"), Context()) == {"statusCode": 200}
    assert [row["connectionId"] for row in tables.clients()] == ["other"]


def test_removing_what_is_not_there_is_success(tables: Tables, event: EventMaker) -> None:
    assert handler(event("disconnect"), Context()) == {"statusCode": 200}


def test_a_failure_is_logged(
    event: EventMaker, environment: pytest.MonkeyPatch, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    assert handler(event("disconnect"), Context()) == {"statusCode": 500}
    assert [line["outcome"] for line in log_lines()] == ["AWS_REFUSED"]


@pytest.mark.parametrize(
    ("code", "noted"), [(1006, 1006), ("1006", None), (None, None), (1.5, None), ("soon", None), ([], None)]
)
def test_the_row_is_removed_whatever_the_close_code_is_and_only_a_number_is_noted(
    tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch, code: object, noted: int | None
) -> None:
    calls: list[tuple[str, int | None]] = []

    async def note(_: Endings, connection_id: str, cause: str, *, code: int | None, deadline: float) -> None:
        calls.append((cause, code))

    environment.setenv("EVENTS", "true")
    environment.setattr(Endings, "note", note)
    tables.add_client("WKtlFcYLjoECFvg=")
    disconnected = event("disconnect")
    disconnected["requestContext"]["disconnectStatusCode"] = code
    assert handler(disconnected, Context()) == {"statusCode": 200}
    assert (tables.clients(), calls) == ([], [("disconnected", noted)])


def test_a_cause_that_cannot_be_noted_keeps_no_row(
    tables: Tables,
    event: EventMaker,
    environment: pytest.MonkeyPatch,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    deadlines: list[float] = []

    async def note(*_: object, deadline: float, **__: object) -> None:
        deadlines.append(deadline)
        raise AwsError("InternalServerError", status=500, transient=True)

    async def remove(_: Clients, connection_id: str, *, deadline: float) -> None:
        assert connection_id == "WKtlFcYLjoECFvg="
        deadlines.append(deadline)

    environment.setenv("EVENTS", "true")
    environment.setattr(Endings, "note", note)
    environment.setattr(Clients, "remove", remove)
    assert handler(event("disconnect"), Context(60_000)) == {"statusCode": 503}
    noting, removing = deadlines
    assert 29 < removing - noting < 31
    assert [line["outcome"] for line in log_lines()] == ["UNAVAILABLE"]


def test_without_events_no_cause_is_noted(tables: Tables, event: EventMaker, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(Endings, "note", None)
    assert handler(event("disconnect"), Context()) == {"statusCode": 200}


@pytest.mark.parametrize("name", ["connect", "message"])
def test_an_event_of_another_route_removes_no_row(
    tables: Tables, event: EventMaker, log_lines: Callable[[], list[dict[str, Any]]], name: str
) -> None:
    tables.add_client("WKtlFcYLjoECFvg=")
    assert handler(event(name), Context()) == {"statusCode": 400}
    assert len(tables.clients()) == 1
    assert [line["outcome"] for line in log_lines()] == ["INVALID_REQUEST"]


@pytest.mark.parametrize("unsound", [{}, {"requestContext": {"eventType": "DISCONNECT"}}, [], None, "x"])
def test_what_is_no_event_ends_in_an_answer(environment: pytest.MonkeyPatch, unsound: Any) -> None:
    assert handler(unsound, Context()) == {"statusCode": 400}
