import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox, languageOf, shortTime, shown } from "../../../examples/browser/page/inbox.js";
import { idAt } from "./world.mjs";

const at = (time) => ({ id: idAt(time), createdAt: "", content: time });
const order = (inbox) => inbox.items.map(({ content }) => content);

test("it is sorted, newest first, whatever came when, and holds each once", () => {
  const inbox = new Inbox(null);
  assert.deepEqual(
    [5, 9, 7, 1, 7].map((time) => inbox.add(at(time), { fresh: true })),
    [0, 0, 1, 3, -1],
  );
  assert.deepEqual(order(inbox), [9, 7, 5, 1]);
});

test("what is new is unread even if its id is old; what is loaded is unread only behind what was read", () => {
  const inbox = new Inbox(idAt(5));
  inbox.add(at(4), { fresh: false });
  assert.equal(inbox.unread, 0);
  inbox.add(at(6), { fresh: false });
  inbox.add(at(3), { fresh: true });
  assert.equal(inbox.unread, 2);
  assert.equal(inbox.markRead(), idAt(6));
  assert.equal(inbox.unread, 0);
  assert.equal(new Inbox(null).markRead(), null);
});

test("what replaces another takes its place, and what comes later is sorted around it", () => {
  const inbox = new Inbox(null);
  for (const time of [3, 5]) inbox.add(at(time), { fresh: true });
  const replacing = { ...at(7), replaces: idAt(3) };
  assert.equal(inbox.replace(replacing), 1);
  assert.equal(inbox.replace(replacing), -1);
  assert.equal(inbox.add(replacing, { fresh: true }), -1);
  assert.deepEqual([9, 4, 1].map((time) => inbox.add(at(time), { fresh: true })), [0, 2, 4]);
  assert.deepEqual(order(inbox), [9, 5, 4, 7, 1]);
  assert.equal(inbox.newest, idAt(9));
  assert.equal(inbox.replace({ ...at(8), replaces: idAt(2) }), -1);
});

test("by its key a notification takes the place of an earlier one, and a recall takes both away", () => {
  const inbox = new Inbox(null);
  inbox.add({ ...at(3), key: "order" }, { fresh: true });
  inbox.add({ ...at(4), key: "other" }, { fresh: true });
  assert.equal(inbox.replace({ ...at(2), key: "order" }), -1);
  assert.equal(inbox.replace({ ...at(5), key: "order" }), 1);
  assert.deepEqual(inbox.remove({ id: idAt(6), recalls: idAt(1) }), []);
  assert.deepEqual(inbox.remove({ id: idAt(7), recalls: idAt(6), key: "order" }), [1]);
  assert.deepEqual(order(inbox), [4]);
});

test("what is read elsewhere is taken over, and only what has changed is named", () => {
  const inbox = new Inbox(null);
  for (const time of [3, 5]) inbox.add(at(time), { fresh: true });
  assert.deepEqual(inbox.update((id) => id === idAt(3)), [1]);
  assert.deepEqual([inbox.unread, inbox.update((id) => id === idAt(3))], [1, []]);
  assert.deepEqual(inbox.update(() => false), [1]);
});

test("any JSON value can be shown", () => {
  assert.deepEqual(shown("hi"), { text: "hi" });
  assert.deepEqual(shown({ title: "a", text: "b" }), { title: "a", text: "b", code: undefined });
  assert.deepEqual(shown({ title: "a", n: 1 }), { title: "a", text: undefined, code: '{\n  "n": 1\n}' });
  assert.deepEqual(shown({ text: { not: "a text" } }).code, '{\n  "text": {\n    "not": "a text"\n  }\n}');
  for (const content of [null, 0, false, [], {}]) assert.deepEqual(shown(content), { code: JSON.stringify(content) });
});

test("a time has its day where it is not today's", () => {
  const today = new Date("2026-01-31T12:00:00");
  assert.equal(shortTime("2026-01-31T08:05:09", today, "en-GB"), "08:05:09");
  assert.match(shortTime("2026-01-30T08:05:09", today, "en-GB"), /^30 Jan, 08:05:09$/);
});

test("a text has a language where that decides how its characters are drawn", () => {
  for (const text of ["こんにちは、世界", "骨をカット"]) assert.equal(languageOf(text), "ja");
  assert.equal(languageOf("세계 骨"), "ko");
  assert.equal(languageOf("你好，世界"), "zh");
  for (const text of ["hello", "مرحبا", "🎉", ""]) assert.equal(languageOf(text), "");
});
