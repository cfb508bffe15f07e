import assert from "node:assert/strict";
import { test } from "node:test";

import { Ledger } from "../../../clients/browser/src/ledger.js";
import { START, idAt, memory, settle, world } from "./world.mjs";

/** Numbers that are the same in every run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Some frames in the order of their ids, each of which may replace or recall any one before it. */
function history(below) {
  const frames = [];
  for (let number = 0; number < 3 + below(4); number++) {
    const frame = { type: "notification", id: idAt(START + number * 600_000), createdAt: "", content: number };
    const earlier = frames.filter(({ type }) => type === "notification");
    const target = earlier[below(earlier.length)];
    const kind = below(4);
    if (kind === 0) frame.key = ["k", "j"][below(2)];
    if (kind === 1 && target) frame.replaces = target.id;
    if (kind === 2 && target) {
      const { id, createdAt } = frame;
      frames.push({ type: "recall", id, createdAt, recalls: target.id, ...(target.key && { key: target.key }) });
    } else frames.push(frame);
  }
  return frames;
}

/** What there is to see in the end: what is neither replaced nor recalled, of each key the latest. */
function left(frames) {
  const gone = new Set(frames.map(({ replaces, recalls }) => replaces ?? recalls));
  return frames
    .filter(({ type, id }) => type === "notification" && !gone.has(id))
    .filter(({ type, id, key }) => !frames.some((each) => key && each.type === type && each.key === key && each.id > id))
    .map(({ id }) => id);
}

/** A page as docs/protocol.md wants it. It fails if the client passes on what is not valid any more. */
function page(client) {
  const shown = new Map();
  const gone = new Set();
  const latest = new Map();
  const drop = (id, key, bound) => {
    gone.add(id);
    shown.delete(id);
    if (key === undefined) return;
    for (const [each, its] of shown) if (its === key && each < bound) shown.delete(each);
  };
  client.on("notification", ({ id, key, replaces }) => {
    assert.ok(!gone.has(id) && !(id < latest.get(key)) && !shown.has(id), `${id} was replaced`);
    drop(replaces, key, id);
    if (key !== undefined) latest.set(key, id);
    shown.set(id, key);
  });
  client.on("recall", ({ recalls, key }) => drop(recalls, key, recalls));
  return shown;
}

test("whatever the order and repetition, what is replaced is not shown after it, and in the end all agree", async () => {
  for (let seed = 1; seed <= 500; seed++) {
    const below = numbers(seed);
    const frames = history(below);
    const sent = [...frames, ...frames.filter(() => below(3) === 0)];
    for (let place = sent.length - 1; place > 0; place--) {
      const other = below(place + 1);
      [sent[place], sent[other]] = [sent[other], sent[place]];
    }
    const { client, clock, server, errors } = world();
    const shown = page(client);
    await clock.pass(0);
    for (const frame of sent) {
      server.last.receive(frame);
      await settle();
    }
    assert.deepEqual([...shown.keys()].sort(), left(frames), `seed ${seed}: ${JSON.stringify(sent)}`);
    assert.deepEqual(errors, [], `seed ${seed}: ${errors[0]?.cause?.message}`);
    client.close();
  }
});

test("a page that was being fetched when something was replaced does not bring it back", async () => {
  const { client, clock, server } = world({ client: { store: memory(idAt(START)) } });
  const [first, second] = [idAt(START - 600_000), idAt(START + 1)];
  await clock.pass(5_000);
  const older = client.loadOlder();
  const { requestId } = server.received.at(-1);
  server.last.receive({ type: "notification", id: second, createdAt: "", content: 2, replaces: first });
  const notifications = [{ id: first, createdAt: "", content: 1 }];
  server.last.receive({ type: "history", requestId, notifications, more: false, session: server.session(server.last) });
  assert.deepEqual((await older).notifications, []);
  client.close();
});

test("of keys and of ids whose place was taken, the last thousand are remembered", () => {
  const ledger = new Ledger(null, { lookBack: 60_000, now: START });
  for (let number = 0; number < 1_500; number++) ledger.drop(undefined, `key ${number}`, idAt(START, 2), START);
  const late = (number) => ledger.outdated(idAt(START, 1), `key ${number}`);
  assert.deepEqual([late(600), late(1_499)], [true, true]);
  assert.equal(late(100), false);
  for (let number = 0; number < 1_500; number++) ledger.drop(idAt(START, 10 + number), undefined, idAt(START), START);
  assert.deepEqual([idAt(START, 1_509), idAt(START, 10)].map((id) => ledger.outdated(id)), [true, false]);
});

test("a key of any name concerns only what has it", () => {
  for (const key of ["undefined", "null", "__proto__"]) {
    const ledger = new Ledger(null, { lookBack: 60_000, now: START });
    ledger.drop(undefined, key, idAt(START, 5), START);
    const late = [key, undefined].map((each) => ledger.outdated(idAt(START, 1), each));
    assert.deepEqual(late, [true, false]);
  }
});
