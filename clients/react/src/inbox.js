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
  marks: 0,
  more: true,
});

export class Inbox {
  /** @type {any} */
  snapshot = NOTHING;
  /** @type {Set<() => void>} */ #listeners = new Set();
  /** @type {Set<string>} ids that are unread although they lie before what was read: they came late */ #late = new Set();
  #readUpTo = "";
  /** @type {ReadStore | undefined} */ #store;
  /** @type {any} what keeps it for all devices of the user; null without that */ #shared = null;
  #share;
  /** @type {Map<string, string>} the notification with which a place in the list began, for what took that place */
  #places = new Map();

  /**
   * @param {ReadStore} [store] keeps up to which id everything was read
   * @param {import("./index.d.ts").CreateInbox} [share] makes what keeps that for all devices instead
   */
  constructor(store, share) {
    this.#store = store;
    this.#share = share;
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
    /** @type {import("./index.d.ts").SharedInbox | undefined} */
    let shared;
    // It may be called before there is what to ask.
    const onChange = () => shared && this.#change({ unread: shared.unread, marks: this.snapshot.marks + 1 });
    shared = this.#share?.(client, { onChange });
    this.#shared = shared ?? null;
    // Without a position a client begins with the newest page: what has been read is in it, and is no late one.
    let beginning = client.lastId === null;
    const off = [
      client.on("notification", (notification) => this.#add([notification], !beginning)),
      client.on("recall", ({ recalls, key }) => this.#remove(recalls, key)),
      () => shared?.close(),
      client.on("state", (state, detail) => {
        if (state === "open") beginning = false;
        this.#change({ state, detail });
      }),
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

  markRead = (/** @type {unknown[]} */ ...given) => {
    // As a listener for clicks it gets the event.
    const ids = given.filter((each) => typeof each === "string");
    const newest = this.#newest();
    if (this.#shared !== null) {
      if (ids.length > 0) this.#shared.markRead(...ids);
      else if (newest !== undefined) this.#shared.markReadUpTo(newest);
      return;
    }
    if (ids.length > 0) return;
    this.#late.clear();
    this.#readUpTo = newest ?? this.#readUpTo;
    try {
      this.#store?.save(this.#readUpTo);
    } catch {
      // Then they are unread again after a reload.
    }
    this.#change({ unread: 0 });
  };

  isRead = (/** @type {string} */ id) =>
    this.#shared === null ? id <= this.#readUpTo && !this.#late.has(id) : this.#shared.isRead(id);

  /** The highest id: what took the place of another has a higher one than its place says. */
  #newest() {
    const ids = this.snapshot.notifications.map((/** @type {any} */ { id }) => id);
    return ids.length === 0 ? undefined : /** @type {string} */ (ids.reduce((/** @type {string} */ a, /** @type {string} */ b) => (a > b ? a : b)));
  }

  /** Show a notification no more, nor earlier ones with its key. */
  #remove(/** @type {string} */ id, /** @type {string | undefined} */ key) {
    const notifications = this.snapshot.notifications.filter(
      (/** @type {any} */ each) => each.id !== id && !(key !== undefined && each.key === key && each.id < id),
    );
    this.#change({ notifications, ...(this.#shared === null && { unread: this.#count(notifications) }) });
  }

  #count(/** @type {any[]} */ notifications) {
    return notifications.filter(({ id }) => !this.isRead(id)).length;
  }

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
    /** @type {any[]} */
    let all = [...this.snapshot.notifications];
    for (const one of added) {
      const gone = all.filter(({ id, key }) => id === one.replaces || (one.key !== undefined && key === one.key && id < one.id));
      // It takes the place that was there first.
      const places = gone.map(({ id }) => this.#places.get(id) ?? id).sort();
      // What is gone needs none any more: a key that is pushed to every second would fill the memory.
      for (const { id } of gone) this.#places.delete(id);
      if (places.length > 0) this.#places.set(one.id, places[0]);
      all = [...all.filter((each) => !gone.includes(each)), one];
    }
    const place = (/** @type {string} */ id) => this.#places.get(id) ?? id;
    all.sort((a, b) => (place(a.id) < place(b.id) ? 1 : -1));
    this.#change({ notifications: all, unread: this.#shared === null ? this.#count(all) : this.#shared.unread });
  }

  /** @param {Record<string, unknown>} changes */
  #change(changes) {
    this.snapshot = Object.freeze({ ...this.snapshot, ...changes });
    for (const listener of [...this.#listeners]) listener();
  }
}
