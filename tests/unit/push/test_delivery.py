import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import virtual
from tests.unit.push.fakes import LONG_AGO, NOW, Script, World, connection, failing, fine
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import ConnectionGone
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.push import posting
from websocket_push.push.delivery import MAX_RECIPIENTS_AT_ONCE
from websocket_push.push.outcome import Outcome
from websocket_push.push.posting import MAX_POSTS_AT_ONCE, MAX_RETRIES_AT_ONCE
from websocket_push.push.report import report
from websocket_push.push.retrying import ATTEMPTS
from websocket_push.push.window import Work
from websocket_push.tables.clients import Connection
from websocket_push.tables.notifications import TAKEN, Notification

GONE = ConnectionGone("GoneException", status=410)
THROTTLED = AwsError("LimitExceededException", status=429, attempts=5, transient=True)
DENIED = AwsError("AccessDeniedException", status=403, attempts=1)
ID_TAKEN = AwsError(TAKEN, status=400, attempts=1)


def deliver(
    world: World, *recipients: str, stored_until: int | None = NOW // 1000 + 60, seconds: float = 60
) -> list[Outcome]:
    async def run() -> list[Outcome]:
        return await world.delivery(stored_until=stored_until, seconds=seconds).run(recipients or ("alice",))

    return virtual.run(run())


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    assert outcome.connections == outcome.delivered + outcome.gone + outcome.connecting + outcome.failed
    return outcome.connections, outcome.delivered, outcome.gone, outcome.failed


def rendezvous(parties: int) -> Script:
    """Script of a call that ends only when so many are under way at once: in turn they would wait for ever."""
    barrier = asyncio.Barrier(parties)

    async def meet(_: str) -> None:
        await barrier.wait()

    return meet


def test_every_connection_of_the_recipient_gets_the_frame_and_nobody_elses() -> None:
    world = World(connection("phone"), connection("laptop"), connection("tv", user_id="bob"))

    (outcome,) = deliver(world)

    assert counts(outcome) == (2, 2, 0, 0)
    assert outcome.persisted
    assert outcome.error is None
    assert sorted(world.done("post")) == ["laptop", "phone"]
    assert [json.loads(frame) for frame in world.frames] == [
        {
            "type": "notification",
            "id": "0193a5b0-7c00-7abc-9def-0123456789ab",
            "createdAt": "2024-12-08T09:53:47.008Z",
            "content": 1,
        }
    ] * 2


def test_storing_and_looking_up_go_side_by_side() -> None:
    world = World(connection("phone"))
    world.storing = world.querying = rendezvous(2)
    assert deliver(world)[0].delivered == 1


def test_posts_go_side_by_side() -> None:
    world = World(*(connection(f"c{n}") for n in range(MAX_POSTS_AT_ONCE)))
    world.posting = rendezvous(MAX_POSTS_AT_ONCE)
    assert deliver(world)[0].delivered == MAX_POSTS_AT_ONCE


def test_recipients_are_reached_side_by_side_up_to_a_bound() -> None:
    users = [f"u{n}" for n in range(2 * MAX_RECIPIENTS_AT_ONCE)]
    world = World()
    under_way, most = 0, 0

    async def count(_: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way -= 1

    world.querying = count
    assert [outcome.user_id for outcome in deliver(world, *users)] == users
    assert most == MAX_RECIPIENTS_AT_ONCE


def test_nothing_is_sent_before_it_is_stored() -> None:
    world = World(connection("phone"))
    looked_up = asyncio.Event()

    async def after_the_lookup(_: str) -> None:
        await looked_up.wait()
        for _turn in range(20):
            await asyncio.sleep(0)

    async def look_up(_: str) -> None:
        looked_up.set()

    world.storing, world.querying = after_the_lookup, look_up

    deliver(world)

    assert [kind for kind, _ in world.journal] == ["query", "store", "post"]


@pytest.mark.parametrize(("error", "code"), [(THROTTLED, "UNAVAILABLE"), (DENIED, "AWS_REFUSED")])
def test_what_cannot_be_stored_is_not_sent(error: AwsError, code: ErrorCode) -> None:
    world = World(connection("phone"))
    world.storing = failing(error)

    (outcome,) = deliver(world)

    assert not world.done("post")
    assert not outcome.persisted
    assert outcome.nothing_done
    assert outcome.error is not None
    assert outcome.error.code == code


def test_what_is_in_the_history_already_is_sent_like_what_was_stored() -> None:
    world = World(connection("phone"))
    world.posting = failing(DENIED)

    async def run() -> list[Outcome]:
        return await world.delivery(stored_until=None).run(["alice"], persisted=True)

    (outcome,) = virtual.run(run())
    assert (outcome.persisted, outcome.incomplete) == (True, False)
    assert (world.done("store"), world.done("close")) == ([], ["phone"])


@pytest.mark.parametrize(
    ("second", "buried", "code"),
    [
        # It was replaced before it came.
        (ID_TAKEN, True, None),
        (ID_TAKEN, False, "INVALID_ID"),
        (ID_TAKEN, None, "INVALID_ID"),
        # Why it cannot be stored again says nothing of that.
        (DENIED, True, "AWS_REFUSED"),
    ],
)
def test_an_id_that_is_taken_is_one_that_was_replaced_or_another_notifications(
    second: AwsError, buried: bool | None, code: ErrorCode | None
) -> None:
    world, errors = World(connection("phone")), iter([ID_TAKEN, second])

    async def store(_: str) -> None:
        raise next(errors)

    async def is_buried(user_id: str, *, deadline: float) -> bool:
        return bool(buried)

    world.storing, world.is_buried = store, None if buried is None else is_buried
    (outcome,) = deliver(world)
    assert (outcome.superseded, outcome.persisted) == (code is None, code is None)
    assert (None if outcome.error is None else outcome.error.code) == code
    assert world.done("post") == []


def test_where_storing_and_looking_up_both_fail_it_is_said_why_it_is_not_stored() -> None:
    world = World(connection("phone"))
    world.storing = failing(DENIED)

    async def fail_later(_: str) -> None:
        await asyncio.sleep(1)
        raise THROTTLED

    world.querying = fail_later
    (outcome,) = deliver(world)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.missed) == ("AWS_REFUSED", True)


def test_what_is_not_to_be_kept_is_sent_without_storing() -> None:
    world = World(connection("phone"))
    (outcome,) = deliver(world, stored_until=None)
    assert (outcome.persisted, outcome.delivered, world.done("store")) == (False, 1, [])


def test_a_failing_lookup_is_told_and_the_notification_stays_stored() -> None:
    world = World(connection("phone"))
    world.querying = failing(THROTTLED)

    (outcome,) = deliver(world)

    assert outcome.persisted
    assert not outcome.nothing_done
    assert outcome.error is not None
    assert outcome.error.code == "UNAVAILABLE"
    assert counts(outcome) == (0, 0, 0, 0)
    assert outcome.incomplete


def test_only_the_row_of_the_connection_that_is_gone_is_deleted() -> None:
    world = World(connection("phone"), connection("laptop"))
    world.posting = lambda subject: failing(GONE)(subject) if subject == "phone" else fine(subject)

    (outcome,) = deliver(world)

    assert counts(outcome) == (2, 1, 1, 0)
    assert outcome.error is None
    assert world.done("remove") == ["phone"]
    assert world.done("close") == []


def test_a_row_that_cannot_be_deleted_costs_nobody_anything() -> None:
    world = World(connection("phone"))
    world.posting, world.removing = failing(GONE), failing(DENIED)
    assert counts(deliver(world)[0]) == (1, 0, 1, 0)


def test_a_connection_on_its_way_is_asked_again_until_it_is_there() -> None:
    world = World(connection("phone", connected_at=NOW - 10))
    attempts = 0

    async def gone_twice(_: str) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise GONE

    world.posting = gone_twice

    assert counts(deliver(world)[0]) == (1, 1, 0, 0)
    assert world.done("remove") == []


def test_a_connection_whose_handshake_takes_longer_keeps_its_row_and_is_not_asked_for_ever() -> None:
    world = World(connection("phone", connected_at=NOW - 10))
    asked = 0

    async def gone_while_time_passes(_: str) -> None:
        nonlocal asked
        asked += 1
        world.now += 900
        raise GONE

    world.posting = gone_while_time_passes

    (outcome,) = deliver(world)
    assert counts(outcome) == (1, 0, 0, 0)
    assert (outcome.connecting, outcome.incomplete, asked) == (1, False, 3)
    assert world.done("remove") == []


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_pauses_between_rounds_grow_to_a_second_and_are_spread_by_chance(
    monkeypatch: pytest.MonkeyPatch, chance: float, share: float
) -> None:
    bounds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def gone_at_first(_: str) -> None:
        if len(pauses) < len(bounds):
            raise GONE

    world = World(connection("phone", connected_at=NOW))
    world.chance, world.posting = chance, gone_at_first
    monkeypatch.setattr(asyncio, "sleep", pause)
    assert counts(deliver(world)[0]) == (1, 1, 0, 0)
    assert pauses == pytest.approx([bound * share for bound in bounds])


@pytest.mark.parametrize(("age", "removed"), [(29_000, []), (29_999, []), (30_000, ["phone"]), (31_000, ["phone"])])
def test_no_row_is_deleted_while_connect_may_still_be_running(age: int, removed: list[str]) -> None:
    world = World(connection("phone", connected_at=NOW - age))
    world.posting = failing(GONE)
    (outcome,) = deliver(world)
    assert (outcome.gone, outcome.connecting) == (len(removed), 1 - len(removed))
    assert world.done("remove") == removed


def test_a_clock_that_runs_ahead_of_this_one_deletes_no_row_either() -> None:
    world = World(connection("phone", connected_at=NOW + 500))
    world.posting = failing(GONE)
    assert deliver(world, seconds=0.2)[0].connecting == 1
    assert world.done("remove") == []


@pytest.mark.parametrize("closing", [fine, failing(THROTTLED)])
def test_an_authorization_that_ends_while_connect_may_be_running_deletes_no_row(closing: Script) -> None:
    world = World(Connection("phone", "alice", NOW - 10_000, NOW // 1000 - 1))
    world.closing = closing
    deliver(world)
    assert world.done("remove") == []

    world.posting = failing(GONE)
    assert deliver(world)[0].connecting == 1
    assert world.done("remove") == []


def test_when_time_runs_out_a_connection_on_its_way_keeps_its_row() -> None:
    world = World(connection("phone", connected_at=NOW))

    async def gone_at_the_end(_: str) -> None:
        await asyncio.sleep(world.started + 0.5 - asyncio.get_running_loop().time())
        raise GONE

    world.posting = gone_at_the_end

    (outcome,) = deliver(world, seconds=0.5)
    assert (outcome.connections, outcome.connecting) == (1, 1)
    assert world.done("remove") == []


@pytest.mark.parametrize("seconds", [0, -1])
@pytest.mark.parametrize("stored_until", [NOW // 1000 + 60, None])
def test_whom_there_is_no_time_to_begin_with_is_told_so(seconds: float, stored_until: int | None) -> None:
    world = World(connection("phone"))
    (alice, bob) = deliver(world, "alice", "bob", seconds=seconds, stored_until=stored_until)
    assert world.journal == []
    for outcome in (alice, bob):
        assert outcome.nothing_done
        assert outcome.error is not None
        assert outcome.error.code == "UNAVAILABLE"


def test_connections_that_there_is_no_time_for_are_counted_as_not_tried() -> None:
    late = 2 * MAX_POSTS_AT_ONCE
    world = World(*(connection(f"c{n}") for n in range(MAX_RETRIES_AT_ONCE + late)))

    async def all_time_passes(_: str) -> None:
        await asyncio.sleep(world.started + 0.7 - asyncio.get_running_loop().time())

    world.posting = all_time_passes
    (outcome,) = deliver(world, seconds=0.3)  # and as many seconds again for closing
    assert counts(outcome) == (MAX_RETRIES_AT_ONCE + late, MAX_RETRIES_AT_ONCE, 0, late)
    assert outcome.untried == outcome.unclosed == late
    assert outcome.incomplete
    assert world.done("close") == []
    # For those that had no place by then nothing is begun any more: neither a post nor a task that closes.
    begun = MAX_RETRIES_AT_ONCE + MAX_POSTS_AT_ONCE
    assert (len(world.deadlines), len(world.closing_deadlines)) == (2 * begun, MAX_POSTS_AT_ONCE)
    told = json.dumps(report(Notification("0193a5b0-7c00-7abc-9def-0123456789ab", "1"), [outcome]))
    assert f"{outcome.untried} of {outcome.connections} connections were not tried." in told


def test_a_connection_that_is_found_when_only_closing_has_time_left_is_closed() -> None:
    world = World(connection("phone"))
    world.storing = lambda _: asyncio.sleep(70)
    (outcome,) = deliver(world, seconds=60)
    assert counts(outcome) == (1, 0, 0, 1)
    assert (world.done("post"), world.done("close")) == ([], ["phone"])
    assert (outcome.unclosed, outcome.incomplete) == (0, False)


@pytest.mark.parametrize("ended_seconds_ago", [0, 3600])
def test_a_connection_past_its_end_is_told_so_and_closed_and_forgotten(ended_seconds_ago: int) -> None:
    world = World(Connection("phone", "alice", LONG_AGO, NOW // 1000 - ended_seconds_ago))

    assert counts(deliver(world)[0]) == (1, 0, 1, 0)
    assert world.journal[-3:] == [("post", "phone"), ("close", "phone"), ("remove", "phone")]
    assert world.frames == [b'{"type":"bye","reason":"token_expired"}']


def test_a_connection_past_its_end_is_forgotten_even_if_it_cannot_be_told() -> None:
    world = World(connection("phone", connected_at=NOW - 3 * 60 * 60 * 1000))
    world.posting, world.closing = failing(GONE), failing(THROTTLED)
    assert counts(deliver(world)[0]) == (1, 0, 1, 0)
    assert world.done("remove") == ["phone"]


def test_no_attempt_outlives_the_authorization() -> None:
    world = World(Connection("phone", "alice", NOW - 60_000, NOW // 1000 + 20))
    world.now = NOW + 250
    deliver(world, seconds=1000)
    assert world.deadlines[0] == pytest.approx(world.started + 19.75)

    world = World(Connection("phone", "alice", NOW - 60_000, NOW // 1000 + 1))
    world.posting = failing(THROTTLED)
    world.refusals.note_refused()  # so that it is tried again
    deliver(world, seconds=1000)
    assert len(world.deadlines) > 2
    assert max(world.deadlines) <= world.started + 1

    world = World(Connection("phone", "alice", NOW - 60_000, NOW // 1000 + 3600))
    deliver(world, seconds=1000)
    assert world.deadlines[0] == pytest.approx(world.started + 1000)


def test_a_connection_that_misses_what_is_stored_is_closed_so_that_its_client_resumes() -> None:
    world = World(connection("phone"))
    world.posting = failing(THROTTLED)

    (outcome,) = deliver(world)

    assert counts(outcome) == (1, 0, 0, 1)
    assert outcome.error is not None
    assert outcome.error.code == "UNAVAILABLE"
    assert (world.done("close"), world.done("remove")) == (["phone"], [])


def test_a_connection_is_not_closed_where_coming_back_would_bring_nothing() -> None:
    world = World(connection("phone"))
    world.posting = failing(THROTTLED)
    (outcome,) = deliver(world, stored_until=None, seconds=0.2)
    assert counts(outcome) == (1, 0, 0, 1)
    assert (outcome.unclosed, outcome.incomplete) == (0, True)
    assert world.done("close") == []


TOO_LARGE = AwsError("PayloadTooLargeException", status=413, attempts=1)
INVALID = AwsError("BadRequestException", status=400, attempts=1)
NO_TIME = AwsError("DeadlineExceeded", transient=True)


@pytest.mark.parametrize("error", [THROTTLED, DENIED, TOO_LARGE, INVALID, NO_TIME, KeyError("x")])
def test_a_connection_that_misses_what_is_stored_is_closed_whatever_the_reason(error: Exception) -> None:
    world = World(connection("phone"))
    world.posting = failing(error)
    (outcome,) = deliver(world, seconds=0.2)
    assert counts(outcome) == (1, 0, 0, 1)
    assert (world.done("close"), outcome.unclosed, outcome.incomplete) == (["phone"], 0, False)


@pytest.mark.parametrize("error", [THROTTLED, DENIED, NO_TIME, AwsError("Timeout", transient=True), KeyError("x")])
def test_a_connection_that_can_be_neither_sent_to_nor_closed_is_told_by_a_count_of_its_own(error: Exception) -> None:
    world = World(connection("phone"), connection("laptop"), connection("tv", user_id="bob"))
    world.posting = lambda subject: fine(subject) if subject == "laptop" else failing(DENIED)(subject)
    world.closing = lambda subject: fine(subject) if subject == "tv" else failing(error)(subject)

    alice, bob = deliver(world, "alice", "bob")

    assert counts(alice) == (2, 1, 0, 1)
    assert (alice.persisted, alice.unclosed, alice.incomplete) == (True, 1, True)
    assert (bob.persisted, bob.failed, bob.unclosed, bob.incomplete) == (True, 1, 0, False)


def test_closing_what_is_not_there_has_closed_it() -> None:
    world = World(connection("phone"))
    world.posting, world.closing = failing(DENIED), failing(AwsError("GoneException", status=400))
    (outcome,) = deliver(world)
    assert (outcome.failed, outcome.unclosed, outcome.incomplete) == (1, 0, False)


@pytest.mark.parametrize("error", [AwsError("404", status=404), AwsError("NotFoundException", status=404)])
def test_an_address_that_is_not_there_has_closed_nothing(error: AwsError) -> None:
    world = World(connection("phone"))
    world.posting, world.closing = failing(error), failing(error)
    (outcome,) = deliver(world)
    assert (outcome.failed, outcome.unclosed, outcome.incomplete) == (1, 1, True)


def test_what_is_not_kept_leaves_no_gap_in_a_connection_that_stays_open() -> None:
    world = World(connection("phone", connected_at=NOW - 3 * 60 * 60 * 1000), connection("laptop"))
    world.posting = world.closing = failing(DENIED)
    (outcome,) = deliver(world, stored_until=None)
    assert (outcome.failed, outcome.unclosed, outcome.incomplete) == (2, 0, True)
    assert world.done("close") == []


@pytest.mark.parametrize("call", ["posting", "removing"])
def test_whatever_fails_while_an_expired_connection_is_dismissed_it_is_closed(call: str) -> None:
    world = World(connection("phone", connected_at=NOW - 3 * 60 * 60 * 1000), connection("laptop"))
    setattr(world, call, lambda subject: (fine if subject == "laptop" else failing(KeyError("x")))(subject))
    (outcome,) = deliver(world)
    assert counts(outcome) == (2, 1, 1, 0)
    assert world.done("close") == ["phone"]


def test_an_expired_connection_that_cannot_be_closed_keeps_its_row_and_is_counted() -> None:
    world = World(connection("phone", connected_at=NOW - 3 * 60 * 60 * 1000))
    world.closing = failing(THROTTLED)
    (outcome,) = deliver(world)
    assert counts(outcome) == (1, 0, 0, 1)
    assert (outcome.unclosed, outcome.incomplete, world.done("remove")) == (1, True, [])


@pytest.mark.parametrize("damage", [{}, {"connectionId": {"S": "x"}}, {"expiresAt": {"N": "soon"}}, {"userId": {}}])
def test_a_row_that_cannot_be_read_hides_no_other(damage: dict[str, Any]) -> None:
    world = World(connection("phone"), connection("laptop"), page_size=2)
    world.damaged = [damage, damage]
    (outcome,) = deliver(world)
    assert counts(outcome) == (2, 2, 0, 0)
    assert (outcome.unreadable, outcome.error) == (2, None)


@pytest.mark.parametrize("call", ["querying", "storing"])
def test_what_goes_wrong_with_one_recipient_costs_the_others_nothing(call: str) -> None:
    world = World(*(connection(f"{user}-{n}", user_id=user) for user in ("alice", "bob", "carol") for n in range(3)))

    async def unexpected_for_bob(user_id: str) -> None:
        if user_id == "bob":
            raise RuntimeError("secret")

    setattr(world, call, unexpected_for_bob)

    alice, bob, carol = deliver(world, "alice", "bob", "carol")

    assert (alice.delivered, bob.delivered, carol.delivered) == (3, 0, 3)
    assert bob.error is not None
    assert bob.error.code == "INTERNAL"
    assert "secret" not in str(bob.error)


def test_all_pages_of_the_index_are_posted_to() -> None:
    world = World(*(connection(f"c{n}") for n in range(25)), page_size=10)
    (outcome,) = deliver(world)
    assert counts(outcome) == (25, 25, 0, 0)
    assert len(world.done("query")) == 3


fates = st.sampled_from([None, GONE, THROTTLED, DENIED, ValueError("x")])


@given(st.lists(st.lists(fates, max_size=8), min_size=1, max_size=6), st.booleans(), st.integers(1, 4))
def test_whatever_happens_every_connection_is_accounted_for_once(
    users: Sequence[Sequence[Exception | None]], stored: bool, page_size: int
) -> None:
    fate = {f"u{user}-{n}": each for user, own in enumerate(users) for n, each in enumerate(own)}
    world = World(*(connection(name, user_id=name.split("-")[0]) for name in fate), page_size=page_size)

    async def play(connection_id: str) -> None:
        await asyncio.sleep(0)
        error = fate[connection_id]
        if error is not None:
            raise error

    world.posting = play

    outcomes = deliver(world, *(f"u{user}" for user in range(len(users))), stored_until=NOW if stored else None)

    for own, outcome in zip(users, outcomes, strict=True):
        assert outcome.connections == len(own)
        assert outcome.delivered == sum(each is None for each in own)
        assert outcome.gone == sum(each is GONE for each in own)
        assert outcome.failed == outcome.connections - outcome.delivered - outcome.gone
        assert (outcome.error is not None) == (outcome.failed > 0)
    assert sorted(world.done("post")) == sorted(name for name, each in fate.items() if each is None)


def full(count: int, others: int) -> World:
    """A user whose first connections refuse every post, and only when all the others have theirs."""
    world = World(*(connection(f"full{n}") for n in range(count)), *(connection(f"c{n}") for n in range(others)))
    served = asyncio.Event()

    async def refuse_the_full(connection_id: str) -> None:
        if connection_id.startswith("full"):
            await served.wait()
            raise THROTTLED
        if len(world.done("post")) == others - 1:
            served.set()

    world.posting = refuse_the_full
    return world


@pytest.mark.parametrize("count", [1, MAX_POSTS_AT_ONCE, 2 * MAX_POSTS_AT_ONCE])
def test_connections_that_wait_for_a_retry_keep_no_other_from_its_post(count: int) -> None:
    world = full(count, 3 * MAX_POSTS_AT_ONCE)
    (outcome,) = deliver(world)
    assert (outcome.delivered, outcome.failed, outcome.unclosed) == (3 * MAX_POSTS_AT_ONCE, count, 0)
    assert len(world.done("close")) == count
    assert not outcome.incomplete


def test_a_connection_that_is_refused_while_others_are_taken_costs_a_bounded_number_of_requests() -> None:
    world = full(50, 500)
    deliver(world)
    # Of each connection one first attempt; the transport makes as many more as it is allowed to at one call.
    assert len(world.deadlines) == 2 * (50 + 500)
    assert world.attempts == {ATTEMPTS}


def test_storing_and_looking_up_wait_for_no_post() -> None:
    users = [f"u{n}" for n in range(MAX_RETRIES_AT_ONCE + MAX_POSTS_AT_ONCE + 2 * MAX_RECIPIENTS_AT_ONCE)]
    world = World(*(connection(f"{user}-0", user_id=user) for user in users))
    reached = asyncio.Event()

    async def count(_: str) -> None:
        if len(world.done("store")) + len(world.done("query")) == 2 * len(users) - 1:
            reached.set()

    world.storing = world.querying = count
    world.posting = lambda _: reached.wait()  # type: ignore[assignment, return-value]

    assert all(outcome.delivered == 1 for outcome in deliver(world, *users))


def test_what_was_found_and_not_begun_is_bounded_and_storing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "MAX_WAITING", 100)
    users = [f"u{n}" for n in range(1000)]
    world = World(*(connection(f"{user}-{n}", user_id=user) for user in users for n in range(3)), page_size=3)
    stored = asyncio.Event()
    stores = found = posted = most = 0

    async def store(_: str) -> None:
        nonlocal stores
        stores += 1
        if stores == len(users):
            stored.set()

    async def look_up(_: str) -> None:
        nonlocal found
        found += 3

    async def post_when_all_are_stored(_: str) -> None:
        nonlocal most, posted
        await stored.wait()
        most = max(most, found - posted)
        posted += 1

    world.storing, world.querying, world.posting = store, look_up, post_when_all_are_stored

    assert all(outcome.delivered == 3 for outcome in deliver(world, *users))
    places = MAX_POSTS_AT_ONCE + MAX_RETRIES_AT_ONCE
    assert most <= places + 100 + 2 * 3 * MAX_RECIPIENTS_AT_ONCE


def test_where_all_are_refused_nobody_is_given_up_before_the_time_is_over() -> None:
    world = World(*(connection(f"c{n}") for n in range(100)))
    for _ in range(100):
        world.refusals.note_refused()

    async def refuse_at_first(_: str) -> None:
        if asyncio.get_running_loop().time() < world.started + 0.3:
            raise THROTTLED

    world.posting = refuse_at_first
    assert counts(deliver(world)[0]) == (100, 100, 0, 0)
    assert world.done("close") == []


def test_connections_of_those_for_whom_storing_has_failed_are_not_looked_up() -> None:
    users = [f"u{n}" for n in range(MAX_RECIPIENTS_AT_ONCE + 5)]
    world = World()
    world.storing = failing(DENIED)
    world.querying = lambda _: asyncio.sleep(1)
    outcomes = deliver(world, *users)
    assert set(world.done("query")) == set(users[:MAX_RECIPIENTS_AT_ONCE])
    assert all(outcome.nothing_done and not outcome.missed for outcome in outcomes)


def test_a_page_that_cannot_be_read_is_not_turned_to_again() -> None:
    world = World(*(connection(str(number)) for number in range(3)), page_size=2)
    asked = 0

    async def fail_after_the_first(_: str) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise DENIED

    world.querying = fail_after_the_first
    (outcome,) = deliver(world)
    assert (asked, outcome.delivered, outcome.missed, outcome.incomplete) == (2, 2, True, True)


def test_a_silent_connection_has_three_seconds_and_its_close_five() -> None:
    world = World(connection("phone"))
    world.posting = failing(AwsError("Timeout", transient=True))
    world.refusals.note_taken()
    assert counts(deliver(world)[0]) == (1, 0, 0, 1)
    # The first is that of the attempt without a task.
    assert [each - world.started for each in world.deadlines[1:]] == [3.0]
    assert [each - world.started for each in world.closing_deadlines] == [5.0]


def test_no_close_outlives_the_time_for_closing() -> None:
    world = World(connection("phone"))
    world.posting = failing(DENIED)
    deliver(world, seconds=1)
    assert [each - world.started for each in world.closing_deadlines] == [2.0]


def test_a_post_that_a_retry_brought_through_counts_as_taken() -> None:
    world = World(connection("phone"))
    world.refusals.note_refused()
    assert world.refusals.patience() > 0
    assert deliver(world)[0].delivered == 1
    assert world.refusals.patience() == 0


def test_connections_wait_until_they_are_begun_and_as_many_as_that_keep_lookups_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "MAX_RETRIES_AT_ONCE", 1)
    monkeypatch.setattr(posting, "MAX_POSTS_AT_ONCE", 2)
    monkeypatch.setattr(posting, "MAX_WAITING", 3)
    connections = [connection(str(number)) for number in range(6)]

    async def post_to(found: list[Connection]) -> tuple[bool, bool]:
        world, outcome = World(*found), Outcome("alice")
        outcome.connections = len(found)
        async with asyncio.TaskGroup() as group:
            common = world.delivery()._common(Work(group)).posting
            common.add(found, outcome, lambda: None)
            before = common.crowded
            await common.drained()
        assert counts(outcome) == (len(found), len(found), 0, 0)
        return before, common.crowded

    # One is retried, and two wait in their places for it.
    assert asyncio.run(post_to(connections)) == (True, False)
    assert asyncio.run(post_to(connections[1:])) == (False, False)
