"""Idle connections whose server has gone without a FIN or RST: the first stall shows it, and costs the only timeout."""

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from tests.unit.aws.support import OK, PATIENCE, SENDERS, Exchange, Maker, Server, environment, kept_loop, post, run
from tests.unit.aws.test_calls import FanOut
from tests.unit.aws.test_tls import LOOPBACK, Authority
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.sender import Sender

ATTEMPT_SECONDS = 0.3


class Network:
    """A server that has lost some of its connections: what is sent on them is never answered."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.lost: set[int] = set()
        self.server = Server(self._answer, tls=tls)

    async def _answer(self, exchange: Exchange) -> bool:
        if exchange.request.connection in self.lost:
            await exchange.reader.read()
            return False
        await exchange.write(OK)
        return True

    def lose_all(self) -> None:
        self.lost = set(range(1, self.server.connections + 1))

    def sent_since(self, count: int) -> list[str]:
        """Say, of each request but the first ones, what kind of connection it was sent on."""
        return ["lost" if request.connection in self.lost else "new" for request in self.server.requests[count:]]


@pytest.fixture(params=SENDERS)
def kind(request: pytest.FixtureRequest) -> Maker:
    """One kind of sender after the other: they promise the same."""
    made: Maker = request.param
    return made


def variables(network: Network, **others: str) -> dict[str, str]:
    scheme = "http" if network.server._tls is None else "https"
    return environment(network.server.port, AWS_ENDPOINT_URL=f"{scheme}://127.0.0.1:{network.server.port}", **others)


async def fill(sender: Sender, network: Network, count: int) -> None:
    """Leave idle connections, all lost."""
    await asyncio.gather(*(post(sender) for _ in range(count)))
    assert network.server.connections == count
    network.lose_all()


@pytest.mark.parametrize("count", [1, 3, 9, 40])
def test_any_number_of_lost_connections_costs_one_stall(count: int, kind: Maker) -> None:
    network = Network()
    with network.server:

        async def work(sender: Sender) -> None:
            await fill(sender, network, count)
            for _ in range(3):
                await post(sender, attempts=2)

        run(kind(variables(network), random=lambda: 0.0, attempt_timeout=ATTEMPT_SECONDS), work)
        assert network.sent_since(count) == ["lost", "new", "new", "new"]


def test_over_tls_too(kind: Maker, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    network = Network(authority.server(LOOPBACK))
    with network.server:

        async def work(sender: Sender) -> None:
            await fill(sender, network, 4)
            await post(sender, attempts=2)

        environment = variables(network, AWS_CA_BUNDLE=str(authority.bundle))
        run(kind(environment, random=lambda: 0.0, attempt_timeout=ATTEMPT_SECONDS), work)
        assert network.sent_since(4) == ["lost", "new"]


def test_what_was_sent_on_lost_connections_side_by_side_stalls_once_each() -> None:
    network = Network()
    with network.server:

        async def work(transport: ConcurrentSender) -> None:
            await fill(transport, network, 8)
            await asyncio.gather(*(post(transport, attempts=2) for _ in range(50)))

        run(
            ConcurrentSender(
                variables(network), random=lambda: 0.0, attempt_timeout=ATTEMPT_SECONDS, maximum_connections=8
            ),
            work,
        )
        assert sorted(network.sent_since(8)) == ["lost"] * 8 + ["new"] * 50


def test_what_waits_for_a_connection_gets_none_that_is_lost() -> None:
    network = Network()
    with network.server:

        async def work(transport: ConcurrentSender) -> None:
            await fill(transport, network, 2)
            ends = await FanOut(transport, 10).finished()
            assert [end is None for end in ends].count(False) == 2

        run(ConcurrentSender(variables(network), attempt_timeout=ATTEMPT_SECONDS, maximum_connections=2), work)
        assert sorted(network.sent_since(2)) == ["lost"] * 2 + ["new"] * 8


def test_a_stall_at_one_address_counts_for_the_connections_to_another(kind: Maker) -> None:
    tables, clients = Network(), Network()
    with tables.server, clients.server:
        url = f"http://127.0.0.1:{tables.server.port}"

        async def both(sender: Sender) -> None:
            await DynamoDB(sender).delete_item("table", {}, deadline=asyncio.get_running_loop().time() + PATIENCE)
            await post(sender, attempts=1)

        async def work(sender: Sender) -> None:
            await both(sender)
            tables.lose_all()
            clients.lose_all()
            await both(sender)

        addresses = variables(clients, AWS_ENDPOINT_URL_DYNAMODB=url)
        run(kind(addresses, random=lambda: 0.0, attempt_timeout=ATTEMPT_SECONDS), work)
        assert (tables.sent_since(1), clients.sent_since(1)) == (["lost", "new"], ["new"])


def test_a_connection_that_was_used_since_is_kept() -> None:
    network = Network()
    server = network.server
    with server:

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(post(transport), post(transport))
            await post(transport)
            network.lost = {server.requests[-1].connection}  # the one used last is used next
            stalled = asyncio.create_task(post(transport, attempts=2))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 4)
            await post(transport)
            await stalled

        run(ConcurrentSender(variables(network), random=lambda: 0.0, attempt_timeout=ATTEMPT_SECONDS), work)
        (lost,) = network.lost
        kept = 3 - lost
        assert [request.connection for request in server.requests[3:]] == [lost, kept, kept]


@pytest.mark.parametrize(("passed", "connections"), [(299.0, [1, 1]), (301.0, [1, 2]), (-5.0, [1, 2])])
def test_idle_time_is_measured_by_a_clock_that_runs_while_the_environment_is_frozen(
    passed: float, connections: list[int], kind: Maker
) -> None:
    now = [1000.0]
    with Server() as server:
        sender = kind(environment(server.port), idle_clock=lambda: now[0])
        with kept_loop(sender) as loop:
            loop.run_until_complete(post(sender))
            now[0] += passed
            loop.run_until_complete(post(sender))
        assert [request.connection for request in server.requests] == connections


def test_the_clock_for_idle_time_is_the_time_of_day(kind: Maker) -> None:
    assert kind(environment(1))._freshness.clock is time.time
