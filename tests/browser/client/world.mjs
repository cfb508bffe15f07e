// A made-up world for the client: a clock that only moves when a test advances it, and a server without a network.

import { createPushClient } from "../../../clients/browser/src/index.js";

/** How many timers may be due at one moment: a client that sets one after another without a delay would never end. */
const MOST_AT_ONCE = 1_000;

export const START = Date.parse("2026-01-31T12:00:00Z");

/** Let everything run that waits for a promise. */
export async function settle() {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

export class Clock {
  time = START;
  #timers = new Map();
  #last = 0;

  now = () => this.time;
  setTimeout = (action, delay) => {
    this.#timers.set(++this.#last, { at: this.time + delay, action });
    return this.#last;
  };
  clearTimeout = (timer) => this.#timers.delete(timer);

  get pending() {
    return this.#timers.size;
  }

  /** Go on by so many milliseconds, and do on the way what was due. */
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    let atOnce = 0;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, each]) => each.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      atOnce = due[1].at > this.time ? 0 : atOnce + 1;
      if (atOnce > MOST_AT_ONCE) throw new Error("the client sets one timer after another, and time does not pass");
      this.time = Math.max(this.time, due[1].at);
      due[1].action();
      await settle();
    }
    this.time = end;
  }
}

export function idAt(milliseconds, number = 0) {
  const time = Math.floor(milliseconds).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

class Socket {
  readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  topics = new Set();

  constructor(server, url, protocols) {
    Object.assign(this, { server, url, protocols, openedAt: NaN });
    server.sockets.push(this);
    if (server.refusing) queueMicrotask(() => this.fail());
    else if (!server.deaf) queueMicrotask(() => this.accept());
  }

  accept() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.openedAt = this.server.clock.now();
    this.onopen?.({});
  }

  fail(code = 1006) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code });
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("InvalidStateError");
    const message = JSON.parse(text);
    this.server.received.push({ socket: this, at: this.server.clock.now(), ...message });
    queueMicrotask(() => this.server.answer(this, message));
  }

  close() {
    this.readyState = 3;
    this.server.closed.push(this);
  }

  receive(frame) {
    if (this.readyState === 1) this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
}

/** Answers as docs/protocol.md says; `stored` is the history, in any order. */
export class Server {
  sockets = [];
  received = [];
  closed = [];
  stored = [];
  refusing = false;
  deaf = false;
  mute = false;
  overlap = 5 * 60_000;
  maxRepeats = 100;
  life = 2 * 60 * 60_000;
  keepalive = undefined;
  /** What may be subscribed to; null on a server without topics. */
  granted = null;
  /** Take a message before the server does; true if it is done with. */
  before = () => false;

  constructor(clock) {
    this.clock = clock;
    const server = this;
    this.WebSocket = function (url, protocols) {
      return new Socket(server, url, protocols);
    };
  }

  get open() {
    return this.sockets.filter((each) => each.readyState === 1);
  }

  get last() {
    return this.sockets.at(-1);
  }

  polls() {
    return this.received.filter((each) => each.action === "poll");
  }

  store(id, content = id) {
    const notification = { id, createdAt: new Date(this.clock.now()).toISOString(), content };
    this.stored.push(notification);
    return notification;
  }

  /** Store a notification and send it to who is connected. */
  push(id, sockets = this.open) {
    const notification = this.store(id);
    for (const socket of sockets) socket.receive({ type: "notification", ...notification });
    return id;
  }

  session(socket) {
    return {
      userId: "alice",
      connectionId: `c${this.sockets.indexOf(socket)}`,
      expiresAt: new Date(socket.openedAt + this.life).toISOString(),
      pingIntervalSeconds: 300,
      ...(this.keepalive && { keepalive: this.keepalive }),
    };
  }

  answer(socket, message) {
    if (this.mute || this.before(socket, message)) return;
    if (message.action === "ping") socket.receive({ type: "pong" });
    if (message.action === "push")
      socket.receive({ type: "receipt", requestId: message.requestId, totals: { recipients: 1 } });
    if (message.action === "poll") socket.receive(this.page(socket, message));
    if (message.action === "subscribe" || message.action === "unsubscribe") this.change(socket, message);
  }

  change(socket, { action, topics, requestId }) {
    if (this.granted === null) {
      socket.receive({ type: "error", code: "UNKNOWN_ACTION", message: "Unknown." });
      return;
    }
    const allowed = topics.filter((topic) => this.granted.includes(topic));
    for (const topic of topics) socket.topics.delete(topic);
    if (action === "subscribe") for (const topic of allowed) socket.topics.add(topic);
    const refused = action === "subscribe" ? topics.filter((topic) => !this.granted.includes(topic)) : [];
    socket.receive({
      type: "subscribed",
      requestId,
      topics: [...socket.topics].sort(),
      refused: refused.map((topic) => ({ topic, code: "TOPIC_NOT_ALLOWED" })),
    });
  }

  /** Store a notification for a topic and send it to who listens. */
  publish(topic, id) {
    const notification = { ...this.store(id), topic };
    this.stored[this.stored.length - 1] = notification;
    for (const socket of this.open) {
      if (topic === "*" || socket.topics.has(topic)) socket.receive({ type: "notification", ...notification });
    }
    return id;
  }

  page(socket, { after, before, limit = 50, requestId }) {
    const sorted = this.stored
      .filter(({ topic = "*" }) => topic === "*" || socket.topics.has(topic))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    let notifications, more;
    if (after !== undefined) {
      const low = idAt(Math.max(0, Number.parseInt(after.slice(0, 8) + after.slice(9, 13), 16) - this.overlap));
      const repeats = sorted.filter(({ id }) => id >= low && id < after).slice(-this.maxRepeats);
      const fresh = sorted.filter(({ id }) => id > after);
      notifications = [...repeats, ...fresh.slice(0, limit)];
      more = fresh.length > limit;
    } else {
      const below = sorted.filter(({ id }) => before === undefined || id < before);
      notifications = below.slice(-limit);
      more = below.length > limit;
    }
    return { type: "history", requestId, notifications, more, session: this.session(socket) };
  }
}

/** A store in memory. */
export function memory(text = null) {
  return {
    text,
    load() {
      return this.text;
    },
    save(value) {
      this.text = value;
    },
  };
}

/** A client in a world of its own; `random` is 0.5 unless told. */
export function world(options = {}) {
  const clock = options.clock ?? new Clock();
  const server = options.server ?? new Server(clock);
  const seen = [];
  const states = [];
  const errors = [];
  const client = createPushClient({
    url: "wss://example.test/live",
    onNotification: (notification, { via }) => seen.push({ ...notification, via }),
    onState: (state, detail) => states.push({ state, ...detail }),
    onError: (error) => errors.push(error),
    WebSocket: server.WebSocket,
    random: () => 0.5,
    now: clock.now,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    ...options.client,
  });
  const ids = () => seen.map(({ id }) => id);
  return { clock, server, client, seen, ids, states, errors, names: () => states.map(({ state }) => state) };
}
