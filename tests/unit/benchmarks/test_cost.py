from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cost import (
    CONNECTION_MINUTE,
    KEEPALIVE_SECONDS,
    LOG,
    MESSAGE,
    PRICES,
    READ,
    SHAPES,
    WRITE,
    Price,
    Shape,
    ably_cost,
    appsync_cost,
    connection_cost,
    iot_cost,
    lambda_seconds,
    our_cost,
    tables,
    with_tables,
)
from benchmarks.results import load

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = CHECKOUT / "docs" / "cost.md"
RESULTS = CHECKOUT / "benchmarks" / "results.json"

ONE = Shape(persisted=False, devices=1)


def test_the_page_holds_what_the_script_computes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, tables(load(RESULTS))) == page


def test_the_page_names_every_price_and_its_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(price.unit in page and price.source in page for price in PRICES)


def test_a_table_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="'new'"):
        with_tables("<!-- new: begin -->\n no end", {"new": "|"})


def test_a_table_replaces_only_what_is_in_its_place() -> None:
    page = "before\n<!-- t: begin -->\nold\n<!-- t: end -->\nafter\n"
    assert with_tables(page, {"t": "new\n"}) == page.replace("old", "new")


def test_a_price_is_for_its_unit() -> None:
    assert Price(2.0, 1_000, "thing", "https://example.com").of(250) == 0.5


def test_a_device_costs_its_message_and_its_minutes() -> None:
    cost = our_cost(ONE, 0.0)
    assert cost["connection minutes"] == pytest.approx(CONNECTION_MINUTE.of(48_000_000))
    # The notification, and 0.4 polls with their replies.
    assert cost["messages"] == pytest.approx(MESSAGE.of(1_800_000))
    assert cost["keepalive"] == 0


def test_a_ping_is_two_messages_every_five_minutes() -> None:
    cost = our_cost(Shape(persisted=False, devices=1, keepalive="ping"), 0.0)
    assert cost["keepalive"] == pytest.approx(MESSAGE.of(2 * 48_000_000 / 5))


def test_a_poll_is_two_messages_every_four_minutes_and_an_invocation_that_reads() -> None:
    cost = our_cost(Shape(persisted=False, devices=1, keepalive="poll"), 0.0)
    polls = 48_000_000 / 4
    invocations = Price(0.2 + 13.3334 * 0.01 * 0.25, 1_000_000, "", "").of(polls)
    assert cost["keepalive"] == pytest.approx(
        MESSAGE.of(2 * polls) + invocations + READ.of(polls) + LOG.of(polls * 1000 / 1e9)
    )


def test_the_defaults_are_those_of_the_input() -> None:
    environment = (CHECKOUT / "modules" / "lambda" / "functions.tf").read_text(encoding="utf-8")
    assert f'== "ping" ? {KEEPALIVE_SECONDS["ping"]} : {KEEPALIVE_SECONDS["poll"]}' in environment


def test_persisting_costs_a_write_and_its_storage() -> None:
    without, stored = our_cost(ONE, 0.0), our_cost(Shape(persisted=True, devices=1), 0.0)
    assert stored["DynamoDB"] - without["DynamoDB"] == pytest.approx(WRITE.of(1_000_000) + 0.035)
    assert {name for name in stored if stored[name] != without[name]} == {"DynamoDB"}


def test_nobody_connected_costs_no_gateway() -> None:
    cost = our_cost(Shape(persisted=True, devices=0), 0.001)
    assert cost["messages"] == cost["connection minutes"] == cost["keepalive"] == 0
    assert cost["DynamoDB"] > 0


def test_tabs_that_share_a_connection_cost_what_one_does() -> None:
    each, shared = connection_cost(24, "ping"), connection_cost(8, "ping")
    assert each == pytest.approx({name: 3 * dollars for name, dollars in shared.items()})
    assert shared["connection minutes"] == pytest.approx(CONNECTION_MINUTE.of(1_000 * 30 * 8 * 60))
    assert shared["keepalive"] == pytest.approx(MESSAGE.of(2 * 1_000 * 30 * 8 * 12))


def test_keepalives_are_free_elsewhere() -> None:
    polling, pinging, silent = (Shape(persisted=True, devices=3, keepalive=each) for each in ("poll", "ping", ""))
    for elsewhere in (appsync_cost, iot_cost, ably_cost):
        assert elsewhere(polling) == elsewhere(pinging) == elsewhere(silent)


@pytest.mark.parametrize("elsewhere", [appsync_cost, iot_cost, ably_cost])
def test_more_devices_cost_more_everywhere(elsewhere: object) -> None:
    assert callable(elsewhere)
    assert elsewhere(Shape(persisted=True, devices=3)) > elsewhere(Shape(persisted=True, devices=1))


@given(st.floats(0.0001, 10.0), st.sampled_from([128, 256, 512]), st.floats(0.0, 5.0))
def test_half_the_memory_never_makes_a_function_faster(cpu: float, memory: int, waiting: float) -> None:
    assert lambda_seconds(cpu, memory, waiting) >= lambda_seconds(cpu, memory * 2, waiting) >= waiting


def test_every_shape_has_a_name_of_its_own() -> None:
    assert len({shape.title for shape in SHAPES}) == len(SHAPES)
