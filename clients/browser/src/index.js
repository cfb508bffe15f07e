/**
 * A client for push notifications over WebSocket that loses nothing and repeats nothing: connects, resumes, reconnects.
 * For browsers and Node 22 or newer; needs nothing but the files beside it. Types: index.d.ts.
 */

import { PushError } from "./errors.js";
import { BEGINNING, Ledger } from "./ledger.js";
import { Link } from "./link.js";
import { replacementDelay, retryDelay } from "./schedule.js";
import { localStore } from "./store.js";

export { PushError, localStore };

/** All that the client can be, in the order in which it usually goes through them. */
export const STATES = Object.freeze(["connecting", "resuming", "open", "waiting", "closed"]);

/** Why there is no connection, as `detail.reason` of the state "waiting". */
export const REASONS = Object.freeze([
  "unopened", // refused, or not reachable: a browser does not tell which
  "dropped", // an open connection was closed
  "silent", // a ping was not answered
  "stalled", // a poll was not answered, or failed again and again
  "bye", // the server said goodbye: the token has expired
  "expired", // a poll was refused because the token has expired
  "unregistered", // the server does not know the connection any more
  "token", // the token callback failed
]);

/** How long each thing may take or has to last, in milliseconds. */
const TIMING = {
  /** the token callback, and then the handshake */
  open: 15_000,
  /** a poll, a push: longer than the functions run */
  answer: 15_000,
  pong: 10_000,
  /** from the first poll to the second: longer than the index lags behind the table */
  settle: 3_000,
  /** how long a connection must have been up for the next failure to count as the first */
  stable: 30_000,
};

/**
 * The bounds of the wait before an attempt. The cap is what keeps many clients from becoming a storm: API Gateway takes
 * 500 new connections per second of an account, which is what 15,000 clients make that wait 30 s on average.
 */
const BACKOFF = { base: 2_000, cap: 60_000 };

/** How far behind the position to resume: by how much the server lets an id be ahead of its clock. */
const LOOK_BACK = 60_000;

/** Within which time to be back after a sign that the network is: not all devices of an office at once. */
const PROMPT = 1_000;

/**
 * Connect, and stay connected until told to stop.
 *
 * @param {import("./index.d.ts").PushClientOptions} options
 * @returns {import("./index.d.ts").PushClient}
 */
export function createPushClient(options) {
  const {
    token = () => null,
    tokenIn = "subprotocol",
    store,
    onNotification,
    onState = () => {},
    onError = () => {},
    lookBack = LOOK_BACK,
    events = globalThis,
    random = Math.random,
    now = Date.now,
  } = options;
  const address = checkedAddress(options.url);
  if (typeof onNotification !== "function") throw new TypeError("Give onNotification, a function.");
  if (tokenIn !== "subprotocol" && tokenIn !== "query") {
    throw new TypeError('tokenIn is "subprotocol" or "query".');
  }
  const timing = { ...TIMING, ...options.timing };
  const backoff = { ...BACKOFF, ...options.backoff };
  const tools = {
    now,
    random,
    setTimeout:
      options.setTimeout ??
      ((/** @type {() => void} */ action, /** @type {number} */ delay) => globalThis.setTimeout(action, delay)),
    clearTimeout: options.clearTimeout ?? ((/** @type {any} */ timer) => globalThis.clearTimeout(timer)),
  };

  let closed = false;
  let shown = "";
  let failures = 0;
  let storeWorks = true;
  /** @type {{reason: string, code?: number} | null} */
  let lost = null;
  /** @type {string | undefined} the oldest id up to which loadOlder has paged */
  let oldest;
  const figures = { attempts: 0, live: 0, resumed: 0, repeats: 0 };

  /** @type {Link | null} the connection that counts */
  let current = null;
  /** @type {Link | null} the one that will take its place, while it connects and resumes */
  let successor = null;
  /** @type {Link | null} the one whose place was taken, until the index shows its successor */
  let retiring = null;
  /** @type {{timer: unknown, at: number, action: () => void} | null} the attempt that is waited for */
  let attempt = null;
  /** @type {unknown} */
  let replacement = null;

  const ledger = new Ledger(loadStored(), { lookBack, now: now() });

  const listeners = {
    online: () => hurry(),
    offline: () => current?.probe(),
    pageshow: () => hurry(),
    visibilitychange: () => {
      if (/** @type {any} */ (events).document?.visibilityState === "visible") hurry();
    },
  };
  listen("addEventListener");
  queueMicrotask(() => {
    if (!closed) connect();
  });

  return {
    get state() {
      return /** @type {any} */ (state());
    },
    get lastId() {
      return ledger.position === BEGINNING ? null : ledger.position;
    },
    get session() {
      return current?.session ?? null;
    },
    get figures() {
      return { ...figures };
    },
    loadOlder,
    push,
    reconnect,
    close,
  };

  function state() {
    if (closed) return "closed";
    if (current !== null && current.phase !== "ended") return current.phase;
    return attempt === null ? "connecting" : "waiting";
  }

  function report() {
    const value = state();
    // Every wait is told, for each has another length; the other states only when they begin.
    if (value === shown && value !== "waiting") return;
    shown = value;
    const detail = {
      failures,
      ...(value === "waiting" && { ...lost, retryIn: Math.max(0, (attempt?.at ?? 0) - now()) }),
    };
    tell(onState, value, detail);
  }

  function connect() {
    attempt = null;
    current = open();
    report();
  }

  function open() {
    const link = new Link(tools, ledger, timing, {
      moved: () => moved(link),
      page: (/** @type {any[]} */ notifications, /** @type {boolean} */ newest) => takePage(notifications, newest),
      notification: (/** @type {any} */ notification, /** @type {boolean} */ complete) => {
        hand(notification, "live");
        if (complete) ledger.advance(notification.id);
        save();
      },
      settled: () => {
        if (link === current) retire();
      },
      failed: fail,
      ended: (/** @type {{reason: string, code?: number}} */ why) => ended(link, why),
    });
    // Not at once: `link` must be known to whoever is told about it.
    queueMicrotask(() => {
      if (!closed) void link.start(token, makeSocket);
    });
    return link;
  }

  function moved(/** @type {Link} */ link) {
    if (link === successor && link.phase === "open") {
      // The old one stays until the index shows the new one: nothing falls between.
      retire();
      retiring = current;
      current = successor;
      successor = null;
    }
    if (link !== current) return;
    planReplacement(link);
    report();
  }

  function ended(/** @type {Link} */ link, /** @type {{reason: string, code?: number}} */ why) {
    if (closed) return;
    if (link === retiring) {
      retiring = null;
      return;
    }
    if (now() - link.resumedAt >= timing.stable) failures = 0;
    if (link === successor) {
      // The current one is still there: try again while it is.
      successor = null;
      wait(replace);
      return;
    }
    if (link !== current) return;
    settle(replacement);
    lost = why;
    current = successor;
    successor = null;
    if (current === null) {
      if (attempt !== null) settle(attempt.timer);
      wait(connect);
    }
    report();
  }

  /** Open the next connection while this one is still there. */
  function replace() {
    attempt = null;
    if (current === null || current.phase === "ended") return connect();
    successor = open();
  }

  function planReplacement(/** @type {Link} */ link) {
    settle(replacement);
    const delay = replacementDelay(Date.parse(link.session?.expiresAt), link.openedAt, now(), random());
    replacement = tools.setTimeout(() => {
      if (link === current && successor === null && attempt === null) replace();
    }, delay);
  }

  function wait(/** @type {() => void} */ action) {
    const delay = retryDelay(failures++, random(), backoff);
    attempt = { timer: tools.setTimeout(action, delay), at: now() + delay, action };
  }

  /** The network may be back, or the page is looked at again: do not sit out a long wait, and trust no old socket. */
  function hurry() {
    current?.probe();
    const delay = random() * PROMPT;
    if (attempt === null || attempt.at - now() <= delay) return;
    settle(attempt.timer);
    attempt = { ...attempt, timer: tools.setTimeout(attempt.action, delay), at: now() + delay };
    report();
  }

  function reconnect() {
    if (closed) return;
    current?.probe();
    if (attempt === null) return;
    settle(attempt.timer);
    attempt.action();
  }

  function close() {
    if (closed) return;
    closed = true;
    listen("removeEventListener");
    settle(replacement);
    if (attempt !== null) settle(attempt.timer);
    for (const link of [current, successor, retiring]) link?.end("closed");
    current = successor = retiring = attempt = null;
    report();
  }

  async function loadOlder({ before = oldest, limit = 50 } = {}) {
    const page = await ask({ action: "poll", ...(before !== undefined && { before }), limit });
    for (const { id } of page.notifications) ledger.take(id, now());
    notePaged(page.notifications);
    save();
    return { notifications: page.notifications, more: page.more };
  }

  async function push(/** @type {Record<string, unknown>} */ request) {
    const { type: _, requestId: __, ...receipt } = await ask({ ...request, action: "push" });
    return receipt;
  }

  function ask(/** @type {Record<string, unknown>} */ message) {
    if (closed) return Promise.reject(new PushError("CLOSED", "The client was closed."));
    if (current === null || !(current.phase === "open" || current.phase === "resuming")) {
      return Promise.reject(new PushError("NOT_CONNECTED", "There is no connection at the moment."));
    }
    return current.ask(message);
  }

  function takePage(/** @type {any[]} */ notifications, /** @type {boolean} */ newest) {
    if (newest) notePaged(notifications);
    for (const notification of notifications) {
      hand(notification, "history");
      ledger.advance(notification.id);
    }
    // With nothing to begin with, all that ever comes is unseen.
    if (newest) ledger.advance(BEGINNING);
    save();
  }

  function notePaged(/** @type {any[]} */ notifications) {
    const first = notifications[0]?.id;
    if (first !== undefined && (oldest === undefined || first < oldest)) oldest = first;
  }

  function hand(/** @type {any} */ notification, /** @type {"live" | "history"} */ via) {
    if (closed) return;
    if (!ledger.take(notification.id, now())) {
      figures.repeats++;
      return;
    }
    figures[via === "live" ? "live" : "resumed"]++;
    try {
      onNotification(notification, { via });
    } catch (cause) {
      fail(new PushError("CALLBACK", "onNotification failed.", { cause }));
    }
  }

  function fail(/** @type {unknown} */ problem) {
    tell(onError, problem);
  }

  /** Call back, and let what is thrown surface as uncaught: it must not stop the client half-way. */
  function tell(/** @type {(...values: any[]) => void} */ callback, /** @type {unknown[]} */ ...values) {
    try {
      callback(...values);
    } catch (problem) {
      queueMicrotask(() => {
        throw problem;
      });
    }
  }

  function loadStored() {
    try {
      return store?.load() ?? null;
    } catch (cause) {
      storeFailed(cause);
      return null;
    }
  }

  function save() {
    if (closed) return;
    try {
      store?.save(ledger.toString());
      storeWorks = true;
    } catch (cause) {
      storeFailed(cause);
    }
  }

  function storeFailed(/** @type {unknown} */ cause) {
    // Once, not with every notification.
    if (storeWorks) queueMicrotask(() => fail(new PushError("STORE", "The position could not be kept.", { cause })));
    storeWorks = false;
  }

  function makeSocket(/** @type {string | null | undefined} */ value) {
    figures.attempts++;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (value === null || value === undefined) return new WebSocket(address.href);
    if (tokenIn === "subprotocol") return new WebSocket(address.href, ["bearer", value]);
    const withToken = new URL(address);
    withToken.searchParams.set("token", value);
    return new WebSocket(withToken.href);
  }

  function retire() {
    const link = retiring;
    retiring = null;
    link?.end("replaced");
  }

  function listen(/** @type {"addEventListener" | "removeEventListener"} */ how) {
    for (const [name, listener] of Object.entries(listeners)) {
      // Node's global object takes no listeners; visibility is the document's.
      const target = name === "visibilitychange" ? (/** @type {any} */ (events).document ?? events) : events;
      /** @type {any} */ (target)[how]?.(name, listener);
    }
  }

  function settle(/** @type {unknown} */ timer) {
    tools.clearTimeout(/** @type {any} */ (timer));
  }
}

/**
 * @param {string | URL} url
 * @returns {URL}
 */
function checkedAddress(url) {
  const address = new URL(url);
  if (!["ws:", "wss:"].includes(address.protocol)) throw new TypeError("url begins with wss:// or ws://.");
  address.hash = ""; // WebSocket refuses one.
  return address;
}
