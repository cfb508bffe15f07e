/**
 * One connection for all tabs of a user: a Web Lock elects the tab that holds it, the leader, and a BroadcastChannel
 * passes on to the others, the followers, what comes. A follower has a socket too, to the leader: so it resumes by a poll
 * of its own, with its own position, and nothing is lost when the leader changes.
 *
 * On the channel, `id` being a tab's:
 *
 * - `{lead: id}` a tab has become the leader; `{up: id}` its connection is open; `{down: code}` it is not any more
 * - `{hello: id}` a follower asks whether there is a leader; `{to: id, open}` is the leader's answer
 * - `{from: id, text}` a frame of a follower's; `{to: id, text}` the reply; `{text}` a frame for all followers
 * - `{sleep: true}`, `{wake: true}` a tab has been hidden for long, or is looked at again
 */

/** How long a leader may take to say that it is there, before its place is taken. */
const ALIVE = 5_000;

/** Whether this can share a connection at all. */
export function canShare() {
  return typeof globalThis.navigator?.locks?.request === "function" && typeof BroadcastChannel === "function";
}

export class Tabs {
  leader = false;
  #id = Math.random().toString(36).slice(2);
  #name;
  #tools;
  #owner;
  #channel;
  /** @type {AbortController | null} ends taking part in the election */
  #presence = null;
  /** @type {TabSocket | null} a follower's */
  #socket = null;
  /** @type {(() => void) | null} lets go of the lock that says that this tab is looked at */
  #unseen = null;

  /**
   * @param {string} name
   * @param {any} tools `setTimeout` and `clearTimeout`
   * @param {any} owner `role()` when this tab leads or follows, `open()` whether there is a connection, `ask(message)`,
   *   `sleep()`, `wake()`, `up()` when the leader's connection is open
   */
  constructor(name, tools, owner) {
    this.#name = name;
    this.#tools = tools;
    this.#owner = owner;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /**
   * Take part in the election, and lead whenever the lock is granted.
   *
   * @param {{ifAvailable?: boolean, steal?: boolean}} [how] the first time: to know at once whether there is a leader
   */
  async start(how = { ifAvailable: true }) {
    if (this.#presence !== null) return;
    const presence = (this.#presence = new AbortController());
    /** @type {LockOptions} */
    let options = how;
    while (!presence.signal.aborted) {
      try {
        await navigator.locks.request(this.#name, options, (lock) => this.#granted(lock, presence.signal));
      } catch (problem) {
        if (/** @type {Error} */ (problem).name !== "AbortError") return this.#become(true); // No locks here: alone.
        // The lock was taken by a tab to which this one seemed dead.
        if (!presence.signal.aborted) this.#become(false);
      }
      options = { signal: presence.signal };
    }
  }

  /** Take no more part: the next tab leads. For a tab that is frozen as well, which would be granted the lock. */
  leave() {
    this.#presence?.abort();
    this.#presence = null;
    this.leader = false;
  }

  close() {
    this.leave();
    this.seen(false);
    this.#channel.close();
  }

  /** Open a socket to the leader. */
  socket() {
    const socket = new TabSocket(
      (message) => this.tell({ from: this.#id, ...message }),
      () => this.#socket === socket && this.steal(),
      this.#tools,
    );
    this.#socket = socket;
    this.tell({ hello: this.#id });
    return socket;
  }

  tell(/** @type {any} */ message) {
    this.#channel.postMessage(message);
  }

  /** Pass a frame on to the followers. */
  share(/** @type {unknown} */ frame) {
    if (this.leader) this.tell({ text: JSON.stringify(frame) });
  }

  /** Say that the connection is open. */
  up() {
    if (this.leader) this.tell({ up: this.#id });
  }

  /** Say that there is no connection any more. */
  down(/** @type {number | undefined} */ code) {
    if (this.leader) this.tell({ down: code ?? 1006 });
  }

  /** Note whether this tab is looked at: a lock that all such tabs share, and that ends with a tab however it ends. */
  seen(/** @type {boolean} */ looked) {
    this.#unseen?.();
    this.#unseen = null;
    if (!looked) return;
    const held = new Promise((resolve) => (this.#unseen = () => resolve(undefined)));
    navigator.locks.request(this.#seenName, { mode: "shared" }, () => held).catch(() => {});
  }

  /** Find out whether any tab is looked at. */
  anySeen() {
    return navigator.locks.request(this.#seenName, { ifAvailable: true }, (lock) => lock === null);
  }

  get #seenName() {
    return `${this.#name} seen`;
  }

  /** Take the place of a leader that does not answer. */
  steal() {
    this.leave();
    void this.start({ steal: true });
  }

  #granted(/** @type {Lock | null} */ lock, /** @type {AbortSignal} */ signal) {
    if (signal.aborted) return;
    this.#become(lock !== null);
    if (lock !== null) return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }

  #become(/** @type {boolean} */ leader) {
    this.leader = leader;
    if (leader) this.tell({ lead: this.#id });
    this.#owner.role();
  }

  #hear(/** @type {any} */ { lead, up, down, hello, from, to, open, text, sleep, wake }) {
    if (sleep) return this.leader && this.#owner.sleep();
    if (wake) return this.#owner.wake();
    if (this.leader) {
      if (hello) this.tell({ to: hello, open: this.#owner.open() });
      else if (from) void this.#answer(from, JSON.parse(text));
      return;
    }
    if (to !== undefined && to !== this.#id) return;
    if (lead || down) this.#socket?.end(down);
    if (lead) this.#owner.role();
    if (up || open !== undefined) this.#socket?.alive(up !== undefined || open);
    if (up) this.#owner.up();
    if (text && !from) this.#socket?.receive(text);
  }

  async #answer(/** @type {string} */ to, /** @type {any} */ { requestId, ...message }) {
    const reply = (/** @type {unknown} */ frame) => this.tell({ to, text: JSON.stringify(frame) });
    if (message.action === "ping") return reply({ type: "pong" });
    try {
      reply({ ...(await this.#owner.ask(message)), requestId });
    } catch (problem) {
      const { code, message: text, retryAfter } = /** @type {any} */ (problem);
      reply({ type: "error", code, message: text, retryAfter, requestId });
    }
  }
}

/** What a follower has in place of a WebSocket. */
class TabSocket {
  readyState = 0;
  /** @type {any} */ onopen = null;
  /** @type {any} */ onmessage = null;
  /** @type {any} */ onclose = null;
  #post;
  #settle;

  constructor(
    /** @type {(message: any) => void} */ post,
    /** @type {() => void} */ dead,
    /** @type {any} */ { setTimeout, clearTimeout },
  ) {
    this.#post = post;
    const timer = setTimeout(dead, ALIVE);
    this.#settle = () => clearTimeout(timer);
  }

  /** There is a leader; whether its connection is open. */
  alive(/** @type {boolean} */ open) {
    this.#settle();
    if (!open || this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.({});
  }

  receive(/** @type {string} */ data) {
    if (this.readyState === 1) this.onmessage?.({ data });
  }

  send(/** @type {string} */ text) {
    this.#post({ text });
  }

  end(/** @type {number | undefined} */ code) {
    // One that waits for a connection goes on waiting.
    if (this.readyState !== 1) return;
    this.close();
    this.onclose?.({ code });
  }

  close() {
    this.#settle();
    this.readyState = 3;
  }
}
