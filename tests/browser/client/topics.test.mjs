import assert from "node:assert/strict";
import { test } from "node:test";

import { PushError } from "../../../clients/browser/src/index.js";
import { idAt, memory, settle, world } from "./world.mjs";

function listening(granted, options = {}) {
  const made = world({ client: { ...options } });
  made.server.granted = granted;
  return made;
}

const actions = (server) => server.received.map(({ action }) => action);

test("it subscribes before it polls, with every connection", async () => {
  const { server, clock, client, seen } = listening(["org/7"], { topics: ["org/7"] });
  await settle();
  assert.deepEqual(actions(server), ["subscribe", "poll"]);
  assert.deepEqual(client.topics, ["org/7"]);
  await clock.pass(10_000);
  const missed = idAt(clock.now());
  server.last.fail();
  server.publish("org/7", missed);
  const before = server.received.length;
  await clock.pass(5_000);
  assert.deepEqual(actions(server).slice(before, before + 2), ["subscribe", "poll"]);
  assert.deepEqual(
    seen.map(({ id, topic, via }) => [id, topic, via]),
    [[missed, "org/7", "history"]],
  );
});

test("the connection that takes the place of another is subscribed too, and nothing comes twice", async () => {
  const { server, clock, ids } = listening(["org/7"], { topics: ["org/7"] });
  server.life = 60_000;
  const pushed = [];
  for (let turn = 0; turn < 30; turn++) {
    await clock.pass(5_000);
    pushed.push(server.publish("org/7", idAt(clock.now(), 1)), server.publish("*", idAt(clock.now(), 2)));
  }
  assert.ok(server.sockets.length > 2);
  assert.deepEqual(ids(), pushed);
});

test("a subscription on an open connection fetches what was pushed just before it", async () => {
  const { server, clock, client, ids } = listening(["org/7"]);
  await clock.pass(10_000);
  const missed = server.publish("org/7", idAt(clock.now()));
  assert.deepEqual(ids(), []);
  const reply = client.subscribe(["org/7"]);
  await settle();
  assert.deepEqual(await reply, { topics: ["org/7"], refused: [] });
  assert.deepEqual(ids(), [missed]);
});

test("without a connection it waits for the next one", async () => {
  const { server, clock, client } = listening(["org/7"]);
  server.refusing = true;
  const reply = client.subscribe(["org/7"]);
  await clock.pass(3_000);
  server.refusing = false;
  await clock.pass(60_000);
  assert.deepEqual(await reply, { topics: ["org/7"], refused: [] });
});

test("a connection that is lost before the reply is not the end of it", async () => {
  const { server, clock, client } = listening(["org/7"]);
  await clock.pass(10_000);
  let lost = 0;
  server.before = (socket, { action }) => {
    if (action !== "subscribe" || lost++ > 0) return false;
    socket.fail();
    return true;
  };
  const reply = client.subscribe(["org/7"]);
  await clock.pass(60_000);
  assert.deepEqual((await reply).topics, ["org/7"]);
});

test("what is refused is said once, and not asked for again", async () => {
  const { server, clock, client, errors } = listening(["org/7"]);
  await clock.pass(10_000);
  const reply = client.subscribe(["org/7", "org/8"]);
  await settle();
  assert.deepEqual(await reply, { topics: ["org/7"], refused: [{ topic: "org/8", code: "TOPIC_NOT_ALLOWED" }] });
  server.last.fail();
  await clock.pass(10_000);
  assert.deepEqual(server.received.findLast(({ action }) => action === "subscribe").topics, ["org/7"]);
  assert.deepEqual(errors, []);
});

test("with a token that grants less a topic is gone, and it is back with one that grants it", async () => {
  const { server, clock, client, errors, ids } = listening(["org/7"], { topics: ["org/7"] });
  await clock.pass(10_000);
  server.granted = [];
  server.last.fail();
  await clock.pass(10_000);
  assert.deepEqual(client.topics, []);
  assert.deepEqual(errors.map(({ code }) => code), ["TOPIC_NOT_ALLOWED"]);
  server.publish("org/7", idAt(clock.now()));
  await clock.pass(10_000);
  assert.deepEqual(ids(), []);
  server.granted = ["org/7"];
  server.last.fail();
  await clock.pass(10_000);
  assert.deepEqual(client.topics, ["org/7"]);
});

test("after unsubscribing nothing comes any more, and nothing is asked for", async () => {
  const { server, clock, client, ids } = listening(["org/7", "org/8"], { topics: ["org/7", "org/8"] });
  await clock.pass(10_000);
  const done = client.unsubscribe(["org/7"]);
  await settle();
  await done;
  assert.deepEqual(client.topics, ["org/8"]);
  server.publish("org/7", idAt(clock.now()));
  server.last.fail();
  await client.unsubscribe(["org/8"]);
  await clock.pass(10_000);
  assert.deepEqual(ids(), []);
  assert.equal(actions(server).filter((action) => action === "subscribe").length, 1);
});

test("a notification that comes by a topic and to the user is shown once", async () => {
  const { server, clock, ids } = listening(["org/7"], { topics: ["org/7"] });
  await clock.pass(10_000);
  const id = server.publish("org/7", idAt(clock.now()));
  server.push(id);
  assert.deepEqual(ids(), [id]);
});

test("a server without topics is reported, and the rest works", async () => {
  const { server, clock, client, errors, ids } = world({ client: { topics: ["org/7"] } });
  await clock.pass(10_000);
  assert.equal(client.state, "open");
  assert.deepEqual(errors.map(({ code }) => code), ["UNKNOWN_ACTION"]);
  const id = server.push(idAt(clock.now()));
  assert.deepEqual(ids(), [id]);
  const refused = assert.rejects(client.subscribe(["org/8"]), (problem) => problem instanceof PushError);
  await settle();
  await refused;
});

test("a subscription that fails for a while holds up neither the client nor what comes", async () => {
  const { server, clock, client } = listening(["org/7"], { topics: ["org/7"], store: memory() });
  let failures = 0;
  server.before = (socket, { action, requestId }) => {
    if (action !== "subscribe" || failures++ >= 2) return false;
    socket.receive({ type: "error", code: "UNAVAILABLE", message: "Later.", requestId });
    return true;
  };
  await clock.pass(20_000);
  assert.equal(client.state, "open");
  assert.deepEqual(client.topics, ["org/7"]);
});

test("what is no topic is refused where it is written", async () => {
  const { client } = listening(["org/7"]);
  await settle();
  for (const topic of ["", "*", "/", "a/", "a//b", "a b", "a\n", "x".repeat(129), 7, null]) {
    assert.throws(() => world({ client: { topics: [topic] } }), TypeError, String(topic));
    await assert.rejects(client.subscribe([topic]), TypeError, String(topic));
  }
  assert.throws(() => world({ client: { topics: "org/7" } }), TypeError);
});

test("a closed client subscribes to nothing", async () => {
  const { client } = listening(["org/7"]);
  client.close();
  await assert.rejects(client.subscribe(["org/7"]), { code: "CLOSED" });
  await assert.rejects(client.unsubscribe(["org/7"]), { code: "CLOSED" });
});
