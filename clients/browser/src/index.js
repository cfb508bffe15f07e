/**
 * A client for push notifications over WebSocket that loses nothing and repeats nothing: connects, resumes, reconnects.
 * For browsers, workers and Node 20 or newer. Types: index.d.ts.
 */

import { CODES, PushError } from "./errors.js";
import { BEGINNING, Ledger } from "./ledger.js";
import { Link } from "./link.js";
import { LONGEST_WAIT, PROMPT, replacementDelay, retryDelay } from "./schedule.js";
import { localStore } from "./store.js";
import { Tabs, canShare } from "./tabs.js";

export { CODES, PushError, localStore };

/** All that the client can be, in the order in which it usually goes through them. */
export const STATES = ["connecting", "resuming", "open", "waiting", "closed"];

/** Why there is no connection, as `detail.reason` of the state "waiting". */
export const REASONS = [
  "unopened", // refused, or not reachable: a browser does not tell which
  "dropped", // an open connection was closed
  "silent", // a ping was not answered
  "stalled", // a poll was not answered, or failed again and again
  "bye", // the server said goodbye; `detail.bye` is its reason
  "expired", // a poll was refused because the token has expired
  "unregistered", // the server does not know the connection any more
  "token", // the token callback failed
  "hidden", // the page has been hidden for `hiddenTimeout`, or the browser has frozen it
];

/** How long each thing may take or has to last, in milliseconds. */
const TIMING = {
  /** the token callback, and then the handshake */
  connectionTimeout: 15_000,
  /** a poll, a push: longer than the functions run */
  timeout: 15_000,
  pongTimeout: 10_000,
  /** from the first poll to the second: longer than the index lags behind the table */
  settleDelay: 3_000,
  /** how long a connection must have been up for the next failure to count as the first */
  minUptime: 30_000,
  /**
   * The bounds of the wait before an attempt. The last is what keeps many clients from becoming a storm: API Gateway
   * takes 500 new connections per second of an account, which is what 15,000 clients make that wait 30 s on average.
   */
  minReconnectDelay: 2_000,
  maxReconnectDelay: 60_000,
  hiddenTimeout: Infinity,
  /** how far behind the position to resume: by how much the server lets an id be ahead of its clock */
  lookBack: 60_000,
};

/** The events that come to the document, not to the window. */
const OF_DOCUMENT = ["freeze", "resume", "visibilitychange"];

/** What a subprotocol can be made of (RFC 9110, a token). */
const SUBPROTOCOL = /^[!#$%&'*+.^_`|~\w-]+$/;

/** What a topic is called (docs/protocol.md, Topics). */
const TOPIC = /^(?=.{1,128}$)[\w.:@=+-]+(\/[\w.:@=+-]+)*$/;

/**
 * Connect, and stay connected until it is closed.
 *
 * @param {import("./index.d.ts").PushClientOptions} options
 * @returns {import("./index.d.ts").PushClient}
 */
export function createPushClient(options) {
  const {
    getToken = () => null,
    tokenIn = "subprotocol",
    store,
    signal,
    sharedKey,
    events = globalThis,
    random = Math.random,
    now = Date.now,
  } = options;
  const address = checkedAddress(options.url);
  /** What each connection is to listen to, until it is unsubscribed from. */
  const lasting = new Set(checkedTopics(options.topics ?? []));
  /** That, and what each call of `subscribe` still asks for: where one fails, it takes nothing from another. */
  const wanted = new Set([lasting]);
  /** The last change of it: the server handles messages that come together in any order. */
  let turn = Promise.resolve(/** @type {any} */ ([]));
  /** @type {string[]} what the server says that it does */
  let topics = [];
  if (tokenIn !== "subprotocol" && tokenIn !== "query") {
    throw new TypeError('tokenIn is "subprotocol" or "query".');
  }
  if (typeof getToken !== "function") throw new TypeError("getToken is a function.");
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (typeof WebSocket !== "function") {
    throw new TypeError("There is no WebSocket: pass the option WebSocket.");
  }
  const timing = { ...TIMING };
  for (const name of /** @type {(keyof typeof TIMING)[]} */ (Object.keys(TIMING))) {
    timing[name] = options[name] ?? timing[name];
    if (!(timing[name] >= 0)) throw new TypeError(`${name} is in milliseconds.`);
  }
  const { hiddenTimeout, lookBack } = timing;
  const tools = {
    now,
    random,
    setTimeout:
      options.setTimeout ??
      ((/** @type {() => void} */ action, /** @type {number} */ delay) => setTimeout(action, Math.min(delay, LONGEST_WAIT))),
    clearTimeout: options.clearTimeout ?? ((/** @type {any} */ timer) => clearTimeout(timer)),
  };

  /** @type {Record<string, Set<(...values: any[]) => void>>} */
  const heard = { notification: new Set(), state: new Set(), error: new Set(), recall: new Set(), inbox: new Set() };
  let closed = false;
  let shown = "";
  let failures = 0;
  let storeWorks = true;
  let inQuery = false;
  let asleep = false;
  /** Whether this tab has been hidden for `hiddenTimeout`; the connection stays while another has not. */
  let tired = false;
  /** @type {unknown} */
  let drowsy = null;
  /** @type {{reason: string, code?: number, bye?: string} | null} */
  let lost = null;
  /** @type {string | undefined} the oldest id up to which loadOlder has paged */
  let oldest;
  /** @type {string | undefined} what to give as `before` for the page that lies before it */
  let older;
  const stats = { attempts: 0, live: 0, resumed: 0, repeats: 0 };

  /** @type {Link | null} the connection that counts */
  let current = null;
  /** @type {Link | null} the one that will take its place, while it connects and resumes */
  let successor = null;
  /** @type {Link | null} the one whose place was taken, until the index shows its successor */
  let retiring = null;
  /** @type {{timer: unknown, at: number, action: () => void} | null} the attempt that is waited for */
  let attempt = null;
  /** @type {Link | null} whose opening the followers know of */
  let announced = null;
  /** @type {unknown} */
  let replacement = null;

  on("notification", options.onNotification);
  on("state", options.onState);
  on("error", options.onError);

  const tabs =
    !sharedKey || !canShare()
      ? null
      : new Tabs(`websocket-push ${address.href} ${sharedKey}`, tools, {
          role: moveTo,
          open: () => current?.up,
          // It asks again by itself where that helps: it waits no longer than for one reply.
          ask: (/** @type {any} */ message) => ask(message, undefined, false),
          unwant,
          sleep: () => tired && rest(),
          wake,
          up: () => attempt && reconnect(),
        });
  const ledger = new Ledger(loadStored(), { lookBack, now: now() });

  if (ledger.future) queueMicrotask(reportPosition);

  /** Ends listening to the page: its `signal` is what addEventListener takes. */
  const leaving = new AbortController();
  const listeners = {
    online: hurry,
    offline: () => current?.probe(),
    pageshow: (/** @type {PageTransitionEvent} */ { persisted }) => thaw(persisted),
    pagehide: (/** @type {PageTransitionEvent} */ { persisted }) => persisted && freeze(),
    freeze,
    resume: () => thaw(true),
    visibilitychange: look,
  };
  for (const [name, listener] of Object.entries(listeners)) {
    // Node's global object takes no listeners; some events are the document's.
    const target = OF_DOCUMENT.includes(name) ? (/** @type {any} */ (events).document ?? events) : events;
    /** @type {any} */ (target).addEventListener?.(name, listener, leaving);
  }
  signal?.addEventListener("abort", close, leaving);
  queueMicrotask(() => {
    if (signal?.aborted) close();
    if (closed) return;
    look();
    if (!tabs) connect();
    else join();
  });

  return {
    get state() {
      return /** @type {any} */ (state());
    },
    get lastId() {
      return ledger.last;
    },
    get session() {
      return current?.session ?? null;
    },
    get leader() {
      return tabs?.leader !== false;
    },
    get topics() {
      return [...topics];
    },
    get stats() {
      return { ...stats };
    },
    on,
    ready,
    loadOlder,
    push,
    mark,
    subscribe,
    unsubscribe,
    reconnect,
    close,
  };

  function on(
    /** @type {string} */ name,
    /** @type {((...values: any[]) => void) | undefined} */ listener,
    /** @type {{signal?: AbortSignal}} */ { signal } = {},
  ) {
    const listening = heard[name];
    if (!listening) throw new TypeError(`There is no event ${name}.`);
    if (listener === undefined || signal?.aborted) return () => {};
    if (typeof listener !== "function") throw new TypeError("A listener is a function.");
    // Wrapped, so that a function that is added twice is called twice, and removed one at a time.
    const entry = (/** @type {any[]} */ ...values) => listener(...values);
    const off = () => void listening.delete(entry);
    listening.add(entry);
    signal?.addEventListener("abort", off);
    return off;
  }

  function ready(/** @type {{signal?: AbortSignal}} */ { signal } = {}) {
    /** @type {any} */
    let off;
    const opened = new Promise((resolve, reject) => {
      const look = (/** @type {string} */ value) => {
        if (value === "open") resolve(undefined);
        if (value === "closed") reject(new PushError("CLOSED", "The client is closed."));
      };
      off = on("state", look);
      look(state());
    });
    return abortable(opened, signal).finally(off);
  }

  function state() {
    if (closed) return "closed";
    if (current && current.phase !== "ended") return current.phase;
    return !attempt && !asleep ? "connecting" : "waiting";
  }

  /** The page is shown or hidden. */
  function look() {
    const { document } = /** @type {any} */ (events);
    if (!document) return;
    tired = false;
    settle(drowsy);
    if (hiddenTimeout < Infinity) tabs?.seen(true);
    if (document.hidden) return doze();
    tabs?.tell({ wake: true });
    wake();
    hurry();
  }

  function doze() {
    if (hiddenTimeout < Infinity) drowsy = tools.setTimeout(sleep, hiddenTimeout);
  }

  /** Once all tabs have been hidden for a time, the last of them sends all to sleep. */
  async function sleep() {
    tired = true;
    tabs?.seen(false);
    const others = await tabs?.anySeen();
    if (closed || !tired) return;
    if (others) return doze(); // Any of them may be closed without a word.
    tabs?.tell({ sleep: true });
    rest();
  }

  function rest() {
    settle(drowsy);
    asleep = true;
    tabs?.lead({ down: 1000 });
    dropAll("hidden");
    lost = { reason: "hidden" };
    report();
  }

  function wake() {
    if (!asleep || closed) return;
    asleep = false;
    if (tired) doze(); // Another tab is looked at, and may be closed.
    connect();
  }

  /** A frozen page does nothing, not even for the other tabs. */
  function freeze() {
    if (!tabs) return;
    rest();
    tabs.seen(false);
    tabs.leave();
  }

  function thaw(/** @type {boolean} */ frozen) {
    if (!tabs || !frozen) return hurry();
    asleep = false;
    look();
    join();
  }

  /** Take part among the tabs. It has not been hidden for long, so none sleeps. */
  function join() {
    tabs?.tell({ wake: true });
    void tabs?.start();
  }

  /** This tab leads from now on, or follows another. */
  function moveTo() {
    if (closed || asleep) return;
    dropAll("moved");
    failures = 0;
    connect();
  }

  function dropAll(/** @type {string} */ reason) {
    settle(replacement);
    settle(attempt?.timer);
    const links = [current, successor, retiring];
    current = successor = retiring = attempt = null;
    for (const link of links) link?.end(reason);
  }

  function report() {
    const value = state();
    // Every wait is reported, for each has another length; the other states only when they begin.
    if (value === shown && value !== "waiting") return;
    shown = value;
    emit("state", value, {
      failures,
      ...((value === "waiting" || value === "closed") && lost),
      ...(attempt && value === "waiting" && { retryIn: Math.max(0, attempt.at - now()) }),
    });
  }

  function connect() {
    attempt = null;
    current = open();
    report();
  }

  function open() {
    const follows = tabs?.leader === false;
    const owner = {
      heard: (/** @type {any} */ frame) => tabs?.share(frame),
      moved: () => moved(link),
      page: takePage,
      notification: (/** @type {any} */ notification, /** @type {boolean} */ complete) => {
        show(notification, "live");
        if (complete) ledger.reach(notification.id);
        save();
      },
      inbox: takeInbox,
      settled: () => {
        if (link === current) retire();
      },
      topics: () => [...new Set([...wanted].flatMap((each) => [...each]))],
      subscribed: (/** @type {any} */ reply) => {
        topics = reply.topics;
        for (const { topic, code } of reply.refused) fail(new PushError(code, `There is no topic ${topic}.`));
      },
      failed: fail,
      ended: (/** @type {Ending} */ why) => ended(link, why),
    };
    const link = new Link({ ...tools, ...timing }, ledger, owner, follows);
    // Not at once: its owner must know `link` before it reports anything.
    queueMicrotask(() => {
      if (closed) return;
      if (follows) void link.start(() => null, () => tabs.socket());
      else void link.start(getToken, makeSocket);
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
    if (tabs?.leader !== false) planReplacement(link);
    if (link.phase === "resuming" && link !== announced) {
      announced = link;
      tabs?.lead({ up: tabs.id });
    }
    report();
  }

  function ended(/** @type {Link} */ link, /** @type {Ending} */ { final, ...why }) {
    if (closed) return;
    // With limits, the server may make room for the connection that takes the place of this one.
    const replaced = why.bye === "connection_limit" && (link === retiring || successor);
    if (final && !replaced) {
      // The server has withdrawn the access: to come back by itself would only be to be refused.
      tabs?.share({ type: "bye", reason: why.bye, reconnect: false });
      return end(why);
    }
    if (link === retiring) return void (retiring = null);
    if (now() - link.resumedAt >= timing.minUptime) failures = 0;
    if (link === successor) {
      // The current one is still there: try again while it is.
      successor = null;
      return wait(replace);
    }
    if (link !== current) return;
    settle(replacement);
    lost = why;
    current = successor;
    successor = null;
    if (!current?.up) tabs?.lead({ down: why.code ?? 1006 });
    if (!current) {
      wait(connect);
      if (why.reason === "silent" && tabs?.leader === false) tabs.steal();
    }
    report();
  }

  /** Open the next connection while this one is still there. */
  function replace() {
    attempt = null;
    successor = open();
  }

  function planReplacement(/** @type {Link} */ link) {
    const expiresAt = link.session?.expiresAt;
    if (link.replacedFor === expiresAt) return;
    link.replacedFor = expiresAt;
    settle(replacement);
    const delay = replacementDelay(Date.parse(expiresAt), link.openedAt, now(), random());
    replacement = tools.setTimeout(() => {
      if (link === current && !successor && !attempt) replace();
    }, delay);
  }

  function wait(/** @type {() => void} */ action) {
    const delay = retryDelay(failures++, random(), { base: timing.minReconnectDelay, cap: timing.maxReconnectDelay });
    plan(action, delay);
  }

  function plan(/** @type {() => void} */ action, /** @type {number} */ delay) {
    settle(attempt?.timer);
    attempt = { timer: tools.setTimeout(action, delay), at: now() + delay, action };
  }

  /** The network may be back, or the page is looked at again: do not sit out a long wait, and trust no old socket. */
  function hurry() {
    current?.probe();
    const delay = random() * PROMPT;
    if (!attempt || attempt.at - now() <= delay) return;
    plan(attempt.action, delay);
    report();
  }

  function reconnect() {
    if (closed) return;
    current?.probe();
    if (!attempt) return;
    settle(attempt.timer);
    attempt.action();
  }

  function close() {
    end(null);
  }

  function end(/** @type {typeof lost} */ why) {
    if (closed) return;
    closed = true;
    lost = why;
    leaving.abort();
    settle(drowsy);
    dropAll("closed");
    tabs?.close();
    report();
    for (const listening of Object.values(heard)) listening.clear();
  }

  async function loadOlder(/** @type {{before?: string, limit?: number, signal?: AbortSignal}} */ { before = older, limit = 50, signal } = {}) {
    const page = await ask({ action: "poll", before, limit }, signal);
    // What was replaced while the page was on its way is not in it any more.
    const notifications = page.notifications.filter((/** @type {any} */ { id, key }) => !ledger.outdated(id, key));
    for (const { id } of notifications) ledger.take(id, now());
    notePaged(page);
    save();
    return { notifications, more: page.more };
  }

  async function push(
    /** @type {Record<string, unknown>} */ request,
    /** @type {{signal?: AbortSignal}} */ { signal } = {},
  ) {
    const { type: _, requestId: __, ...receipt } = await ask({ ...request, action: "push" }, signal);
    return receipt;
  }

  async function mark(/** @type {Record<string, unknown>} */ what, /** @type {{signal?: AbortSignal}} */ { signal } = {}) {
    return (await ask({ ...what, action: "mark" }, signal)).state;
  }

  async function subscribe(
    /** @type {string[]} */ names,
    /** @type {{signal?: AbortSignal}} */ { signal } = {},
  ) {
    const asked = new Set(checkedTopics(names));
    wanted.add(asked);
    for (;;) {
      try {
        await ready({ signal });
        // Nothing is left of it where another call has unsubscribed meanwhile.
        const { refused = [] } = asked.size && (await ask({ action: "subscribe", topics: [...asked] }, signal));
        wanted.delete(asked);
        // A push that came before the subscription did not reach this connection.
        await current?.refresh();
        return { topics, refused };
      } catch (problem) {
        if (isBetween(problem)) continue;
        wanted.delete(asked);
        throw problem;
      }
    }
  }

  async function unsubscribe(
    /** @type {string[]} */ names,
    /** @type {{signal?: AbortSignal}} */ { signal } = {},
  ) {
    unwant(checkedTopics(names));
    // Another tab would ask for them again with the next connection.
    tabs?.tell({ unwanted: names });
    try {
      await ask({ action: "unsubscribe", topics: names }, signal);
    } catch (problem) {
      // The next connection subscribes to what is wanted then.
      if (!isBetween(problem)) throw problem;
    } finally {
      // The reply to a subscription may have come meanwhile.
      names.forEach((topic) => lasting.delete(topic));
    }
  }

  function unwant(/** @type {string[]} */ names) {
    for (const each of wanted) names.forEach((topic) => each.delete(topic));
  }

  /** @param {Record<string, unknown>} message @param {AbortSignal} [signal] @param {boolean} [patient] */
  async function ask(message, signal, patient = true) {
    const send = () => {
      signal?.throwIfAborted();
      if (closed) throw new PushError("CLOSED", "The client is closed.");
      if (!current?.up) throw new PushError("NOT_CONNECTED", "There is no connection.");
      // What one connection listens to, the one that is about to take its place must as well.
      const next = message.topics && successor?.up && successor.ask(message, patient);
      return Promise.all([current.ask(message, patient), next]);
    };
    const [reply] = await abortable(message.topics ? (turn = turn.then(send, send)) : send(), signal);
    if (message.topics) {
      topics = reply.topics;
      // For another tab as well, and what was refused is not asked for, and reported, with every connection.
      for (const topic of message.topics) lasting[topics.includes(topic) ? "add" : "delete"](topic);
    }
    return reply;
  }

  function takePage(/** @type {any} */ page, /** @type {boolean} */ newest) {
    if (page.reset) {
      ledger.reset();
      reportPosition();
    }
    const fresh = newest || page.reset;
    if (fresh) notePaged(page);
    for (const notification of [...page.notifications, ...(page.recalls ?? [])]) {
      show(notification, "history");
      ledger.advance(notification.id, now());
    }
    if (page.state) takeInbox(page.state);
    // With nothing to begin with, all that ever comes is unseen.
    if (fresh) ledger.advance(BEGINNING, now());
    save();
  }

  function takeInbox(/** @type {any} */ state) {
    tabs?.share({ type: "state", state });
    emit("inbox", state);
  }

  function notePaged(/** @type {any} */ { notifications, next }) {
    const first = notifications[0]?.id;
    // No comparison is true where there is none, or was none before.
    if (first >= /** @type {string} */ (oldest)) return;
    oldest = first ?? oldest;
    older = next ?? oldest;
  }

  function show(/** @type {any} */ notification, /** @type {"live" | "history"} */ via) {
    if (closed) return;
    const { id, key, replaces, recalls } = notification;
    const gone = replaces ?? recalls;
    const late = ledger.outdated(id, key);
    const news = ledger.drop(gone, key, recalls ?? id, now());
    if (!ledger.take(id, now()) || (late && !recalls)) {
      // What arrives too late to be shown is news all the same, if it replaces what is shown, by its id or by its key.
      if (!news || !(late || recalls)) return void stats.repeats++;
      notification = { ...notification, recalls: gone ?? id };
    }
    const name = notification.recalls ? "recall" : "notification";
    stats[via === "live" ? "live" : "resumed"]++;
    // What followers have not been sent already.
    if (via === "history") tabs?.share({ type: name, ...notification });
    emit(name, notification, { via, primary: tabs?.leader !== false });
  }

  function reportPosition() {
    fail(new PushError("POSITION", "The position is in the future."));
  }

  function fail(/** @type {unknown} */ problem) {
    emit("error", problem);
  }

  /** Call the listeners. What one throws must neither stop the client half-way nor keep another from being called. */
  function emit(/** @type {string} */ name, /** @type {any[]} */ ...values) {
    const listening = /** @type {Set<(...values: any[]) => void>} */ (heard[name]);
    for (const listener of [...listening]) {
      if (!listening.has(listener)) continue; // Removed by the one before.
      try {
        listener(...values);
      } catch (cause) {
        if (name === "notification") fail(new PushError("CALLBACK", "A listener failed.", { cause }));
        else
          queueMicrotask(() => {
            throw cause;
          });
      }
    }
  }

  function loadStored() {
    try {
      return store?.load();
    } catch (cause) {
      storeFailed(cause);
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
    if (storeWorks) queueMicrotask(() => fail(new PushError("STORE", "The position is not kept.", { cause })));
    storeWorks = false;
  }

  function makeSocket(/** @type {string | null | undefined} */ token) {
    stats.attempts++;
    if (!token) return new WebSocket(address.href);
    // A browser refuses a subprotocol with "=" or "/" in it, as padded base64 has, and one that is there twice.
    if (tokenIn === "subprotocol") {
      if (SUBPROTOCOL.test(token) && token !== "bearer") return new WebSocket(address.href, ["bearer", token]);
      if (!inQuery) queueMicrotask(() => fail(new PushError("TOKEN_IN_QUERY", "The token is in the URL.")));
      inQuery = true;
    }
    const withToken = new URL(address);
    withToken.searchParams.set("token", token);
    return new WebSocket(withToken.href);
  }

  function retire() {
    retiring?.end("replaced");
  }

  function settle(/** @type {unknown} */ timer) {
    tools.clearTimeout(/** @type {any} */ (timer));
  }
}

/** @typedef {{reason: string, code?: number, bye?: string, final?: boolean}} Ending */

/**
 * Wait for something until a signal says not to.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Tell whether there is no connection at the moment. */
function isBetween(/** @type {any} */ problem) {
  return ["CONNECTION_LOST", "NOT_CONNECTED", "TOKEN_EXPIRED", "UNKNOWN_CONNECTION"].includes(problem?.code);
}

/**
 * @param {unknown} topics
 * @returns {string[]}
 */
function checkedTopics(topics) {
  if (!Array.isArray(topics)) throw new TypeError("topics is a list.");
  for (const topic of topics) {
    if (typeof topic !== "string" || !TOPIC.test(topic)) throw new TypeError(`There is no topic ${JSON.stringify(topic)}.`);
  }
  return topics;
}

/**
 * @param {string | URL} url
 * @returns {URL}
 */
function checkedAddress(url) {
  const address = new URL(url);
  if (!/^wss?:$/.test(address.protocol)) throw new TypeError("url begins with wss:// or ws://.");
  address.hash = ""; // WebSocket refuses one.
  return address;
}
