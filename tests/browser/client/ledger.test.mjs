import assert from "node:assert/strict";
import { test } from "node:test";

import { BEGINNING, Ledger, earliestIdAt, timeOf } from "../../../clients/browser/src/ledger.js";
import { START, idAt } from "./world.mjs";

const options = { lookBack: 60_000, now: START };

test("the time goes into an id and comes out again", () => {
  assert.equal(timeOf(earliestIdAt(START)), START);
  assert.equal(earliestIdAt(START), idAt(START));
  assert.equal(earliestIdAt(-5), BEGINNING);
  assert.equal(earliestIdAt(0), BEGINNING);
});

test("the position only goes forward, and only to an id", () => {
  const ledger = new Ledger(null, options);
  assert.deepEqual([ledger.position, ledger.resumeAfter], [null, null]);
  for (const id of [BEGINNING, idAt(2), idAt(1), "z", undefined]) ledger.advance(id, START);
  assert.equal(ledger.position, idAt(2));
  assert.equal(ledger.resumeAfter, BEGINNING);
});

test("what is written down is read back, the last ids with it", () => {
  const ledger = new Ledger(null, options);
  for (let number = 0; number < 1000; number++) ledger.take(idAt(START, number), START);
  ledger.advance(idAt(START, 999), START);
  assert.ok(ledger.toString().length < 12_000);
  const again = new Ledger(ledger.toString(), options);
  assert.equal(again.position, ledger.position);
  assert.equal(again.take(idAt(START, 999), START), false);
  assert.equal(again.take(idAt(START, 700), START), false);
});

test("after a reload nothing is looked for where it is not known what has been seen", () => {
  const ledger = new Ledger(null, options);
  // In any order: a clock may be ahead, and what it gives an id comes early.
  for (let number = 999; number >= 0; number--) ledger.take(idAt(START, number), START);
  ledger.advance(idAt(START, 999), START);
  const again = new Ledger(ledger.toString(), options);
  const floor = again.resumeAfter;
  assert.equal(floor, idAt(START, 800));
  // The server repeats 100 before it, and all that comes after it.
  for (let number = 700; number < 1000; number++) assert.equal(again.take(idAt(START, number), START), false);
  again.advance(idAt(START + 60_001), START);
  assert.equal(again.resumeAfter, idAt(START + 1));
});

test("after a reload with less to remember, it is looked as far behind as before it", () => {
  const ledger = new Ledger(null, options);
  for (let number = 0; number < 299; number++) ledger.take(idAt(START, number), START);
  ledger.advance(idAt(START, 298), START);
  assert.equal(new Ledger(ledger.toString(), options).resumeAfter, idAt(START - 60_000));
});

test("ids are forgotten once nothing can repeat them, and not before", () => {
  const ledger = new Ledger(null, options);
  let time = START;
  for (let number = 0; number < 20_000; number++, time += 1000) {
    ledger.take(idAt(time), time);
    ledger.advance(idAt(time), time);
  }
  assert.ok(ledger.seen.size < 2000, `${ledger.seen.size}`);
  for (let back = 1; back <= 7 * 60; back++) assert.equal(ledger.take(idAt(time - back * 1000), time), false);
});

test("as long as the position stands still, what lies shortly behind it is remembered, however long ago it came", () => {
  const ledger = new Ledger(null, options);
  ledger.take(idAt(START), START);
  ledger.advance(idAt(START), START);
  const later = START + 24 * 3_600_000;
  for (let number = 1; number < 5000; number++) ledger.take(idAt(START - 3_600_000, number), later);
  assert.equal(ledger.take(idAt(START), later), false);
});

test("an old id that came just now is remembered: another connection may bring it again", () => {
  const ledger = new Ledger(null, options);
  ledger.advance(idAt(START), START);
  ledger.take(idAt(START - 3_600_000), START);
  for (let number = 0; number < 5000; number++) ledger.take(idAt(START, number), START);
  assert.equal(ledger.take(idAt(START - 3_600_000), START), false);
});
