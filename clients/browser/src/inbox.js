/**
 * What a user has seen and read, the same on every device, with the count for a bell. Over a client of index.js, which
 * works without it. Types: inbox.d.ts. docs/protocol.md, "Inbox", says what is merged and how.
 */

/** How many notifications a state lists by themselves, and how many marks of "read up to" it has (docs/protocol.md). */
const MAX_EXCEPTIONS = 200;
const MAX_WATERMARKS = 8;

/** How many ids a message may mark. */
const MAX_IDS = 100;

/** What stands for more than 99. */
export const MANY = 100;

/** How many of the notifications that came are known by their ids. */
const KNOWN = 1000;

/** The codes that say that the mark may be sent again; the last two, over the next connection. */
const AGAIN = new Set([
  "CONNECTION_LOST",
  "NOT_CONNECTED",
  "TIMEOUT",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "GATEWAY",
  "TOKEN_EXPIRED",
  "UNKNOWN_CONNECTION",
]);

const AGAIN_DELAY = 5_000;

/** How many marks that were not sent outlive the page. */
const KEPT = 200;

/** Within which time to ask for the count: of several tabs, the first asks for all. */
const RECOUNT_DELAY = 1_000;

/** @typedef {Record<string, number>} Times */
/** @typedef {{seenUpTo: string, readUpTo: Times, read: Times, unread: Times}} State */

/** @type {State} */
const NOTHING = { seenUpTo: "", readUpTo: {}, read: {}, unread: {} };

/**
 * Return the state that knows what either of two knows. The order, and repetition, make no difference.
 *
 * @param {State} one
 * @param {State} other
 * @returns {State}
 */
export function merge(one, other) {
  const seenUpTo = one.seenUpTo > other.seenUpTo ? one.seenUpTo : other.seenUpTo;
  let readUpTo = highest(latest(one.readUpTo, other.readUpTo));
  let exceptions = decided(latest(one.read, other.read), latest(one.unread, other.unread), readUpTo);
  const excess = Object.keys({ ...exceptions.read, ...exceptions.unread }).sort().slice(0, -MAX_EXCEPTIONS);
  if (excess.length > 0) {
    const { read, unread } = exceptions;
    const at = 1 + Math.max(...excess.map((id) => read[id] ?? /** @type {number} */ (unread[id])));
    readUpTo = highest(latest(readUpTo, { [/** @type {string} */ (excess.at(-1))]: at }));
    exceptions = decided(read, unread, readUpTo);
  }
  return { seenUpTo, readUpTo, ...exceptions };
}

/** @param {Times} one @param {Times} other */
function latest(one, other) {
  const both = { ...one };
  for (const [id, at] of Object.entries(other)) both[id] = Math.max(at, both[id] ?? 0);
  return both;
}

/** @param {Times} readUpTo */
function highest(readUpTo) {
  /** @type {[string, number][]} */
  const kept = [];
  for (const [id, at] of Object.entries(readUpTo).sort(([a], [b]) => (a < b ? 1 : -1))) {
    const lowest = kept.at(-1);
    if (lowest !== undefined && at <= lowest[1]) continue;
    if (lowest !== undefined && kept.length === MAX_WATERMARKS) lowest[1] = at;
    else kept.push([id, at]);
  }
  return /** @type {Times} */ (Object.fromEntries(kept));
}

/** @param {Times} read @param {Times} unread @param {Times} readUpTo */
function decided(read, unread, readUpTo) {
  const covered = (/** @type {string} */ id) =>
    Math.max(-1, ...Object.entries(readUpTo).map(([upTo, at]) => (id <= upTo ? at : -1)));
  const keep = (/** @type {Times} */ times, /** @type {(id: string, at: number) => boolean} */ holds) =>
    Object.fromEntries(Object.entries(times).filter(([id, at]) => at >= covered(id) && holds(id, at)));
  return {
    read: keep(read, (id, at) => at >= (unread[id] ?? 0)),
    unread: keep(unread, (id, at) => at > (read[id] ?? -1)),
  };
}

/** @param {State} state @param {string} id */
function isReadIn(state, id) {
  if (id in state.read) return true;
  return !(id in state.unread) && Object.keys(state.readUpTo).some((upTo) => id <= upTo);
}

/**
 * Keep in localStorage, for all tabs together, the marks that wait for a connection.
 *
 * @param {string} key this user's alone
 * @returns {import("./index.d.ts").Store}
 */
export function markStore(key) {
  // Looked up late: where storage is forbidden, even reading the property throws.
  return { load: () => localStorage.getItem(key), save: (text) => localStorage.setItem(key, text) };
}

/**
 * Keep what the user of a client has seen and read.
 *
 * @param {import("./index.d.ts").PushClient} client
 * @param {import("./inbox.d.ts").InboxOptions} [options]
 * @returns {import("./inbox.d.ts").Inbox}
 */
export function createInbox(client, options = {}) {
  const { now = Date.now, random = Math.random, store, onChange, onError = () => {} } = options;
  const later = options.setTimeout ?? ((/** @type {() => void} */ action, /** @type {number} */ delay) => setTimeout(action, delay));
  const never = options.clearTimeout ?? ((/** @type {any} */ timer) => clearTimeout(timer));
  /** What the server knows, and what it does not know yet. */
  let known = NOTHING;
  /** @type {any[]} first what a page that was closed has not sent; to send it twice does no harm */
  const waiting = kept();
  /** @type {State} both of it */
  let state = NOTHING;
  let version = -1;
  let count = 0;
  let countedTo = "";
  let sending = false;
  /** @type {unknown} */
  let timer = null;
  /** @type {unknown} */
  let recounting = null;
  /** @type {Map<string, string | undefined>} the user's notifications that came, the last ones, with their keys */
  const came = new Map();
  /** @type {Set<() => void>} */
  const listeners = new Set();

  const off = [
    client.on("inbox", take),
    client.on("notification", (notification) => {
      const { id, key, replaces, topic } = /** @type {any} */ (notification);
      // What is pushed to topics is in no inbox.
      if (topic !== undefined) return;
      if (replaces !== undefined || key !== undefined) forget(replaces, key, id);
      came.set(id, key);
      if (came.size > KNOWN) came.delete(/** @type {string} */ (came.keys().next().value));
      changed();
    }),
    client.on("recall", ({ id, recalls, key }) => {
      forget(recalls, key, id);
      changed();
    }),
    client.on("state", (value) => {
      if (value === "open") void send();
    }),
  ];
  if (onChange !== undefined) listeners.add(onChange);
  overlay();
  if (waiting.length > 0) void send();

  return {
    get unread() {
      return unread();
    },
    get seenUpTo() {
      return state.seenUpTo;
    },
    isRead: (id) => isReadIn(state, id),
    markRead: (...ids) => mark({ read: ids }),
    markUnread: (...ids) => mark({ unread: ids }),
    markReadUpTo: (id) => mark({ readUpTo: id }),
    markSeenUpTo(id) {
      if (id > state.seenUpTo) mark({ seenUpTo: id });
    },
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      for (const each of off) each();
      listeners.clear();
      never(timer);
      never(recounting);
    },
  };

  function unread() {
    if (count >= MANY) return MANY;
    // The server has counted up to an id: what came since, and what it does not know of yet, is counted here.
    let sum = count;
    for (const id of came.keys()) {
      if (id > countedTo) sum += isReadIn(state, id) ? 0 : 1;
      else if (isReadIn(known, id) !== isReadIn(state, id)) sum += isReadIn(state, id) ? -1 : 1;
    }
    return Math.max(0, Math.min(sum, MANY));
  }

  /** Take a state of the server's, whichever way it came, and however late. */
  function take(/** @type {any} */ frame) {
    const { seenUpTo = "", readUpTo = {}, read = {}, unread = {} } = frame;
    known = merge(known, { seenUpTo, readUpTo, read, unread });
    if (frame.version >= version) {
      version = frame.version;
      count = frame.unreadCount;
      countedTo = frame.countedTo ?? "";
    }
    overlay();
    changed();
  }

  function overlay() {
    state = waiting.reduce((/** @type {State} */ before, each) => merge(before, asState(each)), known);
  }

  /** What is replaced or recalled by `by`, and what has the key and is earlier, is counted no more. */
  function forget(/** @type {string | undefined} */ gone, /** @type {string | undefined} */ key, /** @type {string} */ by) {
    const before = gone ?? by;
    const isGone = (/** @type {[string, string | undefined]} */ [id, its]) =>
      id === gone || (key !== undefined && its === key && id < before);
    const found = [...came].filter(isGone);
    for (const [id] of found) {
      came.delete(id);
      if (id <= countedTo && count < MANY && !isReadIn(known, id)) count = Math.max(0, count - 1);
    }
    if (found.length > 0 || count === 0) return;
    // It came before this page was loaded, if it came: only the server knows whether it was counted.
    never(recounting);
    recounting = later(() => {
      if (countedTo >= by) return;
      waiting.push({});
      void send();
    }, random() * RECOUNT_DELAY);
  }

  function mark(/** @type {any} */ what) {
    for (const name of ["read", "unread"]) {
      for (let ids = what[name]; ids?.length > MAX_IDS; ids = what[name]) {
        mark({ [name]: ids.slice(0, MAX_IDS) });
        what = { [name]: ids.slice(MAX_IDS) };
      }
      if (what[name]?.length === 0) return;
    }
    // Later than everything that is known here, whatever the clocks say.
    const times = [state.readUpTo, state.read, state.unread].flatMap((each) => Object.values(each));
    const made = { ...what, at: Math.max(now(), ...times.map((at) => at + 1)) };
    waiting.push(made);
    keep([...kept(), made].slice(-KEPT));
    overlay();
    if (what.readUpTo >= countedTo && count < MANY + 1) count = countRest(what.readUpTo);
    changed();
    void send();
  }

  /** With everything read up to the last that was counted, only what was marked as unread is left. */
  function countRest(/** @type {string} */ upTo) {
    return [...Object.keys(known.unread)].filter((id) => id <= upTo && !isReadIn(state, id)).length;
  }

  async function send() {
    if (sending) return;
    sending = true;
    never(timer);
    try {
      while (waiting.length > 0) {
        const reply = await client.mark(waiting[0]);
        done();
        if (reply) take(reply);
      }
    } catch (problem) {
      const { code } = /** @type {any} */ (problem);
      if (AGAIN.has(code)) {
        // With the next connection, and on this one later.
        if (client.state === "open") timer = later(() => void send(), AGAIN_DELAY);
      } else if (code !== "CLOSED") {
        done();
        overlay();
        changed();
        timer = later(() => void send(), 0);
        onError(problem);
      }
    } finally {
      sending = false;
    }
  }

  /** The first mark is sent, or was refused. */
  function done() {
    const text = JSON.stringify(waiting.shift());
    keep(kept().filter((each) => JSON.stringify(each) !== text));
  }

  /** @returns {any[]} the marks that no tab has sent yet, as far as the store works */
  function kept() {
    try {
      const marks = JSON.parse(store?.load() ?? "[]");
      // Something else may have been written there: what makes no state throws here, and not later.
      return marks.filter((/** @type {any} */ each) => typeof each.at === "number" && asState(each));
    } catch {
      return [];
    }
  }

  function keep(/** @type {any[]} */ marks) {
    try {
      store?.save(JSON.stringify(marks));
    } catch {
      // Then they are lost with the page.
    }
  }

  function changed() {
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (cause) {
        // It is the page's, and must not cost a mark.
        queueMicrotask(() => {
          throw cause;
        });
      }
    }
  }
}

/** @returns {State} */
function asState(/** @type {any} */ { seenUpTo = "", readUpTo, read = [], unread = [], at }) {
  const times = (/** @type {string[]} */ ids) => Object.fromEntries(ids.map((id) => [id, at]));
  return { seenUpTo, readUpTo: readUpTo === undefined ? {} : { [readUpTo]: at }, read: times(read), unread: times(unread) };
}
