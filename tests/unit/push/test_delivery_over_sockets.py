"""The delivery with the real transport against a server that responds, refuses and disconnects on request."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.aws.support import (
    CONNECTIONS_URL,
    OK,
    Answer,
    Exchange,
    Request,
    Server,
    check_whole,
    hang_up,
    reply,
    reset,
    run,
    stall,
    status,
    transport_to,
)
from tests.unit.push.fakes import NOW, World, connection, page_of
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.push.delivery import MAX_RECIPIENTS_AT_ONCE, Delivery
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import MAX_POSTS_AT_ONCE, Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.push.retrying import ATTEMPTS
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notification
from websocket_push.tables.storing import Notifications

PLAYS: dict[str, Answer] = {
    "taken": reply(),
    "taken, then closed": status(200, connection="close"),
    "gone": status(410),
    "denied": status(403),
    "unsound": status(400),
    "elsewhere": status(404),
    "too large": status(413),
    "moved": status(307, location="/elsewhere"),
    "throttled": status(429),
    "throttled until a date": status(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT"),
    "broken": status(500),
    "silence": stall(),
    "reset": reset(),
    "closed": hang_up(),
    "closed within the answer": hang_up(OK[:-1]),
    "no HTTP": hang_up(b"SSH-2.0-OpenSSH_9.6\r\n"),
}

REFUSED = ("denied", "unsound", "elsewhere", "too large", "moved")
"""What is not tried again, and closes nothing."""

FINAL_POSTS = ("taken", "taken, then closed", "gone")
"""What ends the attempts for a connection, which then is not closed."""


def delivery_over(world: World, transport: ConcurrentSender, seconds: float = 60) -> Delivery:
    """Make a delivery whose posts go over sockets; the tables stay scripted."""
    delivery = world.delivery(seconds=seconds)
    delivery._management = Management(transport, CONNECTIONS_URL)
    return delivery


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PLAYS)), max_size=12),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_whatever_the_server_plays_every_connection_is_accounted_for_once(
    plays: Sequence[str], counts: Sequence[int], size: int
) -> None:
    users = {f"u{user}": [f"u{user}-{n}" for n in range(count)] for user, count in enumerate(counts)}
    world = World(*(connection(name, user_id=user) for user, names in users.items() for name in names), page_size=3)
    with Server(*(PLAYS[play] for play in plays), reply()) as server:

        async def work(transport: ConcurrentSender) -> list[Outcome]:
            return await delivery_over(world, transport).run(list(users))

        outcomes = run(transport_to(server, maximum_connections=size, attempt_timeout=0.1), work)
        answers: dict[str, list[str]] = {name: [] for names in users.values() for name in names}
        closes: dict[str, list[str]] = {name: [] for name in answers}
        for number, request in enumerate(server.requests):
            play = plays[number] if number < len(plays) else "taken"
            (closes if request.method == "DELETE" else answers)[request.path.rpartition("/")[2]].append(play)

    for outcome, names in zip(outcomes, users.values(), strict=True):
        ends = [answers[name][-1] for name in names]
        assert outcome.connections == len(names)
        assert outcome.delivered == sum(end.startswith("taken") for end in ends)
        assert outcome.gone == ends.count("gone")
        failed = [name for name in names if answers[name][-1] not in FINAL_POSTS]
        assert all(len(answers[name]) >= ATTEMPTS or answers[name][-1] in REFUSED for name in failed)
        assert outcome.failed == len(failed)
        assert outcome.connections == outcome.delivered + outcome.gone + outcome.failed
        assert all(closes[name] for name in failed)
        assert outcome.unclosed == sum(closes[name][-1] in REFUSED for name in failed)
        assert outcome.incomplete == (outcome.unclosed > 0)
    assert sorted(world.done("remove")) == sorted(name for name, played in answers.items() if played[-1] == "gone")
    assert not [played for played in answers.values() if {*FINAL_POSTS, *REFUSED} & set(played[:-1])]


FAILING = [play for play in PLAYS if play not in FINAL_POSTS]


@pytest.mark.parametrize("closing", FAILING)
def test_what_can_be_neither_sent_to_nor_closed_is_counted_however_both_fail(closing: str) -> None:
    """Each connection is named after how posts to it fail."""

    async def answer(exchange: Exchange) -> bool:
        name = exchange.request.path.rpartition("/")[2]
        play = closing if exchange.request.method == "DELETE" else FAILING[int(name)]
        return await PLAYS[play](exchange)

    world = World(*(connection(str(number)) for number in range(len(FAILING))))
    with Server(answer) as server:

        async def work(transport: ConcurrentSender) -> list[Outcome]:
            return await delivery_over(world, transport, seconds=0.2).run(["alice"])

        (outcome,) = run(transport_to(server, attempt_timeout=0.1), work)

    assert (outcome.failed, outcome.unclosed, outcome.incomplete) == (len(FAILING), len(FAILING), True)
    assert world.done("remove") == []


@pytest.mark.parametrize(("taken", "refused", "given_up"), [(40, 1, True), (0, 40, False)])
def test_a_full_connection_is_given_up_after_three_attempts_and_a_throttled_account_is_not(
    taken: int, refused: int, given_up: bool
) -> None:
    """A refused connection is asked in rounds until the deadline unless others are taken."""
    posts: Counter[str] = Counter()

    async def answer(exchange: Exchange) -> bool:
        name = exchange.request.path.rpartition("/")[2]
        posts[name] += exchange.request.method == "POST"
        full = exchange.request.method == "POST" and name.startswith("full")
        return await PLAYS["throttled" if full else "taken"](exchange)

    full = [f"full{number}" for number in range(refused)]
    world = World(*map(connection, [*(f"open{number}" for number in range(taken)), *full]))
    with Server(answer) as server:

        async def work(transport: ConcurrentSender) -> list[Outcome]:
            return await delivery_over(world, transport, seconds=1.5).run(["alice"])

        (outcome,) = run(transport_to(server), work)

    assert (outcome.delivered, outcome.failed, outcome.unclosed) == (taken, refused, 0)
    assert {posts[each] > 3 for each in full} == {not given_up}
    assert all(posts[each] == 3 for each in full) == given_up


FINAL = ("taken", "denied")
"""What no further request may follow."""

STORAGE_PLAYS: dict[str, Answer] = {
    "denied": status(400, b'{"__type":"com.amazon#AccessDeniedException"}'),
    "throttled": status(400, b'{"__type":"com.amazon#ThrottlingException"}'),
    "limited": status(429),
    "broken": status(500),
    "not what was promised": status(200, b"<html>"),
    "silence": stall(),
    "reset": reset(),
    "closed": hang_up(),
    "closed within the answer": hang_up(OK[:-1]),
}


class Storage:
    """Answers whatever a push asks for, or plays what the schedule says; and keeps a journal of both."""

    def __init__(self, users: Mapping[str, Sequence[str]], plays: Sequence[str], page_size: int) -> None:
        self._users = users
        self._plays = list(plays)
        self._page_size = page_size
        self.journal: list[tuple[str, str, str]] = []

    async def answer(self, exchange: Exchange) -> bool:
        play = self._plays.pop(0) if self._plays else "taken"
        operation, subject, body = self._read(exchange.request)
        if operation in ("post", "close") and play == "not what was promised":
            play = "taken"  # the body of an answer to a post means nothing
        self.journal.append((operation, subject, play))
        return await (status(200, body) if play == "taken" else STORAGE_PLAYS[play])(exchange)

    def played(self, operation: str, subject: str) -> list[str]:
        return [play for kind, whom, play in self.journal if (kind, whom) == (operation, subject)]

    def _read(self, request: Request) -> tuple[str, str, bytes]:
        besides = "close" if request.method == "DELETE" else "post"
        operation = request.headers.get("x-amz-target", besides).rpartition(".")[2]
        if operation in ("post", "close"):
            return operation, request.path.rpartition("/")[2], b""
        document = json.loads(request.body)
        if operation == "PutItem":
            return operation, document["Item"]["userId"]["S"], b"{}"
        if operation != "Query":
            return operation, "", b"{}"
        user_id = document["ExpressionAttributeValues"][":userId"]["S"]
        start = int(document.get("ExclusiveStartKey", {"next": {"N": "0"}})["next"]["N"])
        end = start + self._page_size
        own = [connection(name, user_id=user_id) for name in self._users[user_id]]
        return operation, f"{user_id} from {start}", page_of([], own[start:end], end if len(own) > end else None)


def whole_delivery(transport: ConcurrentSender, seconds: float = 60, content: str = "1") -> Delivery:
    """Make a delivery that does everything over sockets."""
    started = asyncio.get_running_loop().time()
    dynamodb = PreparingDynamoDB(transport)
    return Delivery(
        dynamodb,
        Clients(dynamodb, "clients", "userId-index"),
        Notifications("notifications"),
        Management(transport, CONNECTIONS_URL),
        notification=Notification("0193a5b0-7c00-7abc-9def-0123456789ab", content),
        stored_until=NOW,
        clocks=Clocks(lambda: NOW, started + seconds, started + seconds + 1),
        random=lambda: 0.0,
        refusals=Refusals(),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["taken", *sorted(STORAGE_PLAYS)]), max_size=15),
    st.lists(st.integers(0, 5), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 3),
)
def test_whatever_the_server_plays_to_storing_looking_up_and_posting_every_user_is_accounted_for(
    plays: Sequence[str], counts: Sequence[int], size: int, page_size: int
) -> None:
    users = {f"u{user}": [f"u{user}-{n}" for n in range(count)] for user, count in enumerate(counts)}
    storage = Storage(users, plays, page_size)
    with Server(storage.answer) as server:

        async def work(transport: ConcurrentSender) -> list[Outcome]:
            outcomes = await whole_delivery(transport).run(list(users))
            assert transport.active == 0
            return outcomes

        outcomes = run(transport_to(server, maximum_connections=size, attempt_timeout=0.1), work)

    for outcome, (user_id, names) in zip(outcomes, users.items(), strict=True):
        stored = storage.played("PutItem", user_id)
        pages = [
            storage.played("Query", f"{user_id} from {start}") for start in range(0, max(len(names), 1), page_size)
        ]
        posted = {name: storage.played("post", name) for name in names}
        assert outcome.persisted == (stored[-1] == "taken")
        for played in (stored, *pages, *posted.values()):
            assert not set(FINAL) & set(played[:-1])
        for played in (stored, *pages):
            assert not played or played[-1] in FINAL
        if not outcome.persisted:
            assert not any(posted.values())
            assert outcome.connections == 0
            assert outcome.error is not None
            continue
        found = list(itertools.takewhile(lambda played: played and played[-1] == "taken", pages))
        assert outcome.connections == min(len(found) * page_size, len(names)) == sum(map(bool, posted.values()))
        assert outcome.delivered == sum(played[-1:] == ["taken"] for played in posted.values())
        failed = [name for name, played in posted.items() if played and played[-1] != "taken"]
        assert all(len(posted[name]) >= ATTEMPTS or posted[name][-1] == "denied" for name in failed)
        assert outcome.failed == len(failed)
        assert outcome.unclosed == sum(storage.played("close", name)[-1] == "denied" for name in failed)
        assert (outcome.gone, outcome.untried) == (0, 0)
        assert (outcome.error is None) == (len(found) == len(pages) and not outcome.failed)


def test_storing_and_looking_up_go_out_together_and_posts_after_both() -> None:
    both = asyncio.Barrier(2)
    storage = Storage({"alice": ["a", "b"]}, [], 10)
    answered_before: list[int] = []

    async def together(exchange: Exchange) -> bool:
        if "x-amz-target" in exchange.request.headers:
            await both.wait()
        else:
            answered_before.append(len(storage.journal))
        return await storage.answer(exchange)

    with Server(together) as server:
        (outcome,) = run(transport_to(server), lambda transport: whole_delivery(transport).run(["alice"]))
    assert (outcome.persisted, outcome.delivered) == (True, 2)
    assert min(answered_before) == 2


TAKEN = status(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}')


@pytest.mark.parametrize(
    ("refusals", "persisted", "code", "bodies"),
    [
        pytest.param(0, True, None, 1, id="the user does not have the id"),
        pytest.param(1, True, None, 2, id="the user has it with the same content"),
        pytest.param(2, False, "INVALID_ID", 2, id="the user has it with other content"),
    ],
)
def test_contents_are_compared_only_for_a_user_who_has_the_id(
    refusals: int, persisted: bool, code: ErrorCode | None, bodies: int
) -> None:
    storage = Storage({"alice": ["a"]}, [], 10)
    stored: list[str] = []

    async def answer(exchange: Exchange) -> bool:
        if not exchange.request.headers.get("x-amz-target", "").endswith("PutItem"):
            return await storage.answer(exchange)
        stored.append(exchange.request.body.decode())
        return await (TAKEN if len(stored) <= refusals else reply(OK))(exchange)

    with Server(answer) as server:
        (outcome,) = run(
            transport_to(server), lambda transport: whole_delivery(transport, content="314").run(["alice"])
        )
    assert (outcome.persisted, outcome.delivered) == (persisted, int(persisted))
    assert (outcome.error and outcome.error.code) == code
    assert [body.count('"314"') for body in stored] == [1, 2][:bodies]


def test_a_thousand_users_flow_through_a_bounded_number_of_calls() -> None:
    users = {f"u{user}": [f"u{user}-0"] for user in range(1000)}
    storage = Storage(users, [], 10)
    with Server(storage.answer) as server:

        async def work(transport: ConcurrentSender) -> tuple[list[Outcome], int]:
            most = 0
            running = asyncio.create_task(whole_delivery(transport).run(list(users)))
            while not running.done():
                await asyncio.sleep(0)
                most = max(most, transport.active)
            return running.result(), most

        outcomes, most = run(transport_to(server, maximum_connections=8), work)
        assert all(outcome.persisted and outcome.delivered == 1 for outcome in outcomes)
        assert len(server.requests) == 3000
        assert most <= 2 * MAX_RECIPIENTS_AT_ONCE + MAX_POSTS_AT_ONCE  # without failures there is nothing else
        # The first are posted to long before the last are stored.
        kinds = [kind for kind, _, _ in storage.journal]
        assert kinds.index("post") < 6 * MAX_RECIPIENTS_AT_ONCE


@pytest.mark.parametrize("answered", [0, 1, 3])
def test_a_whole_delivery_that_is_cancelled_leaves_no_socket_open(answered: int) -> None:
    storage = Storage({f"u{user}": [f"u{user}-0"] for user in range(100)}, [], 10)
    seen = 0

    async def some(exchange: Exchange) -> bool:
        nonlocal seen
        seen += 1
        return await (storage.answer if seen <= answered else stall())(exchange)

    with Server(some) as server:

        async def work(transport: ConcurrentSender) -> None:
            running = asyncio.create_task(whole_delivery(transport).run([f"u{user}" for user in range(100)]))
            await asyncio.to_thread(server.wait_until, lambda: len(server.requests) > answered)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            for _ in range(3):
                await asyncio.sleep(0)
            check_whole(transport)
            assert transport.active == 0
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, maximum_connections=4, attempt_timeout=60), work)


def test_a_user_with_thousands_of_connections_is_reached_over_a_bounded_number_of_calls() -> None:
    world = World(*(connection(f"c{n}") for n in range(3000)), page_size=1000)
    with Server() as server:

        async def work(transport: ConcurrentSender) -> tuple[Outcome, int]:
            most = 0
            delivery = delivery_over(world, transport)
            running = asyncio.create_task(delivery.run(["alice"]))
            while not running.done():
                await asyncio.sleep(0)
                most = max(most, transport.active)
            return running.result()[0], most

        outcome, most = run(transport_to(server), work)
        assert (outcome.connections, outcome.delivered) == (3000, 3000)
        assert len({request.path for request in server.requests}) == len(server.requests) == 3000
        assert server.connections <= 64
        assert 64 < most <= MAX_POSTS_AT_ONCE


@pytest.mark.parametrize("posted", [0, 4])
def test_a_cancelled_delivery_leaves_no_socket_open(posted: int) -> None:
    world = World(*(connection(f"c{n}") for n in range(400)))
    with Server(stall()) as server:

        async def work(transport: ConcurrentSender) -> None:
            running = asyncio.create_task(delivery_over(world, transport).run(["alice"]))
            if posted:
                await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == posted)
            else:
                for _ in range(20):
                    await asyncio.sleep(0)
                assert transport.active
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            for _ in range(3):
                await asyncio.sleep(0)
            check_whole(transport)
            assert transport.active == 0
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport_to(server, maximum_connections=4, attempt_timeout=60), work)


def test_at_the_deadline_everything_is_accounted_for_and_no_socket_is_open() -> None:
    world = World(*(connection(f"c{n}") for n in range(400)))
    with Server(reply(), stall()) as server:

        async def work(transport: ConcurrentSender) -> Outcome:
            (outcome,) = await delivery_over(world, transport, seconds=0.5).run(["alice"])
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)
            return outcome

        outcome = run(transport_to(server, maximum_connections=4, attempt_timeout=60), work)
        assert (outcome.connections, outcome.delivered, outcome.gone, outcome.failed) == (400, 1, 0, 399)
        assert outcome.error is not None
