import assert from "node:assert/strict";
import { test } from "node:test";

import { MANY, createInbox } from "../../../clients/browser/src/inbox.js";
import { Clock, Server, idAt, memory, settle, world } from "./world.mjs";

/** A server's inbox, as docs/protocol.md describes it: of each notification the latest mark decides. */
class Marks {
  #marks = [];
  version = 0;
  refusing = null;
  losing = () => false;

  constructor(server) {
    this.server = server;
    server.before = (socket, message) => this.#take(socket, message);
    const { page } = server;
    server.page = (...about) => ({ ...page.apply(server, about), state: this.state() });
  }

  mark(what) {
    const at = Math.min(what.at ?? this.server.clock.now(), this.server.clock.now());
    this.#marks.push({ ...what, at });
    this.version++;
  }

  /** By replaying every mark in the order of its time; nothing is merged here. */
  read(id) {
    const decided = this.#marks.flatMap(({ at, readUpTo = "", read = [], unread = [] }) => [
      ...(id <= readUpTo ? [[at, 0]] : []),
      ...(unread.includes(id) ? [[at, 1]] : []),
      ...(read.includes(id) ? [[at, 2]] : []),
    ]);
    const last = decided.sort(([a, b], [c, d]) => a - c || b - d).at(-1);
    return last !== undefined && last[1] !== 1;
  }

  state() {
    const ids = this.server.stored.map(({ id }) => id).sort();
    const upTo = {};
    const times = { read: {}, unread: {} };
    let seenUpTo;
    for (const { at, seenUpTo: seen, readUpTo, read = [], unread = [] } of this.#marks) {
      if (seen > (seenUpTo ?? "")) seenUpTo = seen;
      if (readUpTo) upTo[readUpTo] = Math.max(at, upTo[readUpTo] ?? 0);
      for (const id of read) times.read[id] = Math.max(at, times.read[id] ?? 0);
      for (const id of unread) times.unread[id] = Math.max(at, times.unread[id] ?? 0);
    }
    const count = ids.filter((id) => !this.read(id)).length;
    return {
      version: this.version,
      ...(seenUpTo && { seenUpTo }),
      readUpTo: upTo,
      ...times,
      unreadCount: Math.min(count, MANY),
      ...(ids.length > 0 && { countedTo: ids.at(-1) }),
    };
  }

  #take(socket, { action, requestId, ...what }) {
    if (action !== "mark") return false;
    if (this.refusing) {
      socket.receive({ type: "error", requestId, code: this.refusing, message: "No." });
      return true;
    }
    if (this.losing("mark")) return true;
    this.mark(what);
    const state = this.state();
    for (const other of this.server.open) if (other !== socket && !this.losing("state")) other.receive({ type: "state", state });
    if (!this.losing("reply")) socket.receive({ type: "state", requestId, state });
    return true;
  }
}

/** Some devices of one user. */
function devices(count) {
  const clock = new Clock();
  const server = new Server(clock);
  const marks = new Marks(server);
  const errors = [];
  const all = Array.from({ length: count }, () => {
    const made = world({ clock, server });
    const inbox = createInbox(made.client, {
      now: clock.now,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
      onError: ({ code }) => errors.push(code),
    });
    return { ...made, inbox };
  });
  return { clock, server, marks, all, errors };
}

test("what one device marks is so on the others, and counted on all", async () => {
  const { clock, server, all } = devices(2);
  await clock.pass(5_000);
  const ids = [1, 2, 3].map((number) => server.push(idAt(clock.now(), number)));
  await settle();
  const [phone, laptop] = all.map(({ inbox }) => inbox);
  assert.deepEqual([phone.unread, laptop.unread], [3, 3]);
  let changes = 0;
  laptop.on(() => changes++);
  phone.markRead(ids[1]);
  assert.deepEqual([phone.unread, phone.isRead(ids[1])], [2, true]);
  await settle();
  assert.deepEqual([laptop.unread, laptop.isRead(ids[1]), changes], [2, true, 1]);
  await clock.pass(1);
  laptop.markReadUpTo(ids[2]);
  assert.equal(laptop.unread, 0);
  laptop.markSeenUpTo(ids[2]);
  await settle();
  assert.deepEqual([phone.unread, phone.seenUpTo], [0, ids[2]]);
  phone.markUnread(ids[0]);
  await settle();
  assert.deepEqual([laptop.unread, laptop.isRead(ids[0])], [1, false]);
});

test("a mark that is made without a connection is sent with the next one, as of its time", async () => {
  const { clock, server, marks, all } = devices(2);
  await clock.pass(5_000);
  const id = server.push(idAt(clock.now()));
  await settle();
  server.refusing = true;
  server.open[0].fail(); // The phone loses its connection, and the laptop's stays.
  await settle();
  all[0].inbox.markRead(id);
  assert.equal(all[0].inbox.unread, 0);
  await clock.pass(10);
  all[1].inbox.markUnread(id);
  await settle();
  server.refusing = false;
  await clock.pass(120_000);
  assert.equal(marks.read(id), false);
  assert.deepEqual(all.map(({ inbox }) => inbox.unread), [1, 1]);
});

test("a device whose clock is behind marks later than what it knows all the same", async () => {
  const { clock, server, marks } = devices(0);
  const slow = world({ clock, server });
  const inbox = createInbox(slow.client, { now: () => clock.now() - 3_600_000 });
  await clock.pass(5_000);
  const id = server.push(idAt(clock.now()));
  marks.mark({ read: [id] });
  for (const socket of server.open) socket.receive({ type: "state", state: marks.state() });
  await clock.pass(1);
  inbox.markUnread(id);
  await clock.pass(1_000);
  assert.equal(marks.read(id), false);
  assert.equal(inbox.isRead(id), false);
});

test("three devices agree in the end, whatever is marked, lost, repeated and reconnected", async () => {
  let divergences = 0;
  for (let seed = 1; seed <= 40; seed++) {
    let number = seed;
    const random = (below) => {
      number = (number * 1103515245 + 12345) % 2147483648;
      return Math.floor((number / 2147483648) * below);
    };
    const { clock, server, marks, all } = devices(3);
    marks.losing = () => random(4) === 0;
    await clock.pass(5_000);
    const ids = [];
    for (let turn = 0; turn < 40; turn++) {
      const { inbox } = all[random(3)];
      const one = ids[random(ids.length)];
      const action = random(6);
      if (action === 0 || ids.length === 0) ids.push(server.push(idAt(clock.now(), turn)));
      else if (action === 1) inbox.markRead(one);
      else if (action === 2) inbox.markUnread(one);
      else if (action === 3) inbox.markReadUpTo(one);
      else if (action === 4) inbox.markSeenUpTo(one);
      else server.open[random(server.open.length)]?.fail();
      await clock.pass(random(3_000));
    }
    marks.losing = () => false;
    // Two keepalives: what was lost is then known to all.
    await clock.pass(700_000);
    for (const { inbox } of all) {
      const same = ids.every((id) => inbox.isRead(id) === marks.read(id)) && inbox.unread === marks.state().unreadCount;
      if (!same || inbox.seenUpTo !== (marks.state().seenUpTo ?? "")) divergences++;
    }
  }
  assert.equal(divergences, 0);
});

test("more than 99 are not counted, and come down to a number again", async () => {
  const { clock, server, all } = devices(1);
  await clock.pass(5_000);
  const ids = Array.from({ length: 130 }, (_, number) => server.push(idAt(clock.now(), number)));
  await settle();
  assert.equal(all[0].inbox.unread, MANY);
  all[0].inbox.markReadUpTo(ids[99]);
  await settle();
  assert.equal(all[0].inbox.unread, 30);
});

test("what is replaced or recalled is counted and shown no more, and does not come late", async () => {
  const { clock, server, all } = devices(1);
  const [{ client, inbox, seen }] = all;
  const recalled = [];
  client.on("recall", ({ recalls }) => recalled.push(recalls));
  await clock.pass(5_000);
  const [first, second, late] = [1, 2, 3].map((number) => idAt(clock.now(), number));
  server.push(first);
  server.stored = server.stored.filter(({ id }) => id !== first);
  const replacing = { ...server.store(second), replaces: first };
  server.last.receive({ type: "notification", ...replacing });
  await settle();
  assert.deepEqual(seen.map(({ id, replaces }) => [id, replaces]), [[first, undefined], [second, first]]);
  assert.equal(inbox.unread, 1);
  server.stored = [];
  for (let time = 0; time < 2; time++) {
    server.last.receive({ type: "recall", id: idAt(clock.now(), 9), createdAt: "", recalls: second });
  }
  server.last.receive({ type: "recall", id: idAt(clock.now(), 10), createdAt: "", recalls: late });
  server.push(late);
  await settle();
  assert.deepEqual(recalled, [second, late]);
  assert.deepEqual([inbox.unread, seen.length], [0, 2]);
});

test("recalls in a page are applied once, after the page's notifications", async () => {
  const { clock, server, all } = devices(1);
  const recalled = [];
  all[0].client.on("recall", ({ recalls }) => recalled.push(recalls));
  const [id, recall] = [1, 2].map((number) => idAt(clock.now(), number));
  const { page } = server;
  server.page = (...about) => ({ ...page.apply(server, about), recalls: [{ id: recall, createdAt: "", recalls: id }] });
  await clock.pass(20_000);
  assert.deepEqual(recalled, [id]);
});

test("what the server refuses is dropped and reported, and what comes after it is sent", async () => {
  const { clock, server, marks, all, errors } = devices(1);
  await clock.pass(5_000);
  const id = server.push(idAt(clock.now()));
  marks.refusing = "INVALID_MARK";
  all[0].inbox.markRead(id);
  await settle();
  assert.deepEqual([errors, all[0].inbox.unread], [["INVALID_MARK"], 1]);
  marks.refusing = "UNAVAILABLE";
  all[0].inbox.markRead(id);
  await settle();
  assert.equal(all[0].inbox.unread, 0);
  marks.refusing = null;
  await clock.pass(10_000);
  assert.ok(marks.read(id));
});

test("many ids are marked by as many messages as it takes, and none by none", async () => {
  const { clock, server, all } = devices(1);
  await clock.pass(5_000);
  const ids = Array.from({ length: 150 }, (_, number) => server.push(idAt(clock.now(), number)));
  all[0].inbox.markRead(...ids);
  all[0].inbox.markRead();
  await settle();
  assert.deepEqual(server.received.filter(({ action }) => action === "mark").map(({ read }) => read.length), [100, 50]);
});

test("it lets go of its client", async () => {
  const { clock, server, all } = devices(1);
  await clock.pass(5_000);
  let changes = 0;
  all[0].inbox.on(() => changes++);
  all[0].inbox.close();
  server.push(idAt(clock.now()));
  await settle();
  assert.equal(changes, 0);
});

test("a listener that throws costs no mark", async () => {
  const { clock, server, marks, all } = devices(1);
  const thrown = [];
  const { queueMicrotask } = globalThis;
  globalThis.queueMicrotask = (action) =>
    queueMicrotask(() => {
      try {
        action();
      } catch ({ message }) {
        thrown.push(message);
      }
    });
  await clock.pass(5_000);
  const ids = [1, 2, 3].map((number) => server.push(idAt(clock.now(), number)));
  await settle();
  const [{ inbox }] = all;
  const off = inbox.on(() => {
    throw new Error("of the page");
  });
  for (const id of ids) inbox.markRead(id);
  await settle();
  globalThis.queueMicrotask = queueMicrotask;
  off();
  assert.deepEqual(ids.map((id) => marks.read(id)), [true, true, true]);
  assert.deepEqual([...new Set(thrown)], ["of the page"]);
});

test("what a key replaces is counted once, live and after a reload", async () => {
  const { clock, server, all } = devices(3);
  const replace = (number, key) => {
    const replaced = server.stored.filter((each) => each.key === key);
    server.stored = server.stored.filter((each) => each.key !== key);
    const notification = { ...server.store(idAt(clock.now(), number)), key };
    server.stored[server.stored.length - 1] = notification;
    for (const socket of server.open) socket.receive({ type: "notification", ...notification });
    return replaced;
  };
  await clock.pass(5_000);
  replace(1, "order-42");
  await clock.pass(1_000);
  assert.deepEqual(all.map(({ inbox }) => inbox.unread), [1, 1, 1]);
  const marks = () => server.received.filter(({ action }) => action === "mark").length;
  const before = marks();
  assert.equal(replace(2, "order-42").length, 1);
  await settle();
  assert.deepEqual(all.map(({ inbox }) => inbox.unread), [1, 1, 1]);
  await clock.pass(1_000);
  assert.equal(marks(), before);
  // A page that was loaded after the first one came knows it from the count only.
  const later = world({ clock, server });
  const inbox = createInbox(later.client, { now: clock.now, random: () => 0, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout });
  await clock.pass(5_000);
  inbox.close();
  const again = createInbox(later.client, { now: clock.now, random: () => 0.5, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout });
  await clock.pass(240_000);
  assert.equal(again.unread, 1);
  replace(3, "order-42");
  await clock.pass(2_000);
  assert.equal(again.unread, 1);
  assert.equal(marks(), before + 1);
});

/** A page that is opened on a device, with the store that pages of a browser have together. */
function page({ clock, server }, store) {
  const made = world({ clock, server });
  const tools = { now: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, store };
  const inbox = createInbox(made.client, tools);
  const leave = () => (inbox.close(), made.client.close());
  return { ...made, inbox, leave };
}

test("marks that were made offline outlive the page, those of all its tabs, and are sent once", async () => {
  const there = devices(1);
  const { clock, server, marks, all } = there;
  await clock.pass(5_000);
  const ids = [1, 2, 3].map((number) => server.push(idAt(clock.now(), number)));
  await settle();
  const store = memory();
  server.refusing = true;
  const tabs = [page(there, store), page(there, store)];
  await clock.pass(1_000);
  tabs[0].inbox.markRead(ids[0]);
  tabs[1].inbox.markRead(ids[1]);
  tabs[0].inbox.markSeenUpTo(ids[2]);
  for (const tab of tabs) tab.leave();
  await clock.pass(60_000);
  const next = page(there, store);
  // So already before there is a connection.
  assert.deepEqual([next.inbox.isRead(ids[0]), next.inbox.isRead(ids[1]), next.inbox.seenUpTo], [true, true, ids[2]]);
  await clock.pass(1_000);
  server.refusing = false;
  await clock.pass(60_000);
  assert.deepEqual([marks.version, next.inbox.unread, all[0].inbox.unread], [3, 1, 1]);
  assert.equal(store.text, "[]");
  // As of the time at which it was made: what was decided since stays.
  assert.ok(marks.read(ids[0]) && marks.read(ids[1]) && !marks.read(ids[2]));
  const last = page(there, store);
  await clock.pass(5_000);
  assert.equal(marks.version, 3);
  for (const each of [next, last]) each.leave();
});

test("a mark that the server refuses is not kept either", async () => {
  const there = devices(0);
  const store = memory();
  const { inbox, leave } = page(there, store);
  await there.clock.pass(5_000);
  there.marks.refusing = "INVALID_MARK";
  inbox.markRead("nonsense");
  await settle();
  assert.equal(store.text, "[]");
  leave();
});

test("a store that throws or holds something else costs no mark of this page", async () => {
  const failing = () => {
    throw new Error("QuotaExceededError");
  };
  for (const store of [{ load: failing, save: failing }, memory("{"), memory('{"a":1}'), memory("[null]"), memory('[{"read":["x"]}]'), memory('[{"at":1,"read":{}}]')]) {
    const there = devices(0);
    const { inbox, leave } = page(there, store);
    await there.clock.pass(5_000);
    const id = there.server.push(idAt(there.clock.now()));
    inbox.markRead(id);
    await settle();
    assert.deepEqual([there.marks.read(id), inbox.unread], [true, 0]);
    leave();
  }
});

test("a state that lacks something is taken as far as it goes", async () => {
  const { clock, server, all } = devices(1);
  await clock.pass(5_000);
  const id = server.push(idAt(clock.now()));
  await settle();
  for (const state of [{}, "text", { version: 9 }, { read: { [id]: clock.now() } }]) server.open[0].receive({ type: "state", state });
  await settle();
  assert.equal(all[0].inbox.isRead(id), true);
});

for (const code of ["TOKEN_EXPIRED", "UNKNOWN_CONNECTION"]) {
  test(`a mark that is answered with ${code} is made over the next connection`, async () => {
    const { clock, server, marks, all, errors } = devices(1);
    await clock.pass(5_000);
    const id = server.push(idAt(clock.now()));
    await settle();
    marks.refusing = code;
    all[0].inbox.markRead(id);
    await settle();
    marks.refusing = null;
    await clock.pass(60_000);
    assert.deepEqual([marks.read(id), all[0].inbox.isRead(id), all[0].inbox.unread, errors], [true, true, 0, []]);
  });
}
