"""clients/browser merges states of inboxes as the functions do."""

import json
from pathlib import Path
from random import Random

from tests.browser.test_client import CLIENT, node
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push.protocol.inbox import State, merged

NOW = 1_769_860_800_000


def some_state(random: Random, ids: list[str]) -> State:
    def times(most: int) -> dict[str, int]:
        return {each: NOW + random.randrange(30) for each in random.sample(ids, random.randrange(most))}

    return merged(State(), State(random.choice(["", *ids]), times(5), times(len(ids)), times(len(ids))))


def members(state: State) -> dict[str, object]:
    return {
        "seenUpTo": state.seen_up_to,
        "readUpTo": dict(state.read_up_to),
        "read": dict(state.read),
        "unread": dict(state.unread),
    }


def test_states_are_merged_as_on_the_server(tmp_path: Path) -> None:
    random = Random(1)  # noqa: S311 - the same cases every time
    few = [earliest_id_at(NOW + number) for number in range(10)]
    many = [earliest_id_at(NOW + number) for number in range(300)]
    pairs = [(some_state(random, ids), some_state(random, ids)) for ids in (few, many) for _ in range(60)]
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps([[members(one), members(other)] for one, other in pairs]))
    program = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ merge }} from {json.dumps((CLIENT / "inbox.js").as_uri())};
        const pairs = JSON.parse(readFileSync({json.dumps(str(cases))}, "utf8"));
        console.log(JSON.stringify(pairs.map(([one, other]) => merge(one, other))));
    """
    outcome = node("--input-type=module", "--eval", program)
    assert outcome.returncode == 0, outcome.stderr
    expected = [members(merged(one, other)) for one, other in pairs]
    assert any(len({*one.read, *one.unread, *other.read, *other.unread}) > 200 for one, other in pairs)
    assert json.loads(outcome.stdout) == expected
