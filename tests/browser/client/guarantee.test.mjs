// What the client owes beyond connecting and resuming: no gap on an open connection, and faults that do not last.

import assert from "node:assert/strict";
import { test } from "node:test";

import { START, idAt, memory, settle, world } from "./world.mjs";

const MINUTE = 60_000;
const LIMIT = 32 * 1024;

test("a notification that reached no socket is shown within five minutes, while the socket stays", async () => {
  const { server, clock, ids, client } = world();
  await clock.pass(MINUTE);
  const missed = server.push(idAt(clock.now(), 1), []);
  const later = [];
  // More of them, and for longer, than a poll reads behind the last one.
  for (let number = 2; number < 282; number++) {
    await clock.pass(500);
    later.push(server.push(idAt(clock.now(), number)));
  }
  assert.deepEqual(ids(), later);
  await clock.pass(2.5 * MINUTE);
  assert.deepEqual([...ids()].sort(), [missed, ...later]);
  assert.deepEqual([server.sockets.length, client.state], [1, "open"]);
});

test("what came live does not hide from a reload what did not", async () => {
  const store = memory();
  const first = world({ client: { store } });
  await first.clock.pass(MINUTE);
  const missed = first.server.push(idAt(first.clock.now(), 1), []);
  for (let number = 2; number < 282; number++) {
    await first.clock.pass(500);
    first.server.push(idAt(first.clock.now(), number));
  }
  assert.ok(!first.ids().includes(missed));
  first.client.close();
  await first.clock.pass(30 * MINUTE);
  const again = world({ server: first.server, clock: first.clock, client: { store } });
  await again.clock.pass(MINUTE);
  assert.deepEqual(again.ids(), [missed]);
});

test("keepalive polls continue after failures, and after a lost answer the connection is given up", async () => {
  const { server, clock, ids, client, states } = world();
  await clock.pass(MINUTE);
  let refusals = 2;
  server.before = (socket, { requestId }) => {
    if (refusals-- <= 0) return false;
    socket.receive({ type: "error", code: "UNAVAILABLE", message: "Try again.", requestId });
    return true;
  };
  const missed = server.push(idAt(clock.now()), []);
  await clock.pass(5 * MINUTE);
  assert.deepEqual([ids(), server.sockets.length], [[missed], 1]);
  server.mute = true;
  await clock.pass(5 * MINUTE);
  assert.ok(states.some(({ reason }) => reason === "stalled"));
  server.mute = false;
  await clock.pass(2 * MINUTE);
  assert.equal(client.state, "open");
});

test("a server whose overlap belongs to the first page is paged through as well", async () => {
  const { server, clock, ids } = world({ client: { store: memory(idAt(START - 60 * MINUTE)) } });
  const stored = Array.from({ length: 450 }, (_, number) => server.store(idAt(START - 50 * MINUTE + number)).id);
  let polls = 0;
  server.before = (_, { action }) => {
    if (action === "poll") server.overlap = polls++ === 0 ? 5 * MINUTE : 0;
    return false;
  };
  await clock.pass(1);
  assert.deepEqual(ids(), stored);
});

for (const token of ["cGFkZGVk==", "a/b", "with space", "tökén", "bearer"]) {
  test(`the token ${token} travels in the query, which is said once`, async () => {
    const { server, clock, errors, client } = world({ client: { getToken: () => token } });
    for (let times = 0; times < 3; times++) {
      await clock.pass(MINUTE);
      assert.equal(client.state, "open");
      assert.equal(new URL(server.last.url).searchParams.get("token"), token);
      assert.equal(server.last.protocols, undefined);
      server.last.fail();
    }
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["TOKEN_IN_QUERY"],
    );
  });
}

test("a push that exceeds a frame is refused before it is sent", async () => {
  const { server, clock, client } = world();
  await clock.pass(MINUTE);
  const size = (content) =>
    new TextEncoder().encode(JSON.stringify({ userId: "alice", content, action: "push", requestId: "3" })).length;
  const fits = "x".repeat(LIMIT - size(""));
  assert.equal(size(fits), LIMIT);
  await client.push({ userId: "alice", content: fits });
  const sent = server.received.length;
  await assert.rejects(client.push({ userId: "alice", content: `${fits}x` }), { code: "FRAME_TOO_LARGE" });
  await assert.rejects(client.push({ userId: "alice", content: "ü".repeat(LIMIT / 2) }), { code: "FRAME_TOO_LARGE" });
  await assert.rejects(client.push({ userId: "alice", content: 1n }), { code: "INVALID_CONTENT" });
  assert.equal(server.received.length, sent);
  assert.equal(client.state, "open");
});

for (const message of ["Too Many Requests", "Forbidden", "Internal server error", "Endpoint request timed out"]) {
  test(`API Gateway's "${message}", which has no type, answers what was asked`, async () => {
    const { server, clock, client } = world();
    await clock.pass(MINUTE);
    server.before = (socket) => {
      socket.receive({ message, connectionId: "c0", requestId: "Zm9v" });
      return true;
    };
    await assert.rejects(client.push({ userId: "alice", content: 1 }), { code: "GATEWAY", message });
    assert.equal(client.state, "open");
  });
}

for (const [code, named] of [
  [1003, "FRAME_REFUSED"],
  [1009, "FRAME_TOO_LARGE"],
]) {
  test(`close code ${code} is ${named} for what was asked, and the client comes back`, async () => {
    const { server, clock, client, errors, states } = world();
    await clock.pass(MINUTE);
    server.before = (socket) => {
      socket.fail(code);
      return true;
    };
    await assert.rejects(client.push({ userId: "alice", content: 1 }), { code: named });
    server.before = () => false;
    assert.deepEqual([states.at(-1).reason, states.at(-1).code], ["dropped", code]);
    assert.deepEqual(
      errors.map(({ code }) => code),
      [named],
    );
    await clock.pass(MINUTE);
    assert.equal(client.state, "open");
  });
}

test("a stored position from the future hides nothing, and is reported", async () => {
  const far = idAt(Date.parse("2099-01-01T00:00:00Z"));
  for (const text of [far, `${far} ${far}`, `${far} ${idAt(START - MINUTE)} ${far}`]) {
    const store = memory(text);
    const { server, clock, ids, errors, client } = world({ client: { store } });
    const missed = server.store(idAt(START - 1000)).id;
    await clock.pass(1);
    const live = server.push(idAt(clock.now()));
    await clock.pass(5 * MINUTE);
    assert.deepEqual(ids(), [missed, live]);
    assert.equal(client.lastId, live);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["POSITION"],
    );
    client.close();
    const again = world({ server, clock, client: { store } });
    const afterwards = server.store(idAt(clock.now())).id;
    await clock.pass(1);
    assert.deepEqual([again.ids(), again.errors], [[afterwards], []]);
  }
});

test("one notification from the future does not hide those that come after it", async () => {
  const store = memory();
  const { server, clock, ids, client } = world({ client: { store } });
  await clock.pass(1);
  const odd = server.push(idAt(Date.parse("2099-01-01T00:00:00Z")));
  await clock.pass(5 * MINUTE);
  const unheard = server.push(idAt(clock.now()), []);
  await clock.pass(5 * MINUTE);
  client.close();
  const again = world({ server, clock, client: { store } });
  const missed = server.store(idAt(clock.now())).id;
  await clock.pass(1);
  assert.deepEqual([ids(), again.ids(), again.errors], [[odd, unheard], [missed], []]);
});

test("a clock that is set back by an hour costs nothing, and shows nothing twice", async () => {
  const store = memory();
  const first = world({ client: { store } });
  const shown = [];
  for (let minute = 0; minute < 120; minute++) {
    shown.push(first.server.push(idAt(first.clock.now(), minute)));
    await first.clock.pass(MINUTE);
  }
  assert.equal(first.ids().length, 120);
  first.client.close();
  const missed = Array.from({ length: 80 }, (_, number) => first.server.store(idAt(first.clock.now(), 500 + number)).id);
  const now = () => first.clock.now() - 60 * MINUTE;
  const again = world({ server: first.server, clock: first.clock, client: { store, now } });
  await again.clock.pass(MINUTE);
  assert.deepEqual([...again.ids()].sort(), missed);
});

test("RATE_LIMITED waits as long as it says, within reason, and keeps the connection", async () => {
  for (const [retryAfter, seconds] of [
    [20, 20],
    [1e9, 300],
    ["soon", 0],
  ]) {
    const { server, clock, client, errors } = world();
    let refusals = 8;
    server.before = (socket, { requestId }) => {
      if (refusals-- <= 0) return false;
      socket.receive({ type: "error", code: "RATE_LIMITED", message: "Slow down.", retryAfter, requestId });
      return true;
    };
    await clock.pass(seconds * 1000);
    assert.equal(server.polls().length, 1);
    await clock.pass(8 * (seconds * 1000 + 10_000));
    assert.deepEqual([client.state, server.sockets.length], ["open", 1]);
    assert.deepEqual([errors[0].code, errors[0].retryAfter], ["RATE_LIMITED", seconds || undefined]);
  }
});

test("a bye that says to stay away is final, with its reason; the others are not", async () => {
  for (const [frame, final] of [
    [{ reason: "token_expired" }, false],
    [{ reason: "disconnected" }, false],
    [{ reason: "disconnected", reconnect: true }, false],
    [{ reason: "disconnected", reconnect: false }, true],
    [{ reason: "revoked" }, true],
    [{ reason: "of a later version" }, false],
  ]) {
    const { server, clock, client, states } = world();
    await clock.pass(MINUTE);
    server.last.receive({ type: "bye", ...frame });
    const { state, reason, bye } = states.at(-1);
    assert.deepEqual([state, reason, bye], [final ? "closed" : "waiting", "bye", frame.reason]);
    await clock.pass(10 * MINUTE);
    assert.equal(client.state, final ? "closed" : "open");
    assert.equal(server.sockets.length, final ? 1 : 2);
    if (final) assert.equal(clock.pending, 0);
  }
});

test("listeners come and go, by the function that is returned or by a signal", async () => {
  const { server, clock, client } = world();
  const heard = [];
  const off = client.on("notification", ({ id }, { via }) => heard.push(["off", id, via]));
  const aborting = new AbortController();
  client.on("notification", ({ id }) => heard.push(["signal", id]), { signal: aborting.signal });
  await clock.pass(1);
  const first = server.push(idAt(clock.now(), 1));
  off();
  aborting.abort();
  server.push(idAt(clock.now(), 2));
  assert.deepEqual(heard, [
    ["off", first, "live"],
    ["signal", first],
  ]);
  assert.throws(() => client.on("publication", () => {}), TypeError);
});

test("waiting can be ended by a signal: for the connection, for a reply, for everything", async () => {
  const reason = new Error("enough");
  const ending = new AbortController();
  const { server, clock, client } = world({ client: { signal: ending.signal } });
  server.mute = true;
  const asking = new AbortController();
  const ready = assert.rejects(client.ready({ signal: asking.signal }), reason);
  await settle();
  const older = assert.rejects(client.loadOlder({ signal: asking.signal }), reason);
  asking.abort(reason);
  await Promise.all([ready, older]);
  const sent = server.received.length;
  await assert.rejects(client.push({ userId: "alice", content: 1 }, { signal: asking.signal }), reason);
  assert.equal(server.received.length, sent);
  const never = assert.rejects(client.ready(), { code: "CLOSED" });
  ending.abort();
  await never;
  assert.deepEqual([client.state, clock.pending, server.open.length], ["closed", 0, 0]);
  await assert.rejects(client.ready(), { code: "CLOSED" });
  const unborn = world({ client: { signal: ending.signal } });
  await unborn.clock.pass(1000);
  assert.deepEqual([unborn.client.state, unborn.server.sockets.length], ["closed", 0]);
});

test("ready() is at once where it is open, and getToken is given a signal that ends with the attempt", async () => {
  const signals = [];
  const { server, clock, client } = world({
    client: {
      getToken: ({ signal }) => {
        signals.push(signal);
        return signals.length === 1 ? new Promise(() => {}) : null;
      },
    },
  });
  await clock.pass(MINUTE);
  await client.ready();
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
  client.close();
  assert.ok(signals[1].aborted);
});

test("a device that has slept for hours is back at once when it wakes, with what came meanwhile", async () => {
  const events = new EventTarget();
  const { server, clock, ids, client } = world({ client: { events } });
  await clock.pass(MINUTE);
  const missed = [1, 2, 3].map((number) => server.push(idAt(clock.now() + number * 60 * MINUTE, number), []));
  clock.time += 3 * 60 * MINUTE; // No timer ran.
  const asleep = server.last;
  server.before = (socket) => socket === asleep; // Its socket is dead, and nothing says so.
  events.dispatchEvent(new Event("online"));
  await clock.pass(15_000);
  assert.deepEqual([client.state, ids()], ["open", missed]);
  assert.equal(asleep.readyState, 3);
});

test("offline and online again within a moment costs a ping, and no connection", async () => {
  const events = new EventTarget();
  const { server, clock, client } = world({ client: { events } });
  await clock.pass(MINUTE);
  events.dispatchEvent(new Event("offline"));
  events.dispatchEvent(new Event("online"));
  await clock.pass(MINUTE);
  assert.deepEqual([client.state, server.sockets.length], ["open", 1]);
});
