"""The check can fail: each fault that it is there for is planted and found."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.ledger import Ledger, Row, Shown, judge, summary

# alice has two clients, bob one; ticket 1 is for both, ticket 2 for alice alone.
ROWS = (Row("alice", "id-1", 1), Row("bob", "id-1", 1), Row("alice", "id-2", 2))
SHOWN = (
    Shown("phone", "id-1", 1, resumed=False),
    Shown("phone", "id-2", 2, resumed=True),
    Shown("laptop", "id-2", 2, resumed=False),
    Shown("laptop", "id-1", 1, resumed=False),
    Shown("tablet", "id-1", 1, resumed=False),
)


COUNTS = ("connections", "delivered", "gone", "connecting", "failed", "unclosed")


def recipient(user: str, **changes: Any) -> dict[str, Any]:
    counts = {"connections": 2, "delivered": 2, "gone": 0, "connecting": 0, "failed": 0, "unclosed": 0}
    return {"userId": user, "id": "id-2", "persisted": True, **counts, **changes}


def report(*recipients: dict[str, Any], **changes: int) -> dict[str, Any]:
    totals = {
        "recipients": len(recipients),
        "persisted": sum(each["persisted"] for each in recipients),
        **{name: sum(each[name] for each in recipients) for name in COUNTS},
        "errors": sum("error" in each for each in recipients),
        "incomplete": sum("incomplete" in each for each in recipients),
    }
    return {"id": "id-2", "totals": totals | changes, "recipients": list(recipients)}


def topic_report(**counts: int) -> dict[str, Any]:
    return {"id": "id-2", "topic": "org/7", "persisted": True, "totals": dict.fromkeys(COUNTS, 0) | counts}


SOUND = Ledger(
    owners={"phone": "alice", "laptop": "alice", "tablet": "bob"},
    tickets={1: frozenset({"alice", "bob"}), 2: frozenset({"alice"})},
    rows=ROWS,
    shown=SHOWN,
    reports=[
        report(recipient("alice")),
        topic_report(connections=2, delivered=1, gone=1),
        {"id": "id-2", "topic": "*", "persisted": True, "accepted": True},
    ],
    copies=9,
    frames=6,
    taken=6,
)


def test_sound_run_has_no_problem_and_its_figures_add_up() -> None:
    verdict = judge(SOUND)
    assert verdict.problems == ()
    assert verdict.figures == ("pushed 3, delivered live 4, delivered by resume 1, repeats dropped 4, lost = 0")


def planted(**changes: Any) -> Ledger:
    return replace(SOUND, **changes)


PLANTED = [
    pytest.param(
        planted(shown=SHOWN[:1] + SHOWN[2:]), 1, "lost: id-2 (ticket 2) never reached phone", id="lost by one client"
    ),
    pytest.param(
        planted(rows=ROWS[:2], shown=[SHOWN[0], *SHOWN[3:]]), 1, "accepted but not kept: ticket 2", id="not kept"
    ),
    pytest.param(planted(shown=[*SHOWN, SHOWN[0]]), 0, "shown 2 times: id-1 by phone", id="shown twice"),
    pytest.param(
        planted(shown=[*SHOWN, Shown("tablet", "id-2", 2, resumed=False)]),
        0,
        "shown, but not in the history of its user: id-2 by tablet",
        id="shown to another user",
    ),
    pytest.param(
        planted(shown=[replace(SHOWN[0], ticket=2), *SHOWN[1:]]), 0, "another content: id-1 by phone", id="content"
    ),
    pytest.param(
        planted(rows=[*ROWS, Row("bob", "id-3", 1)], shown=[*SHOWN, Shown("tablet", "id-3", 1, resumed=True)]),
        0,
        "kept 2 times, under as many ids: ticket 1 for bob",
        id="two ids for one push",
    ),
    pytest.param(
        planted(rows=[*ROWS, Row("bob", "id-9", 9)], shown=[*SHOWN, Shown("tablet", "id-9", 9, resumed=True)]),
        0,
        "kept but never accepted: ticket 9 for bob",
        id="made up",
    ),
    pytest.param(planted(frames=7), 0, "7 notification frames arrived, but API Gateway took only 6", id="frames"),
    pytest.param(planted(taken=1, frames=1), 0, "the reports say 3 delivered", id="delivered"),
    pytest.param(
        planted(reports=[report(recipient("alice", gone=1))]), 0, "2 connections, but 2 delivered, 1 gone", id="sum"
    ),
    pytest.param(
        planted(reports=[report(recipient("alice", connections=3, failed=1))]), 0, "no error says why", id="no error"
    ),
    pytest.param(
        planted(reports=[report(recipient("alice"), delivered=1)]), 0, "delivered is 1 in total, but 2", id="totals"
    ),
    pytest.param(
        planted(reports=[report(recipient("alice"), persisted=0)]), 0, "persisted is 0 in total, but 1", id="persisted"
    ),
    pytest.param(planted(reports=[report(recipient("alice"), errors=1)]), 0, "errors is 1 in total", id="errors"),
    pytest.param(planted(disordered=2), 0, "2 history pages are not in the order of the ids", id="order"),
    pytest.param(
        planted(reports=[topic_report(connections=3, delivered=1)]), 0, "org/7 has 3 connections, but 1", id="topic"
    ),
    pytest.param(
        planted(reports=[{"id": "id-2", "topic": "*"}]), 0, "nothing is said of the connections of *", id="broadcast"
    ),
]


@pytest.mark.parametrize(("ledger", "lost", "problem"), PLANTED)
def test_planted_fault_is_found(ledger: Ledger, lost: int, problem: str) -> None:
    verdict = judge(ledger)
    assert verdict.lost == lost
    assert len(verdict.problems) == 1
    assert problem in verdict.problems[0]


def test_summary_says_how_many_problems_it_leaves_out() -> None:
    assert summary([str(number) for number in range(12)]).splitlines()[-2:] == ["9", "and 2 more"]
    assert summary(["only"]) == "only"
