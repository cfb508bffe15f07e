import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CONNECTION_LIFE,
  pingDelay,
  replacementDelay,
  retryDelay,
} from "../../../clients/browser/src/schedule.js";

const MINUTE = 60_000;

test("a wait is anything below a bound that doubles up to the cap", () => {
  const backoff = { base: 1000, cap: 60_000 };
  assert.equal(retryDelay(0, 0, backoff), 0);
  assert.deepEqual(
    [0, 1, 2, 5, 6, 7, 5000].map((failures) => retryDelay(failures, 1, backoff)),
    [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000],
  );
  assert.equal(retryDelay(3, 0.25, backoff), 2000);
});

test("a replacement comes one to two minutes ahead, sooner in a short session", () => {
  assert.equal(replacementDelay(60 * MINUTE, 0, 0, 0), 58 * MINUTE);
  assert.equal(replacementDelay(60 * MINUTE, 0, 0, 1), 59 * MINUTE);
  assert.equal(replacementDelay(10_000, 0, 0, 0), 8000);
});

test("the two hours that a connection can live count, whatever the session says", () => {
  for (const expiresAt of [CONNECTION_LIFE * 9, NaN, -1]) {
    assert.equal(replacementDelay(expiresAt, 0, 30 * MINUTE, 0), CONNECTION_LIFE - 32 * MINUTE);
  }
  assert.equal(replacementDelay(NaN, 0, CONNECTION_LIFE * 2, 0), 0);
});

test("pings come as often as asked for, and before API Gateway's ten minutes", () => {
  assert.equal(pingDelay(100, 0), 100_000);
  assert.equal(pingDelay(100, 1), 80_000);
  assert.equal(pingDelay(3600, 0), 9 * MINUTE);
  for (const nonsense of [undefined, null, 0, -5, "300", NaN]) assert.equal(pingDelay(nonsense, 0), 5 * MINUTE);
});
