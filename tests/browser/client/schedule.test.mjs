import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CONNECTION_LIFE,
  keepalive,
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

test("the session says what keeps a connection alive, and how often, within what closes gaps and what API Gateway allows", () => {
  const asked = (action, seconds, random = 0) => keepalive({ keepalive: { action, seconds } }, random);
  assert.deepEqual(asked("poll", 100), { action: "poll", delay: 100_000 });
  assert.deepEqual(asked("poll", 100, 1), { action: "poll", delay: 80_000 });
  assert.deepEqual(asked("poll", 3600), { action: "poll", delay: 4 * MINUTE });
  assert.deepEqual(asked("ping", 300), { action: "ping", delay: 5 * MINUTE });
  assert.deepEqual(asked("ping", 3600), { action: "ping", delay: 9 * MINUTE });
  for (const nonsense of [undefined, null, 0, -5, "300", NaN]) {
    assert.equal(asked("poll", nonsense).delay, 4 * MINUTE);
    assert.equal(asked("ping", nonsense).delay, 5 * MINUTE);
  }
});

test("a server that does not say gets polls: they close gaps", () => {
  for (const session of [null, undefined, {}, { pingIntervalSeconds: 300 }, { keepalive: { action: "of a later version" } }])
    assert.deepEqual(keepalive(session, 0), { action: "poll", delay: 4 * MINUTE });
});
