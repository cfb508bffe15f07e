/**
 * What the hooks show, as a store outside React: it changes by new snapshots, never in place, so that
 * `useSyncExternalStore` can compare them.
 *
 * @typedef {import("./index.d.ts").Client} Client
 * @typedef {import("./index.d.ts").ReadStore} ReadStore
 */

/** What is shown before there is a client, and on a server. */
export const NOTHING = Object.freeze({
  client: null,
  state: "connecting",
  detail: Object.freeze({ failures: 0 }),
  notifications: Object.freeze([]),
  unread: 0,
  more: true,
});

export class Inbox {
  /** @type {any} */
  snapshot = NOTHING;
  /** @type {Set<() => void>} */ #listeners = new Set();
  /** @type {Set<string>} ids that are unread although they lie before what was read: they came late */ #late = new Set();
  #readUpTo = "";
  /** @type {ReadStore | undefined} */ #store;

  /** @param {ReadStore} [store] keeps up to which id everything was read */
  constructor(store) {
    this.#store = store;
  }

  // Bound, because React compares the function itself.
  subscribe = (/** @type {() => void} */ listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /**
   * Show what a client does, until the function that is returned is called.
   *
   * @param {Client} client
   */
  attach(client) {
    this.#readUpTo = this.#read() ?? this.#readUpTo;
    const off = [
      client.on("notification", (notification) => this.#add([notification], true)),
      client.on("state", (state, detail) => this.#change({ state, detail })),
    ];
    this.#change({ client, state: client.state });
    return () => {
      for (const each of off) each();
      this.#change({ client: null, state: "connecting", detail: NOTHING.detail });
    };
  }

  /** @param {{limit?: number, signal?: AbortSignal}} [options] */
  loadOlder = async (options) => {
    const { client } = this.snapshot;
    if (client === null) return;
    const { notifications, more } = await client.loadOlder(options);
    if (this.snapshot.client !== client) return;
    this.#change({ more });
    this.#add(notifications, false);
  };

  markRead = () => {
    this.#late.clear();
    this.#readUpTo = this.snapshot.notifications[0]?.id ?? this.#readUpTo;
    try {
      this.#store?.save(this.#readUpTo);
    } catch {
      // Then they are unread again after a reload.
    }
    this.#change({ unread: 0 });
  };

  #read() {
    try {
      return this.#store?.load();
    } catch {
      return null;
    }
  }

  /** @param {any[]} notifications @param {boolean} fresh */
  #add(notifications, fresh) {
    const shown = new Set(this.snapshot.notifications.map((/** @type {any} */ { id }) => id));
    const added = notifications.filter(({ id }) => !shown.has(id));
    if (added.length === 0) return;
    if (fresh) for (const { id } of added) if (id <= this.#readUpTo) this.#late.add(id);
    const all = [...this.snapshot.notifications, ...added].sort((a, b) => (a.id < b.id ? 1 : -1));
    const unread = all.filter(({ id }) => id > this.#readUpTo || this.#late.has(id)).length;
    this.#change({ notifications: all, unread });
  }

  /** @param {Record<string, unknown>} changes */
  #change(changes) {
    this.snapshot = Object.freeze({ ...this.snapshot, ...changes });
    for (const listener of [...this.#listeners]) listener();
  }
}
