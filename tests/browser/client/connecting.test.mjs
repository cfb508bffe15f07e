import assert from "node:assert/strict";
import { test } from "node:test";

import { createPushClient } from "../../../clients/browser/src/index.js";
import { START, idAt, memory, settle, world } from "./world.mjs";

test("it connects, resumes and is open, and says so", async () => {
  const { server, client, names, ids } = world();
  server.store(idAt(START - 2000));
  server.store(idAt(START - 1000));
  assert.equal(client.state, "connecting");
  await settle();
  assert.deepEqual(names(), ["connecting", "resuming", "open"]);
  assert.deepEqual(ids(), [idAt(START - 2000), idAt(START - 1000)]);
  assert.equal(client.lastId, idAt(START - 1000));
  assert.equal(client.session.userId, "alice");
});

test("nothing is called back before the client has been given out", () => {
  const { states } = world();
  assert.deepEqual(states, []);
});

test("the token travels as subprotocol, or in the query, beside what is there", async () => {
  const asked = world({ client: { getToken: async () => "t.o.k" } });
  await settle();
  assert.deepEqual(
    [asked.server.last.url, asked.server.last.protocols],
    ["wss://example.test/live", ["bearer", "t.o.k"]],
  );
  const query = world({ client: { getToken: () => "t+/=", tokenIn: "query", url: "wss://example.test/live?a=b#c" } });
  await settle();
  assert.deepEqual(
    [query.server.last.url, query.server.last.protocols],
    ["wss://example.test/live?a=b&token=t%2B%2F%3D", undefined],
  );
});

test("every attempt fetches a new token", async () => {
  let tokens = 0;
  const { server, clock } = world({ client: { getToken: async () => `token-${++tokens}` } });
  await settle();
  server.last.fail();
  await clock.pass(60_000);
  assert.deepEqual(
    server.sockets.map(({ protocols }) => protocols[1]),
    ["token-1", "token-2"],
  );
});

test("a token callback that throws, rejects or hangs is reported and retried", async () => {
  const callbacks = [
    () => {
      throw new Error("signed out");
    },
    () => Promise.reject(new Error("signed out")),
    () => new Promise(() => {}),
    () => "good",
  ];
  const { server, clock, client, errors, states } = world({ client: { getToken: () => callbacks.shift()() } });
  await clock.pass(120_000);
  assert.equal(client.state, "open");
  assert.equal(server.sockets.length, 1);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["TOKEN", "TOKEN", "TOKEN"],
  );
  assert.equal(errors[0].cause.message, "signed out");
  assert.deepEqual(
    states.filter(({ reason }) => reason).map(({ reason }) => reason),
    ["token", "token", "token"],
  );
});

test("a refused handshake waits longer every time, up to a bound, and is back when it is let in", async () => {
  const { server, clock, client, states } = world({ client: { minReconnectDelay: 1000, maxReconnectDelay: 8000 } });
  server.refusing = true;
  await clock.pass(60_000);
  const waits = states.filter(({ state }) => state === "waiting");
  assert.deepEqual(
    waits.slice(0, 6).map(({ retryIn }) => retryIn),
    [500, 1000, 2000, 4000, 4000, 4000],
  );
  assert.deepEqual(waits[0], { state: "waiting", failures: 1, reason: "unopened", code: 1006, retryIn: 500 });
  server.refusing = false;
  await clock.pass(8000);
  assert.equal(client.state, "open");
});

test("a handshake that never ends is given up", async () => {
  const { server, clock, states } = world();
  server.deaf = true;
  await clock.pass(16_000);
  assert.equal(states[1].reason, "unopened");
  assert.equal(server.closed.length, 1);
});

test("a socket that cannot be created is reported and retried", async () => {
  let attempts = 0;
  function WebSocket() {
    attempts++;
    throw new SyntaxError("insecure");
  }
  const { clock, errors } = world({ client: { WebSocket } });
  await clock.pass(10_000);
  assert.ok(attempts > 1);
  assert.equal(errors[0].code, "SOCKET");
});

test("after a stable time the wait begins small again, before it does not", async () => {
  const { server, clock, states } = world({ client: { minReconnectDelay: 1000, maxReconnectDelay: 64_000 } });
  const waits = () => states.filter(({ state }) => state === "waiting").map(({ retryIn }) => retryIn);
  await clock.pass(1000);
  for (const up of [1000, 1000, 60_000]) {
    server.last.fail();
    await clock.pass(5000 + up);
  }
  server.last.fail();
  assert.deepEqual(waits(), [500, 1000, 2000, 500]);
});

test("close() leaves no timer, no socket and no listener, and nothing is called back any more", async () => {
  const events = new EventTarget();
  const listeners = new Set();
  events.addEventListener = (name, _, { signal }) => {
    listeners.add(name);
    signal.addEventListener("abort", () => listeners.delete(name));
  };
  for (const moment of ["at once", "connecting", "resuming", "open", "settled", "waiting", "replacing"]) {
    const { clock, server, client, seen, states } = world({ client: { events } });
    if (moment === "connecting") server.deaf = true;
    if (moment === "resuming") server.mute = true;
    if (moment !== "at once") await settle();
    if (moment === "settled") await clock.pass(10_000);
    if (moment === "waiting") server.last.fail();
    if (moment === "replacing") {
      server.before = () => server.sockets.length > 1;
      await clock.pass(server.life - 60_000);
      assert.equal(server.open.length, 2);
    }
    const known = seen.length;
    client.close();
    client.close();
    await settle();
    assert.equal(clock.pending, 0, moment);
    assert.equal(server.open.length, 0, moment);
    assert.equal(listeners.size, 0, moment);
    assert.equal(client.state, "closed");
    assert.deepEqual(states.filter(({ state }) => state === "closed").length, 1);
    for (const socket of server.sockets) socket.onmessage?.({ data: '{"type":"notification","id":"x"}' });
    assert.equal(seen.length, known, moment);
    await assert.rejects(client.loadOlder(), { code: "CLOSED" });
  }
});

test("closing while a token is fetched opens no socket", async () => {
  let give;
  const { clock, server, client, errors } = world({
    client: { getToken: () => new Promise((resolve) => (give = resolve)) },
  });
  await settle();
  client.close();
  give("late");
  await clock.pass(1000);
  assert.equal(server.sockets.length, 0);
  assert.deepEqual(errors, []);
});

test("a callback that closes the client stops it in the middle of a page", async () => {
  const seen = [];
  const store = memory();
  const { server, client, clock } = world({
    client: {
      store,
      onNotification: ({ id }) => {
        seen.push(id);
        client.close();
      },
    },
  });
  server.store(idAt(START - 2));
  server.store(idAt(START - 1));
  await settle();
  assert.deepEqual(seen, [idAt(START - 2)]);
  assert.equal(clock.pending, 0);
  assert.equal(store.text, null);
});

test("so does one that is called with what came while resuming, and one in the middle of the history", async () => {
  for (const live of [true, false]) {
    const { server, client, clock } = world({
      client: { store: memory(idAt(START - 1000)), onNotification: () => client.close() },
    });
    server.before = (socket, { action }) => {
      if (live && action === "poll") socket.receive({ type: "notification", id: idAt(START) });
      return false;
    };
    if (!live) for (let number = 0; number < 250; number++) server.store(idAt(START - 500 + number));
    await settle();
    assert.deepEqual([client.state, clock.pending, server.polls().length], ["closed", 0, 1]);
  }
});

test("bad options are refused at once", () => {
  const good = { url: "wss://example.test/", onNotification() {} };
  for (const bad of [
    { url: "https://example.test/" },
    { url: "nonsense" },
    { onNotification: "a name" },
    { onState: null },
    { WebSocket: "ws" },
    { tokenIn: "header" },
    { getToken: "a token" },
    { getToken: null },
    { lookBack: -1 },
    { lookBack: NaN },
    { hiddenTimeout: NaN },
    { timeout: "soon" },
    { minReconnectDelay: -1 },
    { maxReconnectDelay: {} },
  ]) {
    assert.throws(() => createPushClient({ ...good, ...bad }), TypeError);
  }
});

test("a sign that the network is back cuts a wait short and probes an open connection", async () => {
  const events = new EventTarget();
  const { server, clock, client } = world({ client: { events, minReconnectDelay: 60_000, maxReconnectDelay: 60_000 } });
  server.refusing = true;
  await clock.pass(1);
  server.refusing = false;
  events.dispatchEvent(new Event("online"));
  await clock.pass(500);
  assert.equal(client.state, "open");
  for (const sign of ["offline", "online", "pageshow"]) {
    server.mute = true;
    events.dispatchEvent(new Event(sign));
    await clock.pass(10_001);
    assert.equal(client.state, "waiting", sign);
    server.mute = false;
    client.reconnect();
    await clock.pass(1);
    assert.equal(client.state, "open");
  }
});

test("a page that is looked at again probes as well, one that is hidden does not", async () => {
  const events = new EventTarget();
  events.document = Object.assign(new EventTarget(), { hidden: true });
  const { server, clock, client } = world({ client: { events } });
  await clock.pass(1);
  server.mute = true;
  events.document.dispatchEvent(new Event("visibilitychange"));
  await clock.pass(11_000);
  assert.equal(server.received.filter(({ action }) => action === "ping").length, 0);
  server.sockets[0].fail();
  server.mute = false;
  await clock.pass(5000);
  events.document.hidden = false;
  events.document.dispatchEvent(new Event("visibilitychange"));
  await clock.pass(1);
  assert.equal(server.received.filter(({ action }) => action === "ping").length, 1);
  client.close();
});

test("reconnect() does not wait", async () => {
  const { server, client } = world();
  server.refusing = true;
  await settle();
  server.refusing = false;
  assert.equal(client.state, "waiting");
  client.reconnect();
  await settle();
  assert.equal(client.state, "open");
});

test("a wait that is longer than a timer can hold does not end at once", () => {
  const { setTimeout } = globalThis;
  const delays = [];
  globalThis.setTimeout = (_, delay) => void delays.push(delay);
  try {
    const events = new EventTarget();
    events.document = Object.assign(new EventTarget(), { hidden: true });
    const WebSocket = class {};
    const client = createPushClient({ url: "wss://example.test/", WebSocket, events, hiddenTimeout: Number.MAX_SAFE_INTEGER });
    events.document.dispatchEvent(new Event("visibilitychange"));
    client.close();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.deepEqual(delays, [2 ** 31 - 1]);
});

test("a client that is closed because its token would be in the address has no socket left", async () => {
  const { server, clock, client, errors } = world({ client: { getToken: () => "padded==" } });
  client.on("error", () => client.close());
  await clock.pass(60_000);
  assert.deepEqual(errors.map(({ code }) => code), ["TOKEN_IN_QUERY"]);
  assert.deepEqual([client.state, server.open.length, server.received.length, clock.pending], ["closed", 0, 0, 0]);
});

test("a token that is no text is reported, and not sent", async () => {
  for (const token of [{ token: "t" }, 5, ["t"]]) {
    const { server, errors, client } = world({ client: { getToken: () => token } });
    await settle();
    assert.deepEqual([client.state, server.sockets.length, errors.map(({ code }) => code)], ["waiting", 0, ["TOKEN"]]);
    client.close();
  }
});

test("what a listener removes is not called any more, and after close() nothing is", async () => {
  const { clock, server, client } = world();
  await clock.pass(5_000);
  const heard = [];
  const off = [];
  client.on("notification", () => (heard.push("first"), off[0]()));
  off.push(client.on("notification", () => heard.push("second")));
  server.push(idAt(clock.now(), 1));
  assert.deepEqual(heard, ["first"]);
  client.on("notification", () => client.close());
  client.on("notification", () => heard.push("after the end"));
  client.on("state", (state) => heard.push(state));
  client.on("error", ({ code }) => heard.push(code));
  server.push(idAt(clock.now(), 2));
  await settle();
  assert.deepEqual(heard, ["first", "first", "closed"]);
});

test("close() says no reason: one is there only where the server said to stay away", async () => {
  const { clock, server, client, states } = world();
  await clock.pass(5_000);
  server.last.fail();
  await clock.pass(60_000);
  assert.equal(client.state, "open");
  client.close();
  assert.deepEqual(states.at(-1), { state: "closed", failures: 1 });
});

test("a bye without a reason has none", async () => {
  const { clock, server, states } = world();
  await clock.pass(5_000);
  server.last.receive({ type: "bye", reconnect: false });
  assert.deepEqual(states.at(-1), { state: "closed", failures: 0, reason: "bye", bye: "" });
});

test("a page with something that is no notification is not taken", async () => {
  for (const each of [null, {}, { id: 5 }, "text"]) {
    const { server, client, seen, errors } = world();
    server.page = (_, { requestId }) => ({ type: "history", requestId, notifications: [each], more: false });
    await settle();
    assert.deepEqual([seen, errors.map(({ code }) => code), client.state], [[], ["UNREADABLE_FRAME"], "resuming"]);
    client.close();
  }
});
