import assert from "node:assert/strict";
import { test } from "node:test";

import { START, idAt, memory, settle, world } from "./world.mjs";

const sorted = (ids) => [...ids].sort();

test("what came while it was away arrives once, over as many pages as it takes", async () => {
  const { server, clock, ids } = world();
  const pushed = [];
  await clock.pass(10_000);
  pushed.push(server.push(idAt(clock.now())));
  server.last.fail();
  for (let number = 1; number < 351; number++) pushed.push(server.push(idAt(clock.now() + number)));
  await clock.pass(10_000);
  assert.deepEqual(ids(), pushed);
});

test("a client that found nothing at first resumes from the beginning", async () => {
  const store = memory();
  const first = world({ client: { store } });
  await settle();
  assert.equal(first.client.lastId, null);
  first.client.close();
  const pushed = Array.from({ length: 250 }, (_, number) => first.server.push(idAt(START + number)));
  const { clock, ids } = world({ server: first.server, clock: first.clock, client: { store } });
  await clock.pass(1000);
  assert.deepEqual(ids(), pushed);
});

test("a live notification that comes while resuming waits for the history, and does not move the position", async () => {
  const store = memory(idAt(START - 100_000));
  const { server, clock, ids, client } = world({ client: { store } });
  const old = Array.from({ length: 150 }, (_, number) => server.store(idAt(START - 90_000 + number)).id);
  let page = 0;
  server.before = (socket, message) => {
    if (message.action !== "poll" || ++page !== 2) return false;
    socket.receive({ type: "notification", ...server.store(idAt(START)) });
    assert.equal(client.lastId, old[99]);
    assert.ok(store.text.startsWith(old[99]));
    return false;
  };
  await settle();
  assert.deepEqual(ids(), [...old, idAt(START)]);
  assert.equal(client.lastId, idAt(START));
});

test("a connection that is lost while resuming loses neither what was live nor what was not read yet", async () => {
  const store = memory(idAt(START - 100_000));
  const { server, clock, ids, client } = world({ client: { store } });
  const old = Array.from({ length: 150 }, (_, number) => server.store(idAt(START - 90_000 + number)).id);
  let page = 0;
  server.before = (socket, message) => {
    if (message.action !== "poll" || ++page !== 2) return false;
    socket.receive({ type: "notification", id: idAt(START, 1), content: "not persisted" });
    socket.fail();
    assert.equal(client.lastId, old[99]);
    return true;
  };
  await clock.pass(10_000);
  assert.deepEqual(sorted(ids()), [...old, idAt(START, 1)]);
  assert.equal(ids().length, 151);
});

test("late ones are delivered: clocks 5 s apart, live and by resuming, at a rate that the overlap does not hold", async () => {
  const { server, clock, ids } = world();
  await clock.pass(5000);
  const pushed = [];
  const both = (step, sockets) => {
    pushed.push(
      server.push(idAt(clock.now() + step, 1), sockets),
      server.push(idAt(clock.now() + step - 5000, 2), sockets),
    );
  };
  for (let step = 0; step < 1000; step += 5) both(step);
  server.last.fail();
  for (let step = 1000; step < 2000; step += 5) both(step, []);
  await clock.pass(10_000);
  assert.deepEqual(sorted(ids()), sorted(pushed));
});

test("the second poll brings what the index did not show yet, behind a live one", async () => {
  const { server, clock, ids, client } = world();
  await clock.pass(1000);
  const missed = server.push(idAt(clock.now(), 1), []);
  const live = server.push(idAt(clock.now(), 2));
  assert.equal(client.lastId, live);
  await clock.pass(3000);
  assert.deepEqual(ids(), [live, missed]);
  await clock.pass(200_000);
  assert.equal(server.polls().length, 2);
});

test("repeats are dropped, and counted", async () => {
  const { server, clock, ids, client } = world();
  await clock.pass(5000);
  const id = server.push(idAt(clock.now()));
  server.last.receive({ type: "notification", id });
  server.last.fail();
  await clock.pass(10_000);
  assert.deepEqual(ids(), [id]);
  assert.deepEqual(client.stats, { attempts: 2, live: 1, resumed: 0, repeats: 3 });
});

test("the position outlives a reload, and what was seen before is not given again", async () => {
  const store = memory();
  const first = world({ client: { store } });
  await first.clock.pass(5000);
  const seen = [first.server.push(idAt(first.clock.now(), 1)), first.server.push(idAt(first.clock.now() - 3000, 2))];
  assert.equal(first.client.lastId, seen[0]);
  first.client.close();
  const missed = first.server.push(idAt(first.clock.now() - 1000, 3));
  const { clock, ids, client } = world({ server: first.server, clock: first.clock, client: { store } });
  assert.equal(client.lastId, seen[0]);
  await clock.pass(5000);
  assert.deepEqual(ids(), [missed]);
});

test("a store that throws costs only the position after a reload, and is reported once", async () => {
  const store = {
    load() {
      throw new Error("SecurityError");
    },
    save() {
      throw new Error("QuotaExceededError");
    },
  };
  const { server, clock, ids, errors } = world({ client: { store } });
  await clock.pass(5000);
  const pushed = [server.push(idAt(clock.now()))];
  server.last.fail();
  pushed.push(server.push(idAt(clock.now(), 1)));
  await clock.pass(10_000);
  assert.deepEqual(ids(), pushed);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["STORE"],
  );
});

for (const text of ["", "nonsense", "undefined", "{}", idAt(START).toUpperCase()]) {
  test(`a store that holds ${JSON.stringify(text)} is as good as empty`, async () => {
    const { server, ids } = world({ client: { store: memory(text) } });
    server.store(idAt(START - 1));
    await settle();
    assert.deepEqual(ids(), [idAt(START - 1)]);
  });
}

test("a lone id is a position", async () => {
  const { server, client } = world({ client: { store: memory(idAt(START)) } });
  await settle();
  assert.equal(client.lastId, idAt(START));
  assert.equal(server.polls()[0].after, idAt(START - 60_000));
});

test("a poll that is refused is repeated on the same connection; live ones do not wait for it nor move the position", async () => {
  const { server, clock, ids, errors, names, client } = world({ client: { store: memory(idAt(START - 10)) } });
  let failing = true;
  server.before = (socket, message) => {
    if (!failing) return false;
    socket.receive({ type: "error", code: "UNAVAILABLE", message: "Try again.", requestId: message.requestId });
    return true;
  };
  await settle();
  const live = server.push(idAt(START));
  assert.deepEqual(ids(), [live]);
  assert.equal(client.lastId, idAt(START - 10));
  assert.equal(client.state, "resuming");
  failing = false;
  await clock.pass(2000);
  assert.deepEqual([ids(), client.state, server.sockets.length], [[live], "open", 1]);
  assert.equal(errors[0].code, "UNAVAILABLE");
  assert.deepEqual(names(), ["connecting", "resuming", "open"]);
});

test("what API Gateway answers by itself counts as a refusal", async () => {
  const { server, clock, client, errors } = world();
  let refusals = 1;
  server.before = (socket) => {
    if (refusals-- <= 0) return false;
    socket.receive({ message: "Too Many Requests", connectionId: "c0", requestId: "Zm9v" });
    return true;
  };
  await clock.pass(1000);
  assert.equal(client.state, "open");
  assert.deepEqual(
    errors.map(({ code, message }) => [code, message]),
    [["GATEWAY", "Too Many Requests"]],
  );
});

test("a poll that stays without an answer, or is refused again and again, costs the connection", async () => {
  for (const answers of [false, true]) {
    const { server, clock, states } = world();
    server.before = (socket, { requestId }) => {
      if (answers) socket.receive({ type: "error", code: "INTERNAL", message: "", requestId });
      return true;
    };
    await clock.pass(20_000);
    const { reason } = states.find(({ state }) => state === "waiting");
    assert.equal(reason, "stalled");
    assert.ok(server.closed.includes(server.sockets[0]));
  }
});

test("a page that leads nowhere is not followed for ever", async () => {
  const { server, clock, errors } = world({ client: { store: memory(idAt(START)) } });
  server.before = (socket, { action, requestId }) => {
    if (action === "poll") socket.receive({ type: "history", requestId, notifications: [], more: true });
    return true;
  };
  await clock.pass(1);
  assert.equal(server.polls().length, 1);
  assert.equal(errors[0].code, "UNREADABLE_FRAME");
});

for (const [code, reason] of [
  ["TOKEN_EXPIRED", "expired"],
  ["UNKNOWN_CONNECTION", "unregistered"],
]) {
  test(`${code} makes it reconnect`, async () => {
    const { server, clock, client, states } = world();
    let refusals = 1;
    server.before = (socket, { requestId }) => {
      if (refusals-- <= 0) return false;
      socket.receive({ type: "error", code, message: "", requestId });
      return true;
    };
    await clock.pass(5000);
    assert.equal(client.state, "open");
    assert.equal(server.sockets.length, 2);
    assert.equal(states.find(({ state }) => state === "waiting").reason, reason);
  });
}

test("older pages go back from the oldest, and are not given again as new", async () => {
  const { server, clock, client, ids } = world();
  const stored = Array.from({ length: 120 }, (_, number) => server.store(idAt(START - 1000 + number)).id);
  await clock.pass(1);
  assert.deepEqual(ids(), stored.slice(70));
  const first = await client.loadOlder({ limit: 40 });
  assert.deepEqual([first.notifications.map(({ id }) => id), first.more], [stored.slice(30, 70), true]);
  const second = await client.loadOlder({ limit: 40 });
  assert.deepEqual([second.notifications.map(({ id }) => id), second.more], [stored.slice(0, 30), false]);
  const given = await client.loadOlder({ before: stored[5], limit: 2 });
  assert.deepEqual(
    given.notifications.map(({ id }) => id),
    stored.slice(3, 5),
  );
  server.last.fail();
  await clock.pass(10_000);
  assert.deepEqual(ids(), stored.slice(70));
});

test("older pages go on with what the page before names, even where it is empty", async () => {
  const { server, clock, client } = world();
  const asked = [];
  const pages = [{ more: true, next: "one" }, { more: false }, { more: true, next: "two" }, { more: true, next: "three" }, { more: false }];
  server.before = (socket, { action, requestId, before }) => {
    if (action !== "poll") return false;
    asked.push(before);
    const page = { notifications: asked.length === 1 ? [{ id: idAt(START - 1000) }] : [], ...pages.shift() };
    socket.receive({ type: "history", requestId, session: server.session(socket), ...page });
    return true;
  };
  await clock.pass(5000);
  for (let times = 0; times < 3; times++) await client.loadOlder();
  assert.deepEqual(asked, [undefined, undefined, "one", "two", "three"]);
});

test("older pages of a resumed page begin with the newest", async () => {
  const { server, clock, client, ids } = world({ client: { store: memory(idAt(START - 500_000)) } });
  const old = server.store(idAt(START - 900_000)).id;
  const missed = server.store(idAt(START - 1000)).id;
  await clock.pass(1);
  assert.deepEqual(ids(), [missed]);
  assert.deepEqual(
    (await client.loadOlder()).notifications.map(({ id }) => id),
    [old, missed],
  );
});

test("asking without a connection, and losing it before the reply, are errors that can be told apart", async () => {
  const { server, clock, client } = world();
  await assert.rejects(client.loadOlder(), { code: "NOT_CONNECTED" });
  await clock.pass(5000);
  server.mute = true;
  const lost = assert.rejects(client.loadOlder(), { code: "CONNECTION_LOST" });
  await settle();
  server.last.fail();
  await lost;
  server.mute = false;
  await clock.pass(5000);
  server.mute = true;
  const late = assert.rejects(client.push({ userId: "alice", content: 1 }), { code: "TIMEOUT" });
  await clock.pass(15_000);
  await late;
});

test("a push is answered with its receipt, or with the server's error", async () => {
  const { server, clock, client } = world();
  await clock.pass(1);
  assert.deepEqual(await client.push({ userId: "alice", content: "hi" }), { totals: { recipients: 1 } });
  const { socket, at, requestId, ...sent } = server.received.at(-1);
  assert.deepEqual(sent, { action: "push", userId: "alice", content: "hi" });
  server.before = (each, message) => {
    each.receive({ type: "error", code: "PUSH_NOT_ALLOWED", message: "Not to bob.", requestId: message.requestId });
    return true;
  };
  await assert.rejects(client.push({ userId: "bob", content: "hi" }), {
    code: "PUSH_NOT_ALLOWED",
    message: "Not to bob.",
  });
});

test("onNotification that throws is reported, and the other notifications arrive", async () => {
  const seen = [];
  const { server, errors, client } = world({
    client: {
      onNotification: ({ id }) => {
        seen.push(id);
        throw new Error("a fault of the page");
      },
    },
  });
  server.store(idAt(START - 2));
  server.store(idAt(START - 1));
  await settle();
  assert.equal(seen.length, 2);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["CALLBACK", "CALLBACK"],
  );
  assert.equal(client.state, "open");
});

test("invalid frames are reported, unknown ones ignored", async () => {
  const { server, errors, client } = world();
  await settle();
  for (const frame of [
    "hello",
    "{",
    { type: "notification" },
    { type: "something-new" },
    { type: "history", requestId: "99" },
  ]) {
    server.last.receive(frame);
  }
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["UNREADABLE_FRAME", "UNREADABLE_FRAME", "UNREADABLE_FRAME"],
  );
  assert.equal(client.state, "open");
});
