import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox, shortTime, shown } from "../../../examples/browser/page/inbox.js";
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
