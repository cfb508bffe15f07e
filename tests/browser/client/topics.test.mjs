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

/** Subscribe over the connection that comes after the next loss, and return what it asked for. */
async function askedAfterALoss({ server, clock }) {
  const before = server.received.length;
  server.last.fail();
  await clock.pass(60_000);
  return server.received.slice(before).flatMap(({ action, topics }) => (action === "subscribe" ? topics : []));
}

test("a call that is given up takes nothing from another for the same topic", async () => {
  const made = listening(["org/7"]);
  const { server, clock, client } = made;
  server.refusing = true;
  const given = new AbortController();
  // As an effect of React in strict mode: begun, given up, and begun again in one go.
  const first = client.subscribe(["org/7"], { signal: given.signal });
  given.abort();
  const second = client.subscribe(["org/7"]);
  await assert.rejects(first, { name: "AbortError" });
  await clock.pass(3_000);
  server.refusing = false;
  await clock.pass(60_000);
  assert.deepEqual(await second, { topics: ["org/7"], refused: [] });
  assert.deepEqual(await askedAfterALoss(made), ["org/7"]);
});

test("what is unsubscribed from while it waits for a connection is not subscribed to", async () => {
  const made = listening(["org/7", "org/8"]);
  const { server, clock, client } = made;
  server.refusing = true;
  const asked = [client.subscribe(["org/7"]), client.subscribe(["org/7", "org/8"])];
  await client.unsubscribe(["org/7"]);
  await clock.pass(3_000);
  server.refusing = false;
  await clock.pass(60_000);
  for (const each of asked) assert.deepEqual((await each).refused, []);
  assert.deepEqual(client.topics, ["org/8"]);
  assert.deepEqual([...server.last.topics], ["org/8"]);
  assert.deepEqual(await askedAfterALoss(made), ["org/8"]);
});

test("what comes last counts, although the server handles messages in any order", async () => {
  const made = listening(["org/7"]);
  const { server, clock, client } = made;
  await clock.pass(10_000);
  // The sooner a message is sent, the longer it takes.
  let delay = 3_000;
  server.before = (socket, message) => {
    if (!message.topics) return false;
    clock.setTimeout(() => server.change(socket, message), (delay -= 1_000));
    return true;
  };
  const subscribed = client.subscribe(["org/7"]);
  await settle();
  const unsubscribed = client.unsubscribe(["org/7"]);
  await clock.pass(10_000);
  await Promise.all([subscribed, unsubscribed]);
  assert.deepEqual([client.topics, [...server.last.topics]], [[], []]);
  assert.deepEqual(await askedAfterALoss(made), []);
});

test("unsubscribing counts although the connection is lost before the reply", async () => {
  const made = listening(["org/7"]);
  const { server, clock, client } = made;
  await clock.pass(10_000);
  let slow = true;
  server.before = (socket, message) => {
    if (message.action === "unsubscribe") socket.fail();
    else if (message.action === "subscribe" && slow) clock.setTimeout(() => server.change(socket, message), 1_000);
    else return false;
    slow = false;
    return true;
  };
  const subscribed = client.subscribe(["org/7"]);
  await settle();
  const unsubscribed = client.unsubscribe(["org/7"]);
  await clock.pass(60_000);
  await Promise.all([subscribed, unsubscribed]);
  assert.deepEqual([...server.last.topics], []);
});

test("what changes while a connection is being replaced changes on the one that takes its place", async () => {
  const { server, clock, client } = listening(["org/7", "org/8"], { topics: ["org/8"] });
  server.life = 60_000;
  let changed;
  server.before = (socket, { action }) => {
    // The successor has subscribed to what was wanted until now, and resumes.
    if (action === "poll" && server.open.length === 2) {
      changed ??= Promise.all([client.subscribe(["org/7"]), client.unsubscribe(["org/8"])]);
    }
    return false;
  };
  await clock.pass(60_000);
  await changed;
  assert.deepEqual(server.open.length, 1);
  assert.deepEqual([...server.last.topics], ["org/7"]);
});

for (const [ends, end] of [
  ["is lost", ({ server }) => server.last.fail()],
  ["is closed", ({ client }) => client.close()],
]) {
  test(`a subscription is settled although the connection ${ends} while what it missed is asked for again`, async () => {
    const made = listening(["org/7"]);
    const { server, clock, client } = made;
    await clock.pass(10_000);
    server.before = (socket, { action, requestId }) => {
      if (action === "poll") socket.receive({ type: "error", code: "UNAVAILABLE", message: "Later.", requestId });
      return action === "poll";
    };
    let settled = false;
    void client.subscribe(["org/7"]).finally(() => (settled = true));
    await settle();
    server.before = () => false;
    end(made);
    await clock.pass(60_000);
    assert.equal(settled, true);
  });
}

for (const code of ["TOKEN_EXPIRED", "UNKNOWN_CONNECTION"]) {
  test(`a subscription that is answered with ${code} is made over the next connection`, async () => {
    const { server, clock, client } = listening(["org/7"]);
    await clock.pass(10_000);
    let refused = 0;
    server.before = (socket, { action, requestId }) => {
      if (action !== "subscribe" || refused++ > 0) return false;
      socket.receive({ type: "error", code, message: "No.", requestId });
      return true;
    };
    const reply = client.subscribe(["org/7"]);
    await clock.pass(60_000);
    assert.deepEqual(await reply, { topics: ["org/7"], refused: [] });
  });
}
