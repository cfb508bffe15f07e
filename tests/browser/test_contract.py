"""What the browser client sends keeps to docs/asyncapi.yaml, and it takes everything that a server may send by it."""

import json
from pathlib import Path
from typing import Any

from tests.browser.test_client import node
from tests.unit.contracts import contract

CLIENT = Path(__file__).parent.parent.parent / "clients" / "browser" / "src" / "index.js"
WORLD = Path(__file__).parent / "client" / "world.mjs"

# A socket that records what is sent, and answers with the contract's own examples.
SCRIPT = """
import { createPushClient } from %(client)s;
import { Clock, settle } from %(world)s;

const examples = %(examples)s;
const sent = [], seen = [], errors = [], results = [], recalled = [], inboxes = [];
let socket;

class Recording {
  readyState = 0;
  constructor() {
    socket = this;
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen?.({});
    });
  }
  send(text) {
    const message = JSON.parse(text);
    sent.push(message);
    const { requestId } = message;
    const answer = { poll: "history", push: "receipt", ping: "pong", mark: "state" }[message.action];
    const frame = message.content === "refuse me" ? examples.error : examples[answer];
    queueMicrotask(() => this.receive(message.action === "ping" ? frame : { ...frame, requestId }));
  }
  receive(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  close() {
    this.readyState = 3;
  }
}

const clock = new Clock();
const events = new EventTarget();
const client = createPushClient({
  url: "wss://example.test/live",
  onNotification: (notification) => seen.push(notification.id),
  onError: (error) => errors.push(String(error)),
  WebSocket: Recording,
  events,
  now: clock.now,
  setTimeout: clock.setTimeout,
  clearTimeout: clock.clearTimeout,
});
await clock.pass(10 * 60_000);
events.dispatchEvent(new Event("online")); // has it ping
results.push(await client.loadOlder({ limit: 5 }));
results.push(await client.push({ userId: "alice", content: { a: [null, 1.5] } }));
results.push(await client.push({ userId: "alice", content: "refuse me" }).catch((error) => ({ code: error.code })));
results.push(await client.mark({ readUpTo: seen[0], at: clock.now() }));
client.on("recall", ({ recalls }) => recalled.push(recalls));
client.on("inbox", ({ version }) => inboxes.push(version));
socket.receive(examples.state);
socket.receive(examples.recall);
socket.receive(examples.notification);
socket.receive({ ...examples.pong, type: "of a later version" });
const wrong = [...errors];
socket.receive(examples.bye);
await settle();
const { state } = client;
client.close();
console.log(JSON.stringify({ sent, seen, results, state, errors: wrong, recalled, inboxes }));
"""


def play() -> dict[str, Any]:
    frames: dict[str, object] = {}
    for _, kind, payload in contract.examples():
        frames.setdefault(kind, payload)
    values = {"client": CLIENT.as_uri(), "world": WORLD.as_uri(), "examples": frames}
    outcome = node(
        "--input-type=module", "--eval", SCRIPT % {name: json.dumps(value) for name, value in values.items()}
    )
    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_the_client_and_the_contract_agree() -> None:
    played = play()
    assert {message["action"] for message in played["sent"]} <= set(contract.CLIENT_MESSAGES)
    assert {"poll", "push", "ping", "mark"} <= {message["action"] for message in played["sent"]}
    for message in played["sent"]:
        assert contract.problems(message["action"], message) == [], message
    assert played["errors"] == []
    older, report, refusal, marked = played["results"]
    example = contract.asyncapi()["components"]["messages"]["state"]["examples"][0]["payload"]["state"]
    assert marked == example
    assert played["inboxes"] == [example["version"]]
    assert played["recalled"] == ["019c13a0-9c00-7000-8000-000000000000"]
    assert older["more"] is False
    assert report["totals"]["delivered"] == 1
    assert refusal["code"] in contract.schema("push-report")["$defs"]["errorCode"]["enum"]
    assert played["seen"] == ["019c13a0-9c00-7000-8000-000000000000"]
    assert played["state"] == "waiting"
